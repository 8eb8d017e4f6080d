"""Ops that make one number of many, over any axes. Axes come as ascending non-negative numbers."""

import math
from typing import Any

from ..graph import Array, Shape, Tensor, op


def reduced(x: Shape, *, axis: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape that is left."""
    return tuple(1 if i in axis else size for i, size in enumerate(x) if keepdims or i not in axis)


def spread(g: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
    """A reduced gradient with its axes put back as 1, so that it broadcasts against `x`."""
    return g.reshape(*reduced(x.shape, axis=axis, keepdims=True))


@op(reduced)
def sum(xp: Any, x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Array:
    """y = sum of x.   Every summand gets the gradient whole."""
    return xp.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


@op(reduced)
def var(xp: Any, x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Array:
    """y = mean of (x - mean x)^2.   Two passes: E[x^2] - (E[x])^2 would cancel at large means."""
    return xp.var(x, axis=axis, keepdims=keepdims)


def _var_back(g: Tensor, y: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    count = math.prod(x.shape[i] for i in axis)
    return (x - x.mean(axis, keepdims=True)) * (spread(g, x, axis) * (2 / count))


sum.grads(x=lambda g, y, x, *, axis, keepdims: spread(g, x, axis).broadcast_to(x.shape))
var.grads(x=_var_back)
