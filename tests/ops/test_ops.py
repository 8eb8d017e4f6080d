"""One row per op: inputs away from kinks, attributes, and an independent definition written with plain loops or formulas."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.engine import plan
from chainrule.graph import OPS, Graph, Tensor, placeholder, tensor

Shapes = tuple[tuple[int, ...], ...]
rng = np.random.default_rng


@dataclass
class Row:
    """`oracle` gives the output; `low`, `high` bound the inputs; integer inputs are drawn below `labels`."""

    oracle: Callable[..., Any]
    shapes: tuple[Shapes, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    labels: Mapping[int, int] = field(default_factory=dict)
    smooth: tuple[int, ...] = (0,)


def windows_of(x: Any, size: Any, stride: Any, padding: Any) -> Any:
    """Yield (n, p, q) and the window there, by loops."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    oh = (padded.shape[1] - size[0]) // stride[0] + 1
    ow = (padded.shape[2] - size[1]) // stride[1] + 1
    for n, p, q in itertools.product(range(len(x)), range(oh), range(ow)):
        a, b = p * stride[0], q * stride[1]
        yield (n, p, q), padded[n, a : a + size[0], b : b + size[1]], (oh, ow)


def conv_oracle(x: Any, k: Any, *, stride: Any, padding: Any) -> Any:
    kh, kw, _, o = k.shape
    found = list(windows_of(x, (kh, kw), stride, padding))
    y = np.zeros((len(x), *found[0][2], o), x.dtype) if found else np.zeros((0, 0, 0, o))
    for at, window, _ in found:
        for c in range(o):
            y[(*at, c)] = sum(float(v) for v in (window * k[..., c]).ravel())
    return y


def conv_x_oracle(g: Any, k: Any, *, h: int, w: int, stride: Any, padding: Any) -> Any:
    """The transpose of conv2d as a matrix: its column for every input element is conv2d of a unit image."""
    x = np.zeros((g.shape[0], h, w, k.shape[2]), g.dtype)
    for at in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[at] = 1
        x[at] = np.sum(conv_oracle(unit, k, stride=stride, padding=padding) * g)
    return x


def conv_k_oracle(x: Any, g: Any, *, kh: int, kw: int, stride: Any, padding: Any) -> Any:
    k = np.zeros((kh, kw, x.shape[3], g.shape[3]), x.dtype)
    for (n, p, q), window, _ in windows_of(x, (kh, kw), stride, padding):
        k += window[..., None] * g[n, p, q]
    return k


NONE = ((0, 0), (0, 0))


def pool_argmax_oracle(x: Any, *, size: Any, stride: Any) -> Any:
    found = list(windows_of(x, size, stride, NONE))
    y = np.zeros((len(x), *found[0][2], x.shape[3]), np.int64)
    for at, window, _ in found:
        for c in range(x.shape[3]):
            flat = window[..., c].ravel().tolist()
            y[(*at, c)] = flat.index(max(flat))
    return y


def pool_gather_oracle(u: Any, at: Any, *, size: Any, stride: Any) -> Any:
    y = np.zeros(at.shape, u.dtype)
    for place, window, _ in windows_of(u, size, stride, NONE):
        for c in range(u.shape[3]):
            y[(*place, c)] = window[..., c].ravel()[at[(*place, c)]]
    return y


def max_pool_oracle(x: Any, *, size: Any, stride: Any) -> Any:
    return pool_gather_oracle(x, pool_argmax_oracle(x, size=size, stride=stride), size=size, stride=stride)


def pool_scatter_oracle(g: Any, at: Any, *, h: int, w: int, size: Any, stride: Any) -> Any:
    x = np.zeros((g.shape[0], h, w, g.shape[3]), g.dtype)
    for n, p, q, c in np.ndindex(g.shape):
        a, b = divmod(int(at[n, p, q, c]), size[1])
        x[n, p * stride[0] + a, q * stride[1] + b, c] += g[n, p, q, c]
    return x


