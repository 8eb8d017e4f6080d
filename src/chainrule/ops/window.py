"""Sliding windows over images, the common ground of convolution and pooling; no ops of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, TypeAlias

from ..errors import ShapeError
from ..graph import Array

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADDING: Padding = ((0, 0), (0, 0))


def out_size(op: str, axis: str, size: int, window: int, stride: int, padding: Pair) -> int:
    """(size + before + after - window) // stride + 1 places for a window along one axis."""
    padded = size + padding[0] + padding[1]
    if padded < window:
        raise ShapeError(
            f"{op}: a window of {window} does not fit along {axis}: {size} + {padding[0]} + {padding[1]} "
            f"(padding) = {padded} is less than {window}"
        )
    return (padded - window) // stride + 1


def places(size: Pair, stride: Pair, out: Pair) -> Iterator[tuple[slice, ...]]:
    """For each position inside the window, the index of all elements of (n, h, w, c) that stand there."""
    for a, b in itertools.product(range(size[0]), range(size[1])):
        rows = slice(a, a + stride[0] * (out[0] - 1) + 1, stride[0])
        columns = slice(b, b + stride[1] * (out[1] - 1) + 1, stride[1])
        yield (slice(None), rows, columns, slice(None))


def windows(xp: Any, x: Array, size: Pair, stride: Pair, padding: Padding) -> Array:
    """(n, h, w, c) -> (n, oh, ow, kh kw, c): every window, its positions in a row."""
    if padding != NO_PADDING:
        x = xp.pad(x, ((0, 0), *padding, (0, 0)))
    out = ((x.shape[1] - size[0]) // stride[0] + 1, (x.shape[2] - size[1]) // stride[1] + 1)
    return xp.stack([x[index] for index in places(size, stride, out)], axis=3)


def unwindows(xp: Any, t: Array, shape: Pair, size: Pair, stride: Pair, padding: Padding) -> Array:
    """The adjoint of `windows`: (n, oh, ow, kh kw, c) -> (n, h, w, c), overlapping places summed."""
    n, oh, ow, _, c = t.shape
    (top, bottom), (left, right) = padding
    x = xp.zeros((n, shape[0] + top + bottom, shape[1] + left + right, c), dtype=t.dtype)
    for i, index in enumerate(places(size, stride, (oh, ow))):
        x = _add_at(x, index, t[:, :, :, i, :])
    return x[:, top : top + shape[0], left : left + shape[1], :]


def _add_at(x: Array, index: tuple[slice, ...], value: Array) -> Array:
    """x[index] += value, also for a library whose arrays cannot be written to (JAX)."""
    if hasattr(x, "at"):
        return x.at[index].add(value)
    x[index] += value
    return x
