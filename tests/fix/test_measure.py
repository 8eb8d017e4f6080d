"""Outcomes and gains, against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score, recall_score

import chainrule as cr
from chainrule.fix.measure import LEAST, WORST_R2, Outcome, T, fall_of_loss, gain, outcome_of


def outcomes(*values: float, rows: int = 0, loss: float = math.nan) -> list[Outcome]:
    return [Outcome(value, np.full(rows, value / rows) if rows else None, loss) for value in values]


def test_a_gain_is_the_mean_of_differences_and_its_spread_students() -> None:
    before, after = outcomes(0.5, 0.6, 0.7), outcomes(0.6, 0.8, 0.8)
    found = gain(before, after)  # differences 0.1, 0.2, 0.1: sd 0.0577, error 0.0333, t 2.92
    assert found.mean == pytest.approx(0.4 / 3)
    assert found.spread == pytest.approx(2.92 * math.sqrt(1 / 300 / 3))
    assert found.sure
    assert not gain(after, before).sure
    assert not gain(outcomes(0.5, 0.5, 0.5), outcomes(0.5, 0.5, 0.9)).sure  # one lucky seed
    assert not gain(outcomes(0.5, 0.5), outcomes(0.5 + LEAST / 2, 0.5 + LEAST / 2)).sure  # too little to matter


def test_points_of_student_s_t() -> None:
    """5% of a million draws are above each."""
    for freedom in (1, 2, 5, 11):
        assert np.mean(np.random.default_rng(0).standard_t(freedom, 1_000_000) > T[freedom]) == pytest.approx(
            0.05, abs=0.001
        )


def test_seeds_that_agree_by_chance_do_not_settle_what_one_row_decides() -> None:
    wrong, right = np.zeros(20), np.zeros(20)
    right[3] = 1 / 20
    before, after = [Outcome(0.0, wrong, math.nan)] * 2, [Outcome(0.05, right, math.nan)] * 2
    assert gain(before, after).mean == pytest.approx(0.05)
    assert not gain(before, after).sure
    several = np.where(np.arange(20) < 12, 1 / 20, 0.0)
    three = [Outcome(0.0, wrong, math.nan)] * 3
    assert gain(three, [Outcome(0.6, several, math.nan)] * 3).sure


def test_of_pure_noise_few_gains_are_sure() -> None:
    sure, rng = 0, np.random.default_rng(0)
    for _ in range(2000):
        before, after = (outcomes(*rng.normal(0.8, 0.02, 3)) for _ in range(2))
        sure += gain(before, after).sure
    assert sure / 2000 < 0.065


def test_the_fall_of_the_loss() -> None:
    before = [Outcome(1.0, None, loss) for loss in (0.5, 0.6)]
    assert fall_of_loss(before, [Outcome(1.0, None, loss) for loss in (0.4, 0.5)]).mean == pytest.approx(0.1)
    assert not fall_of_loss(before, outcomes(1.0, 1.0)).sure  # a loss that says no probabilities


def trained(net: str, x: Any, y: Any, folder: Path, **settings: Any) -> cr.Model:
    model: cr.Model = cr.train(net, (x, y), epochs=20, folder=folder, progress=False, **settings).model
    return model


def test_balanced_accuracy_and_its_rows(tmp_path: Path) -> None:
    y = np.array([0] * 70 + [1] * 20 + [2] * 10)
    x = np.random.default_rng(0).normal(size=(100, 2)) + y[:, None]
    model = trained("dense3", x, y, tmp_path / "r")
    found = outcome_of(model, cr.Dataset.of(x, y))
    assert found.value == pytest.approx(balanced_accuracy_score(y, model.predict(x)))
    assert found.rows is not None
    assert found.rows.sum() == pytest.approx(found.value)
    p = model.predict_proba(x)[np.arange(100), y]
    assert found.loss == pytest.approx(-np.log(p).mean(), rel=1e-5)
    few = outcome_of(
        model, cr.Dataset.of(x[:90], y[:90], classes=(0, 1, 2))
    )  # a class that is not there does not count
    assert few.value == pytest.approx(recall_score(y[:90], model.predict(x[:90]), labels=[0, 1], average="macro"))
    hinge = trained("dense3", x, y, tmp_path / "h", loss=cr.Hinge())
    assert math.isnan(outcome_of(hinge, cr.Dataset.of(x, y)).loss)


def test_r2_of_several_numbers_and_of_nonsense(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(80, 3))
    y = np.stack([x.sum(1), 3 * x[:, 0] ** 2], 1)
    model = trained("dense2", x, y, tmp_path / "r", optimizer=cr.Adam(0.05))
    found = outcome_of(model, cr.Dataset.of(x, y))
    assert found.value == pytest.approx(r2_score(y, model.predict(x)), abs=1e-6)
    assert found.rows is not None
    assert found.rows.sum() == pytest.approx(found.value)
    away = cr.Dataset.of(x, y * 1e-3)
    assert outcome_of(model, away).value == WORST_R2
    broken = model.with_arrays({path: array * np.nan for path, array in model.arrays.items()})
    assert outcome_of(broken, cr.Dataset.of(x, y)).value == WORST_R2


def test_a_model_of_nan_finds_no_class(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
    model = trained("dense3", x, y, tmp_path / "r")
    broken = model.with_arrays({path: array * np.nan for path, array in model.arrays.items()})
    assert outcome_of(broken, cr.Dataset.of(x, y)).value <= 1 / 3 + 1e-9
