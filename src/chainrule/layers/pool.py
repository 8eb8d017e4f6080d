"""Pooling layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..graph import Tensor
from ..ops import avg_pool, global_avg_pool, global_max_pool, max_pool
from .base import Context, Layer, require_counts, require_images


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
        require_counts(self, "size", *([] if self.stride is None else ["stride"]))
        require_counts(self, "padding", least=0)

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        require_images(x.shape)
        return max_pool(x, self.size, self.stride, self.padding)


@dataclass(frozen=True)
class AvgPool2d(MaxPool2d):
    """The mean of each window, without the padding."""

    word: ClassVar[str] = "avgpool"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        require_images(x.shape)
        return avg_pool(x, self.size, self.stride, self.padding)


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
