"""Facts about the targets, before the first step: balance, order, what the parts hold, and what the inputs tell of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, Parts
from ..model import Preparation
from .inputs import sample, spread_rows

NEIGHBOURS, MANY = 5, 20
MOST_ROWS = 1000  # whose neighbours are looked for: every pair is compared
MOST_NUMBERS = 2_000_000  # of those rows
Array = NDArray[Any]


def of_targets(parts: Parts, preparation: Preparation) -> dict[str, Any]:
    """By the task, with `order` (1 in random order, 0 sorted) and `neighbours`, what nearby rows tell of each other."""
    train = parts.train
    facts = OF_TASK[train.task](parts, preparation)
    if train.y.ndim == 1 or (train.task == "numbers" and train.y.ndim == 2):
        y = train.y if train.y.ndim == 1 else train.y[:, 0]
        facts["order"] = _order(y, train.task == "classes")
        if not preparation.codes:
            facts["neighbours"] = _neighbours(parts.train)
    return facts


def _of_classes(parts: Parts, preparation: Preparation) -> dict[str, Any]:
    count = len(parts.train.classes)
    counts = {name: np.bincount(p.y.ravel(), minlength=count) for name, p in vars(parts).items() if p is not None}
    held = [held for name, held in counts.items() if name != "train"]
    unseen = np.flatnonzero((counts["train"] == 0) & (sum(held, np.zeros(count, np.int64)) > 0))
    whole = all(isinstance(name, int) for name in parts.train.classes)
    return {
        "counts": counts["train"].tolist(),
        "unseen": {"classes": [parts.train.classes[i] for i in unseen[:5]], "count": len(unseen)}
        | {"rows": int(sum(int(h[unseen].sum()) for h in held))},
        "whole": whole,
    }


def _of_labels(parts: Parts, preparation: Preparation) -> dict[str, Any]:
    return {"shares": parts.train.y.mean(0).tolist()}


def _of_numbers(parts: Parts, preparation: Preparation) -> dict[str, Any]:
    y = parts.train.y.reshape(len(parts.train), -1).astype(np.float64)
    seen = np.asarray(preparation.targets(parts.train.y)).reshape(len(y), -1).astype(np.float64)
    values, counts = np.unique(y[:, 0], return_counts=True)
    return {
        "mean": float(seen.mean()),
        "std": float(seen.std(0).max()),
        "offset": float(np.abs(seen.mean(0)).max()),
        "least": float(seen.min()),
        "greatest": float(seen.max()),
        "columns": y.shape[1],
        "distinct": len(values),
        "fewest": int(counts.min()),
        "most": int(counts.max()),
        "whole": bool((y == np.rint(y)).all()),
        "one_hot": bool(y.shape[1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(1) == 1).all()),
    }


OF_TASK = {"classes": _of_classes, "labels": _of_labels, "numbers": _of_numbers}


def _order(y: Array, classes: bool) -> float:
    """How much neighbouring rows differ, by how much they would in random order: 0 where the rows are sorted."""
    if classes:
        share = np.bincount(y) / len(y)
        expected, found = 1 - float((share**2).sum()), float((y[1:] != y[:-1]).mean())
    else:
        y = y.astype(np.float64)
        expected, found = 2 * float(y.var()), float(((y[1:] - y[:-1]) ** 2).mean())
    return found / expected if expected else 1.0


def _neighbours(train: Dataset) -> dict[str, float]:
    """What the nearest rows tell of each other, leaving the row itself out, on standardised features.

    Classes: `agree`, the share of neighbours of the same class, and `chance`; `right`, how often the most frequent class
    among them is right; `near`, how much closer than by chance other classes' codes are; `pure`, the share of the most
    frequent class among MANY neighbours, its upper quartile: clean classes have a core where it is 1, noise leaves none.
    Numbers: `r2` of the neighbours' mean.   Source: Cover and Hart (1967).
    """
    rows = spread_rows(len(train), min(MOST_ROWS, MOST_NUMBERS // max(int(np.prod(train.x.shape[1:])), 1)))
    if len(rows) < 4 * NEIGHBOURS:
        return {}
    x, y = sample(train.take(rows)), train.y[rows]
    x = x[:, ~np.isnan(x).all(0)]
    x = np.nan_to_num((x - np.nanmean(x, axis=0)) / np.maximum(np.nanstd(x, axis=0), 1e-12))
    many = min(MANY, len(rows) // (2 * len(train.classes))) if train.classes else 0
    near = _nearest(x.astype(np.float32), max(many, NEIGHBOURS))
    nearest = near[:, :NEIGHBOURS]
    if train.task == "numbers":
        y = y.astype(np.float64)
        wrong, varies = ((y[nearest].mean(1) - y) ** 2).mean(0), (y != y[0]).any(0)
        each = np.where(varies, 1 - wrong / np.where(varies, y.var(0), 1), 0)  # as `metrics.r2`
        return {"rows": len(rows), "r2": float(each.mean())}
    pure = _votes(y[near]).max(1) / many if many > NEIGHBOURS else np.ones(1)
    return {"rows": len(rows), **_of_class_neighbours(y, y[nearest]), "pure": float(np.quantile(pure, 0.75))}


def _nearest(x: Array, count: int) -> NDArray[np.int64]:
    """The nearest rows to each, (rows, count), by Euclidean distance; the NEIGHBOURS nearest of them first."""
    squares = (x**2).sum(1)
    distance = squares[:, None] + squares - 2 * (x @ x.T)
    np.fill_diagonal(distance, np.inf)
    return np.argpartition(distance, (NEIGHBOURS - 1, count - 1), axis=1)[:, :count]


def _votes(near: Array) -> Array:
    """How many of the neighbours are of each class."""
    return np.stack([(near == c).sum(1) for c in range(int(near.max()) + 1)], axis=1)


def _of_class_neighbours(y: Array, near: Array) -> dict[str, float]:
    share = np.bincount(y) / len(y)
    same = near == y[:, None]
    others = np.abs(near - y[:, None])[~same]
    codes = np.arange(len(share))
    away, pairs = np.abs(codes[:, None] - codes), np.outer(share, share)
    by_chance = float((away * pairs).sum() / max(1 - np.trace(pairs), 1e-12))  # of two rows of different classes
    return {
        "agree": float(same.mean()),
        "chance": float((share**2).sum()),
        "right": float((_votes(near).argmax(1) == y).mean()),
        "near": float(others.mean()) / by_chance if others.size else 1.0,
    }
