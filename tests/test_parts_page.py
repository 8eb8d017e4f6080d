"""The catalogue of parts: complete, and as the page shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.parts import TABLES, by_word, parts, tables

PAGE = Path(__file__).parents[1] / "docs" / "parts.md"
# Where users find the parts of a kind.
PUBLIC = {
    "layers": cr,
    "losses": cr,
    "optimizers": cr,
    "schedules": cr,
    "initializers": cr.init,
    "preparations": cr.data,
    "augmentations": cr.data,
}


def test_the_page_is_what_the_parts_say() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(tables() + "\n"), "chainrule parts prints what docs/parts.md shows"


@pytest.mark.parametrize("kind", TABLES)
def test_every_part_says_what_it_does(kind: str) -> None:
    rows = parts(kind)
    assert len(rows) >= 5
    assert [row.name for row in rows if not row.does] == []
    words = [row.word for row in rows if row.word]
    assert len(words) == len(set(words)) == len({*words} & {*by_word(kind)})


@pytest.mark.parametrize("kind", PUBLIC)
def test_every_part_is_where_users_look_for_it(kind: str) -> None:
    assert [row.name for row in parts(kind) if not hasattr(PUBLIC[kind], row.name)] == []


def test_the_command(cli: Callable[..., Any]) -> None:
    done = cli("parts", "losses", "schedules")
    assert done.exit_code == 0
    assert done.output == tables(["losses", "schedules"]) + "\n"
    assert "'loses' is not one of 'layers', 'losses'" in cli("parts", "loses").output
