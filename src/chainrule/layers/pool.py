"""Pooling layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..errors import ShapeError, require
from ..graph import Tensor
from ..ops import max_pool
from .base import Context, Layer


@dataclass(frozen=True)
class MaxPool2d(Layer):
    """The largest of each window, windows side by side.   x (n, h, w, c) -> y (n, h // size, w // size, c)."""

    word: ClassVar[str] = "pool"
    size: int = 2

    def __post_init__(self) -> None:
        require("MaxPool2d", "size", self.size, isinstance(self.size, int) and self.size > 0, "an int of at least 1")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        if x.ndim != 4:
            raise ShapeError(
                f"expected images (h, w, c), found {x.shape[1:]}; a layer before it may have flattened them"
            )
        return max_pool(x, self.size)
