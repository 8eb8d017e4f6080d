"""Convolution layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..errors import ShapeError, require
from ..graph import Shape, Tensor
from ..init import Initializer, he_normal, zeros
from ..ops import conv2d
from .base import Context, Layer, Param

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
        for name in ("units", "size", "stride", "dilation", "groups"):
            value = getattr(self, name)
            require("Conv2d", name, value, isinstance(value, int) and value > 0, "an int of at least 1")
        around = self.padding in ("same", "valid") or (isinstance(self.padding, int) and self.padding >= 0)
        require("Conv2d", "padding", self.padding, around, "'same', 'valid' or an int of at least 0")

    def build(self, shape: Shape) -> Mapping[str, Param]:
        if len(shape) != 4:
            raise ShapeError(f"expected images (h, w, c), found {shape[1:]}; a layer before it may have flattened them")
        if shape[-1] % self.groups:
            raise ShapeError(f"{shape[-1]} channels cannot be cut into {self.groups} groups")
        kernel = (self.size, self.size, shape[-1] // self.groups, self.units)
        return {"w": Param(kernel, self.init), "b": Param((self.units,), zeros, decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return conv2d(x, p["w"], self.stride, self.padding, self.dilation, self.groups) + p["b"]
