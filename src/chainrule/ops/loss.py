"""Output units and the negative log-likelihood of what they predict, fused with the logits so that no size overflows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..graph import Array, Op, Tensor, attr_dtype, floating, op


def some_classes(c: int, **_: int) -> Mapping[str, int]:
    """Refuse a choice among nothing."""
    if c == 0:
        raise ShapeError("softmax: the last axis has size 0: there are no classes to choose from")
    return {}


def logits_dtype(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """That of the logits, which are real numbers; labels are whole."""
    if dtypes[0].kind != "f" or dtypes[1].kind not in "iu":
        raise DtypeError(
            f"{op.name}: expected logits of float32 or float64 and integer labels, found {dtypes[0]} and {dtypes[1]}"
        )
    return dtypes[0]


@op("... c -> ... c", dtype=floating, sizes=some_classes)
def softmax(xp: Any, logits: Array) -> Array:
    """p[...,i] = e^z[...,i] / sum over j of e^z[...,j], shifted by the largest logit."""
    e = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


@op("... c -> ... c", dtype=floating, sizes=some_classes)
def log_softmax(xp: Any, logits: Array) -> Array:
    """y = ln softmax(logits), exact also where a probability is too small for a number of its own."""
    z = logits - xp.max(logits, axis=-1, keepdims=True)
    return z - xp.log(xp.sum(xp.exp(z), axis=-1, keepdims=True))


@op("n -> n c", dtype=attr_dtype)
def one_hot(xp: Any, labels: Array, *, c: int, dtype: str) -> Array:
    """y[n,i] = 1 where i is labels[n], else 0; a row of zeros for a label outside 0..c-1."""
    return xp.astype(labels[:, None] == xp.arange(c), getattr(xp, dtype))


@op("n c, n -> n", dtype=logits_dtype, sizes=some_classes)
def cross_entropy(xp: Any, logits: Array, labels: Array) -> Array:
    """y[n] = -ln softmax(logits)[n, labels[n]].   Source: Goodfellow, Bengio and Courville (2016), section 6.2.2.3."""
    _refuse_no_class(labels, logits.shape[-1])
    z = logits - xp.max(logits, axis=-1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(z), axis=-1))
    return log_sum - xp.take_along_axis(z, labels[:, None], axis=-1)[:, 0]


def _refuse_no_class(labels: Array, classes: int) -> None:
    """Labels are codes of classes; of an array that is only traced (JAX) the numbers are not known."""
    if isinstance(labels, np.ndarray):
        wrong = np.flatnonzero((labels < 0) | (labels >= classes))
        if wrong.size:
            row = int(wrong[0])
            raise IndexError(f"label {labels[row]} in row {row} is none of the {classes} classes 0..{classes - 1}")


def _softmax_back(g: Tensor, y: Tensor, logits: Tensor) -> Tensor:
    return y * (g - (g * y).sum(-1, keepdims=True))


def _cross_entropy_back(g: Tensor, y: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    target = one_hot(labels, c=logits.shape[-1], dtype=logits.dtype.name)
    return (softmax(logits) - target) * g.reshape(-1, 1)


softmax.grads(logits=_softmax_back)
log_softmax.grads(logits=lambda g, y, logits: g - softmax(logits) * g.sum(-1, keepdims=True))
cross_entropy.grads(logits=_cross_entropy_back)
