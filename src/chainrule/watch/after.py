"""What is measured after the last step of a training that is not what it should be: forks that tell causes apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..step import Step
from .forks import FACTORS, Fork, plain, tried

SHARE = 10  # of a training's steps, 1 / SHARE, are those of one fork
LEAST, MOST = 100, 200  # steps of a fork


def steps_of_forks(total: int) -> int:
    """How many steps a fork of a training of that many gets."""
    return min(max(total // SHARE, LEAST), MOST)


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
