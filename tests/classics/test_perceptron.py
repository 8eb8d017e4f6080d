"""The perceptron: its rule, its theorem, and what every classic refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import chainrule as cr
from chainrule.classics.base import Classic
from chainrule.errors import DataError, NoValueError, SettingError
from chainrule.philox import permutation

Floats = NDArray[np.float64]
KINDS = (cr.Perceptron, cr.Adaline, cr.Madaline)
XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)
PARITY = np.array([0, 1, 1, 0])


def apart(seed: int, classes: int, features: int, margin: float) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Rows (with a feature of 1 for the bias last) that the weights given parts by that margin, after Kesler."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(features + 1, classes))
    w /= np.linalg.norm(w)
    x = np.hstack([rng.normal(size=(80, features)), np.ones((80, 1))])
    nets = np.sort(x @ w, axis=1)
    clear = nets[:, -1] - nets[:, -2] >= margin
    return x[clear], (x @ w).argmax(axis=1)[clear], w


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), features=st.integers(1, 5), lr=st.sampled_from([0.1, 1.0, 7.0]))
def test_novikoffs_theorem(seed: int, features: int, lr: float) -> None:
    """Where a line parts two classes with the margin gamma, there are at most (R / gamma)^2 mistakes in all."""
    x, y, w = apart(seed, 2, features, 0.05)
    if len(np.unique(y)) < 2:
        return
    line = (w[:, 1] - w[:, 0]) / np.linalg.norm(w[:, 1] - w[:, 0])
    gamma, longest = np.abs(x @ line).min(), np.linalg.norm(x, axis=1).max()
    perceptron = cr.Perceptron(lr=lr, epochs=100_000, seed=seed % 100).fit(x[:, :-1], y)
    mistakes = sum(epoch.mistakes for epoch in perceptron.history_)
    assert 0 < mistakes <= (longest / gamma) ** 2
    assert perceptron.converged_
    assert perceptron.history_[-1].mistakes == 0
    assert perceptron.score(x[:, :-1], y) == 1


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(3, 5))
def test_the_theorem_for_many_classes(seed: int, classes: int) -> None:
    """Kesler's rows hold two copies of x, so they are sqrt(2) R long at most."""
    x, y, w = apart(seed, classes, 3, 0.05)
    if len(np.unique(y)) < classes:
        return
    nets = np.sort(x @ w, axis=1)
    gamma, longest = (nets[:, -1] - nets[:, -2]).min(), np.linalg.norm(x, axis=1).max()
    perceptron = cr.Perceptron(epochs=100_000).fit(x[:, :-1], y)
    assert sum(epoch.mistakes for epoch in perceptron.history_) <= 2 * (longest / gamma) ** 2
    assert perceptron.score(x[:, :-1], y) == 1


def test_the_rule_by_hand() -> None:
    x, y, _ = apart(9, 2, 2, 0.0)
    perceptron = cr.Perceptron(lr=0.5, epochs=3, seed=4).fit(x[:, :-1], y)
    w = np.zeros(3)
    for epoch, line in enumerate(perceptron.history_):
        mistakes = 0
        for i in permutation(4, "Perceptron", epoch, len(x)):
            error = y[i] - float(w @ x[i] > 0)
            w, mistakes = w + 0.5 * error * x[i], mistakes + (error != 0)
        np.testing.assert_allclose(np.append(line.weights[:, 0], line.bias), w)
        assert line.mistakes == mistakes


def test_lr_only_scales_the_weights() -> None:
    x, y, _ = apart(3, 2, 2, 0.05)
    small, large = (cr.Perceptron(lr=lr).fit(x, y) for lr in (0.25, 4.0))
    np.testing.assert_allclose(small.weights_ * 16, large.weights_)
    assert [e.mistakes for e in small.history_] == [e.mistakes for e in large.history_]


@pytest.mark.parametrize("seed", range(10))
def test_a_line_does_not_solve_xor_and_a_madaline_does(seed: int) -> None:
    right = {kind.__name__: kind(seed=seed).fit(XOR, PARITY).score(XOR, PARITY) for kind in KINDS}
    assert right["Perceptron"] <= 0.75
    assert right["Adaline"] <= 0.75
    assert right["Madaline"] == 1


def test_no_end_without_a_line() -> None:
    perceptron = cr.Perceptron(epochs=30).fit(XOR, PARITY)
    assert len(perceptron.history_) == 30
    assert not perceptron.converged_
    assert min(epoch.mistakes for epoch in perceptron.history_) > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [[0, 1], [-1.0, 1.0], [True, False], ["cat", "dog"], [7, 3], [0.25, 0.5]])
