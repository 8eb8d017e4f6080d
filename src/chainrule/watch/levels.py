"""Losses to compare the first one with: of an output of 0, of the best constant, and the task's own on the same output."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ChainruleError
from ..grad import value_and_grad
from ..graph import Tensor, tensor
from ..loss import BY_TASK, CrossEntropy, Loss, OfClasses, Task, look_like_probabilities
from ..network import Arrays

LOGITS = 15.0  # e^-15 is 3e-7: constants beyond this are hardly better
GRID, HALVINGS, DESCENTS = 33, 30, 40
GOLDEN = (math.sqrt(5) - 1) / 2
Array = NDArray[Any]


def of_losses(loss: Loss, output: Array, batch: Arrays, task: Task | None = None) -> dict[str, float | None]:
    """Mean losses of these rows, None where one is not finite or makes no sense.

    loss            of the network's output, as the training counts it
    loss_of_zeros   of an output of 0 throughout
    base_loss       of the best output that is the same for every row, or a little above it: what needs no input
    standard_loss   of the network's output by the default loss of the task (`loss.BY_TASK`)
    """
    task = task or task_of(loss, batch["y"])
    logits = not look_like_probabilities(output)
    return {
        "loss": mean_loss(loss, output, batch),
        "loss_of_zeros": mean_loss(loss, np.zeros_like(output), batch),
        "base_loss": base_loss(loss, output, batch),
        "standard_loss": mean_loss(BY_TASK[task], output, {k: batch[k] for k in ("x", "y")}) if logits else None,
    }


def task_of(loss: Loss, y: Array) -> Task:
    """What targets of this kind are for, by what the loss takes: labels are 0 and 1."""
    if y.dtype.kind in "iu":
        return "classes"
    return "labels" if "labels" in loss.tasks and bool(((y == 0) | (y == 1)).all()) else "numbers"


def mean_loss(loss: Loss, output: Array, batch: Arrays) -> float | None:
    """Of an output that no op has made."""
    try:
        with np.errstate(all="ignore"):
            found = float(_mean(loss, tensor(output), batch))
    except ChainruleError:
        return None
    return found if math.isfinite(found) else None


def _mean(loss: Loss, output: Tensor, batch: Arrays) -> Tensor:
    weights = None if "weights" not in batch else tensor(batch["weights"])
    return loss.shares(output, tensor(batch["y"]), weights).mean()


def base_loss(loss: Loss, output: Array, batch: Arrays) -> float | None:
    """The least loss of a constant: of classes from the frequencies on, of numbers column by column."""
    search = _of_classes if isinstance(loss, OfClasses) else _of_numbers
    found = [value for value in search(loss, output, batch) if value is not None]
    return min(found, default=None)


def _of_classes(loss: Loss, output: Array, batch: Arrays) -> Iterator[float | None]:
    """Losses of constant scores: those of the frequencies, of indifference, of certainty; and downhill from the best."""
    count = output.shape[-1]
    shares = _frequencies(loss, batch, count)
    starts = [np.log(np.maximum(shares, math.exp(-LOGITS))), np.zeros(count), shares, np.eye(count)[shares.argmax()]]
    losses = [mean_loss(loss, _everywhere(c, output), batch) for c in starts]
    yield from losses
    if type(loss) is CrossEntropy and not loss.smoothing:
        return  # the frequencies are the best there is
    best = min((value, i) for i, value in enumerate(losses) if value is not None)[1] if any(losses) else 0
    yield from _downhill(lambda c: _mean(loss, c + tensor(np.zeros_like(output)), batch), starts[best])


def _frequencies(loss: Loss, batch: Arrays, count: int) -> Array:
    """Of the classes, each by its weight."""
    codes = batch["y"].ravel()
    of_rows = np.ones(len(batch["y"])) if "weights" not in batch else batch["weights"]
    weight = np.repeat(of_rows, codes.size // max(len(of_rows), 1)).astype(np.float64)
    of_classes = loss.weights_of_classes()
    if of_classes is not None:
        weight = weight * np.asarray(of_classes)[codes]
    shares = np.bincount(codes, weight, minlength=count)[:count]
    found: Array = shares / max(shares.sum(), 1e-30)
    return found


def _everywhere(c: Array, output: Array) -> Array:
    return np.broadcast_to(c, output.shape).astype(output.dtype)


def _downhill(f: Callable[[Tensor], Tensor], c: Array) -> Iterator[float | None]:
    """Losses on the way down from c, by steps that are halved until they help."""
    slope, step = value_and_grad(f), 4.0
    try:
        with np.errstate(all="ignore"):
            value, g = slope(tensor(c.astype(np.float32)))
            for _ in range(DESCENTS):
                further = (c - step * np.asarray(g)).astype(np.float32)
                ahead, next_g = slope(tensor(further))
                if float(ahead) < float(value):
                    c, value, g, step = further, ahead, next_g, 2 * step
                else:
                    step /= 4
    except ChainruleError:
        return
    yield float(value) if math.isfinite(float(value)) else None


def _of_numbers(loss: Loss, output: Array, batch: Arrays) -> Iterator[float | None]:
    """The loss of the best constant for each column: the best of a grid, then golden sections around it."""
    y = batch["y"]
    low, high = min(float(y.min()), -LOGITS), max(float(y.max()), LOGITS)
    columns = output.shape[-1]
    grid = np.unique(np.concatenate([np.linspace(low, high, GRID), np.quantile(y, np.linspace(0, 1, GRID))]))
    try:
        with np.errstate(all="ignore"):
            losses = np.array([_by_column(loss, np.full(columns, c), output, batch) for c in grid])
            at = np.nanargmin(np.where(np.isfinite(losses), losses, np.inf), 0)
            best = grid[at]
            a, b = grid[np.maximum(at - 1, 0)], grid[np.minimum(at + 1, len(grid) - 1)]
            for _ in range(HALVINGS):
                left, right = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
                lower = _by_column(loss, left, output, batch) < _by_column(loss, right, output, batch)
                a, b = np.where(lower, a, left), np.where(lower, right, b)
    except ChainruleError:
        return
    yield mean_loss(loss, _everywhere(best, output), batch)
    yield mean_loss(loss, _everywhere((a + b) / 2, output), batch)


def _by_column(loss: Loss, c: Array, output: Array, batch: Arrays) -> Array:
    """The mean loss of each column, if c is its output."""
    each = np.asarray(loss.each(tensor(_everywhere(c, output)), tensor(batch["y"])).value, np.float64)
    rows = each.reshape(len(each), -1, each.shape[-1] if each.ndim > 1 else 1).mean(1)
    found: Array = np.average(rows, 0, batch.get("weights")) if rows.shape[-1] == len(c) else rows.mean()
    return found