def softmax_oracle(z: Any) -> Any:
    e = np.exp(z.astype(np.longdouble))
    return e / e.sum(-1, keepdims=True)


PAIRS: tuple[Shapes, ...] = (((3, 2), (3, 2)), ((2, 1), (3,)), ((), (2, 1)), ((0, 3), (3,)))
SINGLE: tuple[Shapes, ...] = (((3, 2),), ((),), ((1, 0),), ((5,),))
IMAGES: tuple[Shapes, ...] = (((2, 5, 4, 2),), ((1, 2, 3, 1),))
POOL = {"size": (2, 2), "stride": (2, 2)}
OVERLAP = {"size": (2, 3), "stride": (1, 2)}
CONV = {"stride": (2, 1), "padding": ((1, 1), (0, 2))}

ROWS: dict[str, Row | list[Row]] = {
    "add": Row(lambda a, b: a + b, PAIRS, smooth=(0, 1)),
    "sub": Row(lambda a, b: a - b, PAIRS, smooth=(0, 1)),
    "mul": Row(lambda a, b: a * b, PAIRS, smooth=(0, 1)),
    "div": Row(lambda a, b: a / b, PAIRS, low=0.5, smooth=(0, 1)),
    "power": Row(lambda a, b: np.exp(b * np.log(a)), PAIRS, low=0.5, smooth=(0, 1)),
    "neg": Row(lambda x: 0 - x, SINGLE),
    "exp": Row(np.vectorize(math.exp, otypes=[float]), SINGLE),
    "log": Row(np.vectorize(math.log, otypes=[float]), SINGLE, low=0.5),
    "sqrt": Row(np.vectorize(math.sqrt, otypes=[float]), SINGLE, low=0.5),
    "tanh": Row(np.vectorize(math.tanh, otypes=[float]), SINGLE),
    "sigmoid": Row(np.vectorize(lambda x: 1 / (1 + math.exp(-x)), otypes=[float]), SINGLE),
    "relu": [Row(lambda x: x, SINGLE, low=0.1), Row(lambda x: 0 * x, SINGLE, high=-0.1)],
    "positive": Row(lambda x: np.where(x > 0, 1.0, 0.0), SINGLE, smooth=()),
    "less": Row(lambda a, b: np.where(a < b, 1.0, 0.0), PAIRS, smooth=()),
    "cast": Row(lambda x, dtype: x, SINGLE, {"dtype": "float64"}),
    "sum": [
        Row(lambda x, axis, keepdims: np.einsum("ij->j", x), (((3, 2),), ((1, 4),)), {"axis": (0,), "keepdims": False}),
        Row(lambda x, axis, keepdims: np.einsum("ij->", x)[None, None], (((3, 2),),), {"axis": (0, 1), "keepdims": True}),
    ],
    "var": [
        Row(lambda x, axis, keepdims: np.cov(x, rowvar=False, bias=True).diagonal(), (((4, 3),),), {"axis": (0,), "keepdims": False}),
        Row(lambda x, axis, keepdims: np.mean((x - x.mean()) ** 2), (((2, 3),), ((5,),)), {"axis": None, "keepdims": False}),
    ],
    "reshape": Row(lambda x, to: np.array(x.ravel().tolist()).reshape(3, 2), (((2, 3),), ((6,),)), {"to": (3, -1)}),
    "broadcast": Row(lambda x, to: np.ones(to) * x, (((3, 1),), ((4,),), ((),)), {"to": (3, 4)}),
    "transpose": Row(lambda x, order: np.einsum("abc->cab", x), (((2, 3, 4),), ((1, 0, 2),)), {"order": (2, 0, 1)}),
    "matmul": Row(
        lambda a, b: np.einsum("...nk,...km->...nm", a, b),
        (((3, 4), (4, 2)), ((2, 3, 1), (1, 2)), ((2, 1, 3, 2), (3, 2, 1)), ((2, 0), (0, 3))),
        smooth=(0, 1),
    ),
    "conv2d": [
        Row(conv_oracle, (((2, 5, 4, 2), (3, 2, 2, 3)), ((1, 3, 1, 1), (1, 3, 1, 2))), CONV, smooth=(0, 1)),
        Row(conv_oracle, (((1, 3, 3, 2), (2, 2, 2, 1)),), {"stride": (1, 1), "padding": NONE}, smooth=(0, 1)),
    ],
    "conv2d_x": Row(conv_x_oracle, (((1, 3, 5, 2), (3, 2, 1, 2)),), {"h": 5, "w": 4, **CONV}, smooth=(0, 1)),
    "conv2d_k": Row(conv_k_oracle, (((2, 5, 4, 1), (2, 3, 5, 2)),), {"kh": 3, "kw": 2, **CONV}, smooth=(0, 1)),
    "max_pool": [Row(max_pool_oracle, IMAGES, POOL), Row(max_pool_oracle, IMAGES, OVERLAP)],
    "pool_argmax": [Row(pool_argmax_oracle, IMAGES, a, smooth=()) for a in (POOL, OVERLAP)],
    "pool_scatter": [
        Row(pool_scatter_oracle, (((2, 2, 2, 1), (2, 2, 2, 1)),), {"h": 5, "w": 4, **POOL}, labels={1: 4}),
        Row(pool_scatter_oracle, (((1, 2, 2, 2), (1, 2, 2, 2)),), {"h": 3, "w": 5, **OVERLAP}, labels={1: 6}),
    ],
    "pool_gather": [
        Row(pool_gather_oracle, (((2, 5, 4, 1), (2, 2, 2, 1)),), POOL, labels={1: 4}),
        Row(pool_gather_oracle, (((1, 3, 5, 2), (1, 2, 2, 2)),), OVERLAP, labels={1: 6}),
    ],
    "standardise": Row(
        lambda x, m, v, e: np.stack([(row - m) * np.power(v + e, -0.5) for row in x]),
        (((4, 3), (3,), (3,), ()), ((1, 2), (2,), (2,), ())), low=0.5, smooth=(0, 1, 2, 3),
    ),
    "softmax": Row(softmax_oracle, (((3, 4),), ((1, 1),), ((0, 2),))),
    "one_hot": Row(lambda i, c, dtype: np.eye(c)[i], (((4,),), ((0,),)), {"c": 3, "dtype": "float64"}, labels={0: 3}, smooth=()),
    "cross_entropy": Row(
        lambda z, t: -np.log([softmax_oracle(row)[label] for row, label in zip(z, t, strict=True)]),
        (((4, 3), (4,)), ((1, 2), (1,))), labels={1: 2},
    ),
}  # fmt: skip
BY_OTHER_TESTS = {"uniform": "tests/test_philox.py"}

