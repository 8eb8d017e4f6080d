"""What a training came to: one number on rows that it did not learn from, and whether another number is better.

Pairs: a cure and what it is compared with are trained with the same seeds on the same rows. Its gain is the mean of their
differences, its spread the upper 95% point of Student's t times the standard error of that mean. That error is the larger of
two: the one over the seeds, and the one that the few judged rows leave (so that three seeds which agree by chance do not
settle what one row decides). Only a gain above its spread, and of at least LEAST, is one. The loss is measured, too; it
breaks a tie where few rows are judged, which cannot tell shares apart but can tell probabilities.   Source: Student (1908).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..evaluate import evaluate
from ..metrics import METRICS, confusion, recall
from ..model import Model

LEAST = 0.005  # a gain that matters: half a percent of the classes found, or of the variance explained
LOWER = 0.02  # a fall of the loss that matters, in nats: what is true is taken for 2% more probable
WORST_R2 = -1.0  # how much worse than the mean a useless model is says nothing
TINY = 1e-7  # of a probability
NAMES = {"classes": "balanced accuracy", "labels": next(iter(METRICS["labels"])), "numbers": "r2"}
# One-sided 95% points of Student's t by degrees of freedom; from the last on it falls by less than 0.2.
T = (math.inf, 6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Of one training. `value` is the mean recall of the classes, the F1 of labels or the R2 of numbers; `rows`, where it is
    a sum over the rows, their parts in it; `loss` -ln p of what is true, NaN where nothing says probabilities."""

    value: float
    rows: NDArray[np.float64] | None
    loss: float


def outcome_of(model: Model, part: Dataset) -> Outcome:
    """The model on rows that it did not learn from."""
    seen = evaluate(model, part)
    task, predicted = part.task, np.asarray(seen.predicted, np.float64)
    if task == "numbers":
        return _of_numbers(predicted, np.asarray(part.y, np.float64))
    predicted = np.nan_to_num(predicted, nan=0.0)  # a class without a number is not chosen
    if task == "labels":
        sure = np.where(part.y, predicted, 1 - predicted)
        return Outcome(seen.scores[NAMES["labels"]], None, _loss(sure))
    chosen = np.argmax(predicted, axis=-1)
    matrix = confusion(chosen, part.y, predicted.shape[-1])
    there = matrix.sum(1) > 0
    share = 1 / (np.maximum(matrix.sum(1), 1) * there.sum())
    rows = ((chosen == part.y) * share[part.y]).reshape(len(part), -1).sum(1)
    sure = np.take_along_axis(predicted, part.y[..., None], axis=-1)
    loss = _loss(sure) if model.loss.from_logits else math.nan
    return Outcome(float(recall(matrix)[there].mean()), rows, loss)


def _loss(sure: NDArray[np.float64]) -> float:
    return float(-np.log(np.clip(sure, TINY, 1)).mean())


def _of_numbers(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> Outcome:
    """R2, the mean of that of the targets; of those that never change there is none."""
    with np.errstate(all="ignore"):  # what overflows is as bad as can be
        error = ((predicted - true) ** 2).reshape(len(true), -1)
        spread = ((true - true.mean(0)) ** 2).reshape(len(true), -1).sum(0)
        there = spread > 0
        rows = (1 / len(true) - error[:, there] / spread[there]).mean(1) if there.any() else -error.mean(1)
        value = float(rows.sum())
    if not value > WORST_R2:
        return Outcome(WORST_R2, None, math.nan)
    return Outcome(value, rows, math.nan)


@dataclass(frozen=True)
class Gain:
    """The mean of paired differences, and how far it may be from the truth."""

    mean: float
    spread: float

    @property
    def sure(self) -> bool:
        """Whether it is positive, beyond its spread, and matters."""
        return self.mean > max(self.spread, LEAST)

    @property
    def unclear(self) -> bool:
        """Whether more seeds may settle it, or should confirm it."""
        return self.mean > 0 and self.mean <= 2 * self.spread and self.mean + self.spread > LEAST

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ± {self.spread:.3f}"


def gain(before: Sequence[Outcome], after: Sequence[Outcome]) -> Gain:
    """Of the outcome, from the same seeds with and without the cure."""
    pairs = list(zip(before, after, strict=True))
    differences = np.array([b.value - a.value for a, b in pairs])
    error = max(_error(differences), _error_of_rows(pairs))
    return Gain(float(differences.mean()), _t(len(pairs)) * error)


def fall_of_loss(before: Sequence[Outcome], after: Sequence[Outcome]) -> Gain:
    """Of the loss, in nats; nothing is sure where there is no loss to compare."""
    falls = np.array([a.loss - b.loss for a, b in zip(before, after, strict=True)])
    if not np.isfinite(falls).all():
        return Gain(0.0, math.inf)
    return Gain(float(falls.mean()), _t(len(falls)) * _error(falls))


def _t(count: int) -> float:
    return T[min(count - 1, len(T) - 1)]


def _error(values: NDArray[np.float64]) -> float:
    """The standard error of their mean."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def _error_of_rows(pairs: Sequence[tuple[Outcome, Outcome]]) -> float:
    """The standard error of the mean difference if other rows had been judged."""
    parts = [b.rows - a.rows for a, b in pairs if a.rows is not None and b.rows is not None]
    if not parts:
        return 0.0
    return math.sqrt(float(np.mean([len(part) * part.var() for part in parts])) / len(parts))
