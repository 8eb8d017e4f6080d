"""Every op: forward against an independent definition, gradients of two orders against full finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from op_rows import BY_OTHER_TESTS, CASES, ROWS, Row, Shapes, inputs_of, rows_of

import chainrule as cr
from chainrule.engine import plan
from chainrule.errors import is_ours
from chainrule.graph import OPS, Graph, Op, Tensor, placeholder, tensor

OP: dict[str, Op[Any]] = OPS  # type: ignore[assignment]
EVERY_CASE = pytest.mark.parametrize(
    ("name", "row", "shapes"), CASES, ids=[f"{name}-{shapes}" for name, _, shapes in CASES]
)
LAYOUTS: list[Callable[[Any], Any]] = [
    lambda x: x.copy("F"),
    lambda x: np.flip(np.flip(x).copy()),
    lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
]


def moving(name: str, row: Row, shapes: Shapes) -> tuple[Callable[..., Tensor], list[Any]]:
    """The op as a function of the inputs that it is differentiated by, and those inputs."""
    inputs = inputs_of(row, shapes)
    at = [i for i in row.smooth if i < len(inputs)]

    def f(*xs: Tensor) -> Tensor:
        full: list[Any] = list(inputs)
        for i, x in zip(at, xs, strict=True):
            full[i] = x
        return OP[name](*full, **row.attrs)

    return f, [inputs[i] for i in at]


def test_every_op_has_a_row() -> None:
    ours = {name for name, one in OP.items() if is_ours(one.forward)}  # other tests define ops, too
    assert ours == set(ROWS) | set(BY_OTHER_TESTS)


def test_every_derivative_is_checked() -> None:
    for name in ROWS:
        for row in rows_of(name):
            most = max(map(len, row.shapes))
            declared = {i for i in range(most) if OP[name].derivative(i) is not None}
            assert declared == {i for i in row.smooth if i < most}, name


@EVERY_CASE
def test_forward(name: str, row: Row, shapes: Shapes) -> None:
    inputs = inputs_of(row, shapes)
    before = [x.copy() for x in inputs]
    y = OP[name](*map(tensor, inputs), **row.attrs)
    expected = np.asarray(row.oracle(*inputs, **row.attrs))
    assert y.shape == y.value.shape == expected.shape
    assert y.dtype == y.value.dtype
    np.testing.assert_allclose(np.asarray(y), expected.astype(y.dtype), rtol=1e-13, atol=1e-13)
    for x, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, old)


@EVERY_CASE
def test_gradient_first_and_second_order(name: str, row: Row, shapes: Shapes) -> None:
    f, at = moving(name, row, shapes)
    if not at:  # no derivative declared (test_every_derivative_is_checked): nothing may flow back
        assert not any(OP[name].derivative(i) for i in range(len(shapes)))
        return
    assert max(cr.check_grads(f, at, order=2, tolerance=1e-8)) <= 1e-8


@EVERY_CASE
def test_full_jacobian(name: str, row: Row, shapes: Shapes) -> None:
    """Every output by every input element, each column from four points of a central difference."""
    f, at = moving(name, row, shapes)
    for i in range(len(at)):
        one = partial(lambda i, x: f(*at[:i], x, *at[i + 1 :]), i)
        jacobian = cr.jacobian(one)(at[i])
        exact = jacobian.reshape(jacobian.size // max(at[i].size, 1), at[i].size)
        for j in range(at[i].size):
            column = central_difference(one, at[i], j)
            scale = max(1.0, float(np.abs(column).sum()))
            np.testing.assert_allclose(exact[:, j], column, rtol=0, atol=1e-8 * scale)


def central_difference(f: Callable[[Any], Tensor], x: Any, j: int, step: float = 1e-3) -> Any:
    """(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h along element j, for all outputs."""

    def moved(by: float) -> Any:
        shifted = x.copy()
        shifted.flat[j] += by
        return np.asarray(f(tensor(shifted))).ravel()

    return (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step)


@EVERY_CASE
def test_jvp_agrees_with_vjp_and_bits_repeat(name: str, row: Row, shapes: Shapes) -> None:
    f, at = moving(name, row, shapes)
    if not at:
        return
    rng = np.random.default_rng(1)
    tangents = [rng.standard_normal(x.shape) for x in at]
    y, pull = cr.vjp(f, *at)
    u = rng.standard_normal(y.shape)
    back = [np.asarray(g) for g in pull(u)]
    _, moved = cr.jvp(f, at, tangents)
    terms = [g * t for g, t in zip(back, tangents, strict=True)]
    forward, backward = float(np.sum(np.asarray(moved) * u)), float(sum(t.sum() for t in terms))
    assert abs(forward - backward) <= 1e-12 * max(1.0, float(sum(np.abs(t).sum() for t in terms)))
    again, pull_again = cr.vjp(f, *at)
    assert np.asarray(again).tobytes() == np.asarray(y).tobytes()
    assert [np.asarray(g).tobytes() for g in pull_again(u)] == [g.tobytes() for g in back]


@EVERY_CASE
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_recorded_equals_eager_on_any_memory_layout(name: str, row: Row, shapes: Shapes, dtype: Any) -> None:
    inputs = inputs_of(row, shapes, dtype)
    eager = OP[name](*map(tensor, inputs), **row.attrs)
    assert eager.dtype == eager.value.dtype
    nodes = {f"x{i}": placeholder(x.shape, x.dtype, f"x{i}") for i, x in enumerate(inputs)}
    ready = plan(Graph(nodes, {"y": OP[name](*nodes.values(), **row.attrs)}))
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    for layout in LAYOUTS:
        y = ready({f"x{i}": layout(x) for i, x in enumerate(inputs)})["y"]
        assert y.dtype == eager.dtype
        np.testing.assert_allclose(y, np.asarray(eager), rtol=tolerance, atol=tolerance)


def test_check_grads_can_fail() -> None:
    @cr.op("... -> ...")
    def wrong(xp: Any, x: Any) -> Any:
        """y = x^2 with a derivative that forgets the 2."""
        return x * x

    wrong.grads(x=lambda g, y, x: g * x)
    try:
        with pytest.raises(cr.ChainruleError, match="finite differences give"):
            cr.check_grads(wrong, [np.array([1.0, 2.0])])
    finally:
        del OPS["wrong"]


def test_conventions_at_kinks_and_ties() -> None:
    """As `ops/compare.py` writes them down."""
    assert float(cr.grad(cr.relu)(0.0)) == 0
    assert float(cr.grad(cr.abs)(0.0)) == 0
    for choose in (cr.maximum, cr.minimum):
        assert [float(g) for g in cr.vjp(choose, 1.0, 1.0)[1](1.0)] == [0.5, 0.5]
    for at in (-1.0, 1.0):
        assert float(cr.grad(lambda x: cr.clip(x, -1.0, 1.0))(at)) == 1
    for gate in (cr.max, cr.min):
        np.testing.assert_array_equal(cr.grad(gate)(np.array([[2.0, 2.0], [2.0, 2.0]])), [[1, 0], [0, 0]])
    routed = np.asarray(cr.grad(lambda t: cr.max_pool(t, 2).sum())(np.zeros((1, 2, 2, 1))))
    np.testing.assert_array_equal(routed.ravel(), [1, 0, 0, 0])
    assert float(cr.grad(lambda x: x**0)(0.0)) == 0
    assert float(cr.grad(lambda x: x**2)(0.0)) == 0
    assert float(cr.grad(cr.grad(lambda x: x**2))(0.0)) == 2


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_a_product_with_zeros_has_exact_gradients(zeros: int) -> None:
    x = np.array([2.0, 3.0, 5.0, 7.0, 11.0])
    x[:zeros] = 0
    others = [math.prod(np.delete(x, i)) for i in range(5)]
    np.testing.assert_array_equal(cr.grad(cr.prod)(x), others)
    cr.check_grads(cr.prod, [x], order=2)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_softmax_of_the_lecture(shift: float) -> None:
    logits = np.array([1.0, 2.0, 0.0]) + shift
    np.testing.assert_array_equal(np.round(np.asarray(cr.softmax(logits)), 2), [0.24, 0.67, 0.09])
    assert float(cr.cross_entropy(logits[None], np.array([1]))[0]) == pytest.approx(-math.log(0.66524096), abs=1e-8)
    np.testing.assert_allclose(
        np.asarray(cr.log_softmax(logits)), np.log([0.24472847, 0.66524096, 0.09003057]), atol=1e-7
    )


def test_nothing_overflows() -> None:
    big = np.array([-1e300, -800.0, 0.0, 800.0, 1e300])
    np.testing.assert_array_equal(cr.sigmoid(big), [0, np.exp(-800.0), 0.5, 1, 1])
    np.testing.assert_array_equal(cr.softplus(big), [0, 0, math.log(2), 800, 1e300])
    assert float(cr.sigmoid(-40.0)) == pytest.approx(math.exp(-40), rel=1e-14)
    assert float(cr.logsumexp(np.array([1e4, 1e4]))) == pytest.approx(1e4 + math.log(2), rel=1e-15)
    assert float(cr.logsumexp(np.array([-np.inf, -np.inf]))) == -np.inf
    assert float(cr.erf(-1e300)) == -1
