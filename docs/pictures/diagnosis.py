"""The pictures of docs/diagnosis.md and the lines it quotes: what the trainings named there really show and print.

    python docs/pictures/diagnosis.py               all of them; a minute
    python docs/pictures/diagnosis.py dead_units    one rule's

Needs the extra `report` and the repository's `tests`, where the trainings are.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from PIL import Image

import chainrule as cr
from chainrule.picture import charts
from chainrule.picture.finding import evidence

HERE = Path(__file__).parent
PAGE = HERE.parent / "diagnosis.md"
TESTS = HERE.parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "diagnose")]
from by_hand import BY_HAND  # noqa: E402
from faults.zoo import cases  # noqa: E402

COLOURS = 48  # of a file: lines and letters need no more
SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
QUOTE = re.compile(r"^`([\w-]+/[\w-]+)` prints:\n\n> .*?(?:<img [^>]*>)", re.DOTALL | re.MULTILINE)
Train = Callable[[Path], cr.Run]


def trainings(name: str) -> tuple[Train, Train]:
    """The sick training of that name and its healthy twin, to be made in a folder."""
    if name.startswith("by-hand/"):
        made = BY_HAND[name.removeprefix("by-hand/")]
        return made.train, made.twin
    case = next(case for case in cases("sick", "tune") if case.name == name)

    def sick(folder: Path) -> cr.Run:
        run = case.train(0, folder)
        if isinstance(run, cr.ChainruleError):
            raise SystemExit(f"{name}: refused: {run}")
        return run

    return sick, lambda folder: case.twin(0, folder)


def sections(only: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """(rule, its training) of the page, but for the rules that no training shows."""
    for section in SECTION.finditer(PAGE.read_text(encoding="utf-8")):
        quote = QUOTE.search(section[2])
        if quote and (not only or section[1] in only):
            yield section[1], quote[1]


def found_in(folder: Path, only: Collection[str] = ()) -> Iterator[tuple[str, str, cr.Finding, cr.Run, cr.Run]]:
    """(rule, training, its finding, the sick run, the healthy run) of every section."""
    runs: dict[str, tuple[cr.Run, cr.Run]] = {}
    for number, (rule, name) in enumerate(sections(only)):
        if name not in runs:
            sick, twin = trainings(name)
            runs[name] = sick(folder / f"{number}-sick"), twin(folder / f"{number}-twin")
        run, healthy = runs[name]
        finding = next((finding for finding in run.findings if finding.rule == rule), None)
        if finding is None:
            raise SystemExit(f"{name}: {rule} is not found; found {[finding.rule for finding in run.findings]}")
        yield rule, name, finding, run, healthy


def picture(finding: cr.Finding, run: cr.Run, healthy: cr.Run) -> bytes:
    """What the rule looks at in both, side by side, as a small PNG file."""
    with charts.figure(8.4, 2.5, 1, 2) as (drawn, axes):
        for ax, one, title in zip(axes, (run, healthy), ("sick", "healthy"), strict=True):
            evidence(ax, one, finding)
            ax.set_title(title, fontsize=10)
        image = Image.open(io.BytesIO(charts.written(drawn, ".png")))
    file = io.BytesIO()
    image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(file, "PNG", optimize=True)
    return file.getvalue()


def quote(name: str, finding: cr.Finding) -> str:
    """The lines of a section that a training has written."""
    do = "; ".join(map(str, finding.do))
    alt = f"What {finding.rule} looks at, in the sick training and its healthy twin"
    image = f'<img src="pictures/diagnosis-{finding.rule}.png" alt="{alt}">'
    return f"`{name}` prints:\n\n> {finding}\n\nTo do: {do}.\n\nSource: {finding.source}.\n\n{image}"


def draw(folder: Path, only: Collection[str] = ()) -> dict[str, str]:
    """All pictures, as files in the folder; what the page should quote, by rule."""
    quotes = {}
    with tempfile.TemporaryDirectory() as runs, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of sick trainings overflow is no news
        for rule, name, finding, run, healthy in found_in(Path(runs), only):
            (folder / f"diagnosis-{rule}.png").write_bytes(picture(finding, run, healthy))
            quotes[rule] = quote(name, finding)
    return quotes


def rewrite(quotes: dict[str, str]) -> None:
    """Bring the page's quotes up to date."""

    def section(found: re.Match[str]) -> str:
        return QUOTE.sub(lambda _: quotes[found[1]], found[0]) if found[1] in quotes else found[0]

    PAGE.write_text(SECTION.sub(section, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    made = draw(HERE, sys.argv[1:])
    rewrite(made)
    for drawn in (HERE / f"diagnosis-{rule}.png" for rule in made):
        print(drawn.name, drawn.stat().st_size)
