"""What the documents show is what happens."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

import chainrule as cr

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", sorted(p.name for p in (ROOT / "docs").glob("*.md")))
def test_examples_in_the_docs(page: str) -> None:
    text = re.sub("^```.*$", "", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_pages_that_are_linked_exist() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        links = re.findall(r'(?:\]\(|src=")([^)":]+)[)"]', page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readmes_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both Python blocks, word for word but for the epochs, one after the other."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, cr.Tensor] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec("\n".join(blocks).replace("epochs=20", "epochs=2"), names)
    assert "test" in printed.getvalue()
    assert (tmp_path / "digits.safetensors").exists()
    gradients = [names[n].grad for n in "xyz"]
    assert [float(g) for g in gradients if g is not None] == [-4, -4, 3]
    assert float(names["f"]) == -12
