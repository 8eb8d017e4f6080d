"""The loop: batches in, run out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import data as data_room
from .data import Parts, steps
from .data.batch import shuffled
from .errors import RunError
from .evaluate import evaluate, result_of
from .exchange import safetensors
from .graph import tensor
from .interrupt import Interrupt
from .layers import Layer
from .loss import refuse_probability_values
from .metrics import score
from .model import Model, Preparation, save_arrays
from .network import Arrays
from .optim import Optimizer
from .run import Run
from .schedule import Schedule
from .step import Step
from .watch import Feed, Watcher, steps_of_forks

if TYPE_CHECKING:
    from tqdm import tqdm

    from .data import Augmentation

OnEpoch: TypeAlias = Callable[[Mapping[str, Any], Model], bool | None]
PROBE_EVERY = 256  # steps at least; then looking at every layer costs less than 3 % of a training
PROBE_SHARE = 2  # and at least 1 / so many of all steps before: what changes late changes slowly
TOLD = (1, 8, 64)  # epochs after which is said what is wrong by then; the rest is said at the end
MOMENT = 0.05  # seconds between two looks at the progress bar and at Ctrl-C
CHECKPOINT_SECONDS = 2.0  # how much of a training a power cut may cost
FEW_BATCHES = 20  # that are kept for forks where batches are made one by one


@dataclass(frozen=True)
class Settings:
    """How to train, whatever the network and the data."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    batch_size: int
    l2: float
    l1: float
    augment: tuple[Augmentation, ...]
    seed: int
    engine: str
    shuffle: bool = True

    def plain(self) -> dict[str, Any]:
        """As JSON-ready data."""
        parts = {"optimizer": self.optimizer.settings(), "schedule": self.schedule.settings()}
        return {**vars(self), **parts, "augment": [augmentation.settings() for augmentation in self.augment]}


