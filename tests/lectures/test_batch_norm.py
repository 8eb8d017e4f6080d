"""What batch normalisation does, measured over ten seeds.   Source: Ioffe and Szegedy (2015); CS231n, lecture 6."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import plan
from chainrule.loss import CrossEntropy
from chainrule.network import prediction_graph

SEEDS = range(10)
PLAIN = " ".join(["dense16 sigmoid"] * 20) + " dense3"
NORMED = " ".join(["dense16 bn sigmoid"] * 20) + " dense3"
STEPS = 80


def spirals(count: int = 30) -> tuple[NDArray[Any], NDArray[Any]]:
    """Three arms that wind around each other: no line parts them."""
    label, r = np.repeat(np.arange(3), count), np.tile(np.linspace(0.3, 2.2, count), 3)
    angle = 2.5 * r + label * 2 * math.pi / 3
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1).astype(np.float32), label


X, Y = spirals()


def trained(net: str, optimizer: Any, seed: int) -> tuple[cr.Step, list[float]]:
    step = cr.Step(net, X, Y, optimizer=optimizer, seed=seed)
    return step, [step(X, Y) for _ in range(STEPS)]


def accuracy(step: cr.Step) -> float:
    return float((step.peek("dense21/out").value.argmax(axis=1) == Y).mean())


@pytest.mark.parametrize("seed", SEEDS)
def test_twenty_layers_stall_without_it_and_train_with_it(seed: int) -> None:
    step, losses = trained(PLAIN, cr.Adam(0.01), seed)
    assert min(losses) > math.log(3) - 0.01  # what guessing costs
    assert accuracy(step) < 0.4
    step, losses = trained(NORMED, cr.Adam(0.01), seed)
    assert losses[-1] < 0.3
    assert accuracy(step) > 0.95


@pytest.mark.parametrize(
    "optimizer", [cr.SGD(0.1, momentum=0.9), cr.SGD(1.0), cr.SGD(10.0), cr.Adam(0.001), cr.Adam(0.1)], ids=str
)
def test_no_other_rate_helps_the_plain_network(optimizer: Any) -> None:
    step, losses = trained(PLAIN, optimizer, 0)
    assert min(losses) > math.log(3) - 0.05
    assert accuracy(step) < 0.5


def in_use(step: cr.Step, x: NDArray[Any]) -> NDArray[Any]:
    """The network's output for a batch, when it is not trained."""
    ready = plan(prediction_graph(step.net, CrossEntropy(), x.shape))
    out: NDArray[Any] = ready({"x": x, **{path: step.arrays[path] for path in step.of_network}})["output"]
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_in_use_the_rest_of_the_batch_does_not_matter(seed: int) -> None:
    step = cr.Step("dense8 bn tanh dense3", X, Y, seed=seed)
    for _ in range(5):
        step(X, Y)
    mixed = np.random.default_rng(seed).normal(0, 10, X.shape).astype(np.float32)
    mixed[0] = X[0]
    assert np.array_equal(in_use(step, mixed)[0], in_use(step, X)[0])  # to the bit
    start = dict(step.arrays)
    in_training = []
    for batch in (X, mixed):
        step.arrays = dict(start)
        step(batch, Y)
        in_training.append(step.peek("dense2/out").value[0])
    assert np.abs(in_training[0] - in_training[1]).max() > 0.01  # there it does


@pytest.mark.parametrize("seed", SEEDS)
def test_in_use_a_row_alone_is_as_good_as_in_a_batch(seed: int) -> None:
    x = np.random.default_rng(seed).normal(3, 2, (30, 5)).astype(np.float32)
    step = cr.Step("bn", x, x)
    for _ in range(3):
        step(x, x)
    alone = np.concatenate([in_use(step, row[None]) for row in x])
    assert np.array_equal(alone, in_use(step, x))
    mean, var, scale, shift = (step.arrays[f"batchnorm1/{name}"] for name in ("mean", "var", "scale", "shift"))
    by_hand = (x - mean) / np.sqrt(var + 1e-5) * scale + shift
    np.testing.assert_allclose(alone, by_hand, rtol=1e-5, atol=1e-5)
