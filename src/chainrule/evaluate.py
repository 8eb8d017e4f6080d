"""How a trained model does on each part of the data, as plain data for a run's result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import Dataset, Parts
from .graph import tensor
from .metrics import OF_A_CLASS, confusion, recall, score, score_at_the_end
from .model import Model
from .network import Arrays

MOST_WRONG = 12
FEW = 8  # numbers of an example that a result shows


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One part: the loss of every row and its share in the mean, that mean and the task's metrics, and the prediction."""

    losses: NDArray[Any]
    shares: NDArray[Any]
    scores: dict[str, float]
    predicted: NDArray[Any]  # probabilities (n, ..., classes) or (n, labels), or numbers (n, k) in the data's unit


def evaluate(model: Model, part: Dataset) -> Evaluation:
    """The model in use (no dropout, running averages) on every row of a part."""
    preparation = model.preparation
    outputs = model.outputs(part.x)
    output, target = tensor(outputs["output"]), tensor(preparation.targets(part.y))
    losses = shares = np.asarray(model.loss.rows(output, target))
    if part.weights is not None or model.loss.emphasis(target, output) is not None:
        weights = None if part.weights is None else tensor(part.weights / part.weights.max())
        shares = np.asarray(model.loss.shares(output, target, weights))
    predicted = preparation.in_unit(outputs["prediction"])
    scores = {"loss": float(shares.mean()), **score(preparation.task, predicted, part.y)}
    return Evaluation(losses, shares, scores, predicted)


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
    result["further"] = score_at_the_end(model.preparation.task, evaluation.predicted, part.y)
    if model.preparation.task == "classes":
        matrices = {
            name: confusion(np.argmax(e.predicted, axis=-1), present[name].y, len(model.classes))
            for name, e in evaluations.items()
        }
        matrix = matrices[judged]
        result["recalls"] = {
            name: [share if there else None for share, there in zip(recall(m).tolist(), m.sum(1).tolist(), strict=True)]
            for name, m in matrices.items()
        }
        result |= {"confusion": matrix.tolist(), "each": _of_each(model.classes, matrix, part.y.ndim > 1)}
    if model.preparation.task == "labels":
        result["each"] = [
            {**_of_label(evaluation.predicted[:, i] >= 0.5, part.y[:, i]), "class": name}
            for i, name in enumerate(model.classes)
        ]
    return result, _kept(model, part, evaluation, worst)


def _of_each(classes: Sequence[Any], matrix: NDArray[np.int64], positions: bool) -> list[dict[str, Any]]:
    """Precision, recall and so on of every class."""
    wanted = {name: metric for name, metric in OF_A_CLASS.items() if positions or name != "iou"}
    columns = {"rows": matrix.sum(1), **{name: metric(matrix) for name, metric in wanted.items()}}
    return [
        {"class": name, **{key: column[i].item() for key, column in columns.items()}} for i, name in enumerate(classes)
    ]


def _of_label(yes: NDArray[Any], true: NDArray[Any]) -> dict[str, Any]:
    """The same of one label among several: of its class "yes"."""
    return _of_each([False, True], confusion(yes.astype(np.int64), true.astype(np.int64), 2), False)[1]


def _kept(model: Model, part: Dataset, evaluation: Evaluation, worst: NDArray[Any]) -> dict[str, Arrays]:
    """Arrays for the report: the images of the most wrong examples, or true and predicted numbers."""
    kept: dict[str, Arrays] = {"wrong": {"x": np.asarray(part.x[worst])}} if part.is_image else {}
    if part.is_image and part.y.ndim == 3 and model.classes:
        kept["wrong"] |= {"true": part.y[worst], "predicted": np.argmax(evaluation.predicted[worst], axis=-1)}
    if model.preparation.task == "numbers" and part.y.ndim == 2:
        kept["fit"] = {"true": part.y, "predicted": evaluation.predicted}
    return kept


def _example(model: Model, part: Dataset, evaluation: Evaluation, i: int) -> dict[str, Any]:
    """One example: where it stands in the data, what it is and what it was taken for."""
    common = {"where": int(part.where[i]), "loss": float(evaluation.losses[i])}
    predicted, true = evaluation.predicted[i], part.y[i]
    if model.preparation.task == "labels":
        return {**common, "true": _named(model, true), "predicted": _named(model, predicted >= 0.5)}
    if model.preparation.task == "numbers":
        few = {"true": true.ravel()[:FEW].tolist(), "predicted": predicted.ravel()[:FEW].tolist()}
        return common | few
    taken_for = np.argmax(predicted, axis=-1)
    if true.ndim:
        return {**common, "wrong": float(np.mean(taken_for != true))}
    told = {**common, "true": model.classes[int(true)], "predicted": model.classes[int(taken_for)]}
    if model.loss.from_logits:
        told |= {"probability": float(predicted[taken_for]), "probability_of_true": float(predicted[true])}
    return told


def _named(model: Model, yes: NDArray[Any]) -> list[Any]:
    """The labels that hold."""
    return [name for name, holds in zip(model.classes, yes, strict=True) if holds]
