"""Convolution layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..errors import ShapeError, require
from ..graph import Shape, Tensor
from ..init import Initializer, he_normal, zeros
from ..ops import conv2d
from .base import Context, Layer, Param, require_counts, require_images

Fit = Literal["same", "valid"]


@dataclass(frozen=True)
class Conv2d(Layer):
    """y = conv2d(x, w) + b.   x (n, h, w, i) -> y (n, h', w', units), w (size, size, i / groups, units).

    padding "same": zeros around the image, h' = ceil(h / stride); "valid": none; a number: so many rows and columns on
    each side, h' = (h + 2 padding - dilation (size - 1) - 1) // stride + 1.
    """

    word: ClassVar[str] = "conv"
    units: int
    size: int = 3
    stride: int = 1
    padding: Fit | int = "same"
    init: Initializer = he_normal
    dilation: int = 1
    groups: int = 1

    def __post_init__(self) -> None:
        require_counts(self, "units", "size", "stride", "dilation", "groups")
        around = self.padding in ("same", "valid") or (isinstance(self.padding, int) and self.padding >= 0)
        require(type(self).__name__, "padding", self.padding, around, "'same', 'valid' or an int of at least 0")

    @property
    def filters(self) -> int:
        """How many filters there are: one for each unit."""
        return self.units

    def build(self, shape: Shape) -> Mapping[str, Param]:
        require_images(shape)
        if shape[-1] % self.groups:
            raise ShapeError(f"{shape[-1]} channels cannot be cut into {self.groups} groups")
        kernel = (self.size, self.size, shape[-1] // self.groups, self.filters)
        return {"w": Param(kernel, self.init), "b": Param((self.filters,), zeros, decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return conv2d(x, p["w"], self.stride, self.padding, self.dilation, self.groups) + p["b"]
