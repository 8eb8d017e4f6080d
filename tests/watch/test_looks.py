"""Shares of dead and constant units, against the layers' outputs row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import native
from chainrule.graph import topological
from chainrule.layers import Context, parse
from chainrule.watch.looks import NUMBERS, ROWS, Looks, fixed_rows

Array = NDArray[Any]
needs_native = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
ENGINES = ["reference", pytest.param("native", marks=needs_native)]
CASES: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]] = {  # the net, the shape of the rows, its relu layers
    "mlp": ("dense9 relu dense7 relu dense3", (40, 5), ("relu1", "relu2")),
    "tanh": ("dense6 tanh dense4 sigmoid dense3", (40, 5), ()),
    "conv": ("conv6-3 relu pool2 conv5-3 bn relu flatten dropout0.5 dense3", (12, 6, 6, 2), ("relu1", "relu2")),
    "rnn": ("rnn4-sequence gru3 dense3", (20, 5, 2), ()),
    "branches": ("dense5 res(dense5 relu) dense3", (30, 4), ("residual1/inner/relu1",)),
}
START: dict[str, dict[str, Any]] = {  # units that answer to nothing, and some that answer the same to all
    "mlp": {"dense1/b": [-1e3, -1e3, -1e3, 1e3, 0, 0, 0, 0, 0], "dense2/w": np.eye(9, 7) * [1, 1, 1, 1, -1, 2, 3]},
    "tanh": {"dense1/b": [0, 0, 0, 0, 1e3, -1e3]},
    "conv": {"conv2d1/b": [-1e3, 0, 0, 0, 1e3, 0], "batchnorm1/shift": [-1e3, 0, 0, 0, 0]},
    "rnn": {},
    "branches": {"residual1/inner/dense1/b": [-1e3, 0, -1e3, 0, 0]},
}


def outputs(net: cr.Layer, arrays: Any, x: Array) -> dict[str, Array]:
    """Of every layer in use, by path."""
    out = Context(train=False, values=arrays).call("", net, cr.tensor(x))
    named = {node.scope: np.asarray(node.value) for node in topological([out]) if node.name == "out"}
    return {path: value for path, value in named.items() if value.dtype.kind == "f"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_shares_are_those_of_the_outputs(name: str, engine: str) -> None:
    text, shape, relus = CASES[name]
    net = parse(text)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    step = cr.Step(net, x, np.arange(len(x)) % 3, start=START[name], seed=1, engine=engine)
    figures = Looks(net, step.loss, x, engine)(step.arrays)
    seen = outputs(net, step.arrays, x)
    assert {path for path, what in (key.rsplit("/", 1) for key in figures) if what == "dead"} == {*relus}
    assert {key.rsplit("/", 1)[1] for key in figures} <= {"dead", "constant"}
    for key, found in figures.items():
        path, what = key.rsplit("/", 1)
        y = seen[path].reshape(-1, seen[path].shape[-1])
        spread, size = y.max(0) - y.min(0), np.maximum(abs(y.max(0)), abs(y.min(0)))
        expected = (y.max(0) <= 0) if what == "dead" else spread <= 1e-5 * size
        assert found == pytest.approx(expected.mean(), abs=1e-6), key
    assert {path for path in seen if path} >= {key.rsplit("/", 1)[0] for key in figures} >= {*relus}


@pytest.mark.parametrize("engine", ENGINES)
def test_planted_dead_units_are_counted(engine: str) -> None:
    net, x = parse("dense8 relu dense2"), np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    b = np.array([-100.0] * 3 + [0.0] * 5)
    step = cr.Step(net, x, np.arange(64) % 2, start={"dense1/b": b}, engine=engine)
    look = Looks(net, step.loss, x, engine)
    assert look(step.arrays)["relu1/dead"] == pytest.approx(3 / 8)
    assert look(step.arrays | {"dense1/b": 0 * b.astype(np.float32)})["relu1/dead"] == 0.0
    assert look(step.arrays)["relu1/constant"] == pytest.approx(3 / 8)


def test_a_network_without_numbers_of_its_own_shows_nothing() -> None:
    assert Looks(parse("identity"), cr.CrossEntropy(), np.ones((4, 3), np.float32), "reference")({}) == {}


@pytest.mark.parametrize(("count", "width"), [(1, 1), (7, 10**6), (1000, 1), (1000, 1000), (300, 10**7), (256, 100)])
def test_the_fixed_rows(count: int, width: int) -> None:
    rows = fixed_rows(count, width)
    assert len(rows) == min(count, ROWS, max(NUMBERS // width, 8))
    assert (rows[0], rows[-1]) == (0, count - 1)
    assert len({*rows.tolist()}) == len(rows)
