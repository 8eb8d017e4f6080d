"""How good predictions are. Everything here is NumPy on finished predictions; rows first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[Any]


def accuracy(probabilities: Floats, codes: NDArray[Any]) -> float:
    """The share of rows, in [0, 1], whose most probable class is the true one."""
    return float(np.mean(np.argmax(probabilities, axis=-1) == codes))


def rmse(predicted: Floats, target: Floats) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt(np.mean(np.square(predicted - target, dtype=np.float64))))


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


def confusion(predicted: NDArray[Any], true: NDArray[Any], count: int) -> NDArray[np.int64]:
    """m[i, j]: how many rows of class i were taken for class j."""
    return np.bincount(true * count + predicted, minlength=count * count).reshape(count, count)


METRICS: Mapping[str, Mapping[str, Callable[[Floats, Floats], float]]] = {
    "classes": {"accuracy": accuracy},
    "numbers": {"r2": r2, "rmse": rmse, "mae": mae},
}


def score(task: str, predicted: Floats, target: Floats) -> dict[str, float]:
    """Every metric of a task, the most telling first."""
    return {name: metric(predicted, target) for name, metric in METRICS[task].items()}
