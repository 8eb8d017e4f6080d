"""Sums of many rows, and over any axes: what the native engine's short chains must not lose."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import native, plan
from chainrule.graph import Graph, Shape, placeholder

pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
REDUCTIONS = {"sum": cr.sum, "mean": cr.mean, "var": cr.var, "max": cr.max, "min": cr.min}
AXES = [axes for count in (1, 2, 3, 4) for axes in itertools.combinations(range(4), count)]


def run(
    x: NDArray[np.float32], axes: tuple[int, ...], names: tuple[str, ...], engine: str
) -> dict[str, NDArray[np.float32]]:
    leaf = placeholder(x.shape, np.float32, "x")
    return plan(Graph({"x": leaf}, {name: REDUCTIONS[name](leaf, axes) for name in names}), engine)({"x": x})


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (2, 40, 1, 33), (1, 1, 7, 1)], ids=str)
def test_every_choice_of_axes(shape: Shape, axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    ours, theirs = (run(x, axes, tuple(REDUCTIONS), engine) for engine in ("native", "reference"))
    for name in REDUCTIONS:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("shape", [(0, 2, 3, 4), (2, 0, 3, 4), (2, 3, 4, 0)], ids=str)
def test_sums_of_nothing(shape: Shape, axes: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    np.testing.assert_array_equal(run(x, axes, ("sum",), "native")["sum"], x.sum(axes))


@pytest.mark.parametrize("rows", [1, 7, 300, 40_000])
@pytest.mark.parametrize("columns", [1, 5, 70, 1500])
def test_moments_of_columns_that_are_all_alike(rows: int, columns: int) -> None:
    """Their distances from a rounded mean must not give a variance below 0."""
    x = np.full((min(rows, 60_000 // columns), columns), 1234.567, np.float32)
    found = run(x, (0,), ("mean", "var"), "native")
    np.testing.assert_allclose(found["mean"], x[0], rtol=1e-6)
    assert (found["var"] >= 0).all()
    assert found["var"].max() < 1e-6


@pytest.mark.parametrize("rows", [3, 400, 20_000])
def test_an_infinity_stays_in_its_column(rows: int) -> None:
    x = np.random.default_rng(0).normal(size=(rows, 5)).astype(np.float32)
    x[rows // 3, 1], x[rows // 2, 3] = np.inf, np.nan
    found = run(x, (0,), ("mean", "var"), "native")
    assert found["mean"][1] == np.inf
    assert np.isnan(found["mean"][3])
    assert np.isnan(found["var"][[1, 3]]).all()
    assert np.isfinite(found["mean"][[0, 2, 4]]).all()
    assert np.isfinite(found["var"][[0, 2, 4]]).all()
