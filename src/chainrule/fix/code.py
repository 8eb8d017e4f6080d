"""Settings of a training as Python: what is written makes the same again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.transform import Recipe
from ..errors import ChainruleError, SettingError, is_ours
from ..layers import Layer, Net, Parallel, Sequential, parse
from ..layers.branch import Branches
from ..layers.config import to_config
from ..layers.notation import HOLDERS
from .tree import numbered

ROOMS = {"init": "cr.init", "data": "cr.data"}  # where parts of these rooms are found; all others in `cr` itself
MAIN = "__main__"
WRITTEN = ("units", "size", "rate")  # numbers that are written whether or not they differ: conv8-3, pool2


class Writer:
    """Writes values. `needs` is what the script must import, module and name of the user's own classes and functions;
    `folders` are where their files are."""

    def __init__(self) -> None:
        self.needs: set[tuple[str, str]] = set()
        self.folders: set[str] = set()

    def code(self, value: Any) -> str:
        """An expression that gives the value. SettingError for what no expression gives, such as an array."""
        if is_dataclass(value) and not isinstance(value, type):
            return self._part(value)
        if isinstance(value, Mapping):
            return f"{{{', '.join(f'{self.code(key)}: {self.code(item)}' for key, item in value.items())}}}"
        if isinstance(value, tuple | list):
            items = [self.code(item) for item in value]
            return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        if isinstance(value, Callable):  # type: ignore[arg-type]
            return self._name(value)
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None or isinstance(plain, str | bool | int | float):
            return repr(plain)
        raise SettingError(f"{type(value).__name__} cannot be written into a script")

    def _part(self, value: Any) -> str:
        """By its word, where that says all: a network in the notation, a transform; else as it is made."""
        words = notation(value) if isinstance(value, Layer) else None
        if isinstance(value, Recipe) and is_ours(value.kind):
            words = str(value).replace("_", "-")
        if words is not None:
            return repr(words)
        return self._built(value) if isinstance(value, Layer) else self._call(value)

    def _built(self, layer: Layer) -> str:
        """One layer. Classes below Sequential and Net may be made from other things: they come out of their description."""
        if type(layer) is Sequential:
            names, layers = [name for name, _ in layer.layers], [one for _, one in layer.layers]
            written = [self._built(one) for one in layers]
            if numbered(names, layers):
                return f"cr.Sequential({', '.join(written)})"
            return f"cr.Sequential({_keywords(dict(zip(names, written, strict=True)))})"
        if type(layer) is Net:
            return f"cr.Net({_keywords({name: self._node(what, inputs) for name, what, inputs in layer.nodes})})"
        if isinstance(layer, Sequential | Net):
            self._name(type(layer))
            return f"cr.layers.config.from_config({to_config(layer)!r})"
        if isinstance(layer, Branches) and is_ours(type(layer)):
            join = [f"join={layer.join!r}"] if isinstance(layer, Parallel) else []
            return f"{self._name(type(layer))}({', '.join([*map(self._built, layer.branches), *join])})"
        return self._call(layer)

    def _node(self, what: Layer | str, inputs: tuple[str, ...]) -> str:
        first = repr(what) if isinstance(what, str) else self._built(what)
        return f"({', '.join([first, *map(repr, inputs)])})"

    def _call(self, value: Any) -> str:
        """The constructor with what is not at its default."""
        settings = {f.name: getattr(value, f.name) for f in fields(value) if _differs(value, f)}
        return (
            f"{self._name(type(value))}({', '.join(f'{name}={self._inner(item)}' for name, item in settings.items())})"
        )

    def _inner(self, value: Any) -> str:
        """A layer inside of another one is built: only a whole network may be notation."""
        if isinstance(value, tuple) and any(isinstance(item, Layer) for item in value):
            return f"({', '.join(map(self._inner, value))},)"
        return self._built(value) if isinstance(value, Layer) else self.code(value)

    def _name(self, part: Any) -> str:
        """Of a class or a function; one of the user's own is imported."""
        if not is_ours(part):
            self.needs.add((part.__module__, part.__name__))
            self.folders |= _folder(part)
            return str(part.__name__)
        return f"{ROOMS.get(part.__module__.split('.')[1], 'cr')}.{part.__name__}"


def _folder(part: Any) -> set[str]:
    """Where the file of a class or a function is, that is a module by itself; a module in a package is found by its name."""
    codes = (getattr(found, "__code__", None) for found in (part, *vars(part).values()))
    files = (Path(code.co_filename) for code in codes if code is not None)
    place = next((file for file in files if file.stem == part.__module__ and file.is_file()), None)
    return {str(place.absolute().parent)} if place else set()


def notation(net: Layer) -> str | None:
    """The network in the notation; None where that does not say all of it."""
    try:
        words = _words(net)
        return words if parse(words) == (net if isinstance(net, Sequential) else Sequential(net)) else None
    except ChainruleError:
        return None


def _words(layer: Layer) -> str:
    if type(layer) is Sequential:
        return " ".join(_words(one) for _, one in layer.layers)
    holder = next((word for word, kind in HOLDERS.items() if kind is type(layer)), getattr(layer, "join", None))
    if holder is not None:
        inner = layer.branches if isinstance(layer, Branches) else (getattr(layer, "inner"),)  # noqa: B009
        return f"{holder}({' | '.join(map(_words, inner))})"
    if not type(layer).word:
        raise SettingError(f"{type(layer).__name__} has no word")
    return type(layer).word + "-".join(_settings(layer))


def _settings(layer: Layer) -> list[str]:
    """Numbers up to the last that differs, then words. Whether that says all, the way back shows."""
    values = [getattr(layer, f.name) for f in fields(layer)]  # type: ignore[arg-type]
    differs = [_differs(layer, f) for f in fields(layer)]  # type: ignore[arg-type]
    found, words = [], []
    for i, (value, differ) in enumerate(zip(values, differs, strict=True)):
        if isinstance(value, str | bool) or callable(value):
            name = fields(layer)[i].name if value is True else getattr(value, "__name__", str(value))  # type: ignore[arg-type]
            words += [name] if differ else []
        elif any(differs[i:]) or fields(layer)[i].name in WRITTEN:  # type: ignore[arg-type]
            several = isinstance(value, tuple) and len(fields(layer)) > 1  # type: ignore[arg-type]
            items = value if isinstance(value, tuple) else (value,)
            texts = [np.format_float_positional(v, trim="-") if isinstance(v, float) else str(v) for v in items]
            found += ["x".join(texts)] if several else texts
    return [*found, *words]


def _differs(value: Any, field: Field[Any]) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return default is MISSING or bool(getattr(value, field.name) != default)


def _keywords(written: Mapping[str, str]) -> str:
    """Names as keywords, or, where one is no identifier, as what a dict gives."""
    if all(name.isidentifier() for name in written):
        return ", ".join(f"{name}={text}" for name, text in written.items())
    return f"**{{{', '.join(f'{name!r}: {text}' for name, text in written.items())}}}"
