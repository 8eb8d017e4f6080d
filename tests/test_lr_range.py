"""The learning rate range test: its suggestion is stable over seeds, and as good as the best of a grid."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.loss import Loss

X = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
MLP = "dense64 tanh dense64 tanh"
# name, network, data, optimiser, and a grid of rates around the best
CASES: dict[str, tuple[str, Any, Any]] = {
    "digits, Adam": ("flatten dense64 relu dense10", lambda: cr.data.load("digits"), cr.Adam()),
    "digits, SGD": ("flatten dense64 relu dense10", lambda: cr.data.load("digits"), cr.SGD(1.0)),
    "digits, momentum": ("flatten dense64 relu dense10", lambda: cr.data.load("digits"), cr.SGD(1.0, momentum=0.9)),
    "iris": (f"{MLP} dense3", lambda: load_iris(return_X_y=True), cr.Adam()),
    "cancer": (f"{MLP} dense2", lambda: load_breast_cancer(return_X_y=True), cr.Adam()),
    "diabetes": (f"{MLP} dense1", lambda: load_diabetes(return_X_y=True), cr.Adam()),
}
GRID = [10.0**power for power in np.arange(-4, 0.6, 0.5)]


@pytest.mark.parametrize("name", CASES)
def test_suggestions_of_single_seeds_are_near_each_other(name: str) -> None:
    net, data, optimizer = CASES[name]
    found = cr.lr_range(net, data(), optimizer=optimizer, seeds=8)
    assert len(found.suggestions) == 8
    assert max(found.suggestions) / min(found.suggestions) < 2.5
    assert found.suggestion == np.median(found.suggestions)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("digits, SGD", "cancer")])
def test_training_with_the_suggestion_is_near_the_best_of_a_grid(name: str, tmp_path: Path) -> None:
    net, data, optimizer = CASES[name]

    def trained(lr: float, seed: int) -> float:
        settings: dict[str, Any] = {
            "optimizer": replace(optimizer, lr=lr),
            "epochs": 20,
            "seed": seed,
            "progress": False,
        }
        run = cr.train(net, data(), folder=tmp_path / f"{lr:g}-{seed}", **settings)
        assert run.result is not None
        scores = run.result["scores"]["test"]
        return float(scores.get("accuracy", scores.get("r2", 0.0)))

    def mean(lr: float) -> float:
        with np.errstate(all="ignore"):  # the largest rates of the grid diverge
            return float(np.mean([trained(lr, seed) for seed in (0, 1)]))

    found = cr.lr_range(net, data(), optimizer=optimizer)
    assert found.suggestion is not None
    assert mean(found.suggestion) > max(map(mean, GRID)) - 0.05


def test_the_curve_is_that_of_steps_from_the_initial_arrays() -> None:
    """Against a loop over single steps."""
    found = cr.lr_range("dense8 relu dense2", (X, Y), steps=50, seeds=1, l2=0.0, batch_size=20, high=0.1)
    parts = cr.Dataset(X, Y).split(0.1, 0.2, 0)
    x = (parts.train.x[:] - np.mean(parts.train.x, 0)) / np.std(parts.train.x, 0)
    step = cr.Step("dense8 relu dense2", x[:20], parts.train.y[:20], optimizer=cr.Adam(), seed=0)
    losses: list[float] = []
    epoch = 0
    while len(losses) < 50:
        for rows in list(cr.data.batches(len(x), 20, 0, epoch))[: len(x) // 20]:
            rate = float(found.lr[min(len(losses), 49)])
            losses.append(float(step.run({"x": x[rows], "y": parts.train.y[rows]}, rate)["loss"]))
        epoch += 1
    assert found.losses[0] == pytest.approx(losses[:50], rel=1e-4)
    assert found.lr[[0, -1]] == pytest.approx([1e-6, 0.1])
    assert np.ptp(np.diff(np.log(found.lr))) < 1e-9


def test_the_test_and_validation_rows_are_not_learned_from() -> None:
    parts = cr.Dataset(X, Y).split(0.1, 0.2, 0)
    assert parts.validation is not None
    assert parts.test is not None
    x = X.copy()
    for part in (parts.validation, parts.test):
        x[part.where] = 1e6
    found, same = (cr.lr_range("dense2", (each, Y), steps=50, seeds=1) for each in (X, x))
    assert np.array_equal(found.losses, same.losses)


@pytest.mark.parametrize("loss", [cr.Focal(), cr.Hinge(), cr.CrossEntropy(weights=(1, 5))], ids=str)
def test_other_losses_and_weights(loss: Loss) -> None:
    weights = np.linspace(0, 2, 120)
    found = cr.lr_range("dense8 relu dense2", cr.Dataset.of(X, Y, weights=weights), loss=loss)
    assert found.suggestion is not None
    assert 1e-3 < found.suggestion < 1


def test_where_no_rate_helps_none_is_suggested() -> None:
    found = cr.lr_range("dense2", (X, Y), low=1e-9, high=1e-8)
    assert found.suggestion is None
    assert "no learning rate from 1e-09 to 1e-08 lowered the loss" in str(found)
    assert "suggested" not in str(found)


def test_what_diverges_early_is_still_judged() -> None:
    found = cr.lr_range("dense1", (X, X @ np.ones((4, 1))), optimizer=cr.SGD(1.0), low=1e-4, high=1e6)
    assert np.isinf(found.losses[:, -1]).all()
    assert found.suggestion is not None
    assert found.suggestion < found.diverges < 1e6
    assert re.search(r"^1\.00e\+06 +diverged$", str(found), re.MULTILINE)
    assert f"diverges at {found.diverges:.2g}" in str(found)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"low": 1.0, "high": 0.1},
            "The 'low' parameter of lr_range must be below high, which is 0.1. Got 1.0 instead",
        ),
        ({"low": 0.0}, r"The 'low' parameter of lr_range must be a number in the range \(0, inf\)"),
        ({"high": float("inf")}, "The 'high' parameter of lr_range"),
        ({"steps": 10}, "The 'steps' parameter of lr_range must be an int of at least 50"),
        ({"seeds": 0}, "The 'seeds' parameter of lr_range must be an int of at least 1"),
        ({"batch_size": 0}, "The 'batch_size' parameter of lr_range"),
        ({"optimizer": 0.1}, "The 'optimizer' parameter of lr_range must be an optimiser"),
        ({"net": "dense3"}, "the target has 2 classes"),
        ({"start": {"dense1/w": np.full((4, 2), 1e38)}}, "the loss of the first batch is no finite number"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ChainruleError, match=sentence):
        cr.lr_range(**{"net": "dense2", "data": (X, Y), **settings})


def test_the_command_and_its_picture(cli: Cli, write_csv: Any) -> None:
    write_csv("t.csv", [["a", "b", "kind"], *([*map(float, x[:2]), "xy"[y]] for x, y in zip(X, Y, strict=True))])
    done = cli("lr-range", "t.csv", "--target", "kind", "--net", "dense8 relu dense2", "--output", "lr.svg")
    assert done.exit_code == 0, done.output
    assert re.search(r"^lr +loss$", done.output, re.MULTILINE)
    assert re.search(r"^\d\.\d+e[+-]\d+ +0\.\d+ +<- near the suggestion$", done.output, re.MULTILINE)
    suggested = re.search(r"^suggested: (\S+) \(of 3 seeds: ", done.output, re.MULTILINE)
    assert suggested is not None
    assert f"chainrule train t.csv ... --lr {suggested[1]}" in done.output
    assert "written: lr.svg" in done.output
    assert Path("lr.svg").read_text().startswith("<svg")
    done = cli("lr-range", "t.csv", "--target", "kind", "--low", "1", "--high", "0.1")
    assert (done.exit_code, "must be below high" in done.output) == (2, True)
    done = cli("lr-range", "t.csv", "--target", "kind", "--output", "lr.pdf")
    assert (done.exit_code, ".svg or .png" in done.output) == (2, True)


def test_the_same_again_and_in_png(tmp_path: Path) -> None:
    found, again = (cr.lr_range("dense2", (X, Y), steps=60) for _ in range(2))
    assert np.array_equal(found.losses, again.losses)
    assert found.save(tmp_path / "a.png").read_bytes()[1:4] == b"PNG"
