"""Optimisers, schedules, initialisers and metrics against plain definitions."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

import chainrule as cr
from chainrule import init, metrics, optim
from chainrule.errors import SettingError, UnknownName, is_ours
from chainrule.graph import tensor
from chainrule.optim import Optimizer

anything: Any = cr  # where wrong types are the point


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


def nesterov_loop(p: Any, gradients: Any, lr: float, momentum: float) -> Any:
    """CS231n, lecture 6, in the variables that look ahead: p += -m v_before + (1 + m) v."""
    v = np.zeros_like(p)
    for g in gradients:
        before, v = v, momentum * v - lr * g
        p = p - momentum * before + (1 + momentum) * v
    return p


def adagrad_loop(p: Any, gradients: Any, lr: float, eps: float) -> Any:
    for i, g in enumerate(gradients):
        p = p - lr * g / (np.sqrt(np.sum(gradients[: i + 1] ** 2, axis=0)) + eps)
    return p


def rmsprop_loop(p: Any, gradients: Any, lr: float, decay: float, eps: float) -> Any:
    for i, g in enumerate(gradients):
        weights = (1 - decay) * decay ** np.arange(i, -1, -1.0)
        p = p - lr * g / (np.sqrt(np.tensordot(weights, gradients[: i + 1] ** 2, 1)) + eps)
    return p


OPTIMIZERS: list[tuple[Optimizer, Any]] = [
    (cr.SGD(0.1), lambda p, g: sgd_loop(p, g, 0.1, 0.0)),
    (cr.SGD(0.1, momentum=0.9), lambda p, g: sgd_loop(p, g, 0.1, 0.9)),
    (cr.SGD(0.1, 0.9, True), lambda p, g: nesterov_loop(p, g, 0.1, 0.9)),
    (cr.AdaGrad(0.1), lambda p, g: adagrad_loop(p, g, 0.1, 1e-10)),
    (cr.RMSProp(0.1, 0.9), lambda p, g: rmsprop_loop(p, g, 0.1, 0.9, 1e-8)),
    (cr.AdamW(0.1, decay=0.0), lambda p, g: adam_loop(p, g, 0.1, 0.9, 0.999, 1e-8)),
    (cr.Adam(), lambda p, g: adam_loop(p, g, 1e-3, 0.9, 0.999, 1e-8)),
    (cr.Adam(0.1, b1=0.5, b2=0.9, eps=0.1), lambda p, g: adam_loop(p, g, 0.1, 0.5, 0.9, 0.1)),
]


def test_every_optimiser_is_in_the_table() -> None:
    assert {type(o) for o, _ in OPTIMIZERS} == set(filter(is_ours, optim.OPTIMIZERS.values()))


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
        (
            lambda: cr.SGD(0.1, nesterov=True),
            "The 'nesterov' parameter of SGD must be False where there is no momentum",
        ),
        (
            lambda: cr.Adam(clip_norm=0),
            r"The 'clip_norm' parameter of Adam must be a number in the range \(0, inf\), or None",
        ),
        (
            lambda: cr.SGD(0.1, max_norm=0),
            r"The 'max_norm' parameter of SGD must be a number in the range \(0, inf\), or None",
        ),
        (lambda: cr.AdamW(b2=1.0), "The 'b2' parameter of AdamW"),
        (lambda: cr.AdamW(decay=-1), "The 'decay' parameter of AdamW"),
        (lambda: cr.RMSProp(decay=1), "The 'decay' parameter of RMSProp"),
        (lambda: cr.Steps(at=(1.5,)), "The 'at' parameter of Steps must be shares in the range"),
        (lambda: cr.Exponential(0), "The 'final' parameter of Exponential"),
        (lambda: cr.WarmUp(1), "The 'rise' parameter of WarmUp"),
        (lambda: cr.OneCycle(start=2), "The 'start' parameter of OneCycle"),
        (lambda: cr.Plateau(drop=1), "The 'drop' parameter of Plateau"),
        (
            lambda: anything.Adam("0.1"),
            r"The 'lr' parameter of Adam must be a number in the range \(0, inf\). Got '0.1'",
        ),
        (lambda: cr.SGD(math.inf), "The 'lr' parameter of SGD"),
        (lambda: cr.SGD(True), "The 'lr' parameter of SGD"),
        (
            lambda: anything.SGD(0.1, momentum="0.9"),
            r"'momentum' parameter of SGD must be a number in the range \[0, 1\)",
        ),
        (
            lambda: anything.SGD(0.1, 0.9, nesterov="yes"),
            "'nesterov' parameter of SGD must be True or False. Got 'yes'",
        ),
        (lambda: anything.SGD(0.1, clip_norm="1"), "'clip_norm' parameter of SGD"),
        (lambda: cr.Adam(eps=0), r"'eps' parameter of Adam must be a number in the range \[1e-37, inf\). Got 0"),
        (lambda: cr.AdamW(eps=1e-46), "'eps' parameter of AdamW"),
        (lambda: cr.AdaGrad(eps=-1), "'eps' parameter of AdaGrad"),
        (lambda: cr.RMSProp(eps=0), "'eps' parameter of RMSProp"),
        (lambda: anything.Steps(at=0.5), "'at' parameter of Steps must be shares in the range .* Got 0.5"),
        (lambda: anything.Steps(at=("a",)), "'at' parameter of Steps"),
        (lambda: anything.Plateau(patience=1.5), "'patience' parameter of Plateau must be an int of at least 0"),
        (lambda: anything.WarmUp(0.1, "cosine"), "'then' parameter of WarmUp must be a schedule such as cr.Cosine"),
        (lambda: anything.WarmUp(0.1, cr.Cosine), "'then' parameter of WarmUp must be a schedule"),
    ],
)
def test_settings_out_of_range(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()


def test_settings_are_plain_data() -> None:
    numbers: Any = np.float32(0.25), np.int64(3)
    assert json.loads(json.dumps(cr.SGD(numbers[0]).settings()))["lr"] == 0.25
    assert json.loads(json.dumps(cr.Plateau(patience=numbers[1]).settings()))["patience"] == 3
    assert json.loads(json.dumps(cr.WarmUp(numbers[0], cr.Cosine(numbers[0])).settings()))["then"]["warmup"] == 0.25


@pytest.mark.parametrize("b2", [0.9, 0.999, 0.99999, 0.999999])
def test_adams_first_step_is_lr_in_float32_too(b2: float) -> None:
    """m' / (1 - b1) = g and v' / (1 - b2) = g^2, so p moves by lr; 1 - exp(ln b2) has no digit of 1 - b2 left at 0.9999999."""
    still, one = np.zeros(3, np.float32), np.float32(1)
    optimizer = cr.Adam(0.5, b2=b2)
    start = {slot: tensor(still) for slot in optimizer.slots}
    p, _ = optimizer.update(tensor(still), tensor(still + 3), start, tensor(one), tensor(one / 2))
    np.testing.assert_allclose(np.asarray(p), -0.5, rtol=1e-6)


def test_clipping() -> None:
    p, q = tensor(np.zeros(2)), tensor(np.zeros(2))
    gradients = {p: tensor([3.0, 0.5]), q: tensor([-4.0, 0.0])}
    by_value = cr.SGD(1.0, clip_value=1.0).clipped(gradients)
    assert [by_value[k].tolist() for k in (p, q)] == [[1, 0.5], [-1, 0]]
    by_norm = cr.SGD(1.0, clip_norm=1.0).clipped(gradients)
    whole = np.concatenate([np.asarray(by_norm[k]) for k in (p, q)])
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(whole / whole[0], np.array([3, 0.5, -4, 0]) / 3)
    small = cr.SGD(1.0, clip_norm=100.0).clipped(gradients)
    assert small[p].tolist() == [3, 0.5]


def test_only_weights_decay() -> None:
    x, y = np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32)
    step = cr.Step("dense2", x, y, optimizer=cr.AdamW(0.1, decay=0.5))
    before = step.arrays
    step(x, y)
    np.testing.assert_allclose(step.arrays["dense1/w"], 0.95 * before["dense1/w"], rtol=1e-6)
    np.testing.assert_array_equal(step.arrays["dense1/b"], before["dense1/b"])


def test_max_norm_holds_for_weights_after_every_step() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 6, 6, 2)), 100 * rng.normal(size=(16, 3))
    step = cr.Step("conv4-3 relu gap dense3", x, y, optimizer=cr.SGD(0.5, max_norm=0.7))
    for _ in range(5):
        step(x, y)
        norms = {p: np.sqrt((a**2).reshape(-1, a.shape[-1]).sum(0)) for p, a in step.arrays.items()}
        assert all(norms[path].max() <= 0.7 * (1 + 1e-6) for path in ("conv2d1/w", "dense1/w"))
        assert norms["dense1/w"].max() > 0.69
    assert norms["dense1/b"].max() > 1  # a bias is no incoming weight


def test_schedules() -> None:
    assert [cr.Steps(0.1, (0.5, 0.75)).factor(d) for d in (0.4, 0.5, 0.8)] == pytest.approx([1, 0.1, 0.01])
    assert [cr.Exponential(0.01).factor(d) for d in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])
    assert [cr.WarmUp(0.2, cr.Exponential(0.01)).factor(d) for d in (0.1, 0.2, 0.6)] == pytest.approx([0.5, 1, 0.1])
    assert [cr.OneCycle(0.5, 0.2, 0.1).factor(d) for d in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx(
        [0.2, 0.6, 1, 0.55, 0.1]
    )
    losses = [3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 1.0]
    plateau = cr.Plateau(0.1, patience=1)
    assert [plateau.factor(0.5, losses[:n]) for n in (0, 2, 3, 4, 6, 7)] == pytest.approx([1, 1, 1, 0.1, 0.01, 0.01])
    assert cr.WarmUp(0.1, cr.Steps()).settings() == {
        "name": "WarmUp",
        "rise": 0.1,
        "then": {"name": "Steps", "drop": 0.1, "at": (0.5, 0.75)},
    }
    assert [cr.Constant().factor(d) for d in (0, 0.5)] == [1, 1]
    assert [cr.Cosine().factor(d) for d in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert [cr.Cosine(0.2).factor(d) for d in (0.1, 0.2, 0.6)] == pytest.approx([0.5, 1, 0.5])


SPREADS = {  # of a kernel (5, 5, 8, 400): inputs 200, outputs 10,000
    "he_normal": math.sqrt(2 / 200),
    "he_uniform": math.sqrt(2 / 200),
    "lecun_normal": math.sqrt(1 / 200),
    "xavier_normal": math.sqrt(2 / 10200),
    "xavier_uniform": math.sqrt(2 / 10200),
    "Normal": 0.01,
    "orthogonal": 1 / math.sqrt(400),  # 200 orthonormal rows of 400
    "Constant": 0.0,
    "zeros": 0.0,
    "ones": 0.0,
}


def test_every_initialiser_has_a_spread() -> None:
    assert set(SPREADS) == set(init.INITIALIZERS)


@pytest.mark.parametrize("name", SPREADS)
def test_spread_of_initial_weights(name: str) -> None:
    make, shape = init.from_plain(name), (5, 5, 8, 400)
    w = make(shape, init.Draw(0, "conv/w"))
    assert w.shape == shape
    assert abs(w.std() - SPREADS[name]) <= SPREADS[name] * 5 / math.sqrt(2 * w.size)
    np.testing.assert_array_equal(w, make(shape, init.Draw(0, "conv/w")))
    for other in (init.Draw(1, "conv/w"), init.Draw(0, "conv2/w")):
        assert SPREADS[name] == 0 or not np.array_equal(w, make(shape, other))
    if name.endswith("uniform"):
        assert math.sqrt(3) * 0.99 < abs(w).max() / SPREADS[name] <= math.sqrt(3)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 5), (1, 1)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(shape, init.Draw(0, "w")).reshape(-1, shape[-1])
    small = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(small, np.eye(min(w.shape)), atol=1e-12)


def test_initialisers_as_plain_data() -> None:
    for make in (init.he_normal, init.Normal(0.5), init.Constant(2.0)):
        assert init.from_plain(**init.to_plain(make)) == make
    assert init.to_plain(init.Normal(0.5)) == {"init": "Normal", "std": 0.5}
    with pytest.raises(UnknownName, match="did you mean 'he_normal'"):
        init.from_plain("he_norml")


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
