"""Ops that treat every element alike. Operands broadcast as in NumPy.

At a kink the derivative is a convention: ReLU'(0) = 0 (so a unit that is exactly off stays off; PyTorch's and JAX's choice).
"""

from typing import Any

from ..graph import Array, Tensor, attr_dtype, op

UNARY = "... -> ..."
BINARY = "..., ... -> ..."


@op(BINARY)
def add(xp: Any, a: Array, b: Array) -> Array:
    """y = a + b.   The add gate distributes its gradient."""
    return a + b


@op(BINARY)
def sub(xp: Any, a: Array, b: Array) -> Array:
    """y = a - b."""
    return a - b


@op(BINARY)
def mul(xp: Any, a: Array, b: Array) -> Array:
    """y = a b.   The multiply gate swaps its inputs into the gradients."""
    return a * b


@op(BINARY)
def div(xp: Any, a: Array, b: Array) -> Array:
    """y = a / b."""
    return a / b


@op(BINARY)
def power(xp: Any, a: Array, b: Array) -> Array:
    """y = a^b.   The derivative by b needs a > 0."""
    return a**b


@op(UNARY)
def neg(xp: Any, x: Array) -> Array:
    """y = -x."""
    return -x


@op(UNARY)
def exp(xp: Any, x: Array) -> Array:
    """y = e^x."""
    return xp.exp(x)


@op(UNARY)
def log(xp: Any, x: Array) -> Array:
    """y = ln x, x > 0."""
    return xp.log(x)


@op(UNARY)
def sqrt(xp: Any, x: Array) -> Array:
    """y = x^(1/2), x >= 0."""
    return xp.sqrt(x)


@op(UNARY)
def tanh(xp: Any, x: Array) -> Array:
    """y = tanh x, in (-1, 1)."""
    return xp.tanh(x)


@op(UNARY)
def sigmoid(xp: Any, x: Array) -> Array:
    """y = 1 / (1 + e^-x), in (0, 1); by tanh, which does not overflow."""
    return 0.5 * xp.tanh(0.5 * x) + 0.5


@op(UNARY)
def relu(xp: Any, x: Array) -> Array:
    """y = max(x, 0).   Source: Goodfellow, Bengio and Courville (2016), section 6.3.1."""
    return xp.maximum(x, 0)


@op(UNARY)
def positive(xp: Any, x: Array) -> Array:
    """y = 1 where x > 0, else 0.   Piecewise constant: no gradient."""
    return xp.astype(x > 0, x.dtype)


@op(BINARY)
def less(xp: Any, a: Array, b: Array) -> Array:
    """y = 1 where a < b, else 0.   Piecewise constant: no gradient."""
    return xp.astype(a < b, a.dtype)


@op(UNARY, dtype=attr_dtype)
def cast(xp: Any, x: Array, *, dtype: str) -> Array:
    """y = x as another element type."""
    return xp.astype(x, getattr(xp, dtype))


def _cast_back(g: Tensor, y: Tensor, x: Tensor, *, dtype: str) -> Tensor:
    return g.astype(x.dtype)


add.grads(a=lambda g, y, a, b: g, b=lambda g, y, a, b: g)
sub.grads(a=lambda g, y, a, b: g, b=lambda g, y, a, b: -g)
mul.grads(a=lambda g, y, a, b: g * b, b=lambda g, y, a, b: g * a)
div.grads(a=lambda g, y, a, b: g / b, b=lambda g, y, a, b: -g * y / b)
power.grads(a=lambda g, y, a, b: g * (b * a ** (b - 1)), b=lambda g, y, a, b: g * (y * log(a)))
neg.grads(x=lambda g, y, x: -g)
exp.grads(x=lambda g, y, x: g * y)
log.grads(x=lambda g, y, x: g / x)
sqrt.grads(x=lambda g, y, x: g * 0.5 / y)
tanh.grads(x=lambda g, y, x: g * (1 - y * y))
sigmoid.grads(x=lambda g, y, x: g * (y * (1 - y)))
relu.grads(x=lambda g, y, x: g * positive(y))
cast.grads(x=_cast_back)
