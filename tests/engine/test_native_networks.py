"""Whole steps of training on the native engine against the reference engine in float64: losses, states and every node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import native
from chainrule.engine.native import cost

pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
Make = Callable[[], cr.layers.Layer]
SHAPES = {"table": (12, 7), "image": (6, 8, 7, 3), "series": (5, 9, 4)}
NETWORKS: dict[str, tuple[str, Make]] = {
    "mlp": ("table", lambda: cr.Sequential(cr.Dense(33), cr.ReLU(), cr.Dense(16), cr.Tanh(), cr.Dense(3))),
    "sigmoid": ("table", lambda: cr.Sequential(cr.Dense(5), cr.Sigmoid(), cr.Dense(4), cr.Softplus(), cr.Dense(3))),
    "dropout": ("table", lambda: cr.Sequential(cr.Dense(40), cr.ReLU(), cr.Dropout(0.3), cr.Dense(3))),
    "batchnorm": ("table", lambda: cr.Sequential(cr.Dense(17), cr.BatchNorm(), cr.ReLU(), cr.Dense(3))),
    "layernorm": ("table", lambda: cr.Sequential(cr.Dense(17), cr.LayerNorm(), cr.ReLU(), cr.Dense(3))),
    "activations": ("table", lambda: cr.Sequential(
        cr.Dense(8), cr.LeakyReLU(), cr.Dense(8), cr.ELU(), cr.Dense(8), cr.GELU(), cr.Dense(8), cr.SiLU(), cr.Dense(3))),
    "lenet": ("image", lambda: cr.Sequential(
        cr.Conv2d(5, 3), cr.ReLU(), cr.MaxPool2d(2), cr.Conv2d(6, 3, padding="valid"), cr.ReLU(), cr.Flatten(), cr.Dense(3))),
    "vgg": ("image", lambda: cr.Sequential(
        cr.Conv2d(16, 3), cr.BatchNorm(), cr.ReLU(), cr.Conv2d(16, 3), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2d(2),
        cr.Dropout(0.2), cr.Flatten(), cr.Dense(3))),
    "winograd": ("image", lambda: cr.Sequential(
        cr.Conv2d(32, 3), cr.Tanh(), cr.Conv2d(48, 3, padding="valid"), cr.Tanh(), cr.Conv2d(32, 3), cr.Flatten(), cr.Dense(3))),
    "groups and strides": ("image", lambda: cr.Sequential(
        cr.Conv2d(6, 3), cr.Conv2d(9, 3, groups=3, stride=2), cr.Tanh(), cr.Conv2d(9, 3, groups=9), cr.Flatten(), cr.Dense(3))),
    "strides": ("image", lambda: cr.Sequential(
        cr.Conv2d(6, 3, stride=2), cr.ReLU(), cr.Conv2d(4, 3, dilation=2), cr.Tanh(), cr.GlobalAvgPool(), cr.Dense(3))),
    "averages": ("image", lambda: cr.Sequential(cr.Conv2d(4, 1), cr.AvgPool2d(2), cr.ReLU(), cr.Flatten(), cr.Dense(3))),
    "groups": ("image", lambda: cr.Sequential(cr.Conv2d(6, 3, groups=3), cr.ReLU(), cr.MaxPool2d(2), cr.Flatten(), cr.Dense(3))),
    "residual": ("image", lambda: cr.Sequential(
        cr.Conv2d(4, 3), cr.Residual(cr.Sequential(cr.Conv2d(4, 3), cr.ReLU())), cr.Flatten(), cr.Dense(3))),
    "recurrent": ("series", lambda: cr.Sequential(cr.SimpleRNN(6), cr.Dense(3))),
    "lstm": ("series", lambda: cr.Sequential(cr.LSTM(5), cr.Dense(3))),
}  # fmt: skip
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: cr.SGD(0.1),
    "momentum": lambda: cr.SGD(0.05, momentum=0.9),
    "nesterov": lambda: cr.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: cr.Adam(0.01),
    "rmsprop": lambda: cr.RMSProp(0.01),
    "adagrad": lambda: cr.AdaGrad(0.05),
}


def steps(make: Make, optimizer: Any, kind: str, **settings: Any) -> Any:
    """A step of this network, and a batch for it."""
    shape = SHAPES[kind]
    draw = np.random.default_rng(3)
    x = draw.normal(size=shape).astype(np.float32)
    y = draw.integers(0, 3, shape[0])
    return cr.Step(make(), x, y, optimizer=optimizer, seed=1, **settings), x, y


@pytest.mark.parametrize("task_ns", [cost.TASK_NS, 10])  # 10: cut into as many tasks as there may be
@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_is_that_of_the_reference(name: str, task_ns: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "TASK_NS", task_ns)
    kind, make = NETWORKS[name]
    fast, x, y = steps(make, cr.SGD(0.1, momentum=0.9), kind, engine="native", keep=True)
    slow, _, _ = steps(make, cr.SGD(0.1, momentum=0.9), kind, engine="reference", keep=True)
    for _ in range(2):
        slow.arrays = fast.arrays
        assert fast(x, y) == pytest.approx(slow(x, y), rel=1e-5)
        expected = slow.peek()
        for node, found in fast.peek().items():
            want = expected[node]
            for a, b in zip(found[1:], want[1:], strict=True):
                assert (a is None) == (b is None)
                if a is not None:
                    scale = max(1.0, float(np.abs(b).max(initial=0)))
                    np.testing.assert_allclose(a, b, rtol=1e-4, atol=3e-5 * scale, err_msg=node)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 2, 12])
def test_a_few_steps_give_the_same_arrays(name: str, batch: int) -> None:
    kind, make = NETWORKS[name]
    if batch == 1 and name in ("batchnorm", "vgg"):
        pytest.skip("batch norm has no variance of one row")
    fast, x, y = steps(make, cr.SGD(0.05, momentum=0.9), kind, engine="native")
    slow, _, _ = steps(make, cr.SGD(0.05, momentum=0.9), kind, engine="reference")
    for _ in range(3):
        assert fast(x[:batch], y[:batch]) == pytest.approx(slow(x[:batch], y[:batch]), rel=2e-4, abs=1e-6)
    for path, want in slow.arrays.items():
        np.testing.assert_allclose(fast.arrays[path], want, rtol=2e-3, atol=2e-4, err_msg=path)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimisers(optimizer: str) -> None:
    kind, make = NETWORKS["mlp"]
    fast, x, y = steps(make, OPTIMIZERS[optimizer](), kind, engine="native")
    slow, _, _ = steps(make, OPTIMIZERS[optimizer](), kind, engine="reference")
    for _ in range(5):
        assert fast(x, y) == pytest.approx(slow(x, y), rel=1e-4)
    for path, want in slow.arrays.items():
        np.testing.assert_allclose(fast.arrays[path], want, rtol=1e-3, atol=1e-4, err_msg=path)
