"""Optimisers, schedules, initialisers and metrics against plain definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

import chainrule as cr
from chainrule import init, metrics
from chainrule.errors import SettingError, UnknownName
from chainrule.graph import tensor
from chainrule.optim import Optimizer


def sgd_loop(p: Any, gradients: Any, lr: float, momentum: float) -> Any:
    v = np.zeros_like(p)
    for g in gradients:
        v = momentum * v + g
        p = p - lr * v
    return p


def adam_loop(p: Any, gradients: Any, lr: float, b1: float, b2: float, eps: float) -> Any:
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        p = p - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    return p


OPTIMIZERS: list[tuple[Optimizer, Any]] = [
    (cr.SGD(0.1), lambda p, g: sgd_loop(p, g, 0.1, 0.0)),
    (cr.SGD(0.1, momentum=0.9), lambda p, g: sgd_loop(p, g, 0.1, 0.9)),
    (cr.Adam(), lambda p, g: adam_loop(p, g, 1e-3, 0.9, 0.999, 1e-8)),
    (cr.Adam(0.1, b1=0.5, b2=0.9, eps=0.1), lambda p, g: adam_loop(p, g, 0.1, 0.5, 0.9, 0.1)),
]


def test_every_optimiser_is_in_the_table() -> None:
    assert {type(o) for o, _ in OPTIMIZERS} == set(Optimizer.__subclasses__())


@pytest.mark.parametrize(("optimizer", "oracle"), OPTIMIZERS, ids=lambda v: repr(v) if isinstance(v, Optimizer) else "")
def test_twenty_steps(optimizer: Optimizer, oracle: Any) -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 2)), rng.normal(size=(20, 3, 2))
    p, state = tensor(start), {slot: tensor(np.zeros((3, 2))) for slot in optimizer.slots}
    for t, g in enumerate(gradients, 1):
        p, state = optimizer.update(p, tensor(g), state, tensor(float(t)), tensor(optimizer.lr))
        assert set(state) == set(optimizer.slots)
    np.testing.assert_allclose(np.asarray(p), oracle(start, gradients), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: cr.SGD(0), r"The 'lr' parameter of SGD must be a number in the range \(0, inf\)\. Got 0 instead\."),
        (lambda: cr.SGD(0.1, momentum=1), "The 'momentum' parameter of SGD"),
        (lambda: cr.Adam(b1=1.0), "The 'b1' parameter of Adam"),
        (lambda: cr.Cosine(warmup=1), "The 'warmup' parameter of Cosine"),
    ],
)
def test_settings_out_of_range(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()


def test_schedules() -> None:
    assert [cr.Constant().factor(d) for d in (0, 0.5)] == [1, 1]
    assert [cr.Cosine().factor(d) for d in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert [cr.Cosine(0.2).factor(d) for d in (0.1, 0.2, 0.6)] == pytest.approx([0.5, 1, 0.5])


@pytest.mark.parametrize(("make", "gain"), [(init.he_normal, 2), (init.lecun_normal, 1)])
def test_spread_of_initial_weights(make: init.Initializer, gain: float) -> None:
    w = make((5, 5, 8, 400), init.Draw(0, "conv/w"))
    expected = math.sqrt(gain / (5 * 5 * 8))
    assert abs(w.std() / expected - 1) < 5 / math.sqrt(2 * w.size)
    np.testing.assert_array_equal(w, make((5, 5, 8, 400), init.Draw(0, "conv/w")))
    for other in (init.Draw(1, "conv/w"), init.Draw(0, "conv2/w")):
        assert not np.array_equal(w, make((5, 5, 8, 400), other))


def test_initialisers_by_name() -> None:
    assert all(init.named(name) is f for name, f in init.INITIALIZERS.items())
    with pytest.raises(UnknownName, match="did you mean 'he_normal'"):
        init.named("he_norml")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_classification_metrics_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    true, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    assert metrics.accuracy(np.eye(4)[predicted], true) == pytest.approx(sk.accuracy_score(true, predicted))
    expected = sk.confusion_matrix(true, predicted, labels=range(4))
    np.testing.assert_array_equal(metrics.confusion(predicted, true, 4), expected)


numbers = st.floats(-1e3, 1e3, width=32)


@given(st.lists(st.tuples(numbers, numbers), min_size=2))
def test_regression_metrics_are_scikit_learns(pairs: list[tuple[float, float]]) -> None:
    true, predicted = (np.array(side)[:, None] for side in zip(*pairs, strict=True))
    assert metrics.rmse(predicted, true) == pytest.approx(math.sqrt(sk.mean_squared_error(true, predicted)))
    assert metrics.mae(predicted, true) == pytest.approx(sk.mean_absolute_error(true, predicted))
    assert metrics.r2(predicted, true) == pytest.approx(sk.r2_score(true, predicted), rel=1e-9, abs=1e-9)
