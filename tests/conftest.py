"""What several tests need."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from chainrule.cli import command

settings.register_profile("chainrule", deadline=None)  # machines are shared: how long an example takes says nothing
settings.load_profile("ci" if os.environ.get("CI") else "chainrule")
Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run the command in an empty folder: `cli("train", "digits")`."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(command, [str(word) for word in words])


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a CSV file and give its path."""

    def write(name: str, rows: Sequence[Sequence[Any]]) -> Path:
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows(rows)
        return tmp_path / name

    return write
