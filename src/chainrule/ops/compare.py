"""Ops that compare and choose. What they return is piecewise, so at a kink or a tie the derivative is a convention:

ReLU'(0) = 0      a unit that is exactly off stays off, so sparse stays sparse (PyTorch's and JAX's choice)
d|x|/dx at 0 = 0  the smallest of the subgradients -1..1: nothing moves where both directions are alike (sign(0) = 0)
maximum, minimum  a tie gives each operand half, so that swapping operands changes nothing (PyTorch's and JAX's choice)
max, min, pooling a tie goes whole to the first, as argmax names it, so that the max gate routes to one place (`reduce.py`)
clip              at a limit the gradient passes, as for the values between (PyTorch's choice)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DtypeError
from ..graph import Array, Op, Tensor, boolean, numeric, op

UNARY = "... -> ..."
BINARY = "..., ... -> ..."


def chosen(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """A condition, and two of one type."""
    condition, a, b = dtypes
    if condition.kind != "b":
        raise DtypeError(f"{op.name}: the condition is of {condition}, expected bool: write a comparison such as x > 0")
    if a != b:
        raise DtypeError(f"{op.name}: element types differ (a {a}, b {b}); make them one with .astype(...)")
    return a


def conditions(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """True or false in, true or false out."""
    for arg, dtype in zip(op.args, dtypes, strict=True):
        if dtype.kind != "b":
            raise DtypeError(f"{op.name}: {arg} is of {dtype}, expected bool: write a comparison such as x != 0")
    return dtypes[0]


@op(BINARY, dtype=boolean)
def less(xp: Any, a: Array, b: Array) -> Array:
    """y = a < b."""
    return a < b


@op(BINARY, dtype=boolean)
def less_equal(xp: Any, a: Array, b: Array) -> Array:
    """y = a <= b."""
    return a <= b


@op(BINARY, dtype=boolean)
def greater(xp: Any, a: Array, b: Array) -> Array:
    """y = a > b."""
    return a > b


@op(BINARY, dtype=boolean)
def greater_equal(xp: Any, a: Array, b: Array) -> Array:
    """y = a >= b."""
    return a >= b


@op(BINARY, dtype=boolean)
def equal(xp: Any, a: Array, b: Array) -> Array:
    """y = (a == b)."""
    return a == b


@op(BINARY, dtype=boolean)
def not_equal(xp: Any, a: Array, b: Array) -> Array:
    """y = (a != b)."""
    return a != b


@op(BINARY, dtype=conditions)
def logical_and(xp: Any, a: Array, b: Array) -> Array:
    """y = a and b."""
    return xp.logical_and(a, b)


@op(BINARY, dtype=conditions)
def logical_or(xp: Any, a: Array, b: Array) -> Array:
    """y = a or b."""
    return xp.logical_or(a, b)


@op(UNARY, dtype=conditions)
def logical_not(xp: Any, x: Array) -> Array:
    """y = not x."""
    return xp.logical_not(x)


@op("..., ..., ... -> ...", dtype=chosen)
def where(xp: Any, condition: Array, a: Array, b: Array) -> Array:
    """y = a where the condition holds, b elsewhere.   The gradient goes where the value came from."""
    return xp.where(condition, a, b)


@op(BINARY, dtype=numeric)
def maximum(xp: Any, a: Array, b: Array) -> Array:
    """y = the larger of a and b.   The max gate routes its gradient to the larger one."""
    return xp.maximum(a, b)


@op(BINARY, dtype=numeric)
def minimum(xp: Any, a: Array, b: Array) -> Array:
    """y = the smaller of a and b."""
    return xp.minimum(a, b)


@op("..., ..., ... -> ...", dtype=numeric)
def clip(xp: Any, x: Array, low: Array, high: Array) -> Array:
    """y = x, moved into [low, high]."""
    return xp.minimum(xp.maximum(x, low), high)


@op(UNARY, dtype=numeric)
def relu(xp: Any, x: Array) -> Array:
    """y = max(x, 0).   Source: Goodfellow, Bengio and Courville (2016), section 6.3.1."""
    return xp.maximum(x, 0)


@op(UNARY, dtype=numeric)
def abs(xp: Any, x: Array) -> Array:
    """y = |x|."""
    return xp.abs(x)


@op(UNARY, dtype=numeric)
def sign(xp: Any, x: Array) -> Array:
    """y = -1, 0 or 1.   Piecewise constant: no gradient."""
    return xp.sign(x)


@op(UNARY, dtype=numeric)
def floor(xp: Any, x: Array) -> Array:
    """y = the largest integer not above x.   Piecewise constant: no gradient."""
    return xp.floor(x)


@op(UNARY, dtype=numeric)
def ceil(xp: Any, x: Array) -> Array:
    """y = the smallest integer not below x.   Piecewise constant: no gradient."""
    return xp.ceil(x)


@op(UNARY, dtype=numeric)
def round(xp: Any, x: Array) -> Array:
    """y = the nearest integer, of two the even one.   Piecewise constant: no gradient."""
    return xp.round(x)


def _share(wins: Tensor, ties: Tensor, g: Tensor) -> Tensor:
    """g for the winner, half of it in a tie."""
    return where(wins, g, where(ties, g * 0.5, 0))


where.grads(
    a=lambda g, y, condition, a, b: where(condition, g, 0), b=lambda g, y, condition, a, b: where(condition, 0, g)
)
maximum.grads(
    a=lambda g, y, a, b: _share(greater(a, b), equal(a, b), g), b=lambda g, y, a, b: _share(less(a, b), equal(a, b), g)
)
minimum.grads(
    a=lambda g, y, a, b: _share(less(a, b), equal(a, b), g), b=lambda g, y, a, b: _share(greater(a, b), equal(a, b), g)
)
clip.grads(
    x=lambda g, y, x, low, high: where(logical_and(less_equal(low, x), less_equal(x, high)), g, 0),
    low=lambda g, y, x, low, high: where(logical_and(less(x, low), less_equal(low, high)), g, 0),
    high=lambda g, y, x, low, high: where(less(high, maximum(x, low)), g, 0),
)
relu.grads(x=lambda g, y, x: where(greater(x, 0), g, 0))
abs.grads(x=lambda g, y, x: g * sign(x))
