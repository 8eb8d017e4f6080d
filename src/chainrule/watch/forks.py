"""Forks: a few steps tried on the side, from given arrays; the training goes on as if they had not been.

What a fork leaves is a figure. The step is put back as it was, to the bit: a watched training is the training that nobody
watched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Arrays
from ..step import ONLY_LOSS, Step
from .feed import Feed

FACTORS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)  # of the learning rate, side by side
LAST = 5  # the share of a fork's steps, 1 / LAST, whose losses are its outcome
Judge = Callable[[Mapping[str, Any]], float]


@dataclass(frozen=True)
class Fork:
    """Steps to be tried: from which arrays (None: from where the training is), fed with what, and how they are judged."""

    arrays: Arrays | None
    feed: Feed
    judge: Judge | None  # the loss of arrays on validation rows; None: the loss of the last steps is the outcome

    def at(self, times: float | NDArray[Any]) -> Fork:
        """The same steps at a multiple of their rate."""
        return replace(self, feed=replace(self.feed, lr=self.feed.lr * times))

    def free(self) -> Fork:
        """The same steps without priors."""
        return replace(self, feed=replace(self.feed, l2=0.0, l1=0.0))


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


def overfitted(step: Step, batch: Feed, steps: int) -> dict[str, Any]:
    """One batch trained on again and again, without priors: its loss at first and at the end, at rates around its own.

    `zeroed` is the loss at the end with all inputs 0, at the rate that got lowest. A network that cannot learn a few rows
    by heart will not learn many.   Source: CS231n, notes "Neural Networks Part 3", "Before learning: sanity checks".
    """
    rows, order = batch.rows, np.repeat(batch.order, steps, 0)
    zeros = {**rows, "x": np.zeros_like(rows["x"])}
    found: dict[float, float] = {}
    facts: dict[str, Any] = {"steps": steps}
    for lr in (batch.lr, batch.lr * 0.1, batch.lr * 10.0):
        with forked(step) as fork:
            losses = fork.advance(rows, order, lr, wanted=ONLY_LOSS)["loss"]
            start = float(losses[0])
            end = outcome(losses, steps)
            if not found or end < min(found.values()):
                facts["zeroed"] = plain(fork.advance(zeros, batch.order, lr, wanted=ONLY_LOSS)["loss"][0])
            found[lr] = end
        if end < 0.5 * start:
            break
    return {**facts, "start": plain(start), "end": plain(min(found.values()))}


def tried(step: Step, fork: Fork) -> tuple[float | None, float | None]:
    """The outcome of a fork, and the loss of its last steps, which is the outcome where there is no judge; None where they
    are not finite."""
    with forked(step, fork.arrays):
        feed = fork.feed
        losses = step.advance(feed.rows, feed.order, feed.lr, feed.l2, feed.l1, ONLY_LOSS)["loss"]
        found = outcome(losses, len(feed.order))
        judged = fork.judge(step.arrays) if fork.judge and math.isfinite(found) else found
        return plain(judged), plain(found)


def outcome(losses: Sequence[float] | NDArray[Any], steps: int) -> float:
    """The mean of the last losses; infinite where the steps ended early, at a loss that is not finite."""
    if len(losses) < steps or not np.isfinite(losses[-1]):
        return float("inf")
    return float(np.mean(losses[-max(steps // LAST, 1) :]))


def plain(number: float) -> float | None:
    """A number as JSON has it: None where it is not finite."""
    return float(number) if np.isfinite(number) else None
