"""The pictures of docs/lectures.md come out of their script."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")
DOCS = Path(__file__).parents[1] / "docs"


def test_the_script_draws_the_pictures_shown(tmp_path: Path) -> None:
    """Each of about the same size: letters and sums differ between machines by some pixels."""
    script = runpy.run_path(str(DOCS / "pictures" / "lectures.py"))
    drawn = {path.name: path.stat().st_size for path in script["draw"](tmp_path)}
    page = (DOCS / "lectures.md").read_text(encoding="utf-8")
    shown = {
        name: (DOCS / "pictures" / name).stat().st_size for name in re.findall(r"lecture-[\w-]+\.png(?=\" alt)", page)
    }
    assert drawn == pytest.approx(shown, rel=0.15)
    assert len(drawn) == len(list((DOCS / "pictures").glob("lecture-*.png")))