CASES = [
    pytest.param(name, row, shapes, id=f"{name}-{i}-{shapes}")
    for name, rows in ROWS.items()
    for i, row in enumerate(rows if isinstance(rows, list) else [rows])
    for shapes in row.shapes
]


def inputs_of(row: Row, shapes: Shapes, dtype: Any = np.float64) -> list[Any]:
    """Random inputs; elements differ by at least 0.01, so that no maximum is nearly tied."""
    draw = rng(len(shapes) + sum(map(len, shapes)))
    inputs: list[Any] = []
    for i, shape in enumerate(shapes):
        if i in row.labels:
            inputs.append(draw.integers(0, row.labels[i], shape))
            continue
        count = math.prod(shape)
        spread = (
            draw.permutation(np.linspace(row.low, row.high, count))
            if count > 1
            else draw.uniform(row.low, row.high, count)
        )
        inputs.append(spread.reshape(shape).astype(dtype))
    return inputs


LAYOUTS: list[Callable[[Any], Any]] = [
    lambda x: x.copy("F"),
    lambda x: np.flip(np.flip(x).copy()),
    lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
]


def attrs_of(row: Row, shapes: Shapes) -> dict[str, Any]:
    attrs = dict(row.attrs)
    if attrs.get("axis", 0) is None:
        attrs["axis"] = tuple(range(len(shapes[0])))
    return attrs


