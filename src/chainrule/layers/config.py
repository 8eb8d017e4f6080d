"""Networks as plain data, for model files: `{"layer": "Dense", "units": 10, "init": "he_normal"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ..errors import ModelError, nearest
from ..init import from_plain, to_plain
from .base import LAYERS, Layer
from .net import Net
from .sequential import Sequential

# Layers made of others by keyword: the field that they keep them in, and what was given for each name.
NAMED: Mapping[type[Layer], tuple[str, Callable[[Any], Mapping[str, Any]]]] = {
    Sequential: ("layers", dict),
    Net: ("nodes", lambda nodes: {name: (what, *inputs) for name, what, inputs in nodes}),
}


def to_config(layer: Layer) -> dict[str, Any]:
    """A layer, and the layers inside it, as JSON-ready data."""
    values = {f.name: _plain(getattr(layer, f.name)) for f in fields(layer)}  # type: ignore[arg-type]
    return {"layer": type(layer).__name__, **values}


def from_config(config: Mapping[str, Any]) -> Layer:
    """The layer that `to_config` described."""
    values = dict(config)
    name = values.pop("layer", None)
    if name not in LAYERS:
        raise ModelError(
            f"the model uses a layer '{name}' that is not defined here{nearest(str(name), LAYERS)} "
            "If it is your own, import the file that defines it first (on the command line: --net FILE.py)"
        )
    try:
        restored = {key: _restored(value) for key, value in values.items()}
        return _made(LAYERS[name], restored)
    except (TypeError, KeyError, ValueError) as problem:
        raise ModelError(f"the model's layer '{name}' does not fit this version of chainrule: {problem}") from None


def _made(kind: type[Layer], values: dict[str, Any]) -> Layer:
    """A layer of that class. Classes below Sequential and Net may be made from other things: they are filled instead."""
    base = next((base for base in NAMED if issubclass(kind, base)), None)
    if base is None:
        return kind(**values)
    field, keywords = NAMED[base]
    layer = kind.__new__(kind)
    base.__init__(layer, **keywords(values.pop(field)))
    for name, value in values.items():
        object.__setattr__(layer, name, value)  # the dataclass is frozen, as every layer is
    return layer


def _plain(value: Any) -> Any:
    if isinstance(value, Layer):
        return to_config(value)
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Callable):  # type: ignore[arg-type]
        return to_plain(value)
    return value.item() if isinstance(value, np.generic) else value


def _restored(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_config(value) if "layer" in value else from_plain(**value)
    if isinstance(value, list):
        return tuple(_restored(v) for v in value)
    return value
