"""Sliding windows over images, the common ground of convolution and pooling; no ops of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from ..errors import ShapeError
from ..graph import Array

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADDING: Padding = ((0, 0), (0, 0))
TIGHT: Pair = (1, 1)  # no dilation


def reach(window: int, dilation: int) -> int:
    """How many elements a window spans: dilation - 1 are left out between two that it sees."""
    return dilation * (window - 1) + 1


def out_size(op: str, axis: str, size: int, window: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """(size + before + after - reach) // stride + 1 places for a window along one axis."""
    if min(window, stride, dilation, *(p + 1 for p in padding)) < 1:
        raise ShapeError(
            f"{op}: along {axis} window {window}, stride {stride} and dilation {dilation} must be at least 1, "
            f"padding {padding} at least 0"
        )
    padded, span = size + padding[0] + padding[1], reach(window, dilation)
    if padded < span:
        dilated = f" (dilated by {dilation}: {span})" if dilation > 1 else ""
        raise ShapeError(
            f"{op}: a window of {window}{dilated} does not fit along {axis}: {size} + {padding[0]} + {padding[1]} "
            f"(padding) = {padded} is less than {span}"
        )
    return (padded - span) // stride + 1


def out_sizes(
    op: str, image: Pair, window: Pair, stride: Pair, padding: Padding, dilation: Pair = TIGHT
) -> dict[str, int]:
    """`out_size` along rows and columns, by the names that patterns have for them."""
    return {
        f"o{axis}": out_size(op, axis, *sizes)
        for axis, *sizes in zip("hw", image, window, stride, padding, dilation, strict=True)
    }


def refuse_other(op: str, oh: int, ow: int, expected: Mapping[str, int]) -> None:
    """Refuse a gradient that is not of the op's own size."""
    if (oh, ow) != (expected["oh"], expected["ow"]):
        raise ShapeError(f"{op}: a gradient of {(oh, ow)} for an output of {tuple(expected.values())}")


def places(size: Pair, stride: Pair, out: Pair, dilation: Pair) -> Iterator[tuple[slice, ...]]:
    """For each position inside the window, the index of all elements of (n, h, w, c) that stand there."""
    for a, b in itertools.product(range(size[0]), range(size[1])):
        top, left = a * dilation[0], b * dilation[1]
        rows = slice(top, top + stride[0] * (out[0] - 1) + 1, stride[0])
        columns = slice(left, left + stride[1] * (out[1] - 1) + 1, stride[1])
        yield (slice(None), rows, columns, slice(None))


def windows(
    xp: Any, x: Array, size: Pair, stride: Pair, padding: Padding, dilation: Pair = TIGHT, fill: float = 0.0
) -> Array:
    """(n, h, w, c) -> (n, oh, ow, kh kw, c): every window, its positions in a row; `fill` stands outside the image."""
    if padding != NO_PADDING:
        x = xp.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    out = tuple((x.shape[1 + i] - reach(size[i], dilation[i])) // stride[i] + 1 for i in (0, 1))
    return xp.stack([x[index] for index in places(size, stride, (out[0], out[1]), dilation)], axis=3)


def unwindows(
    xp: Any, t: Array, shape: Pair, size: Pair, stride: Pair, padding: Padding, dilation: Pair = TIGHT
) -> Array:
    """The adjoint of `windows`: (n, oh, ow, kh kw, c) -> (n, h, w, c), overlapping places summed."""
    n, oh, ow, _, c = t.shape
    (top, bottom), (left, right) = padding
    x = xp.zeros((n, shape[0] + top + bottom, shape[1] + left + right, c), dtype=t.dtype)
    for i, index in enumerate(places(size, stride, (oh, ow), dilation)):
        x = _add_at(x, index, t[:, :, :, i, :])
    return x[:, top : top + shape[0], left : left + shape[1], :]


def _add_at(x: Array, index: tuple[slice, ...], value: Array) -> Array:
    """x[index] += value, also for a library whose arrays cannot be written to (JAX)."""
    if hasattr(x, "at"):
        return x.at[index].add(value)
    x[index] += value
    return x
