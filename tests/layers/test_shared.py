"""One layer used twice under one name shares its arrays; two layers under one name are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ShapeError
from chainrule.graph import Tensor
from chainrule.layers import Context, Layer
from chainrule.layers.summary import summary_rows

X, Y = np.random.default_rng(0).normal(size=(2, 6, 3))
DENSE = cr.Dense(3)


@dataclass(frozen=True)
class Twice(Layer):
    """y = (x w + b) w + b, or of two layers under one name."""

    second: Layer = DENSE

    def forward(self, x: Tensor, p: Any, ctx: Context) -> Tensor:
        return ctx.call("d", self.second, ctx.call("d", DENSE, x))


def test_the_gradient_is_that_of_both_uses() -> None:
    step = cr.Step(cr.Sequential(a=Twice()), X, Y, optimizer=cr.SGD(0.1), dtype="float64")
    w, b = step.arrays["a/d/w"], step.arrays["a/d/b"]
    assert set(step.of_network) == {"a/d/w", "a/d/b"}
    loss, (by_w, by_b) = cr.value_and_grad(lambda w, b: (((cr.tensor(X) @ w + b) @ w + b - Y) ** 2).mean(), (0, 1))(
        w, b
    )
    assert step(X, Y) == pytest.approx(float(loss), rel=1e-12)
    np.testing.assert_allclose(step.arrays["a/d/w"], w - 0.1 * np.asarray(by_w), rtol=1e-10)
    np.testing.assert_allclose(step.arrays["a/d/b"], b - 0.1 * np.asarray(by_b), rtol=1e-10)


def test_it_has_one_row_with_the_cost_of_both() -> None:
    (row,) = summary_rows(cr.Sequential(a=Twice()), (3,))
    assert (row.path, row.parameters, row.multiply_adds) == ("a/d", 12, 18)


def test_lsuv_scales_it_once() -> None:
    w = cr.lsuv(cr.Sequential(a=Twice()), X, tol=0.02)["a/d/w"].astype(np.float64)
    assert (X @ w).var() == pytest.approx(1, abs=0.021)


def test_another_layer_under_the_same_name_is_told() -> None:
    with pytest.raises(ShapeError, match=r"'a/d/w' is declared twice, as \(3, 3\) and as \(3, 2\)"):
        cr.Step(cr.Sequential(a=Twice(cr.Dense(2))), X, Y)
    with pytest.raises(ShapeError, match="only one and the same layer can be called twice under one name"):
        cr.Step(cr.Sequential(a=Twice(cr.Dense(3, cr.init.Normal(0.1)))), X, Y)
