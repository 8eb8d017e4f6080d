"""What the documents show is what happens."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import chainrule as cr
from chainrule.graph import OPS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", sorted(p.name for p in (ROOT / "docs").glob("*.md")))
def test_examples_in_the_docs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run, and the pictures they save say what the pictures shown say."""
    monkeypatch.chdir(tmp_path)
    before = dict(OPS)
    text = re.sub("^```.*$", "", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    try:
        assert doctest.DocTestRunner().run(example).failed == 0
    finally:
        OPS.clear()
        OPS.update(before)
    for picture in tmp_path.glob("*.svg"):
        shown = ROOT / "docs" / "pictures" / picture.name
        trained = picture.stem == "network"  # its numbers come out of float32 sums, which differ between processors
        assert words_of(picture, not trained) == words_of(shown, not trained), picture.name


def words_of(svg: Path, numbers: bool) -> list[str]:
    """Every text of a picture; where it stands may differ between versions of the layout's library."""
    texts = [e.text or "" for e in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")]
    return sorted(text if numbers else re.sub(r"-?\d+\.\d+.*", "#", text) for text in texts)


def test_pages_that_are_linked_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "examples" / "README.md", *(ROOT / "docs").glob("*.md")]:
        links = re.findall(r'(?:\]\(|src=")([^)":]+)[)"]', page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link.partition("#")[0]).exists()] == []


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
