"""Adaline: the delta rule, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SettingError
from chainrule.philox import permutation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3))
Y = (X @ [1.0, -2.0, 0.5] + 0.8 * RNG.normal(size=24) > 0.2).astype(int)  # no plane parts them


def least_squares(signs: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), signs, rcond=None)[0])


@pytest.mark.parametrize("seed", range(3))
def test_it_ends_at_the_least_squares_solution(seed: int) -> None:
    """With an lr that falls as 1 / k; with a constant one it wanders nearby."""
    best = least_squares(2 * Y - 1)
    falling = cr.Adaline(lr=0.1, decay=0.05, epochs=1000, seed=seed).fit(X, Y)
    steady = cr.Adaline(lr=0.1, epochs=1000, seed=seed).fit(X, Y)
    off = [np.abs(np.append(m.weights_[:, 0], m.bias_) - best).max() for m in (falling, steady)]
    assert off[0] < 2e-3
    assert off[1] > 5 * off[0]


def test_three_classes_are_three_least_squares_problems() -> None:
    y = np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.5, 0.5])
    model = cr.Adaline(lr=0.1, decay=0.05, epochs=1000).fit(X, y)
    best = least_squares(np.where(y[:, None] == np.arange(3), 1, -1))
    np.testing.assert_allclose(np.vstack([model.weights_, model.bias_]), best, atol=3e-3)


def test_the_rule_by_hand() -> None:
    model = cr.Adaline(lr=0.05, decay=0.5, epochs=2, seed=4).fit(X, Y)
    w, b, k = np.zeros(3), 0.0, 0
    for epoch in range(2):
        errors = []
        for i in permutation(4, "Adaline", epoch, len(X)):
            error = 2 * Y[i] - 1 - (X[i] @ w + b)
            w, b, k = w + 0.05 / (1 + 0.5 * k) * error * X[i], b + 0.05 / (1 + 0.5 * k) * error, k + 1
            errors.append(error**2)
        np.testing.assert_allclose(model.history_[epoch].weights[:, 0], w)
        assert model.history_[epoch].error == pytest.approx(np.mean(errors))
    assert model.bias_[0] == pytest.approx(b)


def test_right_rows_move_it_too() -> None:
    """Unlike the perceptron it goes on after an epoch without a mistake, and its error falls on."""
    x, y = np.array([[-1.0], [1.0]]), [0, 1]
    model = cr.Adaline(lr=0.1, epochs=30).fit(x, y)
    assert [epoch.mistakes for epoch in model.history_[5:]] == [0] * 25
    assert len(model.history_) == 30
    assert model.converged_
    assert model.history_[-1].error < model.history_[5].error / 10


def test_an_lr_that_is_too_large_is_named() -> None:
    with pytest.raises(SettingError, match=r"grew without end in epoch \d+: lr 3 is too large .* well below 0\.\d+"):
        cr.Adaline(lr=3.0, epochs=500).fit(X, Y)


def test_decay_out_of_range() -> None:
    with pytest.raises(SettingError, match="'decay' parameter of Adaline"):
        cr.Adaline(decay=-1).fit(X, Y)
