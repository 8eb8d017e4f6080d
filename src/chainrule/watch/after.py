"""What is measured after the last step of a training that is not what it should be: forks that tell causes apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import Arrays
from ..step import Step
from .forks import Order, forked, plain, tried, tried_rates

SHARE = 10  # of a training's steps, 1 / SHARE, are those of one fork
LEAST, MOST = 40, 200  # steps of a fork


@dataclass(frozen=True)
class Pull:
    """How the training pulls at its weights: the rate, and the priors scaled to the loss."""

    lr: float
    l2: float
    l1: float


def after(
    step: Step,
    start: Arrays,
    batches: Callable[[int], tuple[Arrays, Order]],
    pull: Pull,
    total: int,
    judge: Callable[[Mapping[str, Any]], float] | None,
) -> dict[str, Any]:
    """The first steps again at other rates and without priors, and some steps more from where the training ended.

    `batches` gives that many batches from the beginning of the training, `judge` the validation loss of arrays.
    """
    rows, order = batches(min(max(total // SHARE, LEAST), MOST, max(total, 1)))
    trials = tried_rates(step, start, rows, order, pull.lr, pull.l2, pull.l1)
    if pull.l2 or pull.l1:
        trials["unpenalised"] = plain(tried(step, start, rows, order, pull.lr, 0.0, 0.0))
    return {"trials": trials, **({} if judge is None else {"further": further(step, rows, order, pull, judge)})}


def further(
    step: Step, rows: Arrays, order: Order, pull: Pull, judge: Callable[[Mapping[str, Any]], float]
) -> dict[str, Any]:
    """Some steps more, at a rate that falls to 0: the validation loss before and after."""
    before = judge(step.arrays)
    lr = pull.lr * np.linspace(1, 0, len(order), endpoint=False)
    with forked(step) as fork:
        fork.advance(rows, order, lr, pull.l2, pull.l1, ("loss",))
        return {"steps": len(order), "validation": [plain(before), plain(judge(fork.arrays))]}
