"""Gradients against closed forms."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DtypeError, GradientError, NoValueError, SettingError
from chainrule.graph import OPS, Tensor, placeholder, tensor

rng = np.random.default_rng(0)
A = rng.normal(size=(3, 3))


def test_the_lectures_three_gates() -> None:
    x, y, z = tensor(-2.0), tensor(5.0), tensor(-4.0)
    f = (x + y) * z
    f.backward()
    assert float(f) == -12
    assert [float(t.grad) for t in (x, y, z) if t.grad is not None] == [-4, -4, 3]


def test_square_of_a_sum() -> None:
    x, y = tensor(3.0), tensor(-4.0)
    z = (x + y) ** 2
    z.backward()
    assert [float(t.grad) for t in (x, y) if t.grad is not None] == [-2, -2]


def test_value_grad_jacobian_and_hessian_of_a_quadratic_form() -> None:
    def f(x: Tensor) -> Tensor:
        return (x * (tensor(A) @ x.reshape(3, 1)).reshape(3)).sum()

    x = rng.normal(size=3)
    value, gradient = cr.value_and_grad(f)(x)
    assert float(value) == pytest.approx(x @ A @ x, rel=1e-13)
    np.testing.assert_allclose(np.asarray(gradient), (A + A.T) @ x, rtol=1e-12)
    np.testing.assert_allclose(cr.hessian(f)(x), A + A.T, atol=1e-12)
    np.testing.assert_allclose(cr.jacobian(lambda t: tensor(A) @ t.reshape(3, 1))(x)[:, 0], A, atol=1e-13)


def test_third_order() -> None:
    third = cr.grad(cr.grad(cr.grad(lambda x: x**4)))
    assert float(third(2.0)) == pytest.approx(48, rel=1e-14)


def test_jvp_agrees_with_vjp() -> None:
    def f(x: Tensor, w: Tensor) -> Tensor:
        return cr.softmax(cr.tanh(x @ w))

    x, w, dx, dw = (rng.normal(size=s) for s in ((2, 3), (3, 4), (2, 3), (3, 4)))
    y, pull = cr.vjp(f, x, w)
    u = rng.normal(size=y.shape)
    _, moved = cr.jvp(f, (x, w), (dx, dw))
    through_vjp = sum(float(np.sum(np.asarray(g) * d)) for g, d in zip(pull(u), (dx, dw), strict=True))
    assert float(np.sum(np.asarray(moved) * u)) == pytest.approx(through_vjp, rel=1e-12)


def test_broadcasting_is_summed_back() -> None:
    x, b = tensor(rng.normal(size=(4, 3))), tensor(rng.normal(size=(1, 3)))
    (x + b).sum().backward()
    assert b.grad is not None
    np.testing.assert_array_equal(np.asarray(b.grad), [[4, 4, 4]])


def test_an_unused_input_has_gradient_zero() -> None:
    _, pull = cr.vjp(lambda x, y: x * 2, np.ones(2), np.ones(3))
    np.testing.assert_array_equal(np.asarray(pull(np.ones(2))[1]), np.zeros(3))


def test_derivatives_that_do_not_exist_are_refused() -> None:
    with pytest.raises(GradientError, match="take a scalar"):
        tensor([1.0, 2.0]).backward()
    with pytest.raises(GradientError, match=r"write 2\.0, not 2"):
        cr.grad(lambda x: x)(2)
    with pytest.raises(GradientError, match="the upstream gradient is"):
        cr.vjp(lambda x: x, np.ones(2))[1](np.ones(3))


def test_hessian_times_vector() -> None:
    def f(x: Tensor) -> Tensor:
        return (cr.exp(x[:2]) * x[1:]).sum() * x.prod()

    x, v = rng.normal(size=3), rng.normal(size=3)
    np.testing.assert_allclose(np.asarray(cr.hvp(f, x, v)), cr.hessian(f)(x) @ v, rtol=1e-12)
    with pytest.raises(GradientError, match=r"direction 0 is \(2,\) but its argument is \(3,\)"):
        cr.hvp(f, x, v[:2])


def test_gradients_by_chosen_arguments() -> None:
    def f(a: Tensor, b: Tensor, scale: float) -> Tensor:
        return (a * b).sum() * scale

    a, b = rng.normal(size=3), rng.normal(size=3)
    np.testing.assert_allclose(np.asarray(cr.grad(f, 1)(a, b, 2.0)), 2 * a)
    by_a, by_b = cr.grad(f, (0, 1))(a, b, 2.0)
    np.testing.assert_allclose(np.asarray(by_a), 2 * b)
    np.testing.assert_allclose(np.asarray(by_b), 2 * a)


def test_check_grads_says_which_order_is_wrong() -> None:
    @cr.op("... -> ...")
    def first_only(xp: Any, x: Any) -> Any:
        """y = x^3, whose derivative is declared right but as a constant."""
        return x**3

    first_only.grads(x=lambda g, y, x: g * cr.stop_gradient(3 * x * x))
    try:
        assert cr.check_grads(first_only, [np.array([1.0, 2.0])], order=1)[0] < 1e-8
        with pytest.raises(GradientError, match="order 2: the gradient by argument 0"):
            cr.check_grads(first_only, [np.array([1.0, 2.0])], order=2)
    finally:
        del OPS["first_only"]


def test_stop_gradient_cuts_the_graph() -> None:
    assert float(cr.grad(lambda x: x * cr.stop_gradient(x))(3.0)) == 3
    assert float(cr.grad(cr.stop_gradient)(3.0)) == 0


def test_integers_have_no_gradient() -> None:
    x, n = tensor([1.0, 2.0]), tensor([3, 4])
    y = (x * n.astype("float64")).sum()
    y.backward()
    assert n.grad is None
    assert x.grad is not None
    np.testing.assert_array_equal(np.asarray(x.grad), [3, 4])
    with pytest.raises(GradientError, match=r"is of int64: only float32 and float64 have gradients; write 2\.0, not 2"):
        tensor(3).backward()


def test_a_function_that_leaves_the_graph_is_told_so() -> None:
    with pytest.raises(GradientError, match="a gradient by argument 1 of a function called with 1 arguments"):
        cr.grad(lambda x: x, 1)(1.0)
    with pytest.raises(GradientError, match="the function gave float, not a Tensor: somewhere it leaves the graph"):
        cr.grad(cast("Any", float))(1.0)
    with pytest.raises(DtypeError, match=r"np\.median is no op here, and would leave the graph"):
        cr.grad(np.median)(np.ones(3))


def test_an_own_op_with_its_own_gradient() -> None:
    @cr.op("... -> ...")
    def swish(xp: Any, x: Any) -> Any:
        """y = x sigmoid(x)."""
        return x / (1 + np.exp(-x))

    swish.grads(x=lambda g, y, x: g * (cr.sigmoid(x) * (1 + x * (1 - cr.sigmoid(x)))))
    try:
        cr.check_grads(swish, [rng.normal(size=(2, 3))], order=2)
        assert swish(2.0).op is swish
        with pytest.raises(SettingError, match="there is no input 'z' to derive by"):
            swish.grads(z=lambda g, y, x: g)
    finally:
        del OPS["swish"]


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(
        SettingError, match=r"there is an op 'mul' already, in chainrule\.ops\.elementwise: choose another"
    ):

        @cr.op("... -> ...")
        def mul(xp: Any, x: Any) -> Any:
            """Would replace the product of every network."""
            return x


def test_an_argument_is_not_what_the_function_knows_from_outside() -> None:
    """Perturbation confusion (Siskind and Pearlmutter, 2005): each call differentiates by its own arguments only."""
    assert float(cr.grad(lambda x: x * cr.grad(lambda y: x + y)(x))(1.0)) == 1
    s = tensor(3.0)
    assert float(cr.grad(lambda a, b: a * b)(s, s)) == 3
    assert float(cr.grad(lambda x: x * s)(s)) == 3
    assert [float(g) for g in cr.vjp(lambda a, b: a * b, s, s)[1](1.0)] == [3, 3]
    assert float(cr.hvp(lambda a: a * a * s, s, 1.0)) == 6


def test_gradients_go_through_lists_of_tensors() -> None:
    assert float(cr.grad(lambda x: cr.sum([x, 2 * x]))(1.0)) == 3
    assert float(cr.grad(lambda x: cr.pad(cr.tensor([1.0, 2.0]), 1, x).sum())(1.0)) == 2


def test_where_all_are_equal_the_gradient_of_std_is_zero() -> None:
    np.testing.assert_array_equal(cr.grad(cr.std)(np.ones(3)), np.zeros(3))
    assert [float(g) for g in cr.vjp(cr.ops.arctan2, 0.0, 0.0)[1](1.0)] == [0, 0]


def test_a_recorded_graph_has_no_backward() -> None:
    with pytest.raises(NoValueError, match="its gradient is graph too"):
        (placeholder((), np.float64, "x") * 2).backward()


def test_one_direction_for_each_argument() -> None:
    with pytest.raises(GradientError, match="2 arguments and 1 directions"):
        cr.jvp(lambda a, b: a * b, [1.0, 2.0], [1.0])
    with pytest.raises(GradientError, match="0 arguments and 0 directions"):
        cr.check_grads(lambda: tensor(1.0), [])
