"""Activations beside ReLU, sigmoid, tanh and softplus, one node each. At 0, ELU and leaky ReLU take the left derivative."""

import math
from typing import Any

from ..graph import Array, Tensor, floating, op
from .compare import BINARY, UNARY, greater, where
from .elementwise import exp, sigmoid
from .special import erf


@op(BINARY, dtype=floating)
def leaky_relu(xp: Any, x: Array, slope: Array) -> Array:
    """y = x where x > 0, slope x elsewhere.   Source: Maas et al. (2013); He et al. (2015) for a learned slope (PReLU)."""
    return xp.where(x > 0, x, slope * x)


@op(BINARY, dtype=floating)
def elu(xp: Any, x: Array, alpha: Array) -> Array:
    """y = x where x > 0, alpha (e^x - 1) elsewhere.   Source: Clevert, Unterthiner and Hochreiter (2016)."""
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))


@op(UNARY, dtype=floating)
def gelu(xp: Any, x: Array) -> Array:
    """y = x P(X <= x) for a standard normal X = x (1 + erf(x / sqrt 2)) / 2.   Source: Hendrycks and Gimpel (2016)."""
    return 0.5 * x * (1 + erf.forward(xp, x * math.sqrt(0.5)))


@op(UNARY, dtype=floating)
def silu(xp: Any, x: Array) -> Array:
    """y = x sigmoid(x).   Source: Elfwing, Uchibe and Doya (2018); "swish" of Ramachandran, Zoph and Le (2017)."""
    return x * sigmoid.forward(xp, x)


def _gelu_back(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    share = 0.5 * (1 + erf(x * math.sqrt(0.5)))
    return g * (share + x * exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi))


def _silu_back(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    return g * (s + x * s * (1 - s))


leaky_relu.grads(
    x=lambda g, y, x, slope: where(greater(x, 0), g, g * slope),
    slope=lambda g, y, x, slope: where(greater(x, 0), 0, g * x),
)
elu.grads(
    # alpha e^x, not y + alpha: far below 0 that would cancel.
    x=lambda g, y, x, alpha: where(greater(x, 0), g, g * (alpha * exp(where(greater(x, 0), 0, x)))),
    alpha=lambda g, y, x, alpha: where(greater(x, 0), 0, g * (exp(where(greater(x, 0), 0, x)) - 1)),
)
gelu.grads(x=_gelu_back)
silu.grads(x=_silu_back)
