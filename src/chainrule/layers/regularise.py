"""Layers that only regularise: active in training, absent in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..errors import require_number
from ..graph import Tensor
from .base import Context, Layer


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each element is set to 0 with probability `rate`, the others grow by 1 / (1 - rate); in use y = x.

    Source: Srivastava et al. (2014), in its inverted form (CS231n, lecture 6).
    """

    word: ClassVar[str] = "dropout"
    rate: float = 0.5

    def __post_init__(self) -> None:
        require_number("Dropout", "rate", self.rate, "[0, 1)")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        if not ctx.train or not self.rate:
            return x
        keep = 1 - self.rate
        mask = (ctx.uniform("mask", x.shape) < keep).astype(x.dtype).named("mask")
        return x * (mask * (1 / keep))
