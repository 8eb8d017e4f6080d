"""Activations: one non-linearity, applied to every element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..graph import Tensor
from ..ops import relu, sigmoid, tanh
from .base import Context, Layer


@dataclass(frozen=True)
class ReLU(Layer):
    """y = max(x, 0)."""

    word: ClassVar[str] = "relu"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return relu(x)


@dataclass(frozen=True)
class Tanh(Layer):
    """y = tanh x."""

    word: ClassVar[str] = "tanh"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return tanh(x)


@dataclass(frozen=True)
class Sigmoid(Layer):
    """y = 1 / (1 + e^-x)."""

    word: ClassVar[str] = "sigmoid"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return sigmoid(x)
