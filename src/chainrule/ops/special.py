"""Functions that NumPy lacks."""

import math
from typing import Any

from ..graph import Array, floating, op
from .compare import UNARY
from .elementwise import exp

# Numerators and denominators, highest power first: Cody (1969), "Rational Chebyshev approximations for the error
# function", as SPECFUN's calerf has them.
NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
FAR = (
    (-1.63153871373020978e-2, -3.05326634961232344e-1, -3.60344899949804439e-1, -1.25781726111229246e-1,
     -1.60837851487422766e-2, -6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
LIMIT = 6.0  # from here on erf is 1 in float64


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """Numerator over denominator, both by Horner's rule."""
    top, bottom = x * 0, x * 0
    for a, b in zip(*coefficients, strict=True):
        top, bottom = top * x + a, bottom * x + b
    return top / bottom


@op(UNARY, dtype=floating)
def erf(xp: Any, x: Array) -> Array:
    """y = 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x, to about 1e-15."""
    size = xp.minimum(xp.abs(x), LIMIT)
    middle = xp.maximum(size, 0.46875)
    far = xp.maximum(size, 4.0)
    tail = xp.where(
        size <= 4, _ratio(MIDDLE, middle), (1 / math.sqrt(math.pi) + _ratio(FAR, 1 / (far * far)) / (far * far)) / far
    )
    return xp.where(
        size <= 0.46875,
        x * _ratio(NEAR, xp.minimum(size, 0.46875) ** 2),
        xp.sign(x) * (1 - xp.exp(-size * size) * tail),
    )


erf.grads(x=lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-x * x)))
