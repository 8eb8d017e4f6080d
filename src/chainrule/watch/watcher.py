"""Watcher: looks at one training on its way, keeps the facts, says once what is wrong, and when to stop."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data import Parts
from ..diagnose import RISEN, Record, diagnose, dissatisfied
from ..evaluate import evaluate
from ..model import Model
from ..network import declared_arrays, initial_arrays
from ..run import Run
from ..step import Step
from .after import after, gap
from .before import before
from .feed import Feed
from .forks import Fork, plain
from .looks import Looks, fixed_rows
from .replay import first_bad

FIRST_LOOK, RARER = 32, 4  # a step, and how many times as many until the next look
ENOUGH = 16  # steps whose middle loss tells so: a mean would be that of one outlier


class Watcher:
    """What was measured of a training, and what was said of it. With `on` False it only sees when a training is lost."""

    on = True
    calm = False  # whether no recent loss is above the limit

    def __init__(self, step: Step, model: Model, parts: Parts, start: Mapping[str, ArrayLike] | None) -> None:
        self.step, self.model, self.parts, self.start = step, model, parts, start
        self.facts: dict[str, Any] = {}
        self.told: set[tuple[str, str]] = set()  # findings, by rule and layer
        self.recent = np.zeros(0)  # losses of the last steps
        self.loss_at_start = math.inf
        self.looks: Looks | None = None  # at the units, over a fixed set of training rows
        self.next_look = FIRST_LOOK  # the step

    def before(self, run: Run, first: Feed, total: int) -> None:
        """Measure what can be known before the first step; `first` is a batch, `total` the steps to come."""
        if not self.on:
            return
        self.facts = before(self.step, self.model, self.parts, first, total)
        # What looks at layers and units is planned now, not on the way.
        self.step.probe(first.rows, first.order, first.lr, first.l2, first.l1)
        train, preparation = self.parts.train, self.model.preparation
        few = preparation.inputs(np.asarray(train.x[fixed_rows(len(train), math.prod(train.x.shape[1:]))]))
        self.looks = Looks(self.step.net, self.step.loss, few, self.step.engine)
        # Of constants, too: the first batch may be of rows that hardly count.
        start = self.facts["start"]
        known = (self.facts["overfit"]["start"], start["loss_of_zeros"], start["base_loss"])
        self.loss_at_start = max((abs(loss) for loss in known if loss is not None), default=math.inf)
        run.note(self.facts)

    def look(self, last: bool) -> list[dict[str, float]]:
        """At every unit, after the epoch in which step 32, 128, 512, ... was made, and after the last."""
        if self.looks is None or not (last or self.step.count >= self.next_look):
            return []
        while self.next_look <= self.step.count:
            self.next_look *= RARER
        arrays = self.step.arrays
        return [{"step": self.step.count, **self.looks({path: arrays[path] for path in self.step.of_network})}]

    def lost_after(self, losses: NDArray[Any]) -> int:
        """After how many of these steps the loss is not finite, or so far above the start that it will not return; 0: never.

        Asked after every step: how many are made at once depends on the clock, and must not decide what is trained.
        """
        limit = RISEN * self.loss_at_start
        finite = math.isfinite(losses[-1])
        if self.calm and finite and len(losses) >= ENOUGH and losses.max() <= limit:  # as it mostly is
            self.recent = losses[-ENOUGH:]
            return 0
        before = len(self.recent)
        seen = np.concatenate([self.recent, losses])
        self.recent = seen[-ENOUGH:]
        self.calm = bool(seen.max() <= limit)
        if self.calm and finite:
            return 0
        for at in range(max(before, ENOUGH - 1), len(seen)):
            middle = float(np.sort(seen[max(at + 1 - ENOUGH, 0) : at + 1])[ENOUGH // 2])
            if middle > limit:
                return self._lost(seen[: at + 1], middle, at + 1 - before)
        return 0 if finite else self._lost(seen, losses[-1], len(losses))

    def _lost(self, seen: NDArray[Any], loss: float, after: int) -> int:
        self.recent = seen[-ENOUGH:]
        self.facts["ended"] = {"start": plain(self.loss_at_start), "loss": plain(loss)}
        return after

    def replay(self, feeds: Iterable[Feed]) -> None:
        """Make these steps again, the last of which had a loss that is not finite, and find what made it so first."""
        if self.on and not math.isfinite(self.recent[-1]):
            bad = first_bad(self.step, self.step.arrays, self.step.count, feeds)
            self.facts |= {"bad": bad.plain()} if bad is not None else {}

    def after(self, run: Run, status: str, feed: Feed) -> None:
        """Measure what tells causes apart, where the training is not what it should be; `feed` are its first batches."""
        if not self.on:
            return
        self.facts["ended"] = {"status": status, **self.facts.get("ended", {})}
        record = Record(run, self.facts)
        if status == "finished" and "BatchNorm" in record.kinds():
            self.facts["gap"] = gap(self.step, feed)
        if status != "interrupted" and dissatisfied(record):
            declared = declared_arrays(self.step.net, (2, *self.step.shape))
            arrays = initial_arrays(declared, self.step.optimizer.slots, self.step.seed, self.start)
            judge = self._judge if self.parts.validation is not None else None
            self.facts |= after(self.step, Fork(arrays, feed, judge), status == "finished")
        run.note(self.facts)

    def _judge(self, arrays: Mapping[str, NDArray[Any]]) -> float:
        """The validation loss of these arrays."""
        assert self.parts.validation is not None
        return evaluate(self.model.with_arrays(arrays), self.parts.validation).scores["loss"]

    def tell(self, run: Run, shown: bool) -> None:
        """One line for each finding that was not told yet, if it is to be shown."""
        from tqdm import tqdm  # noqa: PLC0415  (as in the trainer)

        for finding in diagnose(run) if shown and self.on else ():
            if finding.severity != "note" and (finding.rule, finding.layer) not in self.told:
                self.told.add((finding.rule, finding.layer))
                tqdm.write(str(finding), file=sys.stderr)
