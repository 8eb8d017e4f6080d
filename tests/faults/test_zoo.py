"""The zoo's own files are sound: what is called sick is sick, and what is called healthy is not.

Every case is trained with CHAINRULE_ZOO=all (four minutes on two cores), else one in `STRIDE`.
"""

from __future__ import annotations

import inspect
import os
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

from .bars import Outcome, table
from .judge import Asked, outcomes_of
from .material import HALF, SETS, material
from .spoil import SPOILS
from .zoo import HERE, USUAL, Case, cases

SICK, HEALTHY = cases("sick"), cases("healthy")
ALL = os.environ.get("CHAINRULE_ZOO") == "all"
STRIDE, SEED = 15, 0
CLEARLY = 0.05  # how much more than the sick one's the twin's score is
NOISE = 0.1  # of two scores of a few dozen rows


def sample(chosen: tuple[Case, ...]) -> list[Any]:
    """All, or some."""
    picked = chosen if ALL else chosen[::STRIDE]
    return [pytest.param(case, id=case.name) for case in picked]


def test_there_are_enough_of_each() -> None:
    families = {case.family for case in SICK}
    assert len(SICK) >= 84
    assert len(HEALTHY) >= 80
    assert len(families) >= 30
    for half in ("tune", "held"):
        assert {case.family for case in SICK if case.half == half} == families
        assert sum(case.half == half for case in SICK) >= 42
        assert sum(case.half == half for case in HEALTHY) >= 40


def test_the_halves_share_no_data_set() -> None:
    """So they share no pair of network and data, either."""
    assert {case.name: case.half for case in (*SICK, *HEALTHY)} == {
        case.name: HALF[case.data["name"]] for case in (*SICK, *HEALTHY)
    }


def test_no_two_healthy_ones_are_one() -> None:
    seen = Counter((case.net, str(case.data), str(case.train_with), str(case.spoil)) for case in HEALTHY)
    assert [what for what, count in seen.items() if count > 1] == []


def test_every_file_says_in_its_first_line_what_it_is() -> None:
    first = {file: file.read_text(encoding="utf-8").splitlines()[0] for file in HERE.rglob("*.toml")}
    assert [file for file, line in first.items() if not line.startswith("# ") or not line.endswith(".")] == []


def test_every_data_set_and_every_way_to_spoil_one_is_used() -> None:
    used = [case for one in (*SICK, *HEALTHY) for case in ([one, one.healthy()] if one.kind == "sick" else [one])]
    assert {case.data["name"] for case in used} == set(SETS)
    assert {step["how"] for case in used for step in case.spoil} == set(SPOILS)


@pytest.mark.parametrize("name", SETS)
def test_data_follow_from_the_seed(name: str) -> None:
    first, again, other = (material(name, seed, 60, judge=40) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    np.testing.assert_array_equal(first.judge.y, again.judge.y)
    assert not np.array_equal(first.train.x, other.train.x)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('half = "', 'halb = "'), "halb"),
        (('cause = ["', 'causes = ["'), "causes"),
        (('name = "SGD"', 'name = "SDG"'), "SDG"),
        (("[twin]", "[twin]\nfamily = 'other'"), "family"),
    ],
)
def test_a_mistyped_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], named: str
) -> None:
    text = (HERE / "sick/learning-rate-too-high/digits-sgd.toml").read_text(encoding="utf-8")
    monkeypatch.setattr("faults.zoo.HERE", tmp_path)
    (tmp_path / "sick/a").mkdir(parents=True)
    file = tmp_path / "sick/a/b.toml"
    file.write_text(text, encoding="utf-8")
    assert Case.read(file).name == "a/b"
    file.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"b\.toml: .*{named}"):
        Case.read(file)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of sick trainings overflow is no news
@pytest.mark.parametrize("case", sample(SICK))
def test_a_sick_one_is_sick_and_its_twin_is_not(case: Case, tmp_path: Path) -> None:
    run = case.train(SEED, tmp_path / "sick")
    twin = case.healthy().score(case.twin(SEED, tmp_path / "twin"), SEED)
    assert twin >= case.healthy().least
    if case.refused:
        assert isinstance(run, cr.ChainruleError)
        assert case.refused in str(run)
        return
    assert isinstance(run, cr.Run), run
    difference = twin - case.score(run, SEED)
    assert difference >= CLEARLY if case.harms else difference >= -NOISE


