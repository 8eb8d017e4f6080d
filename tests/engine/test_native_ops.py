"""Every op on the native engine against NumPy in float64: forward and gradient, on every path that this machine can run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.engine import native, plan
from chainrule.engine.native import cost
from chainrule.grad import backpropagate
from chainrule.graph import OPS, Graph, Op, placeholder, tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from op_rows import CASES, Row, Shapes, inputs_of

pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
OP: dict[str, Op[Any]] = OPS  # type: ignore[assignment]
EVERY_CASE = pytest.mark.parametrize(
    ("name", "row", "shapes"), CASES, ids=[f"{name}-{shapes}" for name, _, shapes in CASES]
)
EPS = float(np.finfo(np.float32).eps)


@pytest.fixture(params=native.paths() if native.available() else ["none"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One after the other, the sets of kernels that can run here."""
    monkeypatch.setenv("CHAINRULE_CPU", request.param)
    return str(request.param)


def graph_of(name: str, row: Row, inputs: list[Any], dtype: Any) -> Graph:
    """The op of `inputs`, and the gradient of its sum weighted by cosines, so that no two elements weigh the same."""
    feeds = [placeholder(x.shape, dtype if x.dtype.kind == "f" else x.dtype, f"x{i}") for i, x in enumerate(inputs)]
    y = OP[name](*feeds, **row.attrs)
    outputs = {"y": y}
    moving = {feeds[i] for i in row.smooth if i < len(feeds)}
    if moving and y.dtype.kind == "f" and y.size:
        weights = tensor(np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype))
        found = backpropagate((y * weights).sum(), wrt=moving)
        outputs |= {f"g{i}": found[x] for i, x in enumerate(feeds) if x in moving and x in found}
    return Graph({f"x{i}": x for i, x in enumerate(feeds)}, outputs)


@pytest.mark.parametrize("task_ns", [cost.TASK_NS, 10])  # 10: cut into as many tasks as there may be
@EVERY_CASE
def test_forward_and_gradient(
    name: str, row: Row, shapes: Shapes, path: str, task_ns: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "TASK_NS", task_ns)
    inputs = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in inputs_of(row, shapes)]
    exact = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]
    found = plan(graph_of(name, row, inputs, np.float32), "native")({f"x{i}": x for i, x in enumerate(inputs)})
    expected = plan(graph_of(name, row, exact, np.float64), "reference")({f"x{i}": x for i, x in enumerate(exact)})
    assert set(found) == set(expected)
    for key, want in expected.items():
        assert found[key].shape == want.shape
        scale = max(1.0, float(np.abs(want).max(initial=0)))
        np.testing.assert_allclose(found[key], want, rtol=40 * EPS, atol=10 * EPS * scale, err_msg=key)
