"""What the lectures print, and what `explain` says about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError
from chainrule.graph import Tensor
from chainrule.trace import Trace


def rounded(*tensors: Tensor) -> list[float]:
    """Gradients as the slides print them."""
    return [round(float(t.grad), 2) for t in tensors if t.grad is not None]


def test_the_logistic_neuron_with_all_its_inner_gradients() -> None:
    """CS231n, lecture 4: w = (2, -3, -3), x = (-1, -2)."""
    w0, w1, w2 = cr.tensor(2.0, "w0"), cr.tensor(-3.0, "w1"), cr.tensor(-3.0, "w2")
    x0, x1 = cr.tensor(-1.0, "x0"), cr.tensor(-2.0, "x1")
    a, b = w0 * x0, w1 * x1
    c = a + b
    d = c + w2
    e = -d
    f = cr.exp(e)
    g = f + 1
    y = 1 / g
    y.backward()
    assert [round(float(t), 2) for t in (a, b, c, d, e, f, g, y)] == [-2, 6, 4, 1, -1, 0.37, 1.37, 0.73]
    assert rounded(y, g, f, e, d, c, a, b) == [1.0, -0.53, -0.53, -0.20, 0.20, 0.20, 0.20, 0.20]
    assert rounded(w0, x0, w1, x1, w2) == [-0.20, 0.39, -0.39, -0.59, 0.20]
    whole = cr.sigmoid(w0 * x0 + w1 * x1 + w2)
    whole.backward()
    assert rounded(w0, x0, w1, x1, w2) == [-0.20, 0.39, -0.39, -0.59, 0.20]


def test_the_max_gate_routes() -> None:
    """CS231n, lecture 4: f = 2 (x y + max(z, w)) at x = 3, y = -4, z = 2, w = -1."""
    x, y, z, w = cr.tensor(3.0, "x"), cr.tensor(-4.0, "y"), cr.tensor(2.0, "z"), cr.tensor(-1.0, "w")
    f = (x * y + cr.maximum(z, w)) * 2
    f.backward()
    assert float(f) == -20
    assert rounded(x, y, z, w) == [-8, 6, 2, 0]
    assert "the maximum gate routes" in f.explain()


def test_the_vector_example() -> None:
    """CS231n, lecture 4: f(W, x) = |W x|^2, with q = W x."""
    w, x = cr.tensor([[0.1, 0.5], [-0.3, 0.8]], "W"), cr.tensor([[0.2], [0.4]], "x")
    q = w @ x
    f = (q**2).sum()
    f.backward()
    assert (q.grad, w.grad, x.grad) != (None, None, None)
    np.testing.assert_allclose(np.asarray(q), [[0.22], [0.26]])
    assert round(float(f), 3) == 0.116
    np.testing.assert_allclose(np.asarray(q.grad), [[0.44], [0.52]])
    np.testing.assert_allclose(np.round(np.asarray(w.grad), 3), [[0.088, 0.176], [0.104, 0.208]])
    np.testing.assert_allclose(np.round(np.asarray(x.grad), 3), [[-0.112], [0.636]])


def test_the_matrix_example() -> None:
    """CS231n, "Derivatives, backpropagation, and vectorization": Y = X W, dX = dY W^T, dW = X^T dY."""
    x, w = (
        cr.tensor([[2.0, 1.0, -3.0], [-3.0, 4.0, 2.0]], "X"),
        cr.tensor(np.array([[3.0, 2, 1, -1], [2, 1, 3, 2], [3, 2, 1, -2]]), "W"),
    )
    upstream = np.array([[2.0, 3.0, -3.0, 9.0], [-8.0, 1.0, 4.0, 6.0]])
    y, pull = cr.vjp(cr.matmul, x, w)
    np.testing.assert_array_equal(np.asarray(y), [[-1, -1, 2, 6], [5, 2, 11, 7]])
    dx, dw = pull(upstream)
    np.testing.assert_array_equal(np.asarray(dx), upstream @ np.asarray(w).T)
    np.testing.assert_array_equal(np.asarray(dx), [[0, 16, -9], [-24, 9, -30]])
    np.testing.assert_array_equal(np.asarray(dw), [[28, 3, -18, 0], [-30, 7, 13, 33], [-22, -7, 17, -15]])


def test_three_gates_in_words() -> None:
    x, y, z = cr.tensor(-2.0, "x"), cr.tensor(5.0, "y"), cr.tensor(-4.0, "z")
    q = (x + y).named("q")
    f = (q * z).named("f")
    assert repr(f.explain()).splitlines() == [
        "f = mul(q, z) = -12   upstream 1",
        "  the mul gate swaps: each input gets the upstream gradient times the other input",
        "  to q: g * z   local -4, 1 * -4 = -4",
        "  to z: g * q   local 3, 1 * 3 = 3",
        "q = add(x, y) = 3   upstream -4",
        "  the add gate distributes: each input gets the upstream gradient as it is",
        "  to x: g   local 1, -4 * 1 = -4",
        "  to y: g   local 1, -4 * 1 = -4",
        "d f / d x = -4",
        "d f / d y = -4",
        "d f / d z = 3",
    ]


def test_a_copy_sums_and_shows_its_terms() -> None:
    x = cr.tensor(-2.0, "x")
    assert "x is used 3 times; a copy sums what comes back: -2 + -2 + 1 = -3" in (x * x + x).explain()


def test_the_jacobian_that_is_never_built() -> None:
    x, w = cr.tensor(np.ones((64, 784)), "x"), cr.tensor(np.ones((784, 10)), "w")
    text = (x @ w).mean().explain()
    assert "to w: x.T @ g = (64, 784).T @ (64, 10) -> (784, 10)" in text
    assert "the Jacobian (64, 10) by (784, 10) would hold 5,017,600 numbers (40.1 MB) and is never built" in text


@pytest.mark.parametrize("name", ["tanh", "exp", "sigmoid", "softplus"])
def test_the_local_gradient_is_the_declared_formula(name: str) -> None:
    formula = {
        "tanh": "g * (1 - (tanh * tanh))",
        "exp": "g * exp",
        "sigmoid": "g * (sigmoid * (1 - sigmoid))",
        "softplus": "g * sigmoid(x)",
    }
    assert f"to x: {formula[name]}   local" in getattr(cr, name)(cr.tensor(0.5, "x")).explain()


def test_an_own_op_is_explained_as_well() -> None:
    @cr.op("... -> ...")
    def cube(xp: Any, x: Any) -> Any:
        """y = x^3."""
        return x**3

    cube.grads(x=lambda g, y, x: g * 3 * x * x)
    try:
        text = cube(cr.tensor(2.0, "x")).explain()
        assert "to x: ((g * 3) * x) * x   local 12, 1 * 12 = 12" in text
        assert cr.check_grads(cube, [np.array([1.0, -2.0])])[1] < 1e-8
    finally:
        cr.graph.OPS.pop("cube")


def test_what_cannot_be_explained() -> None:
    with pytest.raises(GradientError, match="take a scalar such as"):
        cr.tensor([1.0, 2.0]).explain()
    with pytest.raises(GradientError, match="of int64 cannot be explained"):
        cr.tensor(2).explain()


def test_a_trace_has_the_flow_of_every_edge() -> None:
    x, y = cr.tensor(3.0, "x"), cr.tensor(-4.0, "y")
    q = x + y
    trace = Trace.of(q * q * x)
    edges = [(node, i) for node in trace.nodes for i in range(len(node.inputs))]
    flows: dict[Any, Any] = {(trace.name_of[node], i): trace.flow(node, i) for node, i in edges}
    assert flows == {("add", 0): -6, ("add", 1): -6, ("mul", 0): -3, ("mul", 1): -3, ("mul#2", 0): 3, ("mul#2", 1): 1}
    assert trace.peek("x").gradient == -5
