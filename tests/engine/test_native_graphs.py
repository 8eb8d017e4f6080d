"""Small graphs of any form on the native engine against the reference engine, cut into many tasks and chunks.

What is an output is often read by others, too: under other shapes, repeated, reduced, transposed. And inputs are written over
by their successors, as the arrays of a training are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engine import native, plan
from chainrule.engine.native import cost
from chainrule.graph import OPS, Array, Graph, Tensor, placeholder, tensor

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


def unary(draw: Draw, pool: list[Tensor], x: Tensor) -> Any:
    return draw(st.sampled_from(UNARY))(x)


def binary(draw: Draw, pool: list[Tensor], x: Tensor) -> Any:
    y = draw(st.sampled_from(pool))
    try:
        size = np.empty(np.broadcast_shapes(x.shape, y.shape)).size
    except ValueError:
        return None
    return draw(st.sampled_from(BINARY))(x, y) if size <= MOST else None


def reshaped(draw: Draw, pool: list[Tensor], x: Tensor) -> Any:
    a = draw(st.sampled_from([k for k in range(1, x.size + 1) if x.size % k == 0] or [1, 5]))
    b = x.size // a
    return x.reshape(*draw(st.sampled_from([(x.size,), (a, b), (a, b, 1), (a, 1, b), (1, a, b)])))


def reduced(draw: Draw, pool: list[Tensor], x: Tensor) -> Any:
    """Over the first axes, the last, those between, or all."""
    start, stop = sorted([draw(st.integers(0, len(x.shape))), draw(st.integers(0, len(x.shape)))])
    reduce = draw(st.sampled_from(REDUCTIONS if x.size else [cr.sum]))
    return reduce(x, tuple(range(start, stop)) or None, draw(st.booleans()))


def moved(draw: Draw, pool: list[Tensor], x: Tensor) -> Any:
    """Transposed, cut, joined with itself, or multiplied by a matrix."""
    axes = len(x.shape)
    made: list[Callable[[], Tensor | None]] = [
        lambda: cr.transpose(x, draw(st.permutations(range(axes)))),
        lambda: x[1:] if axes and x.shape[0] > 1 else None,
        lambda: cr.concat([x, x * 3], draw(st.integers(0, axes - 1))) if axes and x.size < MOST else None,
        lambda: next((x @ y for y in pool if len(y.shape) == 2 and axes > 1 and x.shape[-1] == y.shape[0]), None),
    ]
    return draw(st.sampled_from(made))()


def of_rows(draw: Draw, pool: list[Tensor], x: Tensor) -> Any:
    """What looks at whole rows, or at how columns and elements are numbered. Places of the largest are looked for in inputs."""
    if x.size * pool[0].size == 0:
        return None
    rows = cr.reshape(x, (-1, x.shape[-1])) if x.shape else x.reshape(1, 1)
    shape = draw(st.sampled_from([x.shape, x.shape[1:], rows.shape[1:]]))
    labels = tensor(np.arange(rows.shape[0]) % rows.shape[1])
    made: list[Callable[[], Tensor]] = [
        lambda: cr.softmax(rows),
        lambda: cr.cross_entropy(rows, labels),
        lambda: OP["one_hot"](cr.argmax(pool[0].reshape(-1, pool[0].shape[-1]), 1), c=draw(SIZES), dtype="float32"),
        lambda: x * OP["uniform"](*SEEDS.values(), stream=1, to=shape),
    ]
    return draw(st.sampled_from(made))()


def graphs(draw: Draw) -> tuple[Graph, dict[str, Array]]:
    """A graph, and what to feed it. Some outputs are what inputs become."""
    n, m = draw(SIZES), draw(SIZES)
    shapes = st.sampled_from([(n,), (n, m), (m,), (n, 1), (1, m), (n, m, 2), (n, 2, m), (1, 1)])
    inputs = {f"x{i}": placeholder(draw(shapes), np.float32, f"x{i}") for i in range(draw(st.integers(1, 3)))}
    pool = list(inputs.values())
    made: list[Tensor] = []
    for grow in draw(
        st.lists(
            st.sampled_from([unary, binary, binary, reshaped, reduced, reduced, moved, of_rows]),
            min_size=1,
            max_size=12,
        )
    ):
        found = grow(draw, pool, draw(st.sampled_from(pool)))
        if found is not None and found.size <= MOST:
            pool.append(found)
            made.append(found)
    assume(made)
    outputs = {f"y{i}": x for i, x in enumerate(made) if draw(st.booleans()) or i == len(made) - 1}
    for name, x in inputs.items():
        successors = [y for y in made if y.shape == x.shape]
        if successors and draw(st.booleans()):
            outputs[name] = draw(st.sampled_from(successors))
    numbers = np.random.default_rng(draw(st.integers(0, 99)))
    feeds = {name: numbers.normal(size=x.shape).astype(np.float32) for name, x in inputs.items()}
    return Graph(inputs | SEEDS, outputs), feeds | {name: np.array(7) for name in SEEDS}


def column(x: Tensor) -> Tensor:
    return x.reshape(-1, 1)


def total_and_variance(x: Tensor) -> Tensor:
    return x.sum() + cr.var(cr.mean(x, 0, True))


WRONG: dict[str, tuple[tuple[int, ...], Callable[[Tensor], dict[str, Tensor]]]] = {
    "a stored value, read under another shape": ((5,), lambda x: {"y": x * 2, "sum": column(x * 2).sum(0)}),
    "a stored number, repeated": ((1, 6), lambda x: {"y": x.sum(1, keepdims=True), "z": x * x.sum(1, keepdims=True)}),
    "a stored column, read as a row": (
        (1, 4, 4), lambda x: {"y": x.sum(2), "z": x.sum(2).reshape(1, 1, 4) * x}),
    "an input that its successor overwrites, shown": ((4, 3), lambda x: {"old": x.reshape(12), "y": x * 2, "x": x * 2}),
    "an input that becomes another's old value": ((4,), lambda x: {"y": x + 1, "x": x * 3, "old": x}),
    "one of two moments, row by row": ((17, 6, 3), lambda x: {"y": cr.min(cr.mean(x, 0), 1)}),
    "a sum of many tasks, repeated in memory": ((16, 2, 3), lambda x: {"y": cr.mean(x + x.sum(0, keepdims=True), (0, 1))}),
    "of the sum of nothing": ((2, 0), lambda x: {"y": cr.sigmoid(x.sum(1))}),
    "truth values, a number each row": ((17, 3), lambda x: {"y": x.sum(1) > 0.1}),
}  # fmt: skip
FAILED: dict[str, tuple[tuple[int, ...], Callable[[Tensor], dict[str, Tensor]]]] = {
    "a sum in a domain of one row": ((6, 4), lambda x: {"y": total_and_variance(x)}),
    "fewer rows than the result has": ((1, 4), lambda x: {"y": x + x.reshape(2, 1, 2).mean(2)}),
    "a sum for each of several rows": ((2, 3, 4), lambda x: {"y": x * (x.sum(0).sum(1, keepdims=True) + 1) + x.sum(0)}),
    "truth values of a row": ((3, 4), lambda x: {"b": x[0] > 0.1, "y": x * cr.where(x[0] > 0.1, x[1], x[2])}),
    "a product and an axis in between": ((2, 3, 4), lambda x: {"y": x * cr.tanh(x) + cr.max(x, 1, True)}),
    "hundreds of rows": ((310, 3), lambda x: {"y": x * sum(x[i] for i in range(300))}),
    "rows of nothing": ((0, 3), lambda x: {"y": OP["place"](x, at=((0, 1, 0), (1, 1, 3)), into=(0, 5))}),
}  # fmt: skip


@pytest.mark.parametrize("name", [*WRONG, *FAILED])
def test_what_once_was_wrong_or_failed(name: str) -> None:
    shape, make = (WRONG | FAILED)[name]
    x = placeholder(shape, np.float32, "x")
    agree(Graph({"x": x}, make(x)), {"x": np.random.default_rng(1).normal(size=shape).astype(np.float32)})


def agree(graph: Graph, feeds: dict[str, Array], keep: list[str] | None = None) -> None:
    """The outputs are those of the reference; so are nodes that are looked at, which changes no bit of the outputs."""
    expected, nodes = plan(graph, "reference", keep or ()).run(feeds)
    found = plan(graph, "native")(dict(feeds))
    outputs, kept = plan(graph, "native", keep or ()).run(dict(feeds))
    assert {name: array.tobytes() for name, array in outputs.items()} == {name: found[name].tobytes() for name in found}
    assert (set(found), set(kept)) == (set(expected), set(nodes))
    for want, have in [(expected[name], found[name]) for name in found] + [(nodes[name], kept[name]) for name in kept]:
        assert (have.shape, have.dtype) == (want.shape, want.dtype)
        scale = max(1.0, float(np.abs(want).max(initial=0)))
        np.testing.assert_allclose(have.astype(float), want.astype(float), rtol=1e-3, atol=1e-4 * scale)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_graph_gives_what_the_reference_gives(data: Any) -> None:
    graph, feeds = graphs(data.draw)
    agree(graph, feeds, data.draw(st.lists(st.sampled_from(sorted(graph.names)), unique=True)))
