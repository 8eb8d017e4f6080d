"""Rows -> shuffled batches, a function of (seed, epoch) alone, so a training can resume in mid-epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from ..philox import permutation


def steps(count: int, size: int) -> int:
    """How many batches of `size` rows `batches` makes of `count` rows."""
    whole, rest = divmod(count, size)
    return whole + (rest > 1 or (rest == 1 and whole == 0))


def shuffled(count: int, size: int, seed: int, epoch: int, shuffle: bool = True) -> NDArray[np.int64]:
    """The rows of all `batches` of this epoch, in their order; without `shuffle` in that of the data."""
    require("batches", "count", count, count >= 1, "an int in the range [1, inf)")
    require("batches", "size", size, size >= 1, "an int in the range [1, inf)")
    order = permutation(seed, "shuffle", epoch, count) if shuffle else np.arange(count, dtype=np.int64)
    return order[: steps(count, size) * size]


def batches(count: int, size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers 0..count-1 in the shuffled order of this epoch, `size` at a time.

    The last batch is shorter when size does not divide count. A last batch of a single row is left out when there are
    others (batch norm has no variance on one row); the next epoch's shuffle brings that row back.

    seed and epoch are integers in [0, 2^32), count and size at least 1.
    """
    order = shuffled(count, size, seed, epoch)
    return iter([order[start : start + size] for start in range(0, len(order), size)])
