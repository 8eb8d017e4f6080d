"""Layers side by side: what flows around a layer, and what flows through several at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import SettingError, ShapeError
from ..graph import Tensor
from ..ops import concat
from .base import Context, Layer


@dataclass(frozen=True)
class Residual(Layer):
    """y = x + inner(x).   The add gate hands the gradient past the inner layer as it is.   Source: He et al. (2016)."""

    inner: Layer

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        y = ctx.call("inner", self.inner, x)
        if y.shape != x.shape:
            raise ShapeError(
                f"the inner layer gives {y.shape[1:]} for {x.shape[1:]}; to be added both must have one shape"
            )
        return x + y


@dataclass(frozen=True, init=False)
class Concat(Layer):
    """y = the outputs of all branches, one after the other along the last axis.   Source: Szegedy et al. (2015)."""

    branches: tuple[Layer, ...]

    def __init__(self, *layers: Layer, branches: tuple[Layer, ...] = ()) -> None:
        chosen = layers or tuple(branches)
        if not chosen or not all(isinstance(layer, Layer) for layer in chosen):
            raise SettingError(f"Concat takes layers, at least one. Got {chosen!r} instead.")
        object.__setattr__(self, "branches", chosen)  # the dataclass is frozen, as every layer is

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return concat([ctx.call(f"branch{i}", layer, x) for i, layer in enumerate(self.branches, 1)], axis=-1)
