"""Convolution layers, for signals and for images, and their transposes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..errors import SettingError, ShapeError, require
from ..graph import Shape, Tensor
from ..init import Initializer, Strided, he_normal, zeros
from ..ops import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from ..ops.window import reach
from .base import Context, Layer, Param, require_counts, require_init
from .window import Around, Fit, Sizes, along, padding_for, require_input, require_padding, require_sizes

FORWARD: Mapping[int, Callable[..., Tensor]] = {1: conv1d, 2: conv2d}  # by the number of axes a filter moves along
TRANSPOSED: Mapping[int, Callable[..., Tensor]] = {1: conv_transpose1d, 2: conv_transpose2d}


@dataclass(frozen=True)
class Convolution(Layer):
    """Base of all: filters w (size ..., i / groups, units) that move along `axes` axes, and a bias for each unit.

    padding "same": zeros around, h' = ceil(h / stride); "valid": none, what is left at the end is not looked at; "exact":
    none, and nothing may be left; numbers: so many zeros, h' = (h + before + after - dilation (size - 1) - 1) // stride + 1.
    """

    axes: ClassVar[int] = 2
    fits: ClassVar[tuple[str, ...]] = ("same", "valid", "exact")
    units: int
    size: Sizes = 3
    stride: Sizes = 1
    padding: Fit | Around = "same"
    init: Initializer = he_normal
    dilation: Sizes = 1
    groups: int = 1

    def __post_init__(self) -> None:
        require_counts(self, "units", "groups")
        require_init(self)
        require_sizes(self, self.axes, "size", "stride", "dilation")
        require_padding(self, self.axes, *self.fits)

    @property
    def filters(self) -> int:
        """How many filters there are: one for each unit."""
        return self.units

    def build(self, shape: Shape) -> Mapping[str, Param]:
        require_input(shape, self.axes)
        for count, what in ((shape[-1], "channels"), (self.filters, "units")):
            if count % self.groups:
                raise ShapeError(f"{count} {what} cannot be cut into {self.groups} groups")
        kernel = (*along(self.size, self.axes), shape[-1] // self.groups, self.filters)
        return {"w": Param(kernel, self.init), "b": Param((self.filters,), zeros, decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        padding = padding_for(self.padding, x.shape, self.size, self.stride, self.dilation)
        return FORWARD[self.axes](x, p["w"], self.stride, padding, self.dilation, self.groups) + p["b"]


@dataclass(frozen=True)
class Conv2d(Convolution):
    """y = conv2d(x, w) + b.   x (n, h, w, i) -> y (n, h', w', units), w (rows, columns, i / groups, units).

    size, stride and dilation: a number, or (rows, columns); padding "same", "valid", "exact", a number, or
    ((top, bottom), (left, right)), see `Convolution`.   Source: LeCun et al. (1998); CS231n, lecture 7.
    """

    word: ClassVar[str] = "conv"


@dataclass(frozen=True)
class Conv1d(Convolution):
    """y = conv1d(x, w) + b.   x (n, l, i) -> y (n, l', units), w (size, i / groups, units); padding also (before, after)."""

    word: ClassVar[str] = "conv1d"
    axes: ClassVar[int] = 1


@dataclass(frozen=True)
class Transposed(Convolution):
    """Base of the transposes: every input puts a filter, times its value, `stride` places from the one before it.

    padding "same": h' = h stride; "valid": none; numbers: so much is cut off the output on each side, h' = (h - 1) stride
    + dilation (size - 1) + 1 - before - after + extra.   Source: Zeiler et al. (2010); Dumoulin and Visin (2016), section 4.
    An output sees about size / stride places along each axis, so initialisers that look at fan_in give wider weights here,
    see `init.Strided`.
    """

    fits: ClassVar[tuple[str, ...]] = ("same", "valid")
    size: Sizes = 2
    stride: Sizes = 2
    extra: Sizes = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_sizes(self, self.axes, "extra", least=0)
        if self.padding == "same" and any(along(self.extra, self.axes)):
            raise SettingError(f"{type(self).__name__}: padding 'same' leaves nothing `extra`: give padding as numbers")
        pairs = zip(along(self.extra, self.axes), along(self.stride, self.axes), strict=True)
        expected = f"at most stride - 1: more would be another place (stride {self.stride})"
        require(type(self).__name__, "extra", self.extra, all(extra < stride for extra, stride in pairs), expected)

    def build(self, shape: Shape) -> Mapping[str, Param]:
        declared = super().build(shape)
        parts = math.prod(along(self.stride, self.axes))
        return {**declared, "w": replace(declared["w"], init=Strided(self.init, parts))}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        padding, extra = self._same() if self.padding == "same" else (self.padding, self.extra)
        kernel = self._back(p["w"])
        y = TRANSPOSED[self.axes](x, kernel, self.stride, padding, self.dilation, self.groups, extra)
        return y + p["b"]

    def _same(self) -> tuple[Any, Any]:
        """What a "same" convolution of the output with that stride pads: what is wider than the stride is cut off."""
        numbers = (along(value, self.axes) for value in (self.size, self.dilation, self.stride))
        over = [reach(size, dilation) - stride for size, dilation, stride in zip(*numbers, strict=True)]
        around = tuple((max(o, 0) // 2, max(o, 0) - max(o, 0) // 2) for o in over)
        extra = tuple(max(-o, 0) for o in over)
        return (around, extra) if self.axes == 2 else (around[0], extra[0])

    def _back(self, w: Tensor) -> Tensor:
        """(size ..., i / groups, units) as the op has it, the filters of the convolution that it transposes."""
        *size, inputs, units = w.shape
        a = len(size)
        cut = w.reshape(*size, inputs, self.groups, units // self.groups)
        return cut.transpose(*range(a), a + 2, a + 1, a).reshape(*size, units // self.groups, self.groups * inputs)


@dataclass(frozen=True)
class ConvTranspose2d(Transposed):
    """y = conv2d's transpose of x, + b: doubles an image as it stands.   x (n, h, w, i) -> y (n, h', w', units).

    w (rows, columns, i / groups, units), as in `Conv2d`; the other settings as in `Transposed`.
    """

    word: ClassVar[str] = "upconv"


@dataclass(frozen=True)
class ConvTranspose1d(Transposed):
    """y = conv1d's transpose of x, + b: doubles a signal as it stands.   x (n, l, i) -> y (n, l', units)."""

    word: ClassVar[str] = "upconv1d"
    axes: ClassVar[int] = 1
