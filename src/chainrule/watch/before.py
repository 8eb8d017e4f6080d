"""What is measured before the first step: data, network and a few steps on the side. Seconds at most, mostly far less."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Dataset, Parts
from ..layers import record
from ..model import Model
from ..step import Step
from .feed import Feed
from .forks import overfitted
from .inputs import of_inputs, spread_rows
from .levels import base_loss
from .start import at_start
from .targets import of_targets

FEW = 8  # rows on which the network's start is looked at
MANY = 20_000  # numbers or classes of the targets that a constant output is held against
OVERFIT = 60  # steps on one batch


def before(step: Step, model: Model, parts: Parts, first: Feed, total: int) -> dict[str, Any]:
    """All facts; `first` is what a first step is fed, `total` the steps of the training to come."""
    rows, some = first.rows, first.order[0, :FEW]
    start = at_start(
        step.net,
        step.loss,
        rows["x"][some],
        rows["y"][some],
        step.arrays,
        optimizer=step.optimizer,
        lr=first.lr,
        weights=rows["weights"][some] if "weights" in rows and rows["weights"][some].any() else None,
        task=model.preparation.task,
        seed=step.seed,
    )
    base = {"base_loss": base_of(parts.train, step, model)}
    if parts.validation is not None:
        base["base_of_validation"] = base_of(parts.validation, step, model)
    return {
        "inputs": of_inputs(parts, model.preparation),
        "targets": of_targets(parts, model.preparation),
        "gains": gains(step),
        "start": start | base,
        "overfit": overfitted(step, first, min(OVERFIT, max(total // 20, 5))),
    }


def base_of(part: Dataset, step: Step, model: Model) -> float | None:
    """The loss of the output that is the best constant for this part's own targets, over many of its rows."""
    shape = record(step.net, (2, *step.shape))[2].shape[1:]
    y = part.y[spread_rows(len(part), MANY // int(np.prod(shape)))]
    return base_loss(step.loss, np.zeros((len(y), *shape), np.float32), {"y": model.preparation.targets(y)})


def gains(step: Step) -> dict[str, float]:
    """The spread of every layer's initial weights by 1 / sqrt(inputs of a unit): about 1.4 is He's, 1 is LeCun's.

    An embedding's are looked up, not summed: their spread says nothing.
    """
    return {
        path: float(np.sqrt(np.mean(np.square(array, dtype=np.float64)) * array[..., 0].size))
        for path in step.of_network
        if (array := step.arrays[path]).ndim > 1 and path.endswith("/w") and not path.startswith("embedding")
    }
