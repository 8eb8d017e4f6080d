"""`with cr.debug():` stops at the op in which a NaN or an infinity is born, instead of where it is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import NonFiniteError
from .tensor import Array

watching: ContextVar[bool] = ContextVar("watching", default=False)


@contextmanager
def debug() -> Iterator[None]:
    """Inside, an op that makes a NaN or an infinity of finite numbers raises NonFiniteError, which names it.

    Eager ops and training steps alike, forward and backward. What came in as NaN or infinity is not an op's fault.
    """
    token = watching.set(True)
    try:
        with np.errstate(all="ignore"):  # one error that names the op instead of warnings that do not
            yield
    finally:
        watching.reset(token)


def check_born(label: str, args: Sequence[str], inputs: Sequence[Array], output: Array) -> None:
    """Refuse an output that is not finite though all inputs are."""
    bad = ~np.isfinite(output)
    if not bad.any() or not all(np.isfinite(x).all() for x in inputs):
        return
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    place = f" at {at}" if at else ""
    seen = ", ".join(f"{arg} {_range(x)}" for arg, x in zip(args, inputs, strict=True))
    raise NonFiniteError(f"{label}: made {np.asarray(output)[at]}{place} from finite inputs ({seen})")


def _range(x: Any) -> str:
    """`(2, 3) in [-1, 4]`, or the number itself."""
    x = np.asarray(x)
    if x.ndim == 0:
        return f"= {x[()]:g}"
    return f"{x.shape} in [{x.min():.4g}, {x.max():.4g}]" if x.size else f"{x.shape}"
