"""Madaline, rule II: as little disturbance as possible."""

from __future__ import annotations

from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.classics.madaline import _trials
from chainrule.errors import SettingError

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)
PARITY = np.array([0, 1, 1, 0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hidden", [(2,), (6,), (4, 3)])
def test_xor_with_other_hidden_layers(hidden: tuple[int, ...], seed: int) -> None:
    model = cr.Madaline(hidden=hidden, seed=seed).fit(XOR, PARITY)
    assert model.score(XOR, PARITY) == 1
    assert model.history_[-1].mistakes == 0
    assert [w.shape for w in model.weights_] == list(zip((2, *hidden), (*hidden, 1), strict=True))


def test_parity_of_three() -> None:
    x = np.array(list(product([-1, 1], repeat=3)), np.float64)
    y = (x.prod(axis=1) > 0).astype(int)
    assert cr.Madaline(hidden=(8,)).fit(x, y).score(x, y) == 1


def test_three_classes_that_are_rings() -> None:
    rng = np.random.default_rng(0)
    angle, ring = rng.uniform(0, 2 * np.pi, 60), np.arange(60) % 3
    x = np.column_stack([np.cos(angle), np.sin(angle)]) * (1.0 + 2 * ring)[:, None]
    lines = cr.Perceptron(epochs=60).fit(x, ring).score(x, ring)
    assert cr.Madaline(hidden=(24,), epochs=60, stuck=60).fit(x, ring).score(x, ring) > max(lines, 0.8)


def test_a_right_row_changes_nothing_and_a_wrong_one_one_unit() -> None:
    """Of the units whose flip helps, the one with the smallest |net| moves, to exactly -1 or 1."""
    model = cr.Madaline(hidden=(4,), together=1).fit(XOR, PARITY)
    model.weights_, model.bias_ = _signs_of(4)
    x = next(row for row in XOR if abs(model._above(row, 0)) < 2)  # one flip decides
    right = np.sign(model._above(x, 0))
    before = [w.copy() for w in model.weights_]
    assert model._learn(x, right)[0] is False
    assert all(np.array_equal(w, old) for w, old in zip(model.weights_, before, strict=True))
    assert model._learn(x, -right)[0] is True
    moved = [np.flatnonzero((w != old).any(axis=0)) for w, old in zip(model.weights_, before, strict=True)]
    assert [len(units) for units in moved] == [1, 0]
    unit = moved[0][0]
    old = x @ before[0] + _signs_of(4)[1][0]
    new = x @ model.weights_[0] + model.bias_[0]
    assert new[unit] == pytest.approx(-np.sign(old[unit]))
    assert np.sign(model._above(x, 0)) == -right
    helpful = [u for u in range(4) if np.sign(_flipped(before, x, u)) == -right]
    assert unit == min(helpful, key=lambda u: abs(old[u]))


def test_a_small_lr_leaves_a_unit_on_its_side_until_it_has_turned() -> None:
    """What is counted as wrong after an adaptation is what the weights then give, not what the trial promised."""
    model = cr.Madaline(hidden=(4,), together=1, lr=0.01).fit(XOR, PARITY)
    model.weights_, model.bias_ = _signs_of(4)
    x = next(row for row in XOR if abs(model._above(row, 0)) < 2)
    target = -np.sign(model._above(x, 0))
    left = model._disturb(x, 0, target, 1)
    assert left == model._wrong(x, 0, target) == 1


def _signs_of(units: int) -> tuple[list[Any], list[Any]]:
    """Weights of a net with one hidden layer in which the output is close, so that single units decide."""
    rng = np.random.default_rng(1)
    return [rng.normal(size=(2, units)), np.ones((units, 1))], [rng.normal(size=units), np.array([0.5])]


def _flipped(weights: list[Any], x: Any, unit: int) -> Any:
    h = np.where(x @ weights[0] + _signs_of(4)[1][0] > 0, 1.0, -1.0)
    h[unit] *= -1
    return h @ weights[1] + _signs_of(4)[1][1]


@given(size=st.lists(st.floats(0, 100), min_size=1, max_size=6), together=st.integers(1, 4))
def test_the_trials_come_in_order(size: list[float], together: int) -> None:
    """All groups up to that many units, small groups first, the least sure first."""
    found = list(_trials(np.array(size), together))
    groups = [g for k in range(1, min(together, len(size)) + 1) for g in combinations(range(len(size)), k)]
    assert sorted(map(tuple, found)) == sorted(groups)
    keys = [(len(units), sum(size[u] for u in units)) for units in found]
    assert all(a[0] < b[0] or a[1] <= b[1] + 1e-9 for a, b in pairwise(keys))


def test_in_a_circle_it_begins_anew() -> None:
    """Some start of two hidden units goes in circles: without new draws it stays unsolved, with them it is solved."""
    alone = {s: cr.Madaline(hidden=(2,), seed=s, epochs=200, stuck=1000).fit(XOR, PARITY) for s in range(8)}
    circles = [seed for seed, model in alone.items() if not model.converged_]
    assert circles
    for seed in circles:
        assert alone[seed].score(XOR, PARITY) < 1
        assert cr.Madaline(hidden=(2,), seed=seed).fit(XOR, PARITY).score(XOR, PARITY) == 1


def test_the_best_pass_is_kept() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = np.random.default_rng(1).integers(0, 2, 40)
    model = cr.Madaline(hidden=(2,), epochs=12).fit(x, y)
    best = min(model.history_, key=lambda e: e.mistakes)
    assert not model.converged_
    assert model.weights_ is best.weights


@pytest.mark.parametrize(
    ("setting", "name"),
    [({"hidden": ()}, "hidden"), ({"hidden": (0,)}, "hidden"), ({"hidden": 4}, "hidden"), ({"together": 0}, "together"),
     ({"stuck": 0}, "stuck")],
)  # fmt: skip
def test_bad_settings(setting: Any, name: str) -> None:
    with pytest.raises(SettingError, match=f"'{name}' parameter of Madaline"):
        cr.Madaline(**setting).fit(XOR, PARITY)
