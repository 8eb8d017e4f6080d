"""Networks as text: a word per layer with its settings, `"conv32-3 bn relu pool2 flatten dense10"`.

Numbers stand in the order of the settings that are numbers, `conv8-3-2` is `Conv2d(8, size=3, stride=2)`, `conv8-3x5` a
window of 3 rows and 5 columns. Behind them, in any order: a padding (`conv8-3-1-valid`), an initialiser
(`dense10-xavier_normal`), a switch (`lstm8-sequence`). Layers that hold layers take them in brackets,
`res(conv8-3 bn relu)`; bars part branches, `concat(conv8-1 | pool3-1-same conv8-1)`, likewise `sum mean product max`.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from ..errors import SettingError, UnknownName
from ..init import INITIALIZERS, from_plain
from .base import LAYERS, Layer
from .branch import JOINS, Concat, Parallel, Residual
from .sequential import Sequential

PART = re.compile(r"[()|]|[^\s()|]+")
TOKEN = re.compile(r"([a-z]+?(?:1d)?)(\d[\d.x]*(?:-[\w.]+)*)?", re.ASCII)
NUMBER = re.compile(r"\d*\.?\d+(e\d+)?|\d+(x\d+)+", re.ASCII)
FITS = ("same", "valid", "exact")
HOLDERS: Mapping[str, Callable[..., Layer]] = {
    "res": Residual,
    "concat": Concat,
    **{join: lambda *layers, join=join: Parallel(*layers, join=join) for join in JOINS if join != "concat"},
}


def parse(text: str) -> Sequential:
    """The network that the notation describes; a mistake names the word and suggests the nearest."""
    tokens = deque(PART.findall(text.lower()))
    if not tokens:
        raise SettingError("the network is empty: write layers such as 'dense32 relu dense10'")
    layers = _sequence(tokens)
    if tokens:
        raise SettingError(f"'{tokens[0]}' without a layer that holds layers before it, such as res(conv8-3 relu)")
    return Sequential(*layers)


def words() -> dict[str, type[Layer]]:
    """The layers that have a word."""
    own = {kind: vars(kind).get("word") for kind in LAYERS.values()}  # what inherits a word does not stand for it
    return {word: kind for kind, word in own.items() if word}


def _sequence(tokens: deque[str]) -> list[Layer]:
    """The layers up to the next bar, closing bracket or end."""
    layers: list[Layer] = []
    while tokens and tokens[0] not in "|)":
        token = tokens.popleft()
        layers.append(_holder(token, tokens) if tokens and tokens[0] == "(" else _layer(token))
    return layers


def _holder(token: str, tokens: deque[str]) -> Layer:
    """A layer that holds layers; its brackets are taken off the tokens."""
    if token not in HOLDERS:
        raise UnknownName("layer that holds layers", token, HOLDERS)
    branches: list[Layer] = []
    while not branches or tokens[0] == "|":
        tokens.popleft()
        layers = _sequence(tokens)
        if not tokens:
            raise SettingError(f"the bracket behind '{token}' is not closed: write {token}(conv8-3 relu)")
        if not layers:
            raise SettingError(f"'{token}' has an empty branch: write 'identity' for what passes as it is")
        branches.append(layers[0] if len(layers) == 1 else Sequential(*layers))
    tokens.popleft()
    if token == "res" and len(branches) > 1:
        raise SettingError(f"'res' holds one branch, found {len(branches)}: 'sum' adds several")
    return HOLDERS[token](*branches)


def _layer(token: str) -> Layer:
    match = TOKEN.fullmatch(token)
    if match is None:
        raise SettingError(f"'{token}' is not a layer: expected a word with its numbers, such as conv32-3 or dense10")
    word, settings = match.group(1), match.group(2)
    if word in HOLDERS:
        raise SettingError(f"'{word}' holds layers: write them in brackets, {word}(conv8-3 relu)")
    if word not in words():
        raise UnknownName("layer", word, [*words(), *HOLDERS])
    kind = words()[word]
    parts = settings.split("-") if settings else []
    numbers = [_number(part, token) for part in parts if not part[0].isalpha()]
    given = [*_numbered(numbers, kind, token), *(_named(part, kind) for part in parts if part[0].isalpha())]
    if twice := [name for name, count in Counter(name for name, _ in given).items() if count > 1]:
        raise SettingError(f"'{token}' gives '{twice[0]}' twice")
    try:
        return kind(**dict(given))
    except TypeError:
        takes = ", ".join(f.name for f in fields(kind))  # type: ignore[arg-type]
        raise SettingError(f"'{token}' does not fit {kind.__name__}, which takes ({takes or 'nothing'})") from None
    except SettingError as problem:
        raise SettingError(f"'{token}': {problem}") from None


def _numbered(numbers: Sequence[Any], kind: type[Layer], token: str) -> list[tuple[str, Any]]:
    """Which settings the numbers are: each the next one that can be a number."""
    takes = _of_numbers(kind)  # type: ignore[arg-type]  # mypy takes a dataclass for unhashable
    if list(takes.values()) == [True]:
        return [(name, tuple(numbers)) for name in takes if numbers]
    if len(numbers) > len(takes):
        raise SettingError(
            f"'{token}' has too many numbers for {kind.__name__}, which takes {', '.join(takes) or 'none'}"
        )
    return list(zip(takes, numbers, strict=False))


@lru_cache
def _of_numbers(kind: type[Layer]) -> Mapping[str, bool]:
    """The settings that can be numbers, in their order, and whether each takes any number of them."""
    try:
        hints = get_type_hints(kind)
    except NameError:  # of a class that was defined inside a function
        hints = {}
    found = {f.name: hints.get(f.name, Any) for f in fields(kind)}  # type: ignore[arg-type]
    return {name: Ellipsis in get_args(hint) for name, hint in found.items() if _can_be_number(hint)}


def _can_be_number(hint: Any) -> bool:
    if hint in (int, float, Any):
        return True
    return get_origin(hint) in (Union, UnionType, tuple) and any(map(_can_be_number, get_args(hint)))


def _named(word: str, kind: type[Layer]) -> tuple[str, Any]:
    """The setting that a word behind the numbers means, and its value."""
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    initializers = {name.lower(): name for name in INITIALIZERS} if "init" in known else {}
    fits = FITS if "padding" in known else ()
    switches = [f.name for f in fields(kind) if f.default is False]  # type: ignore[arg-type]
    if word in initializers:
        return "init", from_plain(initializers[word])
    if word in fits:
        return "padding", word
    if word in switches:
        return word, True
    raise UnknownName(f"setting of {kind.__name__}", word, [*initializers, *fits, *switches])


def _number(text: str, token: str) -> float | tuple[float, ...]:
    if NUMBER.fullmatch(text) is None:
        raise SettingError(f"'{token}': '{text}' is not a number")
    if "x" in text:
        return tuple(int(part) for part in text.split("x"))
    return int(text) if text.isdigit() else float(text)
