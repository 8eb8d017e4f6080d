"""Layers one after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import SettingError
from ..graph import Tensor
from .base import Context, Layer, require_name


@dataclass(frozen=True, init=False, repr=False)
class Sequential(Layer):
    """y = last(... second(first(x))).   Layers are named by class and count (`conv2d1`), or by keyword."""

    layers: tuple[tuple[str, Layer], ...]

    def __init__(self, /, *layers: Layer, **named: Layer) -> None:
        count: Counter[str] = Counter()
        pairs: list[tuple[str, Layer]] = []
        for layer in layers:
            kind = type(layer).__name__.lower()
            count[kind] += 1
            pairs.append((f"{kind}{count[kind]}", layer))
        pairs += named.items()
        for name, layer in pairs:
            if not isinstance(layer, Layer):
                raise SettingError(f"Sequential takes layers, found {layer!r} as '{name}'")
            require_name("Sequential", name)
        if len({name for name, _ in pairs}) < len(pairs):
            raise SettingError("two layers of a Sequential have one name: choose another keyword")
        object.__setattr__(self, "layers", tuple(pairs))  # the dataclass is frozen, as every layer is

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        for name, layer in self.layers:
            x = ctx.call(name, layer, x)
        return x

    def __repr__(self) -> str:
        return f"Sequential({', '.join(str(layer) for _, layer in self.layers)})"

    __str__ = __repr__
