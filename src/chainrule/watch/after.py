"""What is measured after the last step of a training that is not what it should be: forks that tell causes apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..engine import plan
from ..graph import tensor
from ..network import prediction_graph
from ..step import ONLY_LOSS, Step
from .feed import Feed
from .forks import FACTORS, Fork, forked, plain, tried

SHARE = 10  # of a training's steps, 1 / SHARE, are those of one fork
LEAST, MOST = 20, 200  # steps of a fork
FEW, SMALL = 100, 50_000  # at least so many where the network has at most so many numbers: they take no time
FEW_BATCHES = 8  # that are compared in training and in use


def steps_of_forks(step: Step, total: int) -> int:
    """How many steps a fork of a training of that many gets."""
    numbers = sum(step.arrays[path].size for path in step.of_network)
    return min(max(total // SHARE, FEW if numbers <= SMALL else LEAST), MOST)


def after(step: Step, first: Fork, finished: bool) -> dict[str, Any]:
    """The first steps again at other rates and without priors; and as many more from where the training ended."""
    trials: dict[str, Any] = {"steps": len(first.feed.order)}
    found = {f"{factor:g}": tried(step, first.at(factor)) for factor in FACTORS}
    trials["loss"], trials["train"] = ({name: pair[i] for name, pair in found.items()} for i in (0, 1))
    if first.feed.l2 or first.feed.l1:
        trials["unpenalised"] = tried(step, first.free())[0]
    return {"trials": trials, **({"further": further(step, first)} if finished and first.judge else {})}


def further(step: Step, first: Fork) -> dict[str, Any]:
    """The validation loss at the end of the training, and some steps further, at a rate that falls to 0."""
    assert first.judge is not None
    steps = len(first.feed.order)
    on = replace(first.at(np.linspace(1, 0, steps, endpoint=False)), arrays=None)
    return {"steps": steps, "validation": [plain(first.judge(step.arrays)), tried(step, on)[0]]}


def gap(step: Step, feed: Feed) -> dict[str, float | None]:
    """The loss of some batches as training has it, with each batch's own moments, and of the same rows in use."""
    order = feed.order[:FEW_BATCHES]
    with forked(step):
        training = step.advance(feed.rows, order, 0.0, wanted=ONLY_LOSS)["loss"].mean()
    in_use = plan(prediction_graph(step.net, step.loss, (order.shape[1], *step.shape)), step.engine)
    arrays = {path: array for path, array in step.arrays.items() if path in in_use.graph.inputs}
    output = np.concatenate([in_use({**arrays, "x": feed.rows["x"][rows]})["output"] for rows in order])
    batch = {name: tensor(rows[order.ravel()], name) for name, rows in feed.rows.items() if rows.ndim}
    use = step.loss.shares(tensor(output), batch["y"], batch.get("weights")).mean()
    return {"training": plain(float(training)), "use": plain(float(use))}
