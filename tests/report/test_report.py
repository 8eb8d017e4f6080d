"""The HTML report: what it shows is what the run recorded, and it needs nothing but itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import RunError
from chainrule.picture import charts

rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, cr.Run]:
    """One short training of each kind; a class has a name that is markup."""
    folder = tmp_path_factory.mktemp("runs")
    x = rng.normal(size=(60, 4))
    names = np.array(["<script>alert(1)</script>", "b & c", "d"])[np.argmax(x[:, :3], axis=1)]
    trained: dict[str, tuple[Any, Any]] = {
        "images": ("conv4-3 relu flatten dense10", "digits"),
        "flat": ("flatten dense4 dense10", "digits"),
        "names": ("dense3", (x, names)),
        "numbers": ("dense1", (x, x[:, 0])),
    }
    return {
        name: cr.train(net, data, epochs=2, folder=folder / name, progress=False)
        for name, (net, data) in trained.items()
    }


class Outline(HTMLParser):
    """Collect the text, what would be fetched, and whether tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v and not v.startswith("#")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", ["images", "flat", "names", "numbers"])
def test_a_report_holds_the_results_and_fetches_nothing(runs: dict[str, cr.Run], kind: str) -> None:
    run = runs[kind]
    html = run.report().read_text(encoding="utf-8")
    page = Outline()
    page.feed(html)
    assert run.result is not None
    scores = run.result["scores"]["test"]
    for name, value in scores.items():
        assert (f"{value:.1%}" if name == "accuracy" else f"{value:.4g}") in page.text
    assert [what for what in page.fetched if not what.startswith("data:image/png;base64,")] == []
    assert "script" not in page.tags
    assert not re.search(r"url\((?!#)", html)
    pictures = {"images": 4, "flat": 4, "names": 3, "numbers": 3}[kind]
    svgs = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(svgs) == pictures + len(run.findings)
    for svg in svgs:
        ET.fromstring(svg)


def test_what_is_wrong_stands_in_the_report(tmp_path: Path) -> None:
    """Each finding with place, sentence, cures, source and picture, in its order."""
    run = cr.train(
        "flatten dense8 relu dense10", "digits", optimizer=cr.SGD(50.0), epochs=2, folder=tmp_path, progress=False
    )
    html = run.report().read_text(encoding="utf-8")
    page = Outline()
    page.feed(html)
    text = " ".join(page.text.split())
    assert run.findings[0].rule == "lr_too_high"
    places = [text.index(f"{found.saw}. {found.why}.") for found in run.findings]
    assert places == sorted(places)
    for found in run.findings:
        step = f", step {found.step}" if found.step is not None else ""
        assert f"{found.severity} {found.rule} {found.layer}{step} {found.saw}" in text
        assert f"Source: {found.source}" in text
        assert [str(what) for what in found.do if str(what) not in text] == []
    sections = re.findall(r'<section class="finding.*?</section>', html, re.DOTALL)
    assert [section.count("<svg") for section in sections] == [1] * len(run.findings)


def test_a_report_says_that_nothing_is_wrong(tmp_path: Path) -> None:
    """So far, at all, and of a run that nothing was measured in."""
    x = np.random.default_rng(1).normal(size=(300, 4))
    run = cr.train("dense2", (x, x[:, 0] > 0), optimizer=cr.Adam(0.3), epochs=30, folder=tmp_path / "r", progress=False)
    assert run.findings == []

    def page() -> str:
        return " ".join(cr.Run(run.folder).report().read_text(encoding="utf-8").split())

    assert "<p>Nothing was found wrong.</p>" in page()
    (run.folder / "result.json").unlink()
    assert "<p>Nothing was found wrong so far.</p>" in page()
    (run.folder / "facts.json").unlink()
    assert "so far; but this run has no facts.json, and only its curves were looked at.</p>" in page()


def test_a_class_name_is_text(runs: dict[str, cr.Run]) -> None:
    page = runs["names"].report().read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_same_run_gives_the_same_bytes(runs: dict[str, cr.Run], tmp_path: Path) -> None:
    pages = [runs["images"].report(tmp_path / name).read_bytes() for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def test_only_a_report_is_written_over(runs: dict[str, cr.Run], tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<p>precious</p>")
    with pytest.raises(RunError, match="exists and is not a report of chainrule; nothing is overwritten"):
        runs["names"].report(mine)
    assert mine.read_text() == "<p>precious</p>"
    with pytest.raises(RunError, match="cannot be written"):
        runs["names"].report(mine / "report.html")
    assert runs["names"].report() == runs["names"].report()


def test_an_unfinished_run_has_a_report(runs: dict[str, cr.Run], tmp_path: Path) -> None:
    shutil.copytree(runs["images"].folder, tmp_path / "r")
    (tmp_path / "r" / "result.json").unlink()
    run = cr.Run(tmp_path / "r")
    assert "not finished: 2 epochs" in run.report().read_text(encoding="utf-8")
    assert run.summary().endswith("not finished; 2 epochs are recorded")


@pytest.mark.parametrize("classes", [2, 10, 30, 40])
def test_confusion_matrices_of_any_size_are_drawn(classes: int) -> None:
    matrix = rng.integers(0, 9, (classes, classes)).tolist()
    ET.fromstring(charts.confusion(matrix, [f"class {i}" for i in range(classes)]))


def test_the_summary_fits_a_terminal(runs: dict[str, cr.Run]) -> None:
    for run in runs.values():
        assert max(map(len, run.summary().splitlines())) <= 100
    assert re.search(r"^test +359 ", runs["images"].summary(), re.MULTILINE)
    assert "furthest off in the test part" in runs["numbers"].summary()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_it(runs: dict[str, cr.Run], tmp_path: Path) -> None:
    file = runs["images"].report(tmp_path / "r.html")
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    picture = tmp_path / "r.png"
    words = [
        str(CHROMIUM),
        *quiet.split(),
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'u'}",
    ]
    words += ["--window-size=900,2600", f"--screenshot={picture}", file.as_uri()]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    image = pytest.importorskip("matplotlib.image").imread(picture)[..., :3]
    inked = (np.abs(image - image[0, 0]).max(axis=2) > 0.2).any(axis=1)
    assert inked[:200].any()
    assert inked.mean() > 0.4
