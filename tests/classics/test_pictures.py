"""The pictures of docs/classics.md come out of their script."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
DOCS = Path(__file__).parents[2] / "docs"
SCRIPT = runpy.run_path(str(DOCS / "pictures" / "classics.py"))


def test_every_picture_is_shown() -> None:
    shown = re.findall(r"classic-(\w+)\.png", (DOCS / "classics.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(SCRIPT["PICTURES"])


@pytest.mark.parametrize("name", SCRIPT["PICTURES"])
def test_the_script_draws_the_picture_shown(name: str, tmp_path: Path) -> None:
    """Of about the same size: letters and float32 sums differ between machines by some pixels."""
    SCRIPT["draw"](name, tmp_path)
    drawn, shown = ((folder / f"classic-{name}.png").stat().st_size for folder in (tmp_path, DOCS / "pictures"))
    assert drawn == pytest.approx(shown, rel=0.15)
