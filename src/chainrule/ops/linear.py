"""Sums of products."""

from typing import Any

from ..graph import Array, op


@op("... n k, ... k m -> ... n m")
def matmul(xp: Any, a: Array, b: Array) -> Array:
    """y[n,m] = sum over k of a[n,k] b[k,m].   Cost: n k m multiply-adds."""
    return a @ b


matmul.grads(a=lambda g, y, a, b: g @ b.mT, b=lambda g, y, a, b: a.mT @ g)
