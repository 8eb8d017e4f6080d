"""Arithmetic, powers, exponentials and logarithms: ops that treat every element alike. Operands broadcast as in NumPy.

The derivatives at the end read as a table. Ops that choose (ReLU, max, |x|) stand in `compare.py` with their conventions.
"""

from typing import Any

from ..graph import Array, Tensor, attr_dtype, floating, numeric, op
from .compare import BINARY, UNARY, equal, greater, where


@op(BINARY, dtype=numeric)
def add(xp: Any, a: Array, b: Array) -> Array:
    """y = a + b.   The add gate distributes its gradient."""
    return a + b


@op(BINARY, dtype=numeric)
def sub(xp: Any, a: Array, b: Array) -> Array:
    """y = a - b."""
    return a - b


@op(BINARY, dtype=numeric)
def mul(xp: Any, a: Array, b: Array) -> Array:
    """y = a b.   The multiply gate swaps its inputs into the gradients."""
    return a * b


@op(BINARY, dtype=floating)
def div(xp: Any, a: Array, b: Array) -> Array:
    """y = a / b."""
    return a / b


@op(BINARY, dtype=numeric)
def floor_divide(xp: Any, a: Array, b: Array) -> Array:
    """y = floor(a / b).   Piecewise constant: no gradient."""
    return a // b


@op(BINARY, dtype=numeric)
def mod(xp: Any, a: Array, b: Array) -> Array:
    """y = a - b floor(a / b), with the sign of b.   The quotient's jumps are taken as constant."""
    return a % b


@op(BINARY, dtype=numeric)
def power(xp: Any, a: Array, b: Array) -> Array:
    """y = a^b.   The derivative by b is 0 where a <= 0: there y is defined at single points b only."""
    return a**b


@op(UNARY, dtype=numeric)
def neg(xp: Any, x: Array) -> Array:
    """y = -x."""
    return -x


@op(UNARY, dtype=floating)
def exp(xp: Any, x: Array) -> Array:
    """y = e^x."""
    return xp.exp(x)


@op(UNARY, dtype=floating)
def expm1(xp: Any, x: Array) -> Array:
    """y = e^x - 1, exact also near 0."""
    return xp.expm1(x)


@op(UNARY, dtype=floating)
def log(xp: Any, x: Array) -> Array:
    """y = ln x, x > 0."""
    return xp.log(x)


@op(UNARY, dtype=floating)
def log1p(xp: Any, x: Array) -> Array:
    """y = ln(1 + x), x > -1, exact also near 0."""
    return xp.log1p(x)


@op(UNARY, dtype=floating)
def sqrt(xp: Any, x: Array) -> Array:
    """y = x^(1/2), x >= 0."""
    return xp.sqrt(x)


@op(UNARY, dtype=floating)
def sigmoid(xp: Any, x: Array) -> Array:
    """y = 1 / (1 + e^-x), in (0, 1); by e^-|x|, which does not overflow and keeps small values exact."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


@op(UNARY, dtype=floating)
def softplus(xp: Any, x: Array) -> Array:
    """y = ln(1 + e^x), without overflow.   Source: Dugas et al. (2001)."""
    return xp.logaddexp(x, xp.zeros_like(x))


@op(UNARY, dtype=attr_dtype)
def cast(xp: Any, x: Array, *, dtype: str) -> Array:
    """y = x as another element type."""
    return xp.astype(x, getattr(xp, dtype))


@op(UNARY)
def identity(xp: Any, x: Array) -> Array:
    """y = x, as a node of its own."""
    return x


@op(UNARY)
def stop_gradient(xp: Any, x: Array) -> Array:
    """y = x, taken as a constant: no gradient goes back."""
    return x


def _power_by_base(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    exponent = where(equal(b, 0), 1, b - 1)  # x^0 has derivative 0, at x = 0 too, where x^-1 would be infinite
    return g * (b * a**exponent)


def _power_by_exponent(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return g * (y * log(where(greater(a, 0), a, 1)))


def _cast_back(g: Tensor, y: Tensor, x: Tensor, *, dtype: str) -> Tensor:
    return g.astype(x.dtype)


add.grads(a=lambda g, y, a, b: g, b=lambda g, y, a, b: g)
sub.grads(a=lambda g, y, a, b: g, b=lambda g, y, a, b: -g)
mul.grads(a=lambda g, y, a, b: g * b, b=lambda g, y, a, b: g * a)
div.grads(a=lambda g, y, a, b: g / b, b=lambda g, y, a, b: -g * y / b)
mod.grads(a=lambda g, y, a, b: g, b=lambda g, y, a, b: g * ((y - a) / b))
power.grads(a=_power_by_base, b=_power_by_exponent)
neg.grads(x=lambda g, y, x: -g)
exp.grads(x=lambda g, y, x: g * y)
expm1.grads(x=lambda g, y, x: g * (y + 1))
log.grads(x=lambda g, y, x: g / x)
log1p.grads(x=lambda g, y, x: g / (1 + x))
sqrt.grads(x=lambda g, y, x: g * 0.5 / y)
sigmoid.grads(x=lambda g, y, x: g * (y * (1 - y)))
softplus.grads(x=lambda g, y, x: g * sigmoid(x))
cast.grads(x=_cast_back)
identity.grads(x=lambda g, y, x: g)
