"""Layers that change the shape only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..graph import Tensor
from .base import Context, Layer


@dataclass(frozen=True)
class Flatten(Layer):
    """Each example as one row.   x (n, ...) -> y (n, product of ...)."""

    word: ClassVar[str] = "flatten"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x.reshape(-1, math.prod(x.shape[1:]))
