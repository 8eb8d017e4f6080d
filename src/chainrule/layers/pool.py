"""Pooling layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..graph import Tensor
from ..ops import avg_pool, global_avg_pool, global_max_pool, max_pool
from .base import Context, Layer
from .window import Around, Fit, Sizes, padding_for, require_input, require_padding, require_sizes


@dataclass(frozen=True)
class Pool(Layer):
    """Base of those with a window: h' = (h + before + after - size) // stride + 1 along each axis.

    The windows stand side by side if no stride is given. Padding as in `Convolution`; it is never part of the result.
    """

    axes: ClassVar[int] = 2
    op: ClassVar[Callable[..., Tensor]]
    size: Sizes = 2
    stride: Sizes | None = None
    padding: Fit | Around = 0

    def __post_init__(self) -> None:
        require_sizes(self, self.axes, "size", *([] if self.stride is None else ["stride"]))
        require_padding(self, self.axes, "same", "valid", "exact")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        require_input(x.shape, self.axes)
        stride = self.size if self.stride is None else self.stride
        return type(self).op(x, self.size, stride, padding_for(self.padding, x.shape, self.size, stride))


class MaxPool2d(Pool):
    """The largest of each window.   x (n, h, w, c) -> y (n, h', w', c).   size, stride: a number, or (rows, columns)."""

    word, op = "pool", staticmethod(max_pool)


class AvgPool2d(Pool):
    """The mean of each window, without the padding.   x (n, h, w, c) -> y (n, h', w', c)."""

    word, op = "avgpool", staticmethod(avg_pool)


class MaxPool1d(Pool):
    """The largest of each window.   x (n, l, c) -> y (n, l', c)."""

    word, axes, op = "pool1d", 1, staticmethod(max_pool)


class AvgPool1d(Pool):
    """The mean of each window, without the padding.   x (n, l, c) -> y (n, l', c)."""

    word, axes, op = "avgpool1d", 1, staticmethod(avg_pool)


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
