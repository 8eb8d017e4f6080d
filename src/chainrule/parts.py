"""All that there is to build with, as tables: name, word, what it does, its source; read off the parts themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .data.augment import AUGMENTATIONS
from .data.prepare import TRANSFORMS
from .errors import is_ours
from .init import INITIALIZERS
from .layers import LAYERS
from .layers.notation import HOLDERS
from .loss import LOSSES
from .metrics import AT_THE_END, METRICS, OF_A_CLASS
from .optim import OPTIMIZERS
from .schedule import SCHEDULES

BAR = r"\|"  # a bar within a cell of a Markdown table


def hyphened(name: str) -> str:
    """`OneCycle` -> `one-cycle`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


@dataclass(frozen=True)
class Part:
    """One of them. `word` is its name in the notation and on the command line, empty where it has none."""

    name: str
    word: str
    does: str
    source: str


def _word_of(kind: Any) -> str:
    """Its word; of a layer that holds layers the one that stands before their brackets."""
    return str(kind.word) or next((word for word, holder in HOLDERS.items() if holder is kind), "")


MEASURES = [m for table in (*METRICS.values(), *AT_THE_END.values(), OF_A_CLASS) for m in table.values()]
# Where the parts of a kind are kept, and what their word is.
TABLES: Mapping[str, tuple[Mapping[str, Any], Callable[[Any], str]]] = {
    "layers": (LAYERS, _word_of),
    "losses": (LOSSES, lambda kind: hyphened(kind.__name__)),
    "optimizers": (OPTIMIZERS, lambda kind: kind.__name__.lower()),
    "schedules": (SCHEDULES, lambda kind: hyphened(kind.__name__)),
    "initializers": (INITIALIZERS, lambda kind: kind.__name__.lower()),
    "preparations": (TRANSFORMS, lambda kind: kind.name.replace("_", "-")),
    "augmentations": (AUGMENTATIONS, _word_of),
    "metrics": ({m.__name__: m for m in MEASURES}, lambda metric: ""),
}


def parts(kind: str) -> list[Part]:
    """The parts of one kind, by name."""
    table, word = TABLES[kind]
    named = sorted(ours(table), key=lambda part: str(part.__name__).lower())
    rows = [Part(part.__name__, word(part), *_told(part)) for part in named]
    return [row for row in rows if not row.does.startswith("Base of")]


def by_word(kind: str) -> dict[str, Any]:
    """The parts of one kind that have a word, for the command line."""
    table, word = TABLES[kind]
    return {word(part): part for part in ours(table) if word(part)}


def ours(table: Mapping[str, Any]) -> list[Any]:
    """The parts of a table that are chainrule's own."""
    return [part for part in table.values() if is_ours(part)]


def tables(kinds: Iterable[str] = TABLES) -> str:
    """One table for each kind, in Markdown: people read it as it is, too."""
    return "\n\n".join(f"## {kind.capitalize()}\n\n{_markdown(parts(kind))}" for kind in kinds)


def _markdown(rows: list[Part]) -> str:
    head = ["| name | word | what it does | source |", "|---|---|---|---|"]
    named = ([f"`{part.name}`", f"`{part.word}`" if part.word else "", part.does, part.source] for part in rows)
    return "\n".join([*head, *(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |" for cells in named)])


def _told(part: Any) -> tuple[str, str]:
    """The first paragraph of its documentation, and the source wherever that stands."""
    text = inspect.getdoc(part) or ""
    source = re.search(r"Source:\s*(.*?)\.?\s*(?:\n\n|$)", text, re.DOTALL)
    does = re.sub(r"\s*Source:.*", "", text.partition("\n\n")[0], flags=re.DOTALL)
    return " ".join(does.split()), " ".join(source.group(1).split()) if source else ""
