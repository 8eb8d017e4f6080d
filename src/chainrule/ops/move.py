"""Ops that move elements and compute nothing."""

import math
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Array, Shape, Tensor, op


def filled(x: Shape, *, to: Shape) -> Shape:
    """`to` with its -1, if any, replaced by what is left."""
    known = math.prod(size for size in to if size != -1)
    open_axis = to.count(-1) == 1 and known > 0
    shape = tuple(math.prod(x) // known if size == -1 else size for size in to) if open_axis else to
    if math.prod(shape) != math.prod(x) or min(shape, default=0) < 0:
        raise ShapeError(f"reshape: {x} has {math.prod(x)} elements and does not fill {to}")
    return shape


def broadcast_shape(x: Shape, *, to: Shape) -> Shape:
    """`to`, if x broadcasts to it."""
    try:
        fits = np.broadcast_shapes(x, to) == to
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"broadcast: {x} does not broadcast to {to}")
    return to


def permuted(x: Shape, *, order: tuple[int, ...]) -> Shape:
    """The sizes of x in another order."""
    if sorted(order) != list(range(len(x))):
        raise ShapeError(f"transpose: {order} is not an order of the {len(x)} axes of {x}")
    return tuple(x[i] for i in order)


@op(filled)
def reshape(xp: Any, x: Array, *, to: Shape) -> Array:
    """The same elements in the same order (the last axis fastest) under another shape."""
    return xp.reshape(x, to)


@op(broadcast_shape)
def broadcast(xp: Any, x: Array, *, to: Shape) -> Array:
    """x repeated along new axes and axes of size 1.   Its gradient is summed back by `grad.py`, as for every op."""
    return xp.broadcast_to(x, to)


@op(permuted)
def transpose(xp: Any, x: Array, *, order: tuple[int, ...]) -> Array:
    """Axis j of y is axis order[j] of x."""
    return xp.permute_dims(x, order)


def _transpose_back(g: Tensor, y: Tensor, x: Tensor, *, order: tuple[int, ...]) -> Tensor:
    return g.transpose(*(order.index(i) for i in range(len(order))))


reshape.grads(x=lambda g, y, x, *, to: g.reshape(*x.shape))
broadcast.grads(x=lambda g, y, x, *, to: g)
transpose.grads(x=_transpose_back)
