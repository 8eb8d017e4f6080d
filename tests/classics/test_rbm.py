"""RBMs against sums over every state of a tiny one."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule import philox
from chainrule.classics.rbm import Visible, contrastive_divergence
from chainrule.engine import plan
from chainrule.errors import DataError, NoValueError, SettingError

Floats = NDArray[np.float64]
KINDS: tuple[Visible, ...] = ("bernoulli", "gaussian")
BARS = np.array([*([[[b] * 3 for b in bits] for bits in product([0, 1], repeat=3)]),
                 *([[list(bits)] * 3 for bits in product([0, 1], repeat=3)])], np.float64).reshape(16, 9)  # fmt: skip


def states(count: int) -> Floats:
    return np.array(list(product([0, 1], repeat=count)), np.float64)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def drawn(visible: int, hidden: int, seed: int = 0) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    shapes = {"w": (visible, hidden), "a": (visible,), "b": (hidden,)}
    return {name: rng.normal(size=shape).astype(np.float32).astype(np.float64) for name, shape in shapes.items()}


def climbed(v: Floats, p: dict[str, Floats], kind: Visible, seed: int = 3) -> dict[str, Any]:
    """What one CD-1 step of lr 1 without momentum adds to each array."""
    graph = contrastive_divergence(len(v), len(p["a"]), len(p["b"]), kind)
    arrays = {name: array.astype(np.float32) for name, array in {**p, "v": v}.items()}
    still = {f"~{name}": np.zeros_like(arrays[name]) for name in "wab"}
    knobs = {"seed": np.int64(seed), "step": np.int64(5), "lr": np.float32(1), "momentum": np.float32(0)}
    out = plan(graph)({**arrays, **still, **knobs})
    for name in "wab":
        np.testing.assert_array_equal(out[name], arrays[name] + out[f"~{name}"])
    return {name: out[f"~{name}"] for name in "wab"}


@pytest.mark.parametrize("kind", KINDS)
def test_cd1_on_average_is_the_sum_over_all_hidden_states(kind: Visible) -> None:
    """The expected statistics, each hidden state weighted by its probability; the step's are within five standard errors."""
    p, v, rows = drawn(4, 3), np.array([1.0, 0.0, 1.0, 1.0]), 40_000
    h, all_h = sigmoid(v @ p["w"] + p["b"]), states(3)
    chance = np.prod(np.where(all_h == 1, h, 1 - h), axis=1)
    below = all_h @ p["w"].T + p["a"]
    again = below if kind == "gaussian" else sigmoid(below)
    h_again = sigmoid(again @ p["w"] + p["b"])
    each = {"w": np.outer(v, h) - again[:, :, None] * h_again[:, None, :], "a": v - again, "b": h - h_again}
    found = climbed(np.tile(v, (rows, 1)), p, kind)
    for name, values in each.items():
        mean = np.tensordot(chance, values, 1)
        spread = np.sqrt(np.tensordot(chance, np.square(values - mean), 1) / rows)
        assert (np.abs(found[name] - mean) <= 5 * spread + 1e-4).all(), name
        assert np.abs(mean).max() > 5 * (5 * spread.max() + 1e-4)  # a statistic of 0 would be seen


@pytest.mark.parametrize("kind", KINDS)
def test_cd1_is_the_gradient_of_a_difference_of_free_energies(kind: Visible) -> None:
    """Of F(v) - F(v'), v' held fixed: the library's own gradient gives Hinton's rule."""
    p = drawn(5, 4, seed=1)
    v = np.random.default_rng(2).uniform(size=(7, 5)).astype(np.float32).astype(np.float64)
    draws = philox.uniform(np, 3, philox.stream_of("rbm/h"), 5, (7, 4))
    sample = (draws < sigmoid(v @ p["w"] + p["b"])).astype(np.float64)
    below = sample @ p["w"].T + p["a"]
    again = below if kind == "gaussian" else sigmoid(below)

    def energy(v: Floats, w: cr.Tensor, a: cr.Tensor, b: cr.Tensor) -> cr.Tensor:
        seen = cr.square(v - a).sum(-1) / 2 if kind == "gaussian" else -(a * v).sum(-1)
        return seen - cr.softplus(cr.tensor(v) @ w + b).sum(-1)

    leaves = [cr.tensor(p[name], name) for name in "wab"]
    (energy(v, *leaves) - energy(again, *leaves)).mean().backward()
    for leaf, (name, found) in zip(leaves, climbed(v, p, kind).items(), strict=True):
        np.testing.assert_allclose(-np.asarray(leaf.grad), found, atol=2e-6, err_msg=name)


