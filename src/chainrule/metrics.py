"""How good predictions are. Every metric of a task goes by its name in METRICS, the most telling first.

Classes: probabilities (n, ..., C) or scores, and codes (n, ...). Labels: probabilities (n, k) and truth values (n, k).
Numbers: predicted and true, both (n, ...), in the data's unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[Any]


def accuracy(probabilities: Floats, codes: NDArray[Any]) -> float:
    """The share of choices, in [0, 1], whose most probable class is the true one."""
    return float(np.mean(np.argmax(probabilities, axis=-1) == codes))


def top_k(probabilities: Floats, codes: NDArray[Any], k: int = 5) -> float:
    """The share of choices whose class is among the k most probable; of equal ones the first, as `accuracy` has it."""
    of_class = np.take_along_axis(probabilities, codes[..., None], axis=-1)
    earlier = np.arange(probabilities.shape[-1]) < codes[..., None]
    before = ~(probabilities <= of_class) | ((probabilities == of_class) & earlier)  # NaN is before all
    return float(np.mean(before.sum(-1) < k))


def confusion(predicted: NDArray[Any], true: NDArray[Any], count: int) -> NDArray[np.int64]:
    """m[i, j]: how many of class i were taken for class j."""
    return np.bincount(true.ravel() * count + predicted.ravel(), minlength=count * count).reshape(count, count)


def precision(matrix: NDArray[Any]) -> Floats:
    """Of what was taken for a class, the share that is of it; 0 for a class that was never predicted.   From `confusion`."""
    return _ratio(np.diagonal(matrix), matrix.sum(0))


def recall(matrix: NDArray[Any]) -> Floats:
    """Of each class, the share that was found; 0 for a class that is not there.   From `confusion`."""
    return _ratio(np.diagonal(matrix), matrix.sum(1))


def f1(matrix: NDArray[Any]) -> Floats:
    """2 right / (predicted + true) of each class: the harmonic mean of precision and recall.   From `confusion`."""
    return _ratio(2 * np.diagonal(matrix), matrix.sum(0) + matrix.sum(1))


def iou(matrix: NDArray[Any]) -> Floats:
    """Intersection over union of each class: right / (predicted + true - right).   From `confusion`."""
    right = np.diagonal(matrix)
    return _ratio(right, matrix.sum(0) + matrix.sum(1) - right)


def auc(scores: Floats, true: NDArray[Any]) -> float:
    """The area under the ROC curve: how often a true row scores above a false one, a tie counting half.

    (R - m (m + 1) / 2) / (m (n - m)) with R the sum of the ranks of the m true rows (Hanley and McNeil (1982)); NaN when
    all rows are alike.
    """
    true = np.asarray(true, bool)
    several = len(true) - (m := int(true.sum()))
    if not m or not several:
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(count) - (count - 1) / 2  # of tied scores the middle of their places, from 1
    return float((ranks[place][true].sum() - m * (m + 1) / 2) / (m * several))


def mean_auc(probabilities: Floats, true: NDArray[Any]) -> float:
    """The mean `auc` of all classes (one against the rest) or labels; those that are all alike are left out."""
    rows = true if true.dtype.kind == "b" else true[..., None] == np.arange(probabilities.shape[-1])
    each = [auc(p, t) for p, t in zip(_columns(probabilities), _columns(rows), strict=True)]
    known = [value for value in each if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def mean_f1(probabilities: Floats, true: NDArray[Any]) -> float:
    """The mean `f1` of the classes that occur (macro)."""
    return _mean_of(f1, probabilities, true)


def mean_iou(probabilities: Floats, true: NDArray[Any]) -> float:
    """The mean `iou` of the classes that occur."""
    return _mean_of(iou, probabilities, true)


def label_f1(probabilities: Floats, true: NDArray[Any]) -> float:
    """The mean over labels of 2 right / (predicted + true), yes from a probability of 1/2 on; labels of no row left out."""
    yes = probabilities >= 0.5
    occurs = true.any(0) | yes.any(0)
    each = _ratio(2 * (yes & true).sum(0), yes.sum(0) + true.sum(0))
    return float(each[occurs].mean()) if occurs.any() else 1.0


def label_accuracy(probabilities: Floats, true: NDArray[Any]) -> float:
    """The share of all labels that are right, yes from a probability of 1/2 on."""
    return float(np.mean((probabilities >= 0.5) == true))


def mse(predicted: Floats, target: Floats) -> float:
    """Mean squared error, in the square of the target's unit."""
    return float(np.mean(np.square(predicted - target, dtype=np.float64)))


