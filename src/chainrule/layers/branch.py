"""Layers side by side: what flows around a layer, and what flows through several at once."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import SettingError, ShapeError, UnknownName, require
from ..graph import Tensor
from ..ops import concat, maximum
from .base import Context, Layer

# How several tensors become one. All but "concat" need one shape; that needs one shape but for the channels.
JOINS: Mapping[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "concat": lambda ys: concat(ys, axis=-1),
    "sum": lambda ys: functools.reduce(operator.add, ys),
    "mean": lambda ys: functools.reduce(operator.add, ys) / len(ys),
    "product": lambda ys: functools.reduce(operator.mul, ys),
    "max": lambda ys: functools.reduce(maximum, ys),
}


def joined(join: str, ys: Sequence[Tensor]) -> Tensor:
    """Several tensors as one; a ShapeError names their shapes if they do not fit."""
    seen = [y.shape[1:-1] if join == "concat" else y.shape[1:] for y in ys]
    if any(shape != seen[0] for shape in seen):
        rule = "to be joined they need one shape" + (" but for the last axis" if join == "concat" else "")
        raise ShapeError(f"'{join}' of {', '.join(str(y.shape[1:]) for y in ys)}: {rule}")
    return JOINS[join](ys)


def require_join(join: str) -> None:
    """Refuse a word that is no join; suggests the nearest."""
    if join not in JOINS:
        raise UnknownName("join", join, JOINS)


@dataclass(frozen=True)
class Residual(Layer):
    """y = x + inner(x).   The add gate hands the gradient past the inner layer as it is.   Source: He et al. (2016)."""

    inner: Layer

    def __post_init__(self) -> None:
        require("Residual", "inner", self.inner, isinstance(self.inner, Layer), "a layer, such as cr.Conv2d(8)")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        y = ctx.call("inner", self.inner, x)
        if y.shape != x.shape:
            raise ShapeError(
                f"the inner layer gives {y.shape[1:]} for {x.shape[1:]}; to be added both must have one shape"
            )
        return x + y


@dataclass(frozen=True, init=False, repr=False)
class Branches(Layer):
    """Base of those that hand one input to several layers and join what comes out."""

    branches: tuple[Layer, ...]

    def __init__(self, *layers: Layer, branches: tuple[Layer, ...] = ()) -> None:
        chosen = layers or tuple(branches)
        if not chosen or not all(isinstance(layer, Layer) for layer in chosen):
            raise SettingError(f"{type(self).__name__} takes layers, at least one. Got {chosen!r} instead.")
        object.__setattr__(self, "branches", chosen)  # the dataclass is frozen, as every layer is

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.branches))})"

    __str__ = __repr__

    def outputs(self, x: Tensor, ctx: Context) -> list[Tensor]:
        """What each branch makes of x."""
        return [ctx.call(f"branch{i}", layer, x) for i, layer in enumerate(self.branches, 1)]


class Concat(Branches):
    """y = the outputs of all branches, one after the other along the last axis.   Source: Szegedy et al. (2015)."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return joined("concat", self.outputs(x, ctx))


@dataclass(frozen=True, init=False, repr=False)
class Parallel(Branches):
    """y = the outputs of all branches joined by "sum", "mean", "product", "max" or "concat"; `Residual` is one of them."""

    join: str = "sum"

    def __init__(self, *layers: Layer, join: str = "sum", branches: tuple[Layer, ...] = ()) -> None:
        super().__init__(*layers, branches=branches)
        require_join(join)
        object.__setattr__(self, "join", join)

    def __repr__(self) -> str:
        return f"Parallel({', '.join(map(str, self.branches))}, join={self.join!r})"

    __str__ = __repr__

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return joined(self.join, self.outputs(x, ctx))