def test_momentum_keeps_half_of_the_last_step() -> None:
    p, v = drawn(4, 3), states(4)
    arrays = {name: array.astype(np.float32) for name, array in {**p, "v": v}.items()}
    knobs = {"seed": np.int64(3), "step": np.int64(5), "lr": np.float32(0.1), "momentum": np.float32(0.5)}
    moving = {f"~{name}": arrays[name] for name in "wab"}
    out = plan(contrastive_divergence(len(v), 4, 3))({**arrays, **moving, **knobs})
    for name, climb in climbed(v, p, "bernoulli").items():
        np.testing.assert_allclose(out[f"~{name}"], 0.5 * arrays[name] + climb, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(out[name], arrays[name] + 0.1 * out[f"~{name}"], rtol=1e-5, atol=1e-6)


def fitted(x: Any, **settings: Any) -> cr.RBM:
    return cr.RBM(**settings).fit(x)


@pytest.mark.parametrize("kind", KINDS)
def test_the_free_energy_is_that_of_all_hidden_states(kind: Visible) -> None:
    rbm = fitted(BARS, hidden=4, visible=kind, epochs=20, lr=0.05)
    h, v = states(4), BARS[:5]
    seen = -v @ rbm.visible_bias_ if kind == "bernoulli" else np.square(v - rbm.visible_bias_).sum(axis=1) / 2
    energy = seen[:, None] - v @ rbm.weights_ @ h.T - h @ rbm.bias_
    np.testing.assert_allclose(rbm.free_energy(v), -np.log(np.exp(-energy).sum(axis=1)), rtol=1e-5, atol=1e-5)


def log_likelihood(rbm: cr.RBM, v: Floats) -> float:
    """Mean ln p(v), Z summed over all 2^9 visible states."""
    z = np.logaddexp.reduce(-rbm.free_energy(states(v.shape[1])))
    return float(np.mean(-rbm.free_energy(v) - z))


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_bars_rises_and_the_error_falls(seed: int) -> None:
    """Sixteen bars of 3 x 3 pixels: 9 ln 2 = 6.24 nats each for independent pixels, 2.60 at best."""
    likelihood = []
    for epochs in (1, 50, 1000):
        rbm = fitted(BARS, hidden=10, epochs=epochs, batch_size=16, lr=0.1, seed=seed)
        likelihood.append(log_likelihood(rbm, BARS))
    assert likelihood[0] == pytest.approx(-9 * np.log(2), abs=0.05)
    assert likelihood[0] < likelihood[1] < likelihood[2] - 0.5
    assert likelihood[2] > -4
    assert rbm.errors_[-1] < rbm.errors_[0] / 3


def test_gaussian_units_follow_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 1)) @ rng.normal(size=(1, 6))
    x = (x + 0.3 * rng.normal(size=(300, 6))) / 1.2
    rbm = fitted(x, hidden=8, visible="gaussian", epochs=60, lr=0.01)
    assert rbm.errors_[-1] < 0.6 * rbm.errors_[0]
    again = rbm.visible_of(rbm.hidden_of(x))
    assert np.square(x - again).mean() < 0.6 * np.square(x).mean()


def test_up_and_down_are_probabilities() -> None:
    rbm = fitted(BARS, hidden=4, epochs=200)
    np.testing.assert_allclose(rbm.hidden_of(BARS), sigmoid(BARS @ rbm.weights_ + rbm.bias_), rtol=1e-5)
    h = states(4)
    np.testing.assert_allclose(rbm.visible_of(h), sigmoid(h @ rbm.weights_.T + rbm.visible_bias_), rtol=1e-5)


def test_the_same_seed_gives_the_same_bits() -> None:
    one, same, other = (fitted(BARS, hidden=3, batch_size=5, seed=seed).weights_.tobytes() for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"hidden": 0}, "'hidden' parameter of RBM must be an int of at least 1"),
        ({"epochs": 0}, "'epochs'"),
        ({"batch_size": 0}, "'batch_size'"),
        ({"lr": -1}, "'lr'"),
        ({"momentum": 1}, "'momentum'"),
        ({"visible": "binary"}, "'visible' .* 'bernoulli' or 'gaussian'"),
        ({"seed": -1}, "'seed'"),
        ({"visible": "gaussian", "lr": 100.0, "epochs": 50}, "grew without end in epoch .* below 100"),
    ],
)
def test_bad_settings(setting: Any, expected: str) -> None:
    with pytest.raises(SettingError, match=expected):
        fitted(BARS, **{"hidden": 3, **setting})


def test_bad_rows() -> None:
    with pytest.raises(DataError, match=r"x in \[0, 1\] for Bernoulli visible units, found 0 to 16"):
        fitted(16 * BARS, hidden=3)
    with pytest.raises(DataError, match="found nan in row 0"):
        fitted([[np.nan, 1.0]], hidden=3)
    with pytest.raises(NoValueError, match="learned nothing yet"):
        cr.RBM(hidden=3).hidden_of(BARS)
    with pytest.raises(DataError, match="expected 9 features, as in fit, found 2"):
        fitted(BARS, hidden=3).free_energy(BARS[:, :2])
    with pytest.raises(DataError, match="expected states of 3 hidden units, found 4"):
        fitted(BARS, hidden=3).visible_of(states(4))
