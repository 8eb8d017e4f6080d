"""How a trained model does on each part of the data, as plain data for a run's result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import Dataset, Parts
from .graph import tensor
from .metrics import confusion, score
from .model import Model
from .step import Arrays

MOST_WRONG = 12


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One part: the loss of every row, the mean loss and the task's metrics, and what was predicted."""

    losses: NDArray[Any]
    scores: dict[str, float]
    predicted: NDArray[Any]  # probabilities (n, classes), or numbers (n, k) in the data's unit


def evaluate(model: Model, part: Dataset) -> Evaluation:
    """The model in use (no dropout, running averages) on every row of a part."""
    preparation = model.preparation
    outputs = model.outputs(part.x)
    losses = np.asarray(model.loss.rows(tensor(outputs["output"]), tensor(preparation.targets(part.y))))
    predicted = preparation.in_unit(outputs["prediction"])
    return Evaluation(losses, {"loss": float(losses.mean()), **score(preparation.task, predicted, part.y)}, predicted)


def result_of(model: Model, parts: Parts) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """The result of a run as plain data, and arrays to keep beside it by file name: the images of the most wrong
    examples, or true and predicted numbers. Judged is the most independent part there is."""
    present = {name: part for name in ("train", "validation", "test") if (part := getattr(parts, name)) is not None}
    evaluations = {name: evaluate(model, part) for name, part in present.items()}
    judged = list(present)[-1]
    part, evaluation = present[judged], evaluations[judged]
    worst = np.argsort(-evaluation.losses, kind="stable")[:MOST_WRONG]
    result: dict[str, Any] = {
        "scores": {name: e.scores for name, e in evaluations.items()},
        "rows": {name: len(p) for name, p in present.items()},
        "judged": judged,
        "wrong": [_example(model, part, evaluation, int(i)) for i in worst],
    }
    if model.classes:
        taken_for = np.argmax(evaluation.predicted, axis=-1)
        result["confusion"] = confusion(taken_for, part.y, len(model.classes)).tolist()
    kept: dict[str, Arrays] = {"wrong": {"x": part.x[worst]}} if part.is_image else {}
    if not model.classes:
        kept["fit"] = {"true": part.y, "predicted": evaluation.predicted}
    return result, kept


def _example(model: Model, part: Dataset, evaluation: Evaluation, i: int) -> dict[str, Any]:
    """One example: where it stands in the data, what it is and what it was taken for."""
    common = {"where": int(part.where[i]), "loss": float(evaluation.losses[i])}
    if not model.classes:
        return {**common, "true": part.y[i].tolist(), "predicted": evaluation.predicted[i].tolist()}
    true, taken_for = int(part.y[i]), int(np.argmax(evaluation.predicted[i]))
    return {
        **common,
        "true": model.classes[true],
        "predicted": model.classes[taken_for],
        "probability": float(evaluation.predicted[i, taken_for]),
        "probability_of_true": float(evaluation.predicted[i, true]),
    }
