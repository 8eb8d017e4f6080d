"""Rows and length of the short trainings: nothing of the test part, sound judges, the same for both of a pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnose.finding import Cure
from chainrule.errors import DataError
from chainrule.fix.bench import JUDGED, Bench
from chainrule.fix.cures import Case
from chainrule.fix.origin import complete

X = np.arange(2400, dtype=np.float32).reshape(1200, 2)  # the first value of a row says which it is
DATA = cr.Dataset(X, np.arange(1200) % 3)
USUAL: dict[str, Any] = {
    "net": "dense3", "data": DATA, "loss": None, "optimizer": None, "schedule": None, "epochs": 100, "batch_size": 10, "l2": None,
    "l1": 0.0, "class_weight": None, "prepare": None, "augment": (), "shuffle": True, "start": None, "validation": 0.1,
    "test": 0.2, "seed": 3, "engine": "auto",
}  # fmt: skip


def bench(tmp_path: Path, most: int = 1000, found: tuple[str, ...] = (), split: bool = False, **settings: Any) -> Bench:
    return Bench(complete({**USUAL, **settings}), most, found, split, tmp_path)


def rows(part: cr.Dataset) -> set[int]:
    return {int(value) // 2 for value in np.asarray(part.x)[:, 0]}


def test_judged_are_other_rows_for_every_seed_and_never_those_of_the_test(tmp_path: Path) -> None:
    test = DATA.split(0.1, 0.2, 3).test
    assert test is not None
    found = [bench(tmp_path)._parts(number) for number in range(3)]
    for learned, judge in found:
        assert not rows(learned) & rows(judge)
        assert len(rows(learned) | rows(judge)) == 960
        assert not (rows(learned) | rows(judge)) & rows(test)
    assert rows(found[0][1]) != rows(found[1][1])


@pytest.mark.parametrize(("count", "judged"), [(1200, 100), (300, 72), (60, 14), (12, 3)])
def test_few_rows_give_a_larger_part_to_judge_by(count: int, judged: int, tmp_path: Path) -> None:
    few = bench(tmp_path, data=DATA.take(slice(count)))
    assert len(few.judged) == pytest.approx(judged, abs=2)
    assert len(few.judged) <= max(JUDGED + 2, 0.31 * count)


def test_rows_given_apart_judge_unless_they_are_no_judge(tmp_path: Path) -> None:
    apart = (X + 1e4, np.arange(1200) % 3)
    sound = bench(tmp_path, validation=apart)
    assert min(rows(sound.judged)) > 1200
    for found, split in ((("parts_differ",), False), (("shared_rows",), False), ((), True)):
        unsound = bench(tmp_path, found=found, split=split, validation=apart)
        assert max(rows(unsound.judged)) < 1200


def test_copies_of_what_was_learned_do_not_judge(tmp_path: Path) -> None:
    x = np.concatenate([X[:600], X[:600]])
    copied = bench(tmp_path, found=("shared_rows",), data=cr.Dataset(x, np.arange(1200) % 3))
    learned, judge = copied._parts(1)
    assert not rows(learned) & rows(judge)
    learned, judge = bench(tmp_path, data=cr.Dataset(x, np.arange(1200) % 3))._parts(1)
    assert rows(learned) & rows(judge)


def test_long_trainings_are_shortened_all_by_the_same_share(tmp_path: Path) -> None:
    short = bench(tmp_path, most=430)
    assert short.steps_of_epoch == 86
    assert short._epochs(short.case) == 5
    longer = short.case.cured(Cure("epochs", 3))
    assert longer is not None
    assert short._epochs(longer) == 15
    assert "trainings of 430 steps, 5% of the run's" in short.about()
    whole = bench(tmp_path, epochs=4)
    assert (whole.factor, whole._epochs(whole.case)) == (1.0, 4)
    tiny = bench(tmp_path, most=20)  # less than an epoch: fewer rows
    learned, judge = tiny._parts(0)
    assert (len(learned), len(judge), tiny._epochs(tiny.case)) == (200, len(tiny.judged), 1)


def test_an_outcome_is_computed_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    trained: list[Case] = []

    class Counting(Bench):
        def _trained(self, case: Case, number: int) -> Any:
            trained.append(case)
            return super()._trained(case, number)

    counting = Counting(complete({**USUAL, "epochs": 1}), 50, (), False, tmp_path)
    first, again = (counting.outcome(counting.case, 1) for _ in range(2))
    assert first is again
    assert len(trained) == 1
    assert list(tmp_path.iterdir()) == []


def test_too_few_rows(tmp_path: Path) -> None:
    lone = cr.Dataset(X[:4], np.array(["a", "b", "c", "d"]))
    with pytest.raises(DataError, match="too few to judge a cure by"):
        bench(tmp_path, data=lone, net="dense4", validation=0.0, test=0.0)
