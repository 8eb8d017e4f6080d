"""Random numbers as ops: a function of seed, stream, step and position (see `philox.py`), the same on every engine."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import philox
from ..graph import Array, Op, Shape, op


def _float32(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    return np.dtype(np.float32)


@op(lambda seed, step, *, stream, to: to, dtype=_float32)
def uniform(xp: Any, seed: Array, step: Array, *, stream: int, to: Shape) -> Array:
    """float32 in [0, 1), of shape `to`."""
    return philox.uniform(xp, seed, stream, step, to)
