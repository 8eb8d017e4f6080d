"""Rows and classes that count differently, as much as they should at any batch size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.choices import choose_loss
from chainrule.data import Parts
from chainrule.errors import SettingError, UnknownName
from chainrule.loss import from_settings

TABLE = np.random.default_rng(0).normal(size=(240, 5))
CODES = (TABLE[:, 0] > 0.8).astype(int)
QUICK: dict[str, Any] = {"progress": False, "epochs": 30, "batch_size": 16, "optimizer": cr.Adam(0.02)}


def train(net: Any, data: Any, folder: Path, **settings: Any) -> Any:
    return cr.train(net, data, folder=folder / "run", **{**QUICK, **settings})


@pytest.mark.parametrize("batch_size", [4, 32, 400])
def test_balanced_is_balanced_at_any_batch_size(tmp_path: Path, batch_size: int) -> None:
    """Inputs that say nothing, and one row in 20 of class 1: balanced, both classes are equally probable."""
    x, y = np.zeros((400, 1)), (np.arange(400) % 20 == 0).astype(int)
    settings = {"l2": 0, "epochs": 60, "validation": None, "test": None, "optimizer": cr.Adam(0.02)}
    run = train("dense2", (x, y), tmp_path, class_weight="balanced", batch_size=batch_size, **settings)
    assert run.model.predict_proba(x[:1])[0, 1] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("scale", [1e-33, 1.0, 3e37])
@pytest.mark.parametrize("batch_size", [2, 16, 240])
def test_weighted_rows_count_by_their_weight(tmp_path: Path, scale: float, batch_size: int) -> None:
    """The mean of 0 and 1 with weights 1 to 9 is 0.9, whatever the batch size and the weights' scale."""
    y = np.arange(240.0) % 2
    data = cr.Dataset(np.zeros((240, 1), np.float32), y, weights=(scale * (1 + 8 * y)).astype(np.float32))
    settings = {"l2": 0, "validation": None, "test": None, "optimizer": cr.Adam(0.02)}
    run = train("dense1", data, tmp_path, batch_size=batch_size, epochs=150 if batch_size > 100 else 60, **settings)
    assert run.model.predict([[0.0]])[0, 0] == pytest.approx(0.9, abs=0.04)


def test_the_loss_shown_is_the_weighted_mean(tmp_path: Path) -> None:
    """Before anything is learned, by batches as of all rows at once."""
    weights = np.where(np.arange(240) % 10 == 0, 1.0, 0.0).astype(np.float32)
    data = cr.Dataset(TABLE.astype(np.float32), TABLE[:, 0], weights=weights)
    settings = {"epochs": 1, "batch_size": 4, "optimizer": cr.SGD(1e-9), "l2": 0, "validation": None, "test": None}
    run = train("dense1", data, tmp_path, **settings)
    assert run.metrics[0]["train/loss"] == pytest.approx(run.result["scores"]["train"]["loss"], rel=1e-3)


def test_class_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight  # noqa: PLC0415  (an oracle)

    data = cr.Dataset.of(TABLE, np.where(CODES, "yes", "no"))
    weighted: Any = choose_loss(None, Parts(data), "balanced")
    np.testing.assert_allclose(weighted.weights, compute_class_weight("balanced", classes=np.array([0, 1]), y=data.y))
    by_name: Any = choose_loss(None, Parts(data), {"yes": 3})
    assert by_name.weights == (1.0, 3.0)
    with pytest.raises(UnknownName, match="there is no class 'yse'; did you mean 'yes'"):
        choose_loss(None, Parts(data), {"yse": 3})
    with pytest.raises(SettingError, match="class_weight needs classes to weigh"):
        choose_loss(None, Parts(cr.Dataset.of(TABLE, TABLE[:, 0])), "balanced")


def test_rows_of_no_weight_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    """Rows with wrong targets do no harm once they weigh nothing."""
    y = np.where(np.arange(240) < 120, TABLE[:, 0], -50 * TABLE[:, 1])
    weights = np.where(np.arange(240) < 120, 1.0, 0.0)
    data = cr.Dataset(TABLE.astype(np.float32), y, weights=weights)
    run = train("dense1", data, tmp_path, epochs=60, validation=None, test=None, l2=0)
    np.testing.assert_allclose(run.model.predict(TABLE)[:, 0], TABLE[:, 0], atol=0.3)


@pytest.mark.parametrize(
    "weights", [(1.0, float("nan")), (1.0, float("inf")), (0.0, 0.0), ("a", "b"), (), 3, (1.0, -1.0)]
)
def test_weights_that_are_none(weights: Any) -> None:
    with pytest.raises(SettingError, match="The 'weights' parameter of Focal must be one finite number"):
        cr.Focal(weights=weights)


def test_an_array_of_weights_is_kept_in_the_run(tmp_path: Path) -> None:
    weights: Any = np.array([1.0, 5.0])
    run = train("dense2", (TABLE, CODES), tmp_path, loss=cr.CrossEntropy(weights=weights), epochs=1)
    assert from_settings(run.model.loss.settings()) == cr.CrossEntropy(weights=(1.0, 5.0))
    with pytest.raises(SettingError, match="say the same twice"):
        train("dense2", (TABLE, CODES), tmp_path / "b", loss=cr.CrossEntropy(weights=weights), class_weight="balanced")
