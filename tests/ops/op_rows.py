"""One row per op: an independent definition, shapes, attributes, and the domain away from kinks in which it is differentiated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import op_oracles as loops

Shapes = tuple[tuple[int, ...], ...]


@dataclass
class Row:
    """`oracle` gives the output; inputs lie in [low, high], at least 0.01 apart (`at` gives the domain of single inputs);
    inputs in `labels` are integers below that; `masks` are booleans; `smooth` are the inputs with a derivative."""

    oracle: Callable[..., Any]
    shapes: tuple[Shapes, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    at: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    labels: Mapping[int, int] = field(default_factory=dict)
    masks: tuple[int, ...] = ()
    smooth: tuple[int, ...] = (0,)


def scalar(f: Callable[..., float]) -> Any:
    """A function of Python's `math`, element by element."""
    return np.vectorize(f, otypes=[float])


PAIRS: tuple[Shapes, ...] = (((3, 2), (3, 2)), ((2, 1), (3,)), ((), (2, 1)), ((0, 3), (3,)))
SINGLE: tuple[Shapes, ...] = (((3, 2),), ((),), ((1, 0),), ((5,),))
TRIPLES: tuple[Shapes, ...] = (((3, 2), (3, 2), (3, 2)), ((3, 1), (2,), ()), ((0,), (1,), (1,)))
IMAGES: tuple[Shapes, ...] = (((2, 5, 4, 2),), ((1, 2, 3, 1),))
NONE = ((0, 0), (0, 0))
BOTH: dict[str, Any] = {"smooth": (0, 1)}
POOL = {"size": (2, 2), "stride": (2, 2), "padding": NONE}
OVERLAP = {"size": (2, 3), "stride": (1, 2), "padding": ((1, 0), (1, 2))}
CONV = {"stride": (2, 1), "padding": ((1, 1), (0, 2)), "dilation": (1, 1), "groups": 1}
GROUPED = {"stride": (1, 2), "padding": ((2, 0), (1, 1)), "dilation": (2, 1), "groups": 2}
ROWS_ONLY = {"axis": (0,), "keepdims": False}
ALL_KEPT = {"axis": (0, 1), "keepdims": True}
OUTER = {"axis": (0, 2), "keepdims": False}
MATRIX: tuple[Shapes, ...] = (((3, 2),), ((1, 4),))


def reduction(name: str, oracle: Callable[[Any], float], **more: Any) -> list[Row]:
    """Over rows, over everything with axes kept, and over two axes that are not neighbours."""

    def over(x: Any, axis: Any, keepdims: bool) -> Any:
        moved = np.moveaxis(x, axis, range(-len(axis), 0))
        flat = moved.reshape(*moved.shape[: x.ndim - len(axis)], -1)
        y = np.apply_along_axis(lambda row: np.asarray(oracle(row)), -1, flat)
        return np.expand_dims(y, axis) if keepdims else y

    return [
        Row(over, MATRIX, ROWS_ONLY, **more),
        Row(over, (((3, 2),),), ALL_KEPT, **more),
        Row(over, (((2, 3, 2),),), OUTER, **more),
    ]


def compared(f: Callable[[Any, Any], Any]) -> Row:
    return Row(np.vectorize(f, otypes=[bool]), PAIRS, smooth=())


def unary(name: str, low: float = -2.0, high: float = 2.0) -> Row:
    return Row(scalar(getattr(math, name)), SINGLE, low=low, high=high)


