"""Gather and scatter: elements chosen by integers. Each pair is the other's derivative.

`take` and `put` choose whole slices along one axis, `take_along` and `put_along` one element for each element. Places that
are chosen several times get the sum of what comes back.
"""

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Array, Shape, first_dtype, op


def taken(x: Shape, at: Shape, *, axis: int) -> Shape:
    """The axis replaced by the axes of `at`."""
    return (*x[:axis], *at, *x[axis + 1 :])


def put_into(g: Shape, at: Shape, *, axis: int, size: int) -> Shape:
    """The axes of `at` replaced by one of that size."""
    end = axis + len(at)
    if g[axis:end] != at:
        raise ShapeError(f"g {g} has {g[axis:end]} at axes {axis}..{end - 1} but the indices are {at}")
    return (*g[:axis], size, *g[end:])


def taken_along(x: Shape, at: Shape, *, axis: int) -> Shape:
    """As many as there are indices; the other axes must agree."""
    if len(x) != len(at) or any(a != b for i, (a, b) in enumerate(zip(x, at, strict=True)) if i != axis):
        raise ShapeError(f"indices {at} do not fit x {x}: all axes but {axis} must agree")
    return at


def put_along_into(g: Shape, at: Shape, *, axis: int, size: int) -> Shape:
    """The axis that size."""
    if g != at:
        raise ShapeError(f"g {g} and its indices {at} differ in shape")
    return (*g[:axis], size, *g[axis + 1 :])


@op(taken, dtype=first_dtype)
def take(xp: Any, x: Array, at: Array, *, axis: int) -> Array:
    """y[..., i, ...] = x[..., at[i], ...] along one axis.   Negative indices count from the end."""
    return xp.take(x, at, axis=axis)


@op(put_into, dtype=first_dtype)
def put(xp: Any, g: Array, at: Array, *, axis: int, size: int) -> Array:
    """y = zeros; y[..., at[i], ...] += g[..., i, ...]: scatter by adding."""
    y = xp.zeros(put_into(g.shape, at.shape, axis=axis, size=size), dtype=g.dtype)
    return _added(y, (*(slice(None),) * axis, at), g)


@op(taken_along, dtype=first_dtype)
def take_along(xp: Any, x: Array, at: Array, *, axis: int) -> Array:
    """y[i, j] = x[at[i, j], j] along axis 0, and so on: one index for each element of y."""
    return xp.take_along_axis(x, at, axis=axis)


@op(put_along_into, dtype=first_dtype)
def put_along(xp: Any, g: Array, at: Array, *, axis: int, size: int) -> Array:
    """y = zeros; y[at[i, j], j] += g[i, j] along axis 0, and so on."""
    y = xp.zeros(put_along_into(g.shape, at.shape, axis=axis, size=size), dtype=g.dtype)
    grid = np.ogrid[tuple(slice(n) for n in g.shape)]
    return _added(y, tuple(at if i == axis else line for i, line in enumerate(grid)), g)


def _added(y: Array, index: tuple[Any, ...], g: Array) -> Array:
    """y[index] += g, with repeated places summed."""
    if hasattr(y, "at"):  # JAX's arrays cannot be written to
        return y.at[index].add(g)
    np.add.at(y, index, g)
    return y


take.grads(x=lambda g, y, x, at, *, axis: put(g, at, axis=axis, size=x.shape[axis]))
put.grads(g=lambda u, y, g, at, *, axis, size: take(u, at, axis=axis))
take_along.grads(x=lambda g, y, x, at, *, axis: put_along(g, at, axis=axis, size=x.shape[axis]))
put_along.grads(g=lambda u, y, g, at, *, axis, size: take_along(u, at, axis=axis))
