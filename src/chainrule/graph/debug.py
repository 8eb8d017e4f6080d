"""`with cr.debug():` stops at the op in which a NaN or an infinity is born, instead of where it is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import NonFiniteError
from .tensor import Array, Tensor

watching: ContextVar[bool] = ContextVar("watching", default=False)


@contextmanager
def debug() -> Iterator[None]:
    """Inside, an op that makes a NaN or an infinity of finite numbers raises NonFiniteError, which names it.

    Eager ops and training steps alike, forward and backward, of the thread that entered it. What came in as NaN or infinity
    is not an op's fault, so a mask of -inf may be an input.
    """
    token = watching.set(True)
    try:
        with np.errstate(all="ignore"):  # one error that names the op instead of warnings that do not
            yield
    finally:
        watching.reset(token)


def check_born(node: Tensor, inputs: Sequence[Array], output: Array) -> None:
    """Refuse a NaN where no input holds one, and an infinity made of finite numbers; element by element where ops are so."""
    bad = ~np.isfinite(output)
    if not bad.any():
        return
    born = bad & _all(np.isfinite, node, inputs, output)
    if not any(np.isnan(x).any() for x in inputs):
        born |= np.isnan(output)
    if not born.any():
        return
    at = tuple(int(i) for i in np.argwhere(born)[0])
    place = f" at {at}" if at else ""
    raise NonFiniteError(f"{node.label}: made {np.asarray(output)[at]}{place} of {', '.join(told(node, inputs))}")


def told(node: Tensor, inputs: Sequence[Array]) -> list[str]:
    """The inputs of an op by name, each with its range: `x (2, 3) in [-1, 4]`."""
    args = node.op.arg_names(len(inputs))
    return [f"{arg} {_range(x)}" for arg, x in zip(args, inputs, strict=True)]


def _all(test: Callable[[Array], Any], node: Tensor, inputs: Sequence[Array], output: Array) -> Any:
    """Where every input passes: place by place for an op that treats every element alike, else everywhere or nowhere."""
    if node.op.elementwise:
        return np.logical_and.reduce([np.broadcast_to(test(x), output.shape) for x in inputs])
    return all(test(x).all() for x in inputs)


def _range(x: Any) -> str:
    """`(2, 3) in [-1, 4]`, or the number itself."""
    x = np.asarray(x)
    if x.ndim == 0:
        return f"= {x[()]:g}"
    return f"{x.shape} in [{x.min():.4g}, {x.max():.4g}]" if x.size else f"{x.shape}"
