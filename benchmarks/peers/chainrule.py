"""chainrule: the bare step, the same with every value kept, `cr.train`, and `predict_proba`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from chainrule.layers import parse
from chainrule.model import Model, Preparation

from ..works import ADAM_LR, EPOCHS, LR, MOMENTUM, Arrays, Batch, Work
from .base import Runner, Training


def engine_of(owner: Any) -> str:
    """The engine that made the plans of a step or a model: the module of chainrule.engine that they come from."""
    plans = list(vars(owner).get("_plans", {}).values())
    return type(plans[0]).__module__.removeprefix("chainrule.engine.").partition(".")[0] if plans else "not known"


def use(threads: int) -> None:
    """So many threads; CHAINRULE_THREADS says it, too."""
    if hasattr(cr, "set_threads"):
        cr.set_threads(threads)


class Bare(Runner):
    """`cr.Step`, called with a batch."""

    keep: bool | str = False

    def build(self, arrays: Arrays, threads: int) -> None:
        use(threads)
        optimizer = cr.SGD(LR, momentum=MOMENTUM)
        self.ready = cr.Step(self.work.net, *self.batches[0], optimizer=optimizer, start=arrays, keep=self.keep)
        self.loss = 0.0

    @property
    def about(self) -> str:  # type: ignore[override]
        return f"cr.Step, engine {engine_of(self.ready)}"

    def step(self, i: int) -> None:
        self.loss = self.ready(*self.batches[i])

    def finish(self) -> float:
        return self.loss


class Peeking(Bare):
    """Every layer's output and its gradient are kept by every call, and looked at after it."""

    keep = "layers"

    def build(self, arrays: Arrays, threads: int) -> None:
        super().build(arrays, threads)
        nodes = self.ready.ready({"x": self.batches[0][0], "y": self.batches[0][1]}).graph.names
        self.names = [name for name in nodes if name.endswith("/out")]

    def step(self, i: int) -> None:
        super().step(i)
        self.seen = [self.ready.peek(name) for name in self.names]


class Probing(Bare):
    """The figures of every layer for a batch, without the step."""

    def step(self, i: int) -> None:
        x, y = self.batches[i]
        self.seen = self.ready.probe({"x": x, "y": y}, np.arange(len(x))[None], LR)


class Train(Runner):
    """`cr.train`: a block is a whole training; a step's time is an epoch's, as recorded, over its steps.

    The start of the training and its end, with the judgement, are no epochs; see first.py and epochs.py for those.
    """

    about = "cr.train"

    def __init__(self, work: Work, arrays: Arrays, batches: list[Batch], threads: int) -> None:
        super().__init__(work, arrays, batches, threads)
        self.one_epoch = 0.5  # seconds of it at most, as far as known

    def build(self, arrays: Arrays, threads: int) -> None:
        use(threads)
        self.arrays, self.found = arrays, 0.0

    def rows(self, steps: int) -> Batch:
        """An epoch of so many batches."""
        chosen = [self.batches[i % len(self.batches)] for i in range(steps)]
        return np.concatenate([x for x, _ in chosen]), np.concatenate([y for _, y in chosen])

    def epochs(self, data: Batch, count: int) -> list[dict[str, float]]:
        """What is recorded of the epochs of a training."""
        with tempfile.TemporaryDirectory() as folder:
            run = cr.train(
                self.work.net,
                data,
                optimizer=cr.SGD(LR, momentum=MOMENTUM),
                schedule=cr.Constant(),
                epochs=count,
                batch_size=self.work.batch,
                l2=0.0,
                prepare="none",
                start=self.arrays,
                validation=None,
                test=None,
                folder=Path(folder) / "run",
                progress=False,
            )
            lines = (run.folder / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def step(self, i: int) -> None:
        self.found = self.epochs(self.batches[i], 1)[0]["train/loss"]

    def finish(self) -> float:
        return self.found

    def losses(self, count: int) -> list[float]:
        """Of a training on the first batch, after the step that every peer has done before it is asked."""
        return [row["train/loss"] for row in self.epochs(self.batches[0], count + 1)][1:]

    def block(self, seconds: float) -> list[float]:
        """The first epoch gets warm. Epochs are short enough for two of them, and long enough for their clock of 1 ms."""
        steps = max(1, min(self.work.in_epoch, int(self.work.in_epoch * seconds / self.one_epoch)))
        ends = [row["seconds"] for row in self.epochs(self.rows(steps), 3)]
        self.one_epoch = max(1e-3, (ends[-1] - ends[0]) / 2) * self.work.in_epoch / steps
        return [(ends[-1] - ends[0]) / 2 / steps * 1e3]


class Epochs(Training):
    """A block is one call of `cr.train`, by its own clock, whatever time is asked for: from the network to the record."""

    about = "cr.train, all of it"

    def build(self, arrays: Arrays, threads: int) -> None:
        use(threads)

    def step(self, i: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            run = cr.train(
                self.work.net,
                self.batches[i],
                optimizer=cr.Adam(ADAM_LR),
                schedule=cr.Constant(),
                epochs=EPOCHS,
                batch_size=self.work.batch,
                l2=0.0,
                prepare="none",
                validation=None,
                test=None,
                folder=Path(folder) / "run",
                progress=False,
            )
            self.loss = json.loads((run.folder / "metrics.jsonl").read_text().splitlines()[-1])["train/loss"]


class Predict(Runner):
    """`model.predict_proba`, with its checks."""

    def build(self, arrays: Arrays, threads: int) -> None:
        use(threads)
        net, x = parse(self.work.net), self.batches[0][0]
        labels = np.arange(self.work.classes)
        rows = np.zeros((len(labels), *x.shape[1:]), np.float32)
        statistics = {
            f"{part.name}/{what}": np.full(part.shape[-1], value, np.float32)
            for part in self.work.parts
            if part.word == "bn"
            for what, value in (("mean", 0.0), ("var", 1.0))
        }
        self.model = Model(net, {**arrays, **statistics}, Preparation.fit(cr.Dataset.of(rows, labels), "none"))

    @property
    def about(self) -> str:  # type: ignore[override]
        return f"predict_proba, engine {engine_of(self.model)}"

    def step(self, i: int) -> NDArray[np.float32]:
        return self.model.predict_proba(self.batches[i][0])

    def outputs(self) -> NDArray[np.float32]:
        return self.step(0)[:2]


SIDES = {
    "chainrule": Bare,
    "chainrule-peek": Peeking,
    "chainrule-probe": Probing,
    "chainrule-train": Train,
    "chainrule-epochs": Epochs,
    "chainrule-predict": Predict,
}
