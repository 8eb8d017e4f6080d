"""Normalisation. Batch norm is `mean`, `var`, `standardise`, and a scale and shift: few nodes, each with its name."""

from typing import Any

from ..graph import Array, Tensor, floating, op


@op("... c, c, c, -> ... c", dtype=floating)
def standardise(xp: Any, x: Array, mean: Array, var: Array, eps: Array) -> Array:
    """y = (x - mean) / sqrt(var + eps).   Source: Ioffe and Szegedy (2015), algorithm 1."""
    return (x - mean) / xp.sqrt(var + eps)


def _rate(var: Tensor, eps: Tensor) -> Tensor:
    return (var + eps) ** -0.5


def _by_var(g: Tensor, y: Tensor, x: Tensor, mean: Tensor, var: Tensor, eps: Tensor) -> Tensor:
    leading = tuple(range(x.ndim - 1))
    return (g * y).sum(leading) * (-0.5 / (var + eps))


standardise.grads(
    x=lambda g, y, x, mean, var, eps: g * _rate(var, eps),
    mean=lambda g, y, x, mean, var, eps: -(g.sum(tuple(range(x.ndim - 1))) * _rate(var, eps)),
    var=_by_var,
    eps=_by_var,
)
