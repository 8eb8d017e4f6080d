"""The trials of a record: the first steps again at other rates, as `watch.after` made them."""

from __future__ import annotations

import math

from .record import Record

LOWER, HIGHER = (0.1, 0.01, 0.001), (10.0, 100.0, 1000.0)  # times the rate, nearest first
AS_GOOD = 0.1  # of the best trial's loss
SANE = 1.5  # times a constant's loss: no training that diverges stays below


def trial(record: Record, factor: float, of: str = "loss") -> float:
    """The loss of the short trial at a multiple of the rate; infinite where it diverged, NaN where there was none.

    Of validation where there is one; `of` "train": of the trial's own last steps.
    """
    losses = record.fact("trials", of) or {}
    found = losses.get(f"{factor:g}", math.nan)
    return math.inf if found is None else float(found)


def reached(record: Record) -> float:
    """The lower loss of the training and of the short trial at its own rate."""
    return min(record.reached, trial(record, 1))


def best_trial(record: Record, factors: tuple[float, ...]) -> tuple[float, float]:
    """The nearest factor whose trial is about as good as any of these, and its loss."""
    losses = [trial(record, factor) for factor in factors]
    best = min(losses) + AS_GOOD * abs(min(losses))
    return next(((f, x) for f, x in zip(factors, losses, strict=True) if x <= best), (1.0, math.nan))
