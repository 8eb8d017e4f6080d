"""Perceptron, Adaline and Madaline as estimators: the very rules of `chainrule.classics`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import classics, estimators
from chainrule.errors import DataError, SettingError

RNG = np.random.default_rng(0)
Y = np.array(["one", "other"])[np.arange(60) % 2]
X = RNG.normal(size=(60, 2)) + 4 * (Y == "one")[:, None]


@pytest.mark.parametrize("name", ["Perceptron", "Adaline", "Madaline"])
def test_the_rule_is_that_of_the_classics(name: str) -> None:
    seed = int(np.random.RandomState(3).randint(2**31 - 1))
    rule = getattr(classics, name)(seed=seed, epochs=5).fit(X, Y)
    fitted = getattr(estimators, name)(random_state=3, epochs=5, standardise=False).fit(X, Y)
    assert (fitted.decision_function(X) == rule.nets(X)[:, 0]).all()
    assert (fitted.predict(X) == rule.predict(X)).all()
    assert fitted.n_iter_ == len(rule.history_)


@pytest.mark.parametrize("name", ["Perceptron", "Adaline", "Madaline"])
def test_large_features_are_standardised(name: str) -> None:
    assert getattr(estimators, name)(random_state=0).fit(1e4 * X + 1e5, Y).score(1e4 * X + 1e5, Y) > 0.95


def test_three_classes() -> None:
    y = np.arange(90) % 3
    x = np.array([[0, 0], [5, 0], [0, 5]])[y] + RNG.normal(size=(90, 2))
    fitted = estimators.Perceptron(random_state=0).fit(x, y)
    assert fitted.decision_function(x).shape == (90, 3)
    assert fitted.score(x, y) > 0.9


@pytest.mark.parametrize(
    ("settings", "y", "error", "sentence"),
    [
        ({"lr": -1.0}, Y, SettingError, "The 'lr' parameter of Perceptron must be a number in the range"),
        ({}, np.zeros(60), DataError, "expected at least two classes in y to tell apart, found 1 class"),
    ],
)
def test_what_does_not_fit(settings: dict[str, Any], y: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        estimators.Perceptron(**settings).fit(X, y)
