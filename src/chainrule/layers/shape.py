"""Layers that change the shape only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..errors import ShapeError, is_whole, require
from ..graph import Tensor
from .base import Context, Layer, require_counts
from .window import require_input


@dataclass(frozen=True)
class Flatten(Layer):
    """Each example as one row.   x (n, ...) -> y (n, product of ...)."""

    word: ClassVar[str] = "flatten"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x.reshape(-1, math.prod(x.shape[1:]))


@dataclass(frozen=True, init=False)
class Reshape(Layer):
    """The elements of each example under another shape.   `Reshape(4, 4, 2)`: x (n, 32) -> y (n, 4, 4, 2)."""

    word: ClassVar[str] = "reshape"
    shape: tuple[int, ...]

    def __init__(self, *sizes: int, shape: tuple[int, ...] = ()) -> None:
        chosen = sizes or tuple(shape)
        whole = bool(chosen) and all(is_whole(size, 1) for size in chosen)
        require("Reshape", "shape", chosen, whole, "ints of at least 1")
        object.__setattr__(self, "shape", chosen)  # the dataclass is frozen, as every layer is

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        if math.prod(x.shape[1:]) != math.prod(self.shape):
            raise ShapeError(
                f"{math.prod(x.shape[1:])} elements do not fill {self.shape}, which are {math.prod(self.shape)}"
            )
        return x.reshape((-1, *self.shape))


@dataclass(frozen=True)
class Upsample(Layer):
    """Every pixel `times` times in each direction.   x (n, h, w, c) -> y (n, h times, w times, c); signals (n, l, c) too."""

    word: ClassVar[str] = "upsample"
    times: int = 2

    def __post_init__(self) -> None:
        require_counts(self, "times")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        require_input(x.shape, 1 if x.ndim == 3 else 2)
        n, *size, c = x.shape
        apart = (v for s in size for v in (s, 1))
        copies = x.reshape((n, *apart, c)).broadcast_to((n, *(v for s in size for v in (s, self.times)), c))
        return copies.reshape((n, *(s * self.times for s in size), c))