class Trainer:
    """One training at work: the arrays so far, and the steps that move them."""

    def __init__(
        self,
        net: Layer,
        parts: Parts,
        preparation: Preparation,
        settings: Settings,
        start: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self.net, self.parts, self.preparation, self.settings = net, parts, preparation, settings
        # Rows that change in every epoch, and rows that memory may not hold, are prepared batch by batch.
        whole = not settings.augment and isinstance(parts.train.x, np.ndarray)
        self.x = preparation.inputs(np.asarray(parts.train.x)) if whole else None
        self.y = preparation.targets(parts.train.y)
        self.weights, self.unit = self._weights()
        self.epoch = 0
        # The step is planned now: what does not fit shows itself before anything is written.
        self.usual = min(settings.batch_size, len(self.y))  # rows of a batch, but for the last of an epoch
        rows, order = self._rows(np.arange(self.usual)[None])
        self.step = Step(
            net,
            rows["x"][order[0]],
            rows["y"][order[0]],
            loss=preparation.loss,
            optimizer=settings.optimizer,
            start=start,
            seed=settings.seed,
            engine=settings.engine,
        )
        arrays = {path: self.step.arrays[path] for path in self.step.of_network}
        self.model = Model(net, arrays, preparation, settings.engine)
        if preparation.loss.from_logits:
            refuse_probability_values(preparation.loss, np.asarray(self.model.tensor(parts.train.x[:8])))
        self._read_held_parts()
        self.best, self.best_epoch = self.model, 0
        self.losses: NDArray[Any] | None = None  # of every validation row, at the epoch where their mean was lowest
        self.lowest = 1.0
        self.prior_scale = 1.0  # of this epoch
        self.at_once = 1  # steps
        self.probes: list[dict[str, float]] = []  # of this epoch
        self.next_probe = 0  # the step
        self.history: list[float] = []  # the validation loss of every epoch
        self.total = settings.epochs * steps(len(self.y), settings.batch_size)
        self.shown = ""
        self.watcher = Watcher(self.step, self.model, parts, start)

    def _read_held_parts(self) -> None:
        """What is read from files only when it is asked for, once: a broken row shows itself now, not after the training."""
        for part in (self.parts.validation, self.parts.test):
            if part is not None and not isinstance(part.x, np.ndarray):
                for start in range(0, len(part), self.model.chunk):
                    part.x[start : start + self.model.chunk]

    def _weights(self) -> tuple[NDArray[np.float32] | None, np.float32 | None]:
        """The rows' weights, of mean 1, and the mean weight of all predictions, with that of their classes."""
        of_rows, of_classes = self.parts.train.weights, self.preparation.loss.weights_of_classes()
        scaled = None if of_rows is None else (of_rows / np.mean(of_rows, dtype=np.float64)).astype(np.float32)
        if scaled is None and of_classes is None:
            return None, None
        each = np.ones(len(self.y)) if scaled is None else scaled
        if of_classes is not None:
            each = (each * np.asarray(of_classes)[self.y].reshape(len(self.y), -1).T).T
        return scaled, np.float32(np.mean(each, dtype=np.float64))

    def fit(self, run: Run, progress: bool, watch: bool = True, on_epoch: OnEpoch | None = None) -> None:
        """All epochs, then the result. Ctrl-C ends the training early, and so does `on_epoch`; the result is of what was
        learned."""
        started = saved = time.perf_counter()
        self.watcher.on = watch
        self._begin(run)
        self.watcher.tell(run, progress)
        status = "finished"
        # What is not finite is said by a finding; NumPy's warnings would only say that there is something.
        with Interrupt() as interrupt, progress_bar(self.total, progress) as bar, np.errstate(all="ignore"):
            while status == "finished" and self.epoch < self.settings.epochs:
                status, row = self._epoch(bar, interrupt)
                enough = on_epoch is not None and on_epoch(row, self.model.with_arrays(self.step.arrays))
                last = enough or status != "finished" or self.epoch == self.settings.epochs
                self.probes += self.watcher.look(last)
                run.log({**row, "seconds": round(time.perf_counter() - started, 3)}, self.probes)
                self.probes.clear()
                self.watcher.tell(run, progress and self.epoch in TOLD)
                if enough:
                    break
                if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                    self._save(run)
                    saved = time.perf_counter()
            self._save(run)
            self.watcher.after(run, status, self._first(steps_of_forks(self.step, self.total)))
            self._finish(run, status, time.perf_counter() - started)
        self.watcher.tell(run, progress)

    def _first(self, count: int) -> Feed:
        """What the first steps of the training are fed, at its rate; of rows that are made batch by batch only a few, again
        and again."""
        size = self.usual
        whole = len(self.y) // size * size
        epochs = range(-(-count * size // whole))
        order = np.concatenate([self._shuffled(epoch)[:whole] for epoch in epochs])[: count * size].reshape(count, size)
        rows = self._rows(order)[0]
        if self.x is None:
            made = [self._rows(batch[None])[0] for batch in order[:FEW_BATCHES]]
            rows |= {
                name: np.concatenate([batch[name] for batch in made]) for name, value in rows.items() if value.ndim
            }
            order = np.arange(count * size).reshape(count, size) % (len(made) * size)
        scale, settings = self.prior_scale, self.settings
        return Feed(rows, order, settings.optimizer.lr, settings.l2 * scale, settings.l1 * scale)

    def _begin(self, run: Run) -> None:
        """Checkpoints and facts before the first step: a full disk shows itself now, and leaves nothing behind."""
        try:
            self._save(run)
            first = self._first(1)
            with np.errstate(all="ignore"):
                self.watcher.before(run, replace(first, lr=float(self._lr(1))), self.total)
        except (RunError, KeyboardInterrupt):
            run.discard()
            raise

    def _epoch(self, bar: tqdm[Any], interrupt: Interrupt) -> tuple[str, dict[str, Any]]:
        """One pass over the training part and a look at the validation part: how it ended, and the row to record."""
        before, count, lr = self.step.arrays, self.step.count, self._lr()
        self.prior_scale = self._prior_scale()
        seen: list[Seen] = []
        lost = 0
        for order in self._orders():
            made = self._steps(order)
            lost = self.watcher.lost_after(made.losses)
            seen.append(made.first(lost) if lost else made)
            if not bar.disable:
                bar.set_postfix_str(f"loss {seen[-1].last:.4f}{self.shown}", refresh=False)
                bar.update(len(seen[-1].losses))
            if interrupt.wished or lost:
                break
        row = {"epoch": self.epoch + 1, "step": count + sum(len(some.losses) for some in seen), "lr": lr}
        row |= self._scores(seen)
        if lost:
            self.step.arrays, self.step.count = before, count
            self.watcher.replay(self._feed(some.index) for some in seen)  # in this epoch, for what augmentation draws
        self.epoch += 1
        if lost:
            return "diverged", row
        return "interrupted" if interrupt.wished else "finished", {**row, **self._validate()}

    def _orders(self) -> Iterator[NDArray[np.int64]]:
        """The rows of this epoch's batches, (steps, batch): as many at a time as its user does in a moment."""
        size = self.settings.batch_size
        order = self._shuffled(self.epoch)
        whole = len(order) // size * size
        start = 0
        while start < whole:
            most = max(self.next_probe - self.step.count, 0) or PROBE_EVERY
            stop = min(start + size * (min(self.at_once, most) if self.x is not None else 1), whole)
            began = time.perf_counter()
            yield order[start:stop].reshape(-1, size)
            if 2 * (time.perf_counter() - began) < MOMENT and self.at_once * size == stop - start:
                self.at_once *= 2
            start = stop
        if whole < len(order):
            yield order[None, whole:]

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        """The rows of an epoch in their order."""
        return shuffled(len(self.y), self.settings.batch_size, self.settings.seed, epoch, self.settings.shuffle)

    def _steps(self, order: NDArray[np.int64]) -> Seen:
        """Steps on these rows."""
        feed = self._feed(order)
        if self.watcher.on and self.step.count >= self.next_probe and order.shape[1] == self.usual:
            self.next_probe = self.step.count + max(PROBE_EVERY, self.step.count // PROBE_SHARE)
            figures = self.step.probe(feed.rows, feed.order[:1], feed.lr[0].item(), feed.l2, feed.l1)
            self.probes.append({"step": self.step.count, **figures})
        made = self.step.advance(feed.rows, feed.order, feed.lr, feed.l2, feed.l1)
        done = len(made["loss"])
        return Seen(order[:done], made["loss"], made["output"], feed.rows["y"][feed.order[:done]])

    def _feed(self, order: NDArray[np.int64]) -> Feed:
        """What steps on these rows are fed."""
        rows, numbers = self._rows(order)
        lr, scale = np.array([self._lr(further) for further in range(len(order))]), self.prior_scale
        return Feed(rows, numbers, lr, self.settings.l2 * scale, self.settings.l1 * scale)

    def _rows(self, order: NDArray[np.int64]) -> tuple[Arrays, NDArray[np.int64]]:
        """What steps on these rows are fed, (steps, batch): all rows, and which of them; or the rows of a single batch."""
        if self.x is not None:
            return {"x": self.x, "y": self.y, **self._weighed(slice(None))}, order
        index = order[0]
        x, y = self.parts.train.x[index], self.y[index]
        if self.settings.augment:
            x, y = data_room.augmented(x, y, self.settings.augment, self.settings.seed, self.epoch, index)
        return {"x": self.preparation.inputs(x), "y": y, **self._weighed(index)}, np.arange(len(index))[None]

    def _weighed(self, index: NDArray[np.int64] | slice) -> Arrays:
        """The weights of these rows, and the mean of all, where rows count differently."""
        weighed = {"weights": None if self.weights is None else self.weights[index], "unit": self.unit}
        return {name: np.asarray(value) for name, value in weighed.items() if value is not None}

    def _lr(self, further: int = 0) -> float:
        """The learning rate of the next step, or of one further on."""
        done = (self.step.count + further) / self.total
        return self.settings.optimizer.lr * self.settings.schedule.factor(done, self.history)

    def _prior_scale(self) -> float:
        """What brings a prior to the loss's own scale.

        A row weighs 1 / rows, each of its numbers or labels 1 / numbers, and errors their width. The pixels of an image
        count as one prediction: they are far from independent, and the prior is of more use where it is felt.
        """
        count = len(self.y) if self.preparation.positions else self.y.size
        return self.model.loss.width(self.lowest) / count

    def _scores(self, seen: list[Seen]) -> dict[str, float]:
        """Loss and metrics of the training part as its batches were seen, while the network was learning."""
        index = np.concatenate([some.index.ravel() for some in seen])
        output = np.concatenate([output for some in seen for output in some.output])
        # All at once, in float64: how many steps were made at a time depends on the clock, and rounds otherwise.
        sums = np.concatenate([some.losses.astype(float) * some.index.shape[1] for some in seen])
        loss = float(sums.sum()) / len(index)
        true = self.parts.train.y[index]
        if self.settings.augment and self.preparation.task != "labels":  # targets, too, are moved by it
            true = self.preparation.in_unit(np.concatenate([y for some in seen for y in some.y]))
        metrics = score(self.preparation.task, self._predicted(output), true)
        return {f"train/{name}": value for name, value in {"loss": loss, **metrics}.items()}

    def _predicted(self, output: NDArray[Any]) -> NDArray[Any]:
        """What outputs mean, for metrics. Of classes only the most probable one is asked for, and logits tell it, too."""
        loss = self.preparation.loss
        if self.preparation.task == "classes" and loss.from_logits:
            return output
        return self.preparation.in_unit(np.asarray(loss.prediction(tensor(output))))

    def _validate(self) -> dict[str, float]:
        """Loss and metrics of the validation part, and whether this epoch's model is the one to keep.

        Kept is the latest whose validation loss is within one standard error of the lowest: a few rows cannot tell such
        models apart, and the later one is better annealed. (Breiman et al. (1984), the 1-SE rule, by paired losses.)
        """
        current = self.model.with_arrays(self.step.arrays)
        if self.parts.validation is None:
            self.best, self.best_epoch = current, self.epoch
            return {}
        seen = evaluate(current, self.parts.validation)
        loss = seen.scores["loss"]
        self.history.append(loss)
        if loss < (math.inf if self.losses is None else self.lowest):
            self.losses, self.lowest = seen.shares, loss
        behind = seen.shares - (seen.shares if self.losses is None else self.losses)
        if behind.mean() <= behind.std() / math.sqrt(len(behind)):
            self.best, self.best_epoch = current, self.epoch
        headline = next(name for name in seen.scores if name != "loss")
        self.shown = f", validation {headline} {seen.scores[headline]:.3f}"
        return {f"validation/{name}": value for name, value in seen.scores.items()}

    def _save(self, run: Run) -> None:
        """Both checkpoints; `last` also holds the optimiser's state, so that the training could go on from it."""
        last = self.model.with_arrays(self.step.arrays)
        slots = {path: array for path, array in self.step.arrays.items() if path not in last.arrays}
        run.write("checkpoints/best.safetensors", lambda file: save_arrays(file, self.best, epoch=self.best_epoch))
        at = {"epoch": self.epoch, "step": self.step.count}
        run.write("checkpoints/last.safetensors", lambda file: save_arrays(file, last, slots, **at))

    def _finish(self, run: Run, status: str, seconds: float) -> None:
        """Judge the best model, and close the record."""
        judged, kept = result_of(self.best, self.parts)
        for name, arrays in kept.items():
            run.write(f"{name}.safetensors", partial(safetensors.save, arrays=arrays, metadata={}))
        outcome = {"status": status, "epochs": self.epoch, "best_epoch": self.best_epoch, "seconds": round(seconds, 3)}
        run.finish({**outcome, **judged})


def progress_bar(total: int, shown: bool) -> tqdm[Any]:
    """Steps done, time left, loss and validation score; only where the output is a terminal."""
    from tqdm import tqdm  # noqa: PLC0415  (a sixth of the time of `import chainrule`, and only needed here)

    return tqdm(total=total, unit="step", disable=None if shown else True, leave=False)


@dataclass(frozen=True, eq=False)
class Seen:
    """Steps as they were seen: the rows (steps, batch), mean losses, the network's outputs before each step, and targets."""

    index: NDArray[np.int64]
    losses: NDArray[Any]
    output: NDArray[Any]
    y: NDArray[Any]

    def first(self, steps: int) -> Seen:
        """Some of them."""
        return Seen(self.index[:steps], self.losses[:steps], self.output[:steps], self.y[:steps])

    @property
    def last(self) -> float:
        """The loss of the last step."""
        return float(self.losses[-1])
