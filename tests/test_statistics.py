"""The lectures' claims about initialisation, measured (CS231n, lecture 5): ten layers of 500 units, ten seeds."""

from __future__ import annotations

import webbrowser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, SettingError, ShapeError
from chainrule.init import Constant, Initializer, Normal, he_normal, xavier_normal

X = np.random.default_rng(0).normal(size=(200, 500)).astype(np.float32)
SEEDS = range(10)


def stds(activation: Any, init: Initializer, seed: int) -> tuple[list[float], list[Any]]:
    """Standard deviation and saturation behind each of the ten activations."""
    net = cr.Sequential(*(layer for _ in range(10) for layer in (cr.Dense(500, init), activation())))
    rows = [row for row in cr.activation_statistics(net, X, seed=seed) if not row.path.startswith("dense")]
    return [row.std for row in rows], [row.saturated for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_small_random_weights_collapse(seed: int) -> None:
    found, _ = stds(cr.Tanh, Normal(0.01), seed)
    assert found[-1] < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_large_random_weights_saturate(seed: int) -> None:
    _, saturated = stds(cr.Tanh, Normal(1.0), seed)
    assert min(saturated) > 0.85


@pytest.mark.parametrize("seed", SEEDS)
def test_xavier_keeps_tanh_alive(seed: int) -> None:
    found, _ = stds(cr.Tanh, xavier_normal, seed)
    assert 0.1 < min(found) <= max(found) < 0.7


@pytest.mark.parametrize("seed", SEEDS)
def test_relu_shrinks_under_xavier_and_not_under_he(seed: int) -> None:
    shrinking, _ = stds(cr.ReLU, xavier_normal, seed)
    assert all(later < earlier for earlier, later in pairwise(shrinking))
    kept, _ = stds(cr.ReLU, he_normal, seed)
    assert kept[-1] > 0.5 * kept[0]


def test_the_table_and_the_picture(tmp_path: Path) -> None:
    rows = cr.activation_statistics("dense8 tanh dense8 sigmoid dense3 relu", X)
    assert [row.path for row in rows] == ["dense1", "tanh1", "dense2", "sigmoid1", "dense3", "relu1"]
    assert [row.saturated is None for row in rows] == [True, False, True, False, True, True]
    assert rows[5].zero == pytest.approx(0.5, abs=0.4)
    assert rows[0].counts.sum() == 200 * 8
    lines = repr(rows).splitlines()
    assert lines[0].split() == ["layer", "what", "mean", "std", "zero", "saturated"]
    assert len(lines) == 7
    assert rows.save(tmp_path / "rows.svg").read_text().count("relu1") >= 1


def test_some_rows_and_the_picture_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    behind = cr.activation_statistics("dense8 tanh dense8 tanh", X)[1::2]
    assert [row.path for row in behind] == ["tanh1", "tanh2"]
    assert len(repr(behind).splitlines()) == 3
    assert behind.save(tmp_path / "rows.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SettingError, match=r"rows: a chart is saved as \.svg or \.png, found 'no ending'"):
        behind.save(tmp_path / "rows")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    behind.show()
    assert opened == [Path(capsys.readouterr().out.strip()).as_uri()]


def test_given_parameters_and_inputs_that_do_not_fit() -> None:
    step = cr.Step("dense4 tanh dense2", X, np.zeros(200, int), optimizer=cr.Adam(0.1))
    for _ in range(20):
        step(X, np.zeros(200, int))
    trained = cr.activation_statistics("dense4 tanh dense2", X, step.arrays)
    assert trained[2].std != cr.activation_statistics("dense4 tanh dense2", X)[2].std
    with pytest.raises(ShapeError, match=r"expected inputs \(n, \.\.\.\), n at least 1, found \(0, 3\)"):
        cr.activation_statistics("dense4", np.zeros((0, 3)))


def test_a_network_that_overflows_is_shown_and_says_where(tmp_path: Path) -> None:
    """What the statistics are for: forty layers of ReLU under large weights."""
    net = cr.Sequential(*(layer for _ in range(40) for layer in (cr.Dense(500, Normal(1.0)), cr.ReLU())))
    rows = cr.activation_statistics(net, X[:20])
    lost = [row.not_finite for row in rows]
    assert lost[:20] == [0] * 20
    assert lost[-1] == 1
    assert np.isnan(rows[-1].mean)
    assert rows[-1].counts.sum() == 0
    finite = [row for row in rows if row.not_finite < 1]
    assert all(np.isfinite([row.mean, row.std]).all() for row in finite)
    assert all(row.counts.sum() == round(20 * 500 * (1 - row.not_finite)) for row in rows)
    head, *lines = repr(rows).splitlines()
    assert head.endswith("not finite")
    assert lines[0].endswith("0.0%")
    assert lines[-1].endswith("100.0%")
    assert rows[:30].save(tmp_path / "rows.svg").exists()


@pytest.mark.parametrize("value", [0.0, 1e9, -1e30, 3e-30])
def test_outputs_that_are_all_the_same_have_one_bar(value: float, tmp_path: Path) -> None:
    rows = cr.activation_statistics(cr.Sequential(cr.Dense(4, Constant(value))), np.ones((5, 1)))
    assert sorted(rows[0].counts)[-2:] == [0, 20]
    assert rows[0].edges[0] < np.float32(value) < rows[0].edges[-1]
    assert rows.save(tmp_path / "one.svg").exists()


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (
            lambda: cr.activation_statistics("dense3", [[np.nan, 1.0]]),
            DataError,
            "finite numbers in x, found nan in row 0",
        ),
        (
            lambda: cr.activation_statistics("dense3", X, {}),
            ShapeError,
            r"arrays: 'dense1/w' should be \(500, 3\), found none",
        ),
        (
            lambda: cr.activation_statistics("dense3", X, {"dense1/w": np.ones((2, 3)), "dense1/b": np.ones(3)}),
            ShapeError,
            r"'dense1/w' should be \(500, 3\), found \(2, 3\)",
        ),
        (
            lambda: cr.activation_statistics("dense3", X, seed=-1),
            SettingError,
            "'seed' parameter of activation_statistics",
        ),
    ],
)
def test_what_it_refuses(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()


def test_no_rows_make_no_picture() -> None:
    for rows in (cr.activation_statistics("dense3", X)[5:], cr.activation_table("relu", turns=0)[5:]):
        with pytest.raises(SettingError, match="nothing to draw: none of the rows was chosen"):
            rows.show()


def test_it_looks_at_the_network_in_training() -> None:
    rows = cr.activation_statistics("dense40 bn dropout0.5", X * 3 + 5)
    assert abs(rows[1].mean) < 1e-5  # by the batch's own mean
    assert rows[2].zero == pytest.approx(0.5, abs=0.05)
