"""Why an op gives no finite number, in words: by op, from the numbers at one place of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..graph import Array, Tensor

Why: TypeAlias = Callable[..., str]


def _beyond(what: str) -> Why:
    return lambda *xs: f"{what} beyond float32: {' and '.join(f'{x:.4g}' for x in xs)}"


def _quotient(a: float, b: float) -> str:
    if b == 0:
        return "0 / 0" if a == 0 else f"{a:.4g} / 0"
    return f"a quotient beyond float32: {a:.4g} / {b:.4g}"


def _logarithm(x: float, least: float = 0.0) -> str:
    of = "the logarithm of 0" if x == least else f"the logarithm of a negative number, {x - least:.4g}"
    return of if not least else f"{of} (1 + {x:.4g})"


def _power(a: float, b: float) -> str:
    if a < 0 and b != round(b):
        return f"a negative number, {a:.4g}, to a power that is not whole, {b:.4g}"
    return f"0 to a negative power, {b:.4g}" if a == 0 and b < 0 else f"a power beyond float32: {a:.4g} to {b:.4g}"


def _outside(name: str, domain: str) -> Why:
    return lambda x: f"{name} of {x:.4g}, which is only defined {domain}"


def _exponential(x: float) -> str:
    return f"e to {x:.4g}: above 88.7 that is beyond float32"


# Of ops that treat every element alike: from the numbers that meet at the place.
AT_A_PLACE: Mapping[str, Why] = {
    "add": _beyond("a sum"),
    "sub": _beyond("a difference"),
    "mul": _beyond("a product"),
    "div": _quotient,
    "floor_divide": _quotient,
    "mod": _quotient,
    "power": _power,
    "exp": _exponential,
    "expm1": _exponential,
    "sinh": _exponential,
    "cosh": _exponential,
    "log": _logarithm,
    "log1p": lambda x: _logarithm(x, -1.0),
    "sqrt": lambda x: f"the square root of a negative number, {x:.4g}",
    "arcsin": _outside("arcsin", "from -1 to 1"),
    "arccos": _outside("arccos", "from -1 to 1"),
    "arctanh": _outside("arctanh", "between -1 and 1"),
    "arccosh": _outside("arccosh", "from 1 on"),
    "cast": lambda x: f"{x:.4g} is beyond float32",
}
SUMS = "a sum beyond float32 (3.4e38) of numbers up to {}"
PRODUCTS = "a sum of products beyond float32 (3.4e38): numbers up to {}"
SQUARES = "a sum of squares beyond float32 (3.4e38): numbers up to {}"
# Of all others: from the largest size in each input.
OVERALL: Mapping[str, str] = {
    "sum": SUMS,
    "mean": SUMS,
    "cumsum": SUMS,
    "pool_sum": SUMS,
    "pool_scatter": SUMS,
    "put": SUMS,
    "logsumexp": SUMS,
    "var": SQUARES,
    "std": SQUARES,
    "matmul": PRODUCTS,
    "einsum": PRODUCTS,
    "conv2d": PRODUCTS,
    "conv2d_x": PRODUCTS,
    "conv2d_k": PRODUCTS,
    "prod": "a product beyond float32 (3.4e38) of numbers up to {}",
    "softmax": "scores further apart than float32 reaches: numbers up to {}",
    "log_softmax": "scores further apart than float32 reaches: numbers up to {}",
    "cross_entropy": "scores further apart than float32 reaches: numbers up to {}",
}


def why(node: Tensor, inputs: Sequence[Array], at: tuple[int, ...]) -> str:
    """The reason in words, from what the op was given; `at` is a place of its output."""
    op, shape = node.op.name, node.shape
    if op == "standardise":
        return _standardised(at, *inputs)
    if op in OVERALL:
        return OVERALL[op].format(
            " and ".join(f"{np.abs(x).max():.4g}" for x in inputs if np.asarray(x).dtype.kind == "f")
        )
    met = [np.broadcast_to(x, shape)[at] for x in inputs] if node.op.elementwise else []
    if not all(np.isfinite(x) for x in met):
        return f"an infinite constant came in: {', '.join(f'{x:g}' for x in met)}"
    if op in AT_A_PLACE:
        return AT_A_PLACE[op](*(float(x) for x in met))
    return f"{op} gives no finite number for these inputs"


def _standardised(at: tuple[int, ...], x: Array, mean: Array, var: Array, eps: Array) -> str:
    channel = at[-1]
    spread = float(var[channel] + eps)
    if spread == 0:
        return f"a division by the standard deviation 0 of channel {channel}"
    if spread < 0:
        return f"the square root of a negative variance, {spread:.4g}, of channel {channel}"
    return f"a quotient beyond float32: {float(x[at]):.4g} less {float(mean[channel]):.4g}, by {spread:.4g}^0.5"


def input_why(name: str, value: Array, at: tuple[int, ...], row: int | None) -> str:
    """The reason where what was fed is not finite itself: the place, rows by their numbers in the data."""
    found: Any = np.asarray(value)[at]
    if row is None:
        return f"{name} holds {found} at {at}" if at else f"{name} is {found}"
    column = f", column {at[1] if len(at) == 2 else at[1:]}" if len(at) > 1 else ""
    return f"{name} holds {found} in row {row}{column} (counted from 0)"