def rmse(predicted: Floats, target: Floats) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt(mse(predicted, target)))


def mae(predicted: Floats, target: Floats) -> float:
    """Mean absolute error, in the target's unit."""
    return float(np.mean(np.abs(predicted - target), dtype=np.float64))


def r2(predicted: Floats, target: Floats) -> float:
    """1 - squared error / squared error of always predicting the mean; 1 is perfect, 0 no better than the mean.

    Several targets: the mean of their scores. A target that never changes scores 1 if predicted exactly, else 0.
    """
    error = np.sum(np.square(predicted - target, dtype=np.float64), axis=0)
    spread = np.sum(np.square(target - np.mean(target, axis=0, dtype=np.float64)), axis=0)
    return float(np.mean(np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), error == 0)))


Metric: TypeAlias = Callable[[Floats, Floats], float]
# What is watched after every epoch; what is judged at the end beside it. A position is one of several in an example.
METRICS: Mapping[str, Mapping[str, Metric]] = {
    "classes": {"accuracy": accuracy},
    "positions": {"iou": mean_iou, "accuracy": accuracy},
    "labels": {"f1": label_f1, "accuracy": label_accuracy},
    "numbers": {"r2": r2, "rmse": rmse, "mae": mae},
}
AT_THE_END: Mapping[str, Mapping[str, Metric]] = {
    "classes": {"top5": top_k, "f1": mean_f1, "auc": mean_auc},
    "positions": {"f1": mean_f1},
    "labels": {"auc": mean_auc},
    "numbers": {"mse": mse},
}


# Of every class, from a confusion matrix.
OF_A_CLASS: Mapping[str, Callable[[NDArray[Any]], Floats]] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "iou": iou,
}


def kind_of(task: str, axes: int) -> str:
    """The row of METRICS for targets of that task with so many axes."""
    return "positions" if task == "classes" and axes > 1 else task


def score(task: str, predicted: Floats, target: Floats) -> dict[str, float]:
    """Every metric that is watched, the most telling first."""
    return {name: metric(predicted, target) for name, metric in METRICS[kind_of(task, target.ndim)].items()}


def score_at_the_end(task: str, predicted: Floats, target: Floats) -> dict[str, float]:
    """The further metrics of a trained model; those of which the data says nothing (NaN) are left out."""
    found = {name: metric(predicted, target) for name, metric in AT_THE_END[kind_of(task, target.ndim)].items()}
    few = predicted.shape[-1] <= 5  # of five classes one is always among the five most probable
    return {name: value for name, value in found.items() if not np.isnan(value) and not (name == "top5" and few)}


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """part / whole, 0 where there is nothing."""
    out: Floats = np.zeros(len(part))
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _mean_of(metric: Callable[[NDArray[Any]], Floats], probabilities: Floats, true: NDArray[Any]) -> float:
    matrix = confusion(np.argmax(probabilities, axis=-1), true, probabilities.shape[-1])
    return float(metric(matrix)[matrix.sum(0) + matrix.sum(1) > 0].mean())


def _columns(array: Floats) -> Floats:
    """The last axis first, all others as one: (n, ..., k) -> (k, n ...)."""
    return np.moveaxis(array, -1, 0).reshape(array.shape[-1], -1)
