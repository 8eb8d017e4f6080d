"""Forks: a few steps tried on the side, from given arrays; the training goes on as if they had not been.

What a fork leaves is a figure. The step is put back as it was, to the bit: a watched training is the training that nobody
watched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Arrays
from ..step import Step

FACTORS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)  # of the learning rate, side by side
LAST = 5  # the share of a fork's steps, 1 / LAST, whose losses are its outcome
Order = NDArray[np.int64]
Judge = Callable[[Mapping[str, Any]], float]


@dataclass(frozen=True)
class Fork:
    """Steps to be tried: from which arrays (None: from where the training is), on which batches, and how they are judged."""

    arrays: Arrays | None
    rows: Arrays
    order: Order  # (steps, batch)
    lr: float | NDArray[Any]
    l2: float
    l1: float
    judge: Judge | None  # the loss of arrays on validation rows; None: the loss of the last steps is the outcome


@contextmanager
def forked(step: Step, arrays: Arrays | None = None) -> Iterator[Step]:
    """The step, to be moved freely from these arrays, or from where it is; afterwards it is where it was."""
    before, count = step.arrays, step.count
    try:
        if arrays is not None:
            step.arrays, step.count = arrays, 0
        yield step
    finally:
        step.arrays, step.count = before, count


def overfitted(step: Step, rows: Arrays, order: Order, lr: float, steps: int) -> dict[str, Any]:
    """One batch, `order` (1, batch), trained on again and again: its loss at first and at the end, at rates around `lr`.

    `zeroed` is the loss at the end with all inputs 0, at the rate that got lowest. A network that cannot learn a few rows
    by heart will not learn many.   Source: CS231n, notes "Neural Networks Part 3", "Before learning: sanity checks".
    """
    found: dict[float, float] = {}
    facts: dict[str, Any] = {"steps": steps}
    for factor in (1.0, 0.1, 10.0):
        with forked(step) as fork:
            losses = fork.advance(rows, np.repeat(order, steps, 0), lr * factor, wanted=("loss",))["loss"]
            facts.setdefault("start", float(losses[0]))
            end = outcome(losses, steps)
            if not found or end < min(found.values()):
                zeroed = {**rows, "x": np.zeros_like(rows["x"])}
                facts["zeroed"] = plain(fork.advance(zeroed, order, lr * factor, wanted=("loss",))["loss"][0])
            found[factor] = end
        if end < 0.5 * facts["start"]:
            break
    return {**facts, "end": plain(min(found.values()))}


def tried(step: Step, fork: Fork, times: float = 1.0, priors: bool = True) -> float | None:
    """The outcome of a fork at a multiple of its rate, with or without its priors; None where it is not finite."""
    with forked(step, fork.arrays):
        l2, l1 = (fork.l2, fork.l1) if priors else (0.0, 0.0)
        losses = step.advance(fork.rows, fork.order, fork.lr * times, l2, l1, ("loss",))["loss"]
        found = outcome(losses, len(fork.order))
        return plain(fork.judge(step.arrays) if fork.judge and math.isfinite(found) else found)


def outcome(losses: Sequence[float] | NDArray[Any], steps: int) -> float:
    """The mean of the last losses; infinite where the steps ended early, at a loss that is not finite."""
    if len(losses) < steps or not np.isfinite(losses[-1]):
        return float("inf")
    return float(np.mean(losses[-max(steps // LAST, 1) :]))


def plain(number: float) -> float | None:
    """A number as JSON has it: None where it is not finite."""
    return float(number) if np.isfinite(number) else None
