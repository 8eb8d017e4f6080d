"""Which rows train and which are held out: shares that hold within every class, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..philox import permutation

# Shares are decimal fractions: 0.29 * 100 is 28.999999999999996 and means 29.
SLACK = 1e-9


def stratified(codes: NDArray[np.int64], shares: Sequence[float], seed: int) -> list[NDArray[np.int64]]:
    """Row numbers, ascending, of the training part and of one held-out part per share.

    codes (n,) are class codes (all 0 for an unstratified split). Every class is shuffled for itself; of its m rows
    each part gets share * m, rounded down or up, and training at least one. Disjoint, and together all n rows.
    """
    order = permutation(seed, "split", 0, len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]
    counts = quotas(np.bincount(codes), [1.0 - sum(shares), *shares])
    classes, parts = counts.shape
    part = np.repeat(np.tile(np.arange(parts), classes), counts.ravel())
    return [np.sort(by_class[part == p]) for p in range(parts)]


def quotas(sizes: NDArray[np.int64], shares: Sequence[float]) -> NDArray[np.int64]:
    """Rows of each class for each part, shape (classes, parts); the first part is training.

    Everyone gets share * size rounded down; the rows left over go, one each, to the parts that are furthest behind over
    the classes so far. So small classes even out: of 20 classes with 4 rows, a share of 0.1 is still 8 rows.
    """
    wanted = np.outer(sizes, shares)
    counts = np.floor(wanted + SLACK).astype(np.int64)
    behind = np.zeros(len(shares))
    for size, want, count in zip(sizes, wanted, counts, strict=True):
        rest = want - count
        behind += rest
        claim = np.where(rest > SLACK, behind, -np.inf)
        if count[0] == 0:
            claim[0] = np.inf
        winners = np.argsort(-claim, kind="stable")[: size - count.sum()]
        count[winners] += 1
        behind[winners] -= 1
    return counts
