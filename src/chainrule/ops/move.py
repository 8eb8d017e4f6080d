"""Ops that move elements and compute nothing. Backward they move the gradient back to where its element came from.

`slice` and `place` (a slice put into zeros) are each other's derivative; padding is `place`, flips and splits are `slice`.
"""

import builtins
import functools
import math
from typing import Any

import numpy as np

from ..errors import PositionError, ShapeError
from ..graph import Array, Shape, Tensor, op

Places = tuple[tuple[int, int, int], ...]


def filled(x: Shape, *, to: Shape) -> Shape:
    """`to` with its -1, if any, replaced by what is left."""
    known = math.prod(size for size in to if size != -1)
    open_axis = to.count(-1) == 1 and known > 0
    shape = tuple(math.prod(x) // known if size == -1 else size for size in to) if open_axis else to
    if math.prod(shape) != math.prod(x) or min(shape, default=0) < 0:
        raise ShapeError(f"{x} has {math.prod(x)} elements and does not fill {to}")
    return shape


def broadcast_shape(x: Shape, *, to: Shape) -> Shape:
    """`to`, if x broadcasts to it."""
    try:
        fits = np.broadcast_shapes(x, to) == to
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{x} does not broadcast to {to}")
    return to


def permuted(x: Shape, *, order: tuple[int, ...]) -> Shape:
    """The sizes of x in another order."""
    if sorted(order) != list(range(len(x))):
        raise ShapeError(f"{order} is not an order of the {len(x)} axes of {x}")
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


@op(lambda x, *, at: tuple(count for _, _, count in at))
def slice(xp: Any, x: Array, *, at: Places) -> Array:
    """y[i, j, ...] = x[start + i step, ...]: one (start, step, count) for each axis; the step may be negative."""
    return x[_index(at)]


@op(lambda x, *, at, into: into)
def place(xp: Any, x: Array, *, at: Places, into: Shape) -> Array:
    """y = zeros of shape `into`, with x at (start, step, count) of each axis."""
    y = xp.zeros(into, dtype=x.dtype)
    if hasattr(y, "at"):  # JAX's arrays cannot be written to
        return y.at[_index(at)].set(x)
    y[_index(at)] = x
    return y


@functools.lru_cache(4096)
def _index(at: Places) -> tuple[builtins.slice, ...]:
    def one(start: int, step: int, count: int) -> builtins.slice:
        if count == 0:
            return builtins.slice(0, 0, 1)
        stop = start + step * count
        return builtins.slice(start, stop if stop >= 0 else None, step)

    return tuple(one(*place) for place in at)


def joined(*xs: Shape, axis: int) -> Shape:
    """The sizes along `axis` added up; all others must agree."""
    if not xs:
        raise ShapeError("there is nothing to join; give at least one tensor")
    first = xs[0]
    for i, x in enumerate(xs):
        if len(x) != len(first) or not 0 <= axis < len(x):
            raise ShapeError(f"xs[{i}] {x} and xs[0] {first} do not join along axis {axis}: both must have it")
        for j, (a, b) in enumerate(zip(first, x, strict=True)):
            if j != axis and a != b:
                raise ShapeError(f"axis {j} is {a} in xs[0] {first} but {b} in xs[{i}] {x}")
    return (*first[:axis], sum(x[axis] for x in xs), *first[axis + 1 :])


@op(joined)
def concat(xp: Any, *xs: Array, axis: int) -> Array:
    """y = the xs, one after the other along an axis."""
    return xp.concat(xs, axis=axis)


def slice_axis(x: Tensor, axis: int, start: int, count: int, step: int = 1) -> Tensor:
    """`count` elements of one axis, the other axes whole."""
    at = tuple((start, step, count) if i == axis else (0, 1, size) for i, size in enumerate(x.shape))
    return slice(x, at=at)


def flip(x: Tensor, axis: int) -> Tensor:
    """x with one axis reversed."""
    return slice_axis(x, axis, max(x.shape[axis] - 1, 0), x.shape[axis], -1)


def place_of(axis: int, entry: int | tuple[int | None, int | None, int | None], size: int) -> tuple[int, int, int]:
    """(start, step, count) on an axis of that size, from an integer or a slice's (start, stop, step)."""
    if isinstance(entry, tuple):
        try:
            chosen = range(size)[builtins.slice(*entry)]
        except (TypeError, ValueError) as problem:
            raise PositionError(f"slice: {':'.join('' if e is None else str(e) for e in entry)}: {problem}") from None
        return (chosen.start, chosen.step, len(chosen)) if len(chosen) else (0, 1, 0)
    if not -size <= entry < size:
        raise PositionError(f"slice: index {entry} is outside axis {axis} of size {size}")
    return (entry % size, 1, 1)


def _concat_back(i: int, g: Tensor, y: Tensor, *xs: Tensor, axis: int) -> Tensor:
    return slice_axis(g, axis, sum(x.shape[axis] for x in xs[:i]), xs[i].shape[axis])


def undone(order: tuple[int, ...]) -> tuple[int, ...]:
    """The order of axes that takes `order` back."""
    return tuple(order.index(i) for i in range(len(order)))


reshape.grads(x=lambda g, y, x, *, to: g.reshape(*x.shape))
broadcast.grads(x=lambda g, y, x, *, to: g)
transpose.grads(x=lambda g, y, x, *, order: g.transpose(*undone(order)))
slice.grads(x=lambda g, y, x, *, at: place(g, at=at, into=x.shape))
place.grads(x=lambda g, y, x, *, at, into: slice(g, at=at))
concat.grads(xs=_concat_back)
