"""Ops that make one number of many, over any axes. Axes come as ascending non-negative numbers.

Of equal largest (or smallest) elements the first gets the whole gradient, as argmax names it: the max gate routes.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Array, Op, Shape, Tensor, boolean, floating, int64, op
from .compare import greater, where
from .elementwise import exp
from .move import concat, flip, slice_axis, undone

Axes = tuple[int, ...]


def reduced(x: Shape, *, axis: Axes, keepdims: bool) -> Shape:
    """The shape that is left."""
    return tuple(1 if i in axis else size for i, size in enumerate(x) if keepdims or i not in axis)


def reduced_from_some(x: Shape, *, axis: Axes, keepdims: bool) -> Shape:
    """The same; refuses to reduce nothing, which has no mean and no largest element."""
    if math.prod(x[i] for i in axis) == 0:
        raise ShapeError(f"x {x} has no elements along axes {axis}: there is nothing to reduce")
    return reduced(x, axis=axis, keepdims=keepdims)


def summed(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """Floats stay; integers and booleans are counted in 64 bits, as NumPy does."""
    return _summed(dtypes[0])


def _summed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.kind == "f" else np.dtype(np.uint64 if dtype.kind == "u" else np.int64)


def last(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The order of axes that has those reduced over at the end."""
    return (*(i for i in range(ndim) if i not in axis), *axis)


def spread(g: Tensor, x: Tensor, axis: Axes) -> Tensor:
    """A reduced tensor with its axes put back as 1, so that it broadcasts against `x`."""
    shape = reduced(x.shape, axis=axis, keepdims=True)
    return g if g.ndim == 0 or g.shape == shape else g.reshape(shape)


@op(reduced, dtype=summed)
def sum(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = sum of x.   Every summand gets the gradient whole."""
    return xp.sum(x, axis=axis, keepdims=keepdims, dtype=_summed(x.dtype))


@op(reduced_from_some, dtype=floating)
def mean(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = sum of x / n.   Every element gets 1/n of the gradient."""
    return xp.mean(x, axis=axis, keepdims=keepdims)


@op(reduced_from_some, dtype=floating)
def var(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = mean of (x - mean x)^2.   Two passes: E[x^2] - (E[x])^2 would cancel at large means."""
    return xp.var(x, axis=axis, keepdims=keepdims)


@op(reduced_from_some, dtype=floating)
def std(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = square root of var.   Where all x are equal its gradient is taken as 0 (PyTorch's choice)."""
    return xp.std(x, axis=axis, keepdims=keepdims)


@op(reduced, dtype=summed)
def prod(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = product of x.   The gradient is the product of the others, exact also where some are 0."""
    return xp.prod(x, axis=axis, keepdims=keepdims, dtype=_summed(x.dtype))


@op(reduced_from_some)
def max(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = the largest of x.   The max gate routes: the first of the largest gets the whole gradient."""
    return xp.max(x, axis=axis, keepdims=keepdims)


@op(reduced_from_some)
def min(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = the smallest of x."""
    return xp.min(x, axis=axis, keepdims=keepdims)


@op(reduced_from_some, dtype=floating)
def logsumexp(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = ln of the sum of e^x, shifted by the largest x, so that no size overflows.   Its gradient is the softmax."""
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # ln 0 = -inf is the answer where every x is -inf
        y = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return y if keepdims else xp.squeeze(y, axis=axis)


@op(reduced_from_some, dtype=int64)
def argmax(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = where the (first) largest element along one axis stands.   Piecewise constant: no gradient."""
    return xp.argmax(x, axis=axis[0], keepdims=keepdims)


@op(reduced_from_some, dtype=int64)
def argmin(xp: Any, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """y = where the (first) smallest element along one axis stands.   Piecewise constant: no gradient."""
    return xp.argmin(x, axis=axis[0], keepdims=keepdims)


@op(lambda x, *, axis, largest: x, dtype=boolean)
def first_extreme(xp: Any, x: Array, *, axis: Axes, largest: bool) -> Array:
    """y = true at the first largest (or smallest) element along the axes, false elsewhere.   No gradient."""
    order = last(axis, x.ndim)
    turned = xp.permute_dims(x, order)
    count = math.prod(x.shape[i] for i in axis)
    rows = xp.reshape(turned, (x.size // count if count else 0, count))
    if rows.size == 0:
        return xp.zeros(x.shape, dtype=bool)
    best = xp.argmax(rows, axis=1) if largest else xp.argmin(rows, axis=1)
    mask = xp.reshape(best[:, None] == xp.arange(rows.shape[1]), turned.shape)
    return xp.permute_dims(mask, undone(order))


@op(lambda x, *, axis: x, dtype=summed)
def cumsum(xp: Any, x: Array, *, axis: int) -> Array:
    """y[i] = x[0] + ... + x[i] along one axis.   The gradient is summed from the other end."""
    return xp.cumsum(x, axis=axis, dtype=_summed(x.dtype))


def _mean_back(g: Tensor, y: Tensor, x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return (spread(g, x, axis) * (1 / _count(x, axis))).broadcast_to(x.shape)


def _var_back(g: Tensor, y: Tensor, x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return (x - x.mean(axis, keepdims=True)) * (spread(g, x, axis) * (2 / _count(x, axis)))


def _std_back(g: Tensor, y: Tensor, x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    spread_out = where(greater(y, 0), y, 1)
    return (x - x.mean(axis, keepdims=True)) * (spread(g / spread_out, x, axis) * (1 / _count(x, axis)))


def _count(x: Tensor, axis: Axes) -> int:
    return math.prod(x.shape[i] for i in axis) or 1


def _prod_back(g: Tensor, y: Tensor, x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    order = last(axis, x.ndim)
    turned = x.transpose(*order)
    count = math.prod(x.shape[i] for i in axis)
    others = _products_of_others(turned.reshape(*turned.shape[: x.ndim - len(axis)], count))
    return spread(g, x, axis) * others.reshape(*turned.shape).transpose(*undone(order))


def _products_of_others(x: Tensor) -> Tensor:
    """For each element along the last axis the product of all the others: pair by pair, so O(n), and no division."""
    end, n = x.ndim - 1, x.shape[-1]
    if n < 2:
        return x * 0 + 1
    half = n // 2
    a, b = slice_axis(x, end, 0, half), slice_axis(x, end, half, half)
    rest = [slice_axis(x, end, 2 * half, 1)] if n % 2 else []
    pairs = _products_of_others(concat(a * b, *rest, axis=end))
    o = slice_axis(pairs, end, 0, half)
    return concat(o * b, o * a, *([slice_axis(pairs, end, half, 1)] if rest else []), axis=end)


def _extreme_back(largest: bool) -> Any:
    def back(g: Tensor, y: Tensor, x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
        return where(first_extreme(x, axis=axis, largest=largest), spread(g, x, axis), 0)

    return back


def _logsumexp_back(g: Tensor, y: Tensor, x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return exp(x - spread(y, x, axis)) * spread(g, x, axis)


sum.grads(x=lambda g, y, x, *, axis, keepdims: spread(g, x, axis).broadcast_to(x.shape))
mean.grads(x=_mean_back)
var.grads(x=_var_back)
std.grads(x=_std_back)
prod.grads(x=_prod_back)
max.grads(x=_extreme_back(largest=True))
min.grads(x=_extreme_back(largest=False))
logsumexp.grads(x=_logsumexp_back)
cumsum.grads(x=lambda g, y, x, *, axis: flip(cumsum(flip(g, axis), axis=axis), axis))
