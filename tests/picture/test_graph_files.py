"""Pictures of graphs as files, pages and in notebooks; and what is said when something is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MissingExtra, RunError, SettingError
from chainrule.graph import METHODS, Tensor, scope
from chainrule.picture.graph import Picture
from chainrule.picture.graph.palette import PAINT
from chainrule.picture.graph.scene import stacked
from chainrule.trace import Trace

pytest.importorskip("pygraphviz")
matplotlib_image = pytest.importorskip("matplotlib.image")
SVG = "{http://www.w3.org/2000/svg}"
rng = np.random.default_rng(0)


def picture(output: Tensor, fold: bool | None = None) -> Picture:
    return Picture(Trace.of(output), fold)


def lecture() -> Tensor:
    x, y, z = cr.tensor(-2.0, "x"), cr.tensor(5.0, "y"), cr.tensor(-4.0, "z")
    return (x + y) * z


def layered(blocks: int = 6) -> Tensor:
    """Layers one after another, and NaN in the first."""
    h = cr.tensor(rng.normal(size=(4, 6)), "x")
    for i in range(blocks):
        with scope(f"block{i}"):
            h = h + cr.relu(h @ cr.tensor(rng.normal(size=(6, 6)), "w"))
    with scope("loss"):
        return (h * h).sum()


def strange() -> Tensor:
    """Names that are markup, mathematics, no characters at all; values that are no numbers."""
    x, y = (
        cr.tensor([np.nan, -np.inf, 1.0], 'a<b>&"c" ' + "long" * 14),
        cr.tensor(np.ones((5, 5)), "$x_1$ \x01 \U0001f642"),
    )
    with scope("<&'>"):
        return (x * 2).sum() * y.sum()


@pytest.mark.parametrize("make", [lecture, layered, strange])
@pytest.mark.parametrize("fold", [False, True])
def test_files_are_what_their_ending_says(make: Any, fold: bool, tmp_path: Path) -> None:
    drawn = picture(make(), fold)
    root = ET.fromstring(drawn.save(tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert root.tag == f"{SVG}svg"
    page = drawn.save(tmp_path / "a.html").read_text(encoding="utf-8")
    assert "http" not in page
    assert not re.search(r"\b(src|href)=|@import|url\(", page)
    for element in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(element)


def test_a_png_is_the_same_picture_twice_as_large(tmp_path: Path) -> None:
    drawn = picture(layered(2), fold=False)
    file = drawn.save(tmp_path / "a.PNG")
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    whole = stacked(drawn.bands)
    pixels = matplotlib_image.imread(file)[..., :3]
    assert pixels.shape[:2] == (whole.height * 2, whole.width * 2)
    for colour in ("value", "gradient", "leaf"):
        rgb = np.array([int(PAINT[colour].fill[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert (np.abs(pixels - rgb).max(axis=-1) < 0.01).sum() > 50, colour


@pytest.mark.filterwarnings("error")
def test_a_png_of_any_name(tmp_path: Path) -> None:
    assert picture(strange()).save(tmp_path / "a.png").stat().st_size > 1000


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here")
    return found


def test_a_click_unfolds_and_a_key_folds(chromium: str, tmp_path: Path) -> None:
    page = picture(layered(), fold=True).html()
    act = """<script>
      const hidden = () => [...document.querySelectorAll(".panel")].filter(p => p.hidden).length, seen = [hidden()];
      const box = document.querySelector("[data-panel=block2]");
      box.dispatchEvent(new MouseEvent("click")); seen.push(hidden(), box.getAttribute("aria-expanded"));
      box.dispatchEvent(new KeyboardEvent("keydown", {key: " "})); seen.push(hidden(), box.getAttribute("aria-expanded"));
      document.querySelector("[data-all=true]").click(); seen.push(hidden());
      document.querySelector("[data-all=false]").click(); seen.push(hidden());
      document.title = seen.join();
    </script></body>"""
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", act), encoding="utf-8")
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
    command = [chromium, *quiet.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "<title>7,6,true,7,false,0,7</title>" in done.stdout


def test_folded_boxes_are_buttons() -> None:
    page = picture(layered(), fold=True).html()
    buttons = re.findall(r'role="button" tabindex="0" aria-expanded="false" data-panel="(\w+)"', page)
    assert buttons == re.findall(r'<section class="panel" data-layer="(\w+)" aria-label="Inside \w+" hidden>', page)
    assert len(buttons) == 7


def test_notebooks_get_a_picture_or_a_page_that_unfolds() -> None:
    small, large = picture(lecture())._repr_mimebundle_(), picture(layered(), fold=True)._repr_mimebundle_()
    assert list(small) == ["image/svg+xml", "text/plain"]
    assert list(large) == ["text/html", "text/plain"]
    assert large["text/html"].startswith("<iframe srcdoc=")


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"\.svg, \.png or \.html, found '\.gif'"):
        picture(lecture()).save(tmp_path / "a.gif")
    with pytest.raises(SettingError, match="no ending"):
        picture(lecture()).save(tmp_path / "a")
    with pytest.raises(RunError, match=r"cannot be written .*: choose another"):
        picture(lecture()).save(tmp_path / "missing" / "a.svg")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn = picture(lecture())
    for package in ("pygraphviz", "jinja2", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"drawing graphs needs the package 'pygraphviz'.*chainrule\[picture\]"):
        drawn.svg()
    assert re.search("needs the package 'pygraphviz'", drawn._repr_mimebundle_()["text/plain"])
    monkeypatch.undo()
    assert drawn.bands
    for package, ending in (("jinja2", "html"), ("matplotlib.figure", "png")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtra, match=r"chainrule\[picture\]"):
            drawn.save(tmp_path / f"a.{ending}")


def test_tensors_show_and_save_themselves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    METHODS["show"](lecture())
    file = Path(capsys.readouterr().out.strip())
    assert opened == [file.as_uri()]
    assert "-12.00" in file.read_text(encoding="utf-8")
    shutil.rmtree(file.parent)
    METHODS["save"](lecture(), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == METHODS["picture"](lecture()).svg()


def test_in_a_notebook_it_is_displayed_there(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown.append))
    drawn = picture(lecture())
    drawn.show()
    assert shown == [drawn]


def test_importing_it_brings_no_extra() -> None:
    code = "import sys, chainrule.picture.graph; print({'pygraphviz', 'matplotlib', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_notebook_draws_no_enormous_graph_unasked() -> None:
    x = cr.tensor(1.0)
    for _ in range(2000):
        x = x + 1.0
    assert list(x._repr_mimebundle_()) == ["text/plain"]
    assert "drawn when asked" in Picture(Trace.of(x))._repr_mimebundle_()["text/plain"]


def test_in_a_notebook_a_result_shows_its_graph_and_a_leaf_its_numbers() -> None:
    x = cr.tensor(1.0, "x")
    assert "<svg" in (x * 2)._repr_mimebundle_()["image/svg+xml"]
    assert x._repr_mimebundle_() == {"text/plain": repr(x)}
