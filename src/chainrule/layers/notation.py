"""Networks as text: a word per layer with its numbers, `"conv32-3 bn relu pool2 flatten dense10"`."""

from __future__ import annotations

import re
from dataclasses import fields

from ..errors import SettingError, UnknownName
from .base import LAYERS, Layer
from .sequential import Sequential

TOKEN = re.compile(r"([a-z]+?)(\d[\d.]*(?:-[\d.]+)*)?")


def parse(text: str) -> Sequential:
    """The network that the notation describes; a mistake names the word and suggests the nearest."""
    tokens = text.split()
    if not tokens:
        raise SettingError("the network is empty: write layers such as 'dense32 relu dense10'")
    return Sequential(*(_layer(token) for token in tokens))


def words() -> dict[str, type[Layer]]:
    """The layers that have a word."""
    return {layer.word: layer for layer in LAYERS.values() if layer.word}


def _layer(token: str) -> Layer:
    match = TOKEN.fullmatch(token.lower())
    if match is None:
        raise SettingError(f"'{token}' is not a layer: expected a word with its numbers, such as conv32-3 or dense10")
    word, numbers = match.group(1), match.group(2)
    if word not in words():
        raise UnknownName("layer", word, words())
    kind = words()[word]
    values = [_number(n, token) for n in numbers.split("-")] if numbers else []
    try:
        return kind(*values)
    except TypeError:
        takes = ", ".join(f.name for f in fields(kind))  # type: ignore[arg-type]
        raise SettingError(f"'{token}' does not fit {kind.__name__}, which takes ({takes or 'nothing'})") from None
    except SettingError as problem:
        raise SettingError(f"'{token}': {problem}") from None


def _number(text: str, token: str) -> float:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise SettingError(f"'{token}': '{text}' is not a number") from None
