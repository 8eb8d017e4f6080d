"""What the lectures claim of networks, measured over ten seeds (CS231n, lectures 4 to 6; Goodfellow et al. (2016), chapter 6)."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.init import Constant, he_normal, xavier_normal

SEEDS = range(10)
X = np.random.default_rng(0).normal(size=(64, 20)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 64)


@pytest.mark.parametrize("seed", SEEDS)
def test_units_born_equal_stay_equal(seed: int) -> None:
    """All weights constant: a hundred steps later the eight units have other weights, and all of them the same."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(64, 20)), rng.integers(0, 3, 64)
    net = cr.Sequential(cr.Dense(8, Constant(0.1)), cr.Tanh(), cr.Dense(3, Constant(0.1)))
    step = cr.Step(net, x, y, optimizer=cr.Adam(0.01), dtype="float64")
    for _ in range(100):
        step(x, y)
    into, out = step.arrays["dense1/w"], step.arrays["dense2/w"]
    assert np.abs(into - 0.1).max() > 0.1  # they learn
    np.testing.assert_allclose(into, np.repeat(into[:, :1], 8, axis=1), rtol=1e-9)
    np.testing.assert_allclose(out, np.repeat(out[:1], 8, axis=0), rtol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_activations_ten_layers_are_one_matrix(seed: int) -> None:
    net = cr.Sequential(*(cr.Dense(20, xavier_normal) for _ in range(10)))
    step = cr.Step(net, X, X, seed=seed, dtype="float64")
    step(X, X)
    w, b = np.eye(20), np.zeros(20)
    for i in range(1, 11):
        layer = step.peek(f"dense{i}/w").value
        w, b = w @ layer, b @ layer + step.peek(f"dense{i}/b").value
    out = step.peek("dense10/out").value
    assert np.abs(out - (X.astype(np.float64) @ w + b)).max() <= 1e-10


def first_to_last(activation: cr.Layer, init: cr.init.Initializer, seed: int) -> float:
    """The norm of the gradient at the first of twenty layers, over that at the last."""
    layers = [layer for _ in range(19) for layer in (cr.Dense(20, init), activation)]
    step = cr.Step(cr.Sequential(*layers, cr.Dense(3, init)), X, Y, seed=seed, dtype="float64")
    step(X, Y)
    first, last = (np.linalg.norm(step.peek(f"grad/dense{i}/w").value) for i in (1, 20))
    return float(first / last)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_vanishes_through_sigmoids_and_not_through_relu_with_he(seed: int) -> None:
    assert first_to_last(cr.Sigmoid(), xavier_normal, seed) < 1e-6
    assert first_to_last(cr.ReLU(), he_normal, seed) > 1e-2


def right_on_xor(net: str, seed: int) -> float:
    """The share of the four rows that the sign of the output tells, after training."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0.0, 1.0, 1.0, 0.0], np.float32)
    step = cr.Step(net, x, y, loss=cr.BinaryCrossEntropy(), optimizer=cr.Adam(0.05), seed=seed)
    for _ in range(400):
        step(x, y)
    out = step.peek(f"dense{net.count('dense')}/out").value[:, 0]
    return float(((out > 0) == (y > 0.5)).mean())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_network_learns_xor(seed: int) -> None:
    """2-4-1; a single layer cannot: at best three of the four are right."""
    assert right_on_xor("dense1", seed) <= 0.75
    assert right_on_xor("dense4 tanh dense1", seed) == 1
