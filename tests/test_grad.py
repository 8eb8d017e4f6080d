"""Gradients against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError
from chainrule.graph import Tensor, tensor

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
