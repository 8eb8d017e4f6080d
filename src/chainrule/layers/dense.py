"""Fully connected layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..graph import Shape, Tensor
from ..init import Initializer, he_normal, zeros
from .base import Context, Layer, Param, require_counts, require_init


@dataclass(frozen=True)
class Dense(Layer):
    """y = x w + b.   x (..., i) -> y (..., units)."""

    word: ClassVar[str] = "dense"
    units: int
    init: Initializer = he_normal

    def __post_init__(self) -> None:
        require_counts(self, "units")
        require_init(self)

    def build(self, shape: Shape) -> Mapping[str, Param]:
        return {"w": Param((shape[-1], self.units), self.init), "b": Param((self.units,), zeros, decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x @ p["w"] + p["b"]