def test_labels_are_any_two_values(kind: type[Classic], labels: list[Any]) -> None:
    x = np.array([[0.0], [0.2], [0.8], [1.0]])
    y = np.array(labels)[[0, 0, 1, 1]]
    model = kind(epochs=400).fit(x, y)
    assert model.predict(x).tolist() == y.tolist()
    assert model.score(x, y[::-1]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits(kind: type[Classic]) -> None:
    x, y, _ = apart(5, 3, 4, 0.0)
    one, same, other = (kind(epochs=4, lr=0.02, seed=seed).fit(x[:, :-1], y) for seed in (1, 1, 2))
    nets = [model.nets(x[:, :-1]).tobytes() for model in (one, same, other)]
    assert nets[0] == nets[1] != nets[2]


@pytest.mark.parametrize("kind", KINDS)
def test_back_to_an_epoch(kind: type[Classic]) -> None:
    x, y, _ = apart(6, 2, 2, 0.0)
    model = kind(epochs=5, lr=0.01).fit(x[:, :-1], y)
    short = kind(epochs=1, lr=0.01).fit(x[:, :-1], y)
    np.testing.assert_array_equal(model.at(0).nets(x[:, :-1]), short.nets(x[:, :-1]))
    np.testing.assert_array_equal(model.at(-1).weights_[0], model.history_[-1].weights[0])
    with pytest.raises(SettingError, match="one of the 5 epochs of the history"):
        model.at(len(model.history_))


def test_images_and_ten_classes() -> None:
    data = cr.data.load("digits")
    perceptron = cr.Perceptron(epochs=20).fit(data.x[:1200] / 16, data.y[:1200])
    assert perceptron.weights_.shape == (64, 10)
    assert perceptron.score(data.x[1200:] / 16, data.y[1200:]) > 0.85


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        ([1.0, 2.0], [0, 1], r"found the shape \(2,\); write x\[:, None\]"),
        ([[1.0], [np.nan]], [0, 1], "found nan in row 1, column 0"),
        ([["a"], ["b"]], [0, 1], "expected numbers in x"),
        ([[1.0], [2.0]], [0, 1, 1], "found 2 rows in x and 3 in y"),
        ([[1.0], [2.0]], [1, 1], "at least two classes in y to tell apart, found only 1"),
        ([[1.0], [2.0]], [[0, 1], [1, 0]], r"one label per row in y, found the shape \(2, 2\)"),
        ([[1.0], [2.0]], [0.0, np.nan], "finite labels in y, found nan in row 1"),
        ([[1.0], [2.0], [3.0]], [0.1, 0.2, 0.3], "numbers with fractions"),
    ],
)
def test_bad_rows_and_labels(kind: type[Classic], x: Any, y: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        kind().fit(x, y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"lr": 0}, r"'lr' parameter of \w+ must be a number in the range \(0, inf\). Got 0"),
        ({"lr": np.inf}, "'lr'"),
        ({"lr": "a"}, "'lr'"),
        ({"lr": True}, "'lr'"),
        ({"epochs": 0}, "'epochs' parameter of .* an int of at least 1"),
        ({"epochs": 1.5}, "'epochs'"),
        ({"seed": -1}, "'seed'"),
        ({"seed": 2**32}, "'seed'"),
    ],
)
def test_bad_settings(kind: type[Classic], setting: Any, expected: str) -> None:
    with pytest.raises(SettingError, match=expected):
        kind(**setting).fit(XOR, PARITY)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_use(kind: type[Classic]) -> None:
    with pytest.raises(NoValueError, match=r"has learned nothing yet: call fit"):
        kind().predict(XOR)
    with pytest.raises(SettingError, match="history"):
        kind().at(0)
    model = kind(epochs=2).fit(XOR, PARITY)
    for epoch in (1.5, 0.0, True, 99, -99):
        with pytest.raises(SettingError, match="'epoch' parameter of at must be one of the"):
            model.at(epoch)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="expected 2 features, as in fit, found 3"):
        model.predict(np.ones((1, 3)))
    with pytest.raises(DataError, match=r"expected the classes of fit \(0, 1\), found 2"):
        model.score(XOR, [0, 1, 2, 0])
    with pytest.raises(DataError, match="found 4 rows in x and 3 in y"):
        model.score(XOR, [0, 1, 1])
