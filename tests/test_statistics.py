"""The lectures' claims about initialisation, measured (CS231n, lecture 5): ten layers of 500 units, ten seeds."""

from __future__ import annotations

import webbrowser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SettingError, ShapeError
from chainrule.init import Initializer, Normal, he_normal, xavier_normal

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
