"""What layers with a sliding window share: how sizes and padding may be given, along one axis or two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from ..errors import ShapeError, is_whole, require
from ..graph import Shape
from ..ops.window import reach
from .base import Layer

Fit: TypeAlias = Literal["same", "valid", "exact"]
Sizes: TypeAlias = int | tuple[int, int]  # for both axes, or (rows, columns)
Around: TypeAlias = int | tuple[int | tuple[int, int], int | tuple[int, int]]
KINDS = {1: "signals (l, c)", 2: "images (h, w, c)"}
PADDINGS = {1: "an int of at least 0, or (before, after)", 2: "an int of at least 0, or ((top, bottom), (left, right))"}
AXES = {1: "l", 2: "hw"}


def require_sizes(layer: Layer, axes: int, *names: str, least: int = 1) -> None:
    """Refuse fields of these names that are no whole numbers of at least `least`; with two axes, nor pairs of them."""
    expected = f"an int of at least {least}" + (", or a pair (rows, columns) of them" if axes == 2 else "")
    for name in names:
        value = getattr(layer, name)
        fits = is_whole(value, least) or (axes == 2 and _pair(value) and all(is_whole(v, least) for v in value))
        require(type(layer).__name__, name, value, fits, expected)


def require_padding(layer: Layer, axes: int, *words: str) -> None:
    """Refuse a field `padding` that is neither one of the words nor so many zeros on each side."""
    value = getattr(layer, "padding")  # noqa: B009  (not every layer has one)
    fits = value in words if isinstance(value, str) else is_whole(value, 0) or (_pair(value) and _around(value, axes))
    require(type(layer).__name__, "padding", value, fits, f"{', '.join(map(repr, words))}, {PADDINGS[axes]}")


def _pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def _around(value: Iterable[Any], axes: int) -> bool:
    """(before, after) along one axis; along two also a pair of those."""
    return all(is_whole(v, 0) or (axes == 2 and _pair(v) and _around(v, 1)) for v in value)


def require_input(shape: Shape, axes: int) -> None:
    """Refuse an input that is no batch of signals (n, l, c) or of images (n, h, w, c)."""
    if len(shape) != axes + 2:
        raise ShapeError(f"expected {KINDS[axes]}, found {shape[1:]}; a layer before it may have flattened them")


def along(value: Sizes, axes: int) -> tuple[int, ...]:
    """One number for each axis."""
    return value if isinstance(value, tuple) else (value,) * axes


def padding_for(fit: Fit | Around, shape: Shape, size: Sizes, stride: Sizes, dilation: Sizes = 1) -> Any:
    """The padding as the op takes it. "exact" is none, for windows whose strides end with the image.

    Source: CS231n, lecture 7: (7 - 3) / 3 + 1 = 2.33, "does not fit".
    """
    if fit != "exact":
        return fit
    image = shape[1:-1]
    numbers = (along(value, len(image)) for value in (size, stride, dilation))
    for axis, length, window, step, gap in zip(AXES[len(image)], image, *numbers, strict=True):
        span = reach(window, gap)
        if length > span and (left := (length - span) % step):
            raise ShapeError(
                f"({length} - {span}) / {step} + 1 = {(length - span) / step + 1:.2f} places along {axis}: the window does "
                f"not fit. Another size or stride, or padding 'same', or 'valid', which does not look at the last {left}"
            )
    return "valid"
