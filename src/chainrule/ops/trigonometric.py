"""Circular and hyperbolic functions, angles in radians."""

from typing import Any

from ..graph import Array, Tensor, floating, op
from .compare import BINARY, UNARY, greater, where
from .elementwise import sqrt


@op(UNARY, dtype=floating)
def sin(xp: Any, x: Array) -> Array:
    """y = sin x."""
    return xp.sin(x)


@op(UNARY, dtype=floating)
def cos(xp: Any, x: Array) -> Array:
    """y = cos x."""
    return xp.cos(x)


@op(UNARY, dtype=floating)
def tan(xp: Any, x: Array) -> Array:
    """y = tan x."""
    return xp.tan(x)


@op(UNARY, dtype=floating)
def arcsin(xp: Any, x: Array) -> Array:
    """y = arcsin x, x in [-1, 1]."""
    return xp.arcsin(x)


@op(UNARY, dtype=floating)
def arccos(xp: Any, x: Array) -> Array:
    """y = arccos x, x in [-1, 1]."""
    return xp.arccos(x)


@op(UNARY, dtype=floating)
def arctan(xp: Any, x: Array) -> Array:
    """y = arctan x, in (-pi/2, pi/2)."""
    return xp.arctan(x)


@op(BINARY, dtype=floating)
def arctan2(xp: Any, a: Array, b: Array) -> Array:
    """y = the angle of the point (b, a), in [-pi, pi]."""
    return xp.arctan2(a, b)


@op(UNARY, dtype=floating)
def sinh(xp: Any, x: Array) -> Array:
    """y = (e^x - e^-x) / 2."""
    return xp.sinh(x)


@op(UNARY, dtype=floating)
def cosh(xp: Any, x: Array) -> Array:
    """y = (e^x + e^-x) / 2."""
    return xp.cosh(x)


@op(UNARY, dtype=floating)
def tanh(xp: Any, x: Array) -> Array:
    """y = tanh x, in (-1, 1)."""
    return xp.tanh(x)


@op(UNARY, dtype=floating)
def arcsinh(xp: Any, x: Array) -> Array:
    """y = the x of sinh."""
    return xp.arcsinh(x)


@op(UNARY, dtype=floating)
def arccosh(xp: Any, x: Array) -> Array:
    """y = the x of cosh, x >= 1."""
    return xp.arccosh(x)


@op(UNARY, dtype=floating)
def arctanh(xp: Any, x: Array) -> Array:
    """y = the x of tanh, x in (-1, 1)."""
    return xp.arctanh(x)


def _square_distance(a: Tensor, b: Tensor) -> Tensor:
    """a^2 + b^2; 1 at the origin, where the angle has no gradient and 0 is given."""
    square = a * a + b * b
    return where(greater(square, 0), square, 1)


sin.grads(x=lambda g, y, x: g * cos(x))
cos.grads(x=lambda g, y, x: -g * sin(x))
tan.grads(x=lambda g, y, x: g * (1 + y * y))
arcsin.grads(x=lambda g, y, x: g / sqrt(1 - x * x))
arccos.grads(x=lambda g, y, x: -g / sqrt(1 - x * x))
arctan.grads(x=lambda g, y, x: g / (1 + x * x))
arctan2.grads(
    a=lambda g, y, a, b: g * (b / _square_distance(a, b)), b=lambda g, y, a, b: -g * (a / _square_distance(a, b))
)
sinh.grads(x=lambda g, y, x: g * cosh(x))
cosh.grads(x=lambda g, y, x: g * sinh(x))
tanh.grads(x=lambda g, y, x: g * (1 - y * y))
arcsinh.grads(x=lambda g, y, x: g / sqrt(1 + x * x))
arccosh.grads(x=lambda g, y, x: g / sqrt(x * x - 1))
arctanh.grads(x=lambda g, y, x: g / (1 - x * x))