ROWS: dict[str, Row | list[Row]] = {
    "add": Row(lambda a, b: a + b, PAIRS, **BOTH),
    "sub": Row(lambda a, b: a - b, PAIRS, **BOTH),
    "mul": Row(lambda a, b: a * b, PAIRS, **BOTH),
    "div": Row(lambda a, b: a / b, PAIRS, low=0.5, **BOTH),
    "floor_divide": Row(scalar(lambda a, b: math.floor(a / b)), PAIRS, at={1: (0.7, 2.0)}, smooth=()),
    "mod": Row(scalar(lambda a, b: a - b * math.floor(a / b)), PAIRS, at={0: (0.1, 0.9), 1: (1.0, 1.2)}, **BOTH),
    "power": Row(lambda a, b: np.exp(b * np.log(a)), PAIRS, low=0.5, **BOTH),
    "neg": Row(lambda x: 0 - x, SINGLE),
    "exp": unary("exp"),
    "expm1": unary("expm1"),
    "log": unary("log", low=0.5),
    "log1p": unary("log1p", low=-0.5),
    "sqrt": unary("sqrt", low=0.5),
    "sigmoid": Row(scalar(lambda x: 1 / (1 + math.exp(-x))), SINGLE),
    "softplus": Row(scalar(lambda x: math.log(1 + math.exp(x))), SINGLE),
    "cast": Row(lambda x, dtype: x, SINGLE, {"dtype": "float64"}),
    "identity": Row(lambda x: x, SINGLE),
    "stop_gradient": Row(lambda x: x, SINGLE, smooth=()),
    "erf": [unary("erf", -0.45, 0.45), unary("erf"), unary("erf", 3.0, 7.0)],
    "leaky_relu": [
        Row(lambda x, s: x + 0 * s, PAIRS, at={0: (0.1, 2.0)}, **BOTH),
        Row(lambda x, s: x * s, PAIRS, at={0: (-2.0, -0.1)}, **BOTH),
    ],
    "elu": [
        Row(lambda x, a: x + 0 * a, PAIRS, at={0: (0.1, 2.0)}, **BOTH),
        Row(lambda x, a: a * (np.exp(x) - 1), PAIRS, at={0: (-2.0, -0.1)}, **BOTH),
    ],
    "gelu": Row(scalar(lambda x: x * NormalDist().cdf(x)), SINGLE),
    "silu": Row(scalar(lambda x: x / (1 + math.exp(-x))), SINGLE),
    "sin": unary("sin"),
    "cos": unary("cos"),
    "tan": unary("tan", -1.0, 1.0),
    "arcsin": unary("asin", -0.7, 0.7),
    "arccos": unary("acos", -0.7, 0.7),
    "arctan": unary("atan"),
    "arctan2": Row(scalar(math.atan2), PAIRS, low=0.5, **BOTH),
    "sinh": unary("sinh"),
    "cosh": unary("cosh"),
    "tanh": unary("tanh"),
    "arcsinh": unary("asinh"),
    "arccosh": unary("acosh", 1.5, 3.0),
    "arctanh": unary("atanh", -0.7, 0.7),
    "less": compared(lambda a, b: a < b),
    "less_equal": compared(lambda a, b: a <= b),
    "greater": compared(lambda a, b: a > b),
    "greater_equal": compared(lambda a, b: a >= b),
    "equal": compared(lambda a, b: a == b),
    "not_equal": compared(lambda a, b: a != b),
    "logical_and": Row(np.vectorize(lambda a, b: bool(a) and bool(b), otypes=[bool]), PAIRS, masks=(0, 1), smooth=()),
    "logical_or": Row(np.vectorize(lambda a, b: bool(a) or bool(b), otypes=[bool]), PAIRS, masks=(0, 1), smooth=()),
    "logical_not": Row(np.vectorize(lambda x: not x, otypes=[bool]), SINGLE, masks=(0,), smooth=()),
    "where": Row(scalar(lambda c, a, b: a if c else b), TRIPLES, masks=(0,), smooth=(1, 2)),
    "maximum": [Row(scalar(max), PAIRS, at={0: (0.1, 2.0), 1: (-2.0, 0.0)}, **BOTH), Row(scalar(max), PAIRS[:1], at={1: (3.0, 4.0)}, **BOTH)],
    "minimum": [Row(scalar(min), PAIRS, at={0: (0.1, 2.0), 1: (-2.0, 0.0)}, **BOTH), Row(scalar(min), PAIRS[:1], at={1: (3.0, 4.0)}, **BOTH)],
    "clip": [
        Row(scalar(lambda x, a, b: min(max(x, a), b)), TRIPLES, at={0: span, 1: (-1.0, -0.5), 2: (0.5, 1.0)}, smooth=(0, 1, 2))
        for span in ((-2.0, -1.1), (-0.4, 0.4), (1.1, 2.0))
    ],
    "relu": [Row(lambda x: x, SINGLE, low=0.1), Row(lambda x: 0 * x, SINGLE, high=-0.1)],
    "abs": [Row(lambda x: x, SINGLE, low=0.1), Row(lambda x: 0 - x, SINGLE, high=-0.1)],
    "sign": Row(scalar(lambda x: (x > 0) - (x < 0)), SINGLE, smooth=()),
    "floor": Row(scalar(math.floor), SINGLE, smooth=()),
    "ceil": Row(scalar(math.ceil), SINGLE, smooth=()),
    "round": Row(scalar(round), SINGLE, smooth=()),
    "sum": reduction("sum", math.fsum),
    "mean": reduction("mean", lambda row: math.fsum(row) / len(row)),
    "var": reduction("var", lambda row: math.fsum((row - row.mean()) ** 2) / len(row)),
    "std": reduction("std", lambda row: math.sqrt(math.fsum((row - row.mean()) ** 2) / len(row))),
    "prod": [*reduction("prod", math.prod), Row(lambda x, axis, keepdims: x[0] * 0, (((2, 3),),), ROWS_ONLY, low=0, high=0)],
    "max": reduction("max", max),
    "min": reduction("min", min),
    "logsumexp": reduction("logsumexp", lambda row: math.log(math.fsum(map(math.exp, row)))),
    "argmax": Row(lambda x, axis, keepdims: np.apply_along_axis(lambda r: r.tolist().index(max(r)), 0, x), MATRIX, ROWS_ONLY, smooth=()),
    "argmin": Row(lambda x, axis, keepdims: np.apply_along_axis(lambda r: r.tolist().index(min(r)), 0, x), MATRIX, ROWS_ONLY, smooth=()),
    "first_extreme": [
        Row(loops.first_extreme, (((2, 3, 2),), ((1, 1, 1),)), {"axis": (0, 2), "largest": True}, smooth=()),
        Row(loops.first_extreme, (((3, 2),), ((0, 2),)), {"axis": (1,), "largest": False}, smooth=()),
    ],
    "cumsum": Row(lambda x, axis: np.tril(np.ones((len(x), len(x)))) @ x, (((3, 2),), ((1, 1),), ((0, 2),)), {"axis": 0}),
    "reshape": Row(lambda x, to: np.array(x.ravel().tolist()).reshape(3, 2), (((2, 3),), ((6,),)), {"to": (3, -1)}),
    "broadcast": Row(lambda x, to: np.ones(to) * x, (((3, 1),), ((4,),), ((),)), {"to": (3, 4)}),
    "transpose": Row(lambda x, order: np.einsum("abc->cab", x), (((2, 3, 4),), ((1, 0, 2),)), {"order": (2, 0, 1)}),
    "slice": [
        Row(lambda x, at: x[1:4:2, ::-1], (((5, 2),),), {"at": ((1, 2, 2), (1, -1, 2))}),
        Row(lambda x, at: x[:0], (((3, 2),), ((0, 2),)), {"at": ((0, 1, 0), (0, 1, 2))}),
    ],
    "place": Row(lambda x, at, into: np.array([[0, 0, 0], [*x[0, ::-1], 0], [0, 0, 0]]), (((1, 2),),), {"at": ((1, 1, 1), (1, -1, 2)), "into": (3, 3)}),
    "concat": Row(lambda *xs, axis: np.array([column for x in xs for column in x.T.tolist()]).T, (((2, 3), (2, 1), (2, 2)), ((1, 2),)), {"axis": 1}, smooth=(0, 1, 2)),
    "take": [
        Row(lambda x, at, axis: np.array([x[i] for i in at.tolist()]), (((4, 2), (5,)), ((4,), (2,))), {"axis": 0}, labels={1: 4}),
        Row(lambda x, at, axis: np.array([[r[i] for i in at.ravel().tolist()] for r in x]).reshape(2, *at.shape), (((2, 3), (2, 2)),), {"axis": 1}, labels={1: 3}),
    ],
    "put": Row(loops.put, (((2, 5), (5,)), ((2, 2, 2), (2, 2))), {"axis": 1, "size": 3}, labels={1: 3}),
    "take_along": Row(loops.take_along, (((3, 4), (3, 2)), ((1, 3), (1, 5))), {"axis": 1}, labels={1: 3}),
    "put_along": Row(loops.put_along, (((3, 4), (3, 4)), ((1, 2), (1, 2))), {"axis": 1, "size": 3}, labels={1: 3}),
    "matmul": Row(
        lambda a, b: np.einsum("...nk,...km->...nm", a, b),
        (((3, 4), (4, 2)), ((2, 3, 1), (1, 2)), ((2, 1, 3, 2), (3, 2, 1)), ((2, 0), (0, 3))), **BOTH,
    ),
    "einsum": [
        Row(loops.einsum, (((2, 3), (3, 2)), ((1, 2), (2, 1))), {"subscripts": "ij,jk->ki"}, **BOTH),
        Row(loops.einsum, (((2, 3),),), {"subscripts": "ij->j"}),
        Row(loops.einsum, (((2, 2), (2,), (2, 3)),), {"subscripts": "bi,b,bk->"}, smooth=(0, 1, 2)),
    ],
    "conv2d": [
        Row(loops.conv, (((2, 5, 4, 2), (3, 2, 2, 3)), ((1, 3, 1, 1), (1, 3, 1, 2))), CONV, **BOTH),
        Row(loops.conv, (((1, 3, 3, 2), (2, 2, 2, 1)),), {**CONV, "stride": (1, 1), "padding": NONE}, **BOTH),
        Row(loops.conv, (((1, 5, 4, 4), (2, 3, 2, 6)), ((2, 3, 5, 2), (2, 2, 1, 2))), GROUPED, **BOTH),
    ],
    "conv2d_x": [
        Row(loops.conv_x, (((1, 3, 5, 2), (3, 2, 1, 2)),), {"h": 5, "w": 4, **CONV}, **BOTH),
        Row(loops.conv_x, (((1, 5, 2, 4), (2, 3, 1, 4)),), {"h": 5, "w": 4, **GROUPED}, **BOTH),
    ],
    "conv2d_k": [
        Row(loops.conv_k, (((2, 5, 4, 1), (2, 3, 5, 2)),), {"kh": 3, "kw": 2, **CONV}, **BOTH),
        Row(loops.conv_k, (((1, 5, 4, 2), (1, 5, 2, 4)),), {"kh": 2, "kw": 3, **GROUPED}, **BOTH),
    ],
    "max_pool": [Row(loops.max_pool, IMAGES, POOL), Row(loops.max_pool, IMAGES, OVERLAP)],
    "pool_argmax": [Row(loops.pool_argmax, IMAGES, a, smooth=()) for a in (POOL, OVERLAP)],
    "pool_scatter": [
        Row(loops.pool_scatter, (((2, 2, 2, 1), (2, 2, 2, 1)),), {"h": 5, "w": 4, **POOL}, labels={1: 4}),
        Row(loops.pool_scatter, (((1, 3, 3, 2), (1, 3, 3, 2)),), {"h": 3, "w": 4, **OVERLAP}, labels={1: 6}),
    ],
    "pool_gather": [
        Row(loops.pool_gather, (((2, 5, 4, 1), (2, 2, 2, 1)),), POOL, labels={1: 4}),
        Row(loops.pool_gather, (((1, 3, 4, 2), (1, 3, 3, 2)),), OVERLAP, labels={1: 6}),
    ],
    "pool_sum": [Row(loops.pool_sum, IMAGES, POOL), Row(loops.pool_sum, IMAGES, OVERLAP)],
    "pool_spread": [
        Row(loops.pool_spread, (((2, 2, 2, 1),),), {"h": 5, "w": 4, **POOL}),
        Row(loops.pool_spread, (((1, 3, 3, 2),),), {"h": 3, "w": 4, **OVERLAP}),
    ],
    "standardise": Row(
        lambda x, m, v, e: np.stack([(row - m) * np.power(v + e, -0.5) for row in x]),
        (((4, 3), (3,), (3,), ()), ((1, 2), (2,), (2,), ())), low=0.5, smooth=(0, 1, 2, 3),
    ),
    "softmax": Row(loops.softmax, (((3, 4),), ((1, 1),), ((0, 2),), ((3,),), ((2, 1, 3),))),
    "log_softmax": Row(lambda z: np.log(loops.softmax(z)), (((3, 4),), ((1, 1),), ((0, 2),), ((3,),))),
    "one_hot": Row(lambda i, c, dtype: np.eye(c)[i], (((4,),), ((0,),)), {"c": 3, "dtype": "float64"}, labels={0: 3}, smooth=()),
    "cross_entropy": Row(
        lambda z, t: -np.log([loops.softmax(row)[label] for row, label in zip(z, t, strict=True)]),
        (((4, 3), (4,)), ((1, 2), (1,))), labels={1: 2},
    ),
}  # fmt: skip
BY_OTHER_TESTS = {"uniform": "tests/test_philox.py"}


def rows_of(name: str) -> list[Row]:
    """An op may have several rows."""
    rows = ROWS[name]
    return rows if isinstance(rows, list) else [rows]


CASES = [(name, row, shapes) for name in ROWS for row in rows_of(name) for shapes in row.shapes]


def inputs_of(row: Row, shapes: Shapes, dtype: Any = np.float64) -> list[Any]:
    """Random inputs; elements of one input differ by at least 0.01, so that no maximum is nearly tied."""
    draw = np.random.default_rng(len(shapes) + sum(map(len, shapes)))
    inputs: list[Any] = []
    for i, shape in enumerate(shapes):
        count = math.prod(shape)
        low, high = row.at.get(i, (row.low, row.high))
        if i in row.labels:
            inputs.append(draw.integers(0, row.labels[i], shape))
        elif i in row.masks:
            inputs.append(draw.random(shape) < 0.5)
        else:
            spread = draw.permutation(np.linspace(low, high, count)) if count > 1 else draw.uniform(low, high, count)
            inputs.append(spread.reshape(shape).astype(dtype))
    return inputs
