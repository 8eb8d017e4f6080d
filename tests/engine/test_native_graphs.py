"""Small graphs of any form on the native engine against the reference engine, cut into many tasks and chunks.

What is an output is often read by others, too: under other shapes, repeated, reduced, transposed. And inputs are written over
by their successors, as the arrays of a training are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engine import native, plan
from chainrule.engine.native import cost
from chainrule.graph import OPS, Array, Graph, Tensor, placeholder

pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
Draw = Any
OP: Any = OPS
SIZES = st.sampled_from([0, 1, 1, 2, 2, 3, 4, 17])
MOST = 400  # elements of a value
KINK = 0.1234567  # a number that no other one is near, but by chance
UNARY: list[Callable[[Tensor], Tensor]] = [
    cr.tanh, cr.sigmoid, cr.relu, lambda x: x * 2, lambda x: -x, lambda x: x - 1,
    lambda x: OP["cast"](x > KINK, dtype="float32"),
]  # fmt: skip
BINARY: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a - a * b, lambda a, b: cr.tanh(a) * a + b,
    cr.maximum, lambda a, b: cr.where(a > KINK, a, b), lambda a, b: cr.where(OP["logical_and"](b > KINK, a > KINK), a, b),
]  # fmt: skip
SEEDS = {name: placeholder((), np.int64, name) for name in ("seed", "step")}
REDUCTIONS: list[Any] = [cr.sum, cr.mean, cr.var, cr.max, cr.min]


@pytest.fixture(autouse=True, scope="module")
def _many_tasks_of_many_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "TASK_NS", 1)
        patch.setattr(cost, "CHUNK_BYTES", 64)
        patch.setattr(cost, "TABLE_CHUNK_BYTES", 64)
        yield


def column(x: Tensor) -> Tensor:
    return x.reshape(-1, 1)


WRONG: dict[str, tuple[tuple[int, ...], Callable[[Tensor], dict[str, Tensor]]]] = {
    "a stored value, read under another shape": ((5,), lambda x: {"y": x * 2, "sum": column(x * 2).sum(0)}),
    "a stored number, repeated": ((1, 6), lambda x: {"y": x.sum(1, keepdims=True), "z": x * x.sum(1, keepdims=True)}),
    "a stored column, read as a row": (
        (1, 4, 4), lambda x: {"y": x.sum(2), "z": x.sum(2).reshape(1, 1, 4) * x}),
    "an input that its successor overwrites, shown": ((4, 3), lambda x: {"old": x.reshape(12), "y": x * 2, "x": x * 2}),
    "an input that becomes another's old value": ((4,), lambda x: {"y": x + 1, "x": x * 3, "old": x}),
    "one of two moments, row by row": ((17, 6, 3), lambda x: {"y": cr.min(cr.mean(x, 0), 1)}),
    "a sum of many tasks, repeated in memory": ((16, 2, 3), lambda x: {"y": cr.mean(x + x.sum(0, keepdims=True), (0, 1))}),
    "truth values, a number each row": ((17, 3), lambda x: {"y": x.sum(1) > 0.1}),
}  # fmt: skip
@pytest.mark.parametrize("name", WRONG)
def test_what_once_was_wrong(name: str) -> None:
    shape, make = WRONG[name]
    x = placeholder(shape, np.float32, "x")
    agree(Graph({"x": x}, make(x)), {"x": np.random.default_rng(1).normal(size=shape).astype(np.float32)})


def agree(graph: Graph, feeds: dict[str, Array]) -> None:
    expected = plan(graph, "reference")(feeds)
    found = plan(graph, "native")(dict(feeds))
    assert set(found) == set(expected)
    for name, want in expected.items():
        assert (found[name].shape, found[name].dtype) == (want.shape, want.dtype)
        scale = max(1.0, float(np.abs(want).max(initial=0)))
        np.testing.assert_allclose(
            found[name].astype(float), want.astype(float), rtol=1e-3, atol=1e-4 * scale, err_msg=name
        )
