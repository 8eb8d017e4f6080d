"""Changes of a network's innermost layers, wherever they stand: in a Sequential, a branch, a Net, a class of one's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

from ..layers import Identity, Layer, Sequential

Change: TypeAlias = Callable[
    [Layer], Sequence[Layer]
]  # what comes in place of an innermost layer; nothing takes it out


def edited(net: Layer, change: Change) -> Layer:
    """The network with every innermost layer changed; equal to the given one where nothing is.

    The layers of a Sequential keep their names, and with them the initial weights of a seed.
    """
    return _one(_edited(net, change))


def with_field(layer: Layer, name: str, value: Any) -> Layer:
    """The same layer with another value of a field, whatever its constructor takes."""
    other = copy.copy(layer)
    object.__setattr__(other, name, value)  # the dataclass is frozen, as every layer is
    return other


def _edited(layer: Layer, change: Change) -> Sequence[Layer]:
    held = {f.name: getattr(layer, f.name) for f in fields(layer)}  # type: ignore[arg-type]
    if not any(map(_holds, held.values())):
        return change(layer)
    for name, value in held.items():
        if isinstance(layer, Sequential) and name == "layers":
            layer = with_field(layer, name, _in_a_row(value, change))
        elif _holds(value):
            layer = with_field(layer, name, _inside(value, change))
    return [layer]


def _holds(value: Any) -> bool:
    """Whether a layer is in there."""
    return isinstance(value, Layer) or (isinstance(value, tuple) and any(map(_holds, value)))


def _inside(value: Any, change: Change) -> Any:
    """A field with its layers changed."""
    if isinstance(value, Layer):
        return _one(_edited(value, change))
    return tuple(_inside(item, change) for item in value) if isinstance(value, tuple) else value


def _one(layers: Sequence[Layer]) -> Layer:
    """Several layers as one."""
    return layers[0] if len(layers) == 1 else Sequential(*layers) if layers else Identity()


def _in_a_row(pairs: Sequence[tuple[str, Layer]], change: Change) -> tuple[tuple[str, Layer], ...]:
    """The layers of a Sequential: what comes beside one stands beside it, under a name that is free."""
    found = [(name, layer, new) for name, layer in pairs for new in _edited(layer, change)]
    if numbered([name for name, _ in pairs], [layer for _, layer in pairs]):
        return Sequential(*(new for _, _, new in found)).layers
    kept = [name if type(new) is type(layer) else "" for name, layer, new in found]
    taken = {name for name, _ in pairs}
    made = []
    for name, (_, _, new) in zip(kept, found, strict=True):
        made.append((name or _free(type(new).__name__.lower(), taken), new))
        taken.add(made[-1][0])
    return tuple(made)


def numbered(names: Sequence[str], layers: Iterable[Layer]) -> bool:
    """Whether these are the names that a Sequential gives by itself."""
    return list(names) == [name for name, _ in Sequential(*layers).layers]


def _free(kind: str, taken: set[str]) -> str:
    return next(name for i in range(1, len(taken) + 2) if (name := f"{kind}{i}") not in taken)
