"""Normalisation layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..errors import ShapeError, require_number
from ..graph import Shape, Tensor
from ..init import ones, zeros
from ..ops import sqrt, standardise
from .base import Context, Layer, Param, State


@dataclass(frozen=True)
class BatchNorm(Layer):
    """y = (x - mean) / sqrt(var + eps) scale + shift, per channel: over all axes but the last.

    In training mean and var are the batch's, and running' = keep running + (1 - keep) batch (the variance unbiased, times
    n / (n - 1)); in use they are the running ones.   Source: Ioffe and Szegedy (2015), algorithms 1 and 2.
    """

    word: ClassVar[str] = "bn"
    keep: float = 0.9
    eps: float = 1e-5

    def __post_init__(self) -> None:
        require_number("BatchNorm", "keep", self.keep, "[0, 1)")
        require_number("BatchNorm", "eps", self.eps, "(0, inf)")

    def build(self, shape: Shape) -> Mapping[str, Param | State]:
        channels = shape[-1:]
        return {
            "scale": Param(channels, ones, decay=False),
            "shift": Param(channels, zeros, decay=False),
            "mean": State(channels, zeros),
            "var": State(channels, ones),
        }

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        mean, var = self._batch(x, p, ctx) if ctx.train else (p["mean"], p["var"])
        return standardise(x, mean, var, self.eps) * p["scale"] + p["shift"]

    def _batch(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> tuple[Tensor, Tensor]:
        axes = tuple(range(x.ndim - 1))
        count = math.prod(x.shape[:-1])
        if count < 2:
            raise ShapeError("one value per channel has no variance: train on batches of at least 2 rows")
        mean, var = x.mean(axes).named("batch_mean"), x.var(axes).named("batch_var")
        ctx.update("mean", self.keep * p["mean"] + (1 - self.keep) * mean)
        ctx.update("var", self.keep * p["var"] + (1 - self.keep) * count / (count - 1) * var)
        return mean, var


@dataclass(frozen=True)
class LayerNorm(Layer):
    """y = (x - mean) / sqrt(var + eps) scale + shift, mean and var over the last axis of each example.

    The same in training and in use, whatever the batch.   Source: Ba, Kiros and Hinton (2016).
    """

    word: ClassVar[str] = "ln"
    eps: float = 1e-5

    def __post_init__(self) -> None:
        require_number("LayerNorm", "eps", self.eps, "(0, inf)")

    def build(self, shape: Shape) -> Mapping[str, Param]:
        return {"scale": Param(shape[-1:], ones, decay=False), "shift": Param(shape[-1:], zeros, decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        spread = sqrt(x.var(-1, keepdims=True) + self.eps)
        return (x - x.mean(-1, keepdims=True)) / spread * p["scale"] + p["shift"]