@pytest.mark.parametrize("case", sample(HEALTHY))
def test_a_healthy_one_ends_near_what_its_data_allow(case: Case, tmp_path: Path) -> None:
    run = case.train(SEED, tmp_path / "run")
    assert isinstance(run, cr.Run), run
    assert run.result is not None
    assert run.result["status"] == "finished"
    assert case.score(run, SEED) >= case.least


def test_the_limits_are_worth_something() -> None:
    """A healthy score is well above that of a model which knows nothing: 0 of R^2, 1 / classes of accuracy."""
    low = []
    for case in (*HEALTHY, *(one.healthy() for one in SICK if one.harms)):
        m = case.material(SEED)
        chance = 0.0 if m.measure == "r2" else 1 / len(np.unique(m.judge.y))
        low += [(case.name, case.least)] if case.least < chance + 0.14 else []
    assert low == []


# ---- the measuring


def case_of(kind: str, **changed: object) -> Case:
    """Any case of a kind."""
    found = next(case for case in cases() if case.kind == kind and not case.refused)
    return replace(found, **changed)  # type: ignore[arg-type]


def test_bars_count_rightly() -> None:
    sick, refused, healthy = case_of("sick", cause=("a", "b")), case_of("sick", refused="the row 3"), case_of("healthy")
    right = Outcome(sick, 0, found=(("b", "error"), ("c", "warning")))
    second = Outcome(sick, 1, found=(("c", "warning"), ("a", "note")))
    fourth = Outcome(sick, 2, found=tuple((name, "note") for name in "xyza"))
    missed = Outcome(sick, 3)
    assert [o.place for o in (right, second, fourth, missed)] == [1, 2, 4, None]
    sentence = Outcome(refused, 0, refused="NaN in the row 3 of x")
    other = Outcome(refused, 1, refused="another sentence")
    trained = Outcome(refused, 2, found=(("a", "error"),))
    wrongly = Outcome(sick, 4, refused="a sentence")
    assert [o.place for o in (sentence, other, trained, wrongly)] == [1, None, None, None]
    noted, alarmed = Outcome(healthy, 0, found=(("a", "note"),)), Outcome(healthy, 1, found=(("a", "warning"),))
    assert [o.alarmed for o in (noted, alarmed, wrongly)] == [False, True, True]
    rows = table([right, second, fourth, missed, sentence, other, trained, wrongly, noted, alarmed]).splitlines()
    shares = {row[:52].strip(): row[52:].split("(")[0].split() for row in rows[-8:]}
    assert shares["sick: the right cause first"][:3] == ["2", "of", "8"]
    assert shares["sick: the right cause among the first three"][:3] == ["3", "of", "8"]
    assert shares["sick, trained: the right cause first"][:3] == ["1", "of", "4"]
    assert shares["sick, refused: with the right sentence"][:3] == ["1", "of", "3"]
    assert shares["all: the first finding is right"][:3] == ["2", "of", "8"]
    assert shares["healthy: a warning or an error"][:3] == ["1", "of", "2"]


def test_kept_runs_can_be_judged_again(tmp_path: Path) -> None:
    chosen = [
        next(case for case in SICK if case.name == name)
        for name in ("broken-cells/nan", "learning-rate-too-high/digits-sgd")
    ]
    tasks = [[(case, SEED, how) for case in chosen] for how in (Asked(keep=tmp_path), Asked(judge=tmp_path))]
    with np.errstate(all="ignore"):
        kept, judged = (list(outcomes_of(task, 1)) for task in tasks)
    assert [o.refused for o in kept] == [o.refused for o in judged]
    assert [o.found for o in kept] == [o.found for o in judged]
    assert [o.score for o in kept] == [o.score for o in judged]
    assert {folder.name for folder in tmp_path.iterdir()} == {f"{case.slug}-{SEED}" for case in chosen}


def test_what_is_usual_here_are_arguments_of_train() -> None:
    known = inspect.signature(cr.train).parameters
    given = {key for case in cases() for key in case.train_with} | set(USUAL)
    assert given <= set(known)
    assert all(a != b for a, b in pairwise(case.name for case in SICK))
