"""Pooling layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..errors import ShapeError, require
from ..graph import Tensor
from ..ops import avg_pool, global_avg_pool, global_max_pool, max_pool
from .base import Context, Layer


@dataclass(frozen=True)
class MaxPool2d(Layer):
    """The largest of each window.   x (n, h, w, c) -> y (n, h', w', c), h' = (h + 2 padding - size) // stride + 1.

    The windows stand side by side if no stride is given.
    """

    word: ClassVar[str] = "pool"
    size: int = 2
    stride: int | None = None
    padding: int = 0

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("stride", 1), ("padding", 0)):
            value = getattr(self, name)
            whole = (isinstance(value, int) and value >= least) or (name == "stride" and value is None)
            require(type(self).__name__, name, value, whole, f"an int of at least {least}")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return max_pool(_images(x), self.size, self.stride, self.padding)


@dataclass(frozen=True)
class AvgPool2d(MaxPool2d):
    """The mean of each window, without the padding."""

    word: ClassVar[str] = "avgpool"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return avg_pool(_images(x), self.size, self.stride, self.padding)


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of each channel.   x (n, ..., c) -> y (n, c).   Source: Lin, Chen and Yan (2014), section 3.2."""

    word: ClassVar[str] = "gap"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return global_avg_pool(x)


@dataclass(frozen=True)
class GlobalMaxPool(Layer):
    """The largest of each channel.   x (n, ..., c) -> y (n, c)."""

    word: ClassVar[str] = "gmp"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return global_max_pool(x)


def _images(x: Tensor) -> Tensor:
    if x.ndim != 4:
        raise ShapeError(f"expected images (h, w, c), found {x.shape[1:]}; a layer before it may have flattened them")
    return x