def test_every_op_has_a_row() -> None:
    assert set(OPS) == set(ROWS) | set(BY_OTHER_TESTS)


def test_every_derivative_is_checked() -> None:
    for name, rows in ROWS.items():
        row = rows[0] if isinstance(rows, list) else rows
        declared = {i for i, d in enumerate(OPS[name].derivatives) if d is not None}  # type: ignore[attr-defined]
        assert declared == set(row.smooth), name


@pytest.mark.parametrize(("name", "row", "shapes"), CASES)
def test_forward(name: str, row: Row, shapes: Shapes) -> None:
    inputs = inputs_of(row, shapes)
    before = [x.copy() for x in inputs]
    attrs = attrs_of(row, shapes)
    y = np.asarray(OPS[name](*map(tensor, inputs), **attrs))
    expected = np.asarray(row.oracle(*inputs, **attrs))
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected.astype(y.dtype), rtol=1e-13, atol=1e-13)
    for x, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, old)


@pytest.mark.parametrize(("name", "row", "shapes"), CASES)
def test_gradient_first_and_second_order(name: str, row: Row, shapes: Shapes) -> None:
    inputs, attrs = inputs_of(row, shapes), attrs_of(row, shapes)
    at = list(row.smooth)
    if not at:  # no derivative declared (test_every_derivative_is_checked): nothing may flow back
        assert not any(OPS[name].derivatives)  # type: ignore[attr-defined]
        return

    def f(*moving: Tensor) -> Tensor:
        full: list[Any] = list(inputs)
        for i, x in zip(at, moving, strict=True):
            full[i] = x
        return OPS[name](*full, **attrs)

    assert max(cr.check_grads(f, [inputs[i] for i in at], order=2, tolerance=1e-8)) <= 1e-8


@pytest.mark.parametrize(("name", "row", "shapes"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_recorded_equals_eager_on_any_memory_layout(name: str, row: Row, shapes: Shapes, dtype: Any) -> None:
    inputs, attrs = inputs_of(row, shapes, dtype), attrs_of(row, shapes)
    eager = np.asarray(OPS[name](*map(tensor, inputs), **attrs))
    nodes = {f"x{i}": placeholder(x.shape, x.dtype, f"x{i}") for i, x in enumerate(inputs)}
    ready = plan(Graph(nodes, {"y": OPS[name](*nodes.values(), **attrs)}))
    for layout in LAYOUTS:
        y = ready({f"x{i}": layout(x) for i, x in enumerate(inputs)})["y"]
        assert y.dtype == eager.dtype
        np.testing.assert_allclose(
            y, eager, rtol=1e-6 if dtype == np.float32 else 1e-14, atol=1e-6 if dtype == np.float32 else 1e-14
        )


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
    assert float(cr.grad(cr.relu)(0.0)) == 0
    x = np.zeros((1, 2, 2, 1))
    routed = np.asarray(cr.grad(lambda t: ops.max_pool(t, size=(2, 2), stride=(2, 2)).sum())(x))
    np.testing.assert_array_equal(routed.ravel(), [1, 0, 0, 0])


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_softmax_of_the_lecture(shift: float) -> None:
    logits = np.array([[1.0, 2.0, 0.0]]) + shift
    np.testing.assert_array_equal(np.round(np.asarray(cr.softmax(logits)), 2), [[0.24, 0.67, 0.09]])
    assert float(np.asarray(cr.cross_entropy(logits, np.array([1])))[0]) == pytest.approx(
        -math.log(0.66524096), abs=1e-8
    )
