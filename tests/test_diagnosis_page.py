"""The page of the rules: complete, its limits the rules' own, its quotes and pictures what trainings show."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.diagnose import RULES, Finding, rate
from chainrule.errors import SettingError
from chainrule.picture.finding import EVIDENCE, finding_chart
from chainrule.run import Run

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")
DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "diagnosis.md").read_text(encoding="utf-8")
SECTIONS = {found[1]: found[2] for found in re.finditer(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)}
# A rule's second way to hold, with limits of its own.
FURTHER: dict[str, tuple[Callable[..., Any], ...]] = {"lr_too_low": (getattr(rate, "_hardly_moves"),)}  # noqa: B009
MOST = 60_000  # bytes of a picture
SAMPLE = ("input_scale", "units_equal", "lr_too_high", "dead_units", "oscillates", "too_short")


def test_every_rule_has_one_section_in_the_order_in_which_they_are_asked() -> None:
    assert re.findall(r"^### (.*)$", PAGE, re.MULTILINE) == list(RULES)


def limits_of(rule: str) -> set[tuple[str, float]]:
    """The rule's keywords and their defaults."""
    ways = (RULES[rule], *FURTHER.get(rule, ()))
    parameters = [(name, p.default) for way in ways for name, p in inspect.signature(way).parameters.items()]
    return {(name, float(value)) for name, value in parameters if isinstance(value, int | float)}


@pytest.mark.parametrize("rule", RULES)
def test_the_limits_are_the_rules_own(rule: str) -> None:
    stated = re.findall(r"`(\w+)=(-?[\d.]+(?:e-?\d+)?)`", SECTIONS[rule])
    assert {(name, float(value)) for name, value in stated} == limits_of(rule)


@pytest.mark.parametrize("rule", RULES)
def test_a_section_shows_what_a_training_printed(rule: str) -> None:
    """A line of that rule, what to do, the source, and a small picture."""
    quoted = re.search(
        rf"\n> (?:error|warning|note): {rule}, .*\.\n\nTo do: .*\.\n\nSource: .*\.\n\n<img", SECTIONS[rule]
    )
    assert quoted is not None
    (picture,) = re.findall(r'<img src="(pictures/[\w-]+\.png)" alt="[^"]{20,}">', SECTIONS[rule])
    assert picture == f"pictures/diagnosis-{rule}.png"
    assert 1_000 < (DOCS / picture).stat().st_size <= MOST


def test_no_picture_is_left_over() -> None:
    shown = set(re.findall(r"diagnosis-\w+\.png", PAGE))
    assert {file.name for file in (DOCS / "pictures").glob("diagnosis-*.png")} == shown
    assert shown == {f"diagnosis-{rule}.png" for rule in RULES}


def shape(told: str) -> str:
    """A text without its figures, which differ between processors."""
    return re.sub(r"-?\b(?:\d[\d,.]*(?:e[-+]?\d+)?|inf|nan)", "#", told)


def test_the_script_draws_the_pictures_and_writes_the_quotes(tmp_path: Path) -> None:
    """Of some rules, trained anew: sizes are about the same, lines the same but for their figures."""
    script = runpy.run_path(str(DOCS / "pictures" / "diagnosis.py"))
    quotes = script["draw"](tmp_path, SAMPLE)
    assert sorted(quotes) == sorted(SAMPLE)
    assert [rule for rule in SAMPLE if shape(quotes[rule]) not in shape(SECTIONS[rule])] == []
    drawn = {path.name: path.stat().st_size for path in tmp_path.glob("*.png")}
    shown = {name: (DOCS / "pictures" / name).stat().st_size for name in drawn}
    assert drawn == pytest.approx(shown, rel=0.25)
    assert len(drawn) == len(SAMPLE)


# --- the picture of a finding


def test_every_rule_has_a_picture() -> None:
    assert set(EVIDENCE) == set(RULES)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A training, one that was stopped, and a run folder that holds nothing but its name."""
    folder = tmp_path_factory.mktemp("runs")
    given: dict[str, Any] = {"net": "flatten dense8 relu dense10", "data": "digits", "epochs": 2, "progress": False}
    (folder / "bare").mkdir()
    (folder / "bare" / "run.json").write_text("{}", encoding="utf-8")
    return [
        cr.train(**given, folder=folder / "one"),
        cr.train(**given, folder=folder / "two", optimizer=cr.SGD(50.0)),
        Run(folder / "bare"),
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rule", RULES)
def test_any_run_can_be_drawn_for_any_rule(runs: list[Run], rule: str) -> None:
    """What is not there is left out or said: nothing fails, and something is drawn."""
    for run in runs:
        for severity in ("error", "warning"):
            finding = Finding(rule, severity, "1 (limit 2)", "Because", ("do",), layer="dense1")
            (ax,) = finding_chart(run, finding).axes
            assert ax.lines or ax.patches or ax.texts or ax.collections or ax.images


def test_a_chart_shows_the_figure_and_the_limit(runs: list[Run]) -> None:
    finding = Finding("input_scale", "warning", "1 (limit 2)", "Because", ("do",), layer="inputs")
    (ax,) = finding_chart(runs[0], finding).axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    rms = runs[0].facts["inputs"]["scale"]["rms"]
    assert f"all, rms\n{rms:.3g}" in names
    assert {line.get_xdata()[0] for line in ax.lines} >= {0.03, 12.0}
    assert rms in [bar.get_width() for bar in ax.patches]


def test_a_rule_that_is_not_there_has_no_picture(runs: list[Run]) -> None:
    with pytest.raises(SettingError, match=r"expected one of the rules shared_rows, .*, found 'no_such_rule'"):
        finding_chart(runs[0], Finding("no_such_rule", "note", "1", "Because", ("do",)))
