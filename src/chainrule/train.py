"""The loop: batches in, run out."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import data as data_room
from .choices import FROM_TARGET, GIVEN, ClassWeight, choose_loss, default_epochs, resolve_net
from .data import Dataset, Parts, batches, steps
from .data.augment import Augmentation, augmented, check_augment, parse_augment
from .data.prepare import transform_of
from .data.transform import Recipe
from .errors import DataError, RunError, SettingError, require
from .evaluate import evaluate, result_of
from .exchange import safetensors
from .graph import tensor
from .interrupt import Interrupt
from .layers import Layer
from .layers.config import to_config
from .loss import Loss, look_like_probabilities
from .metrics import score
from .model import Model, Preparation, load_model, save_arrays
from .optim import Adam, Optimizer
from .run import METHODS, Run
from .schedule import Cosine, Schedule
from .step import Arrays, Step
from .version import __version__

if TYPE_CHECKING:
    from tqdm import tqdm

Data: TypeAlias = Dataset | tuple[ArrayLike, ArrayLike] | str | Path
Held: TypeAlias = float | tuple[ArrayLike, ArrayLike] | Dataset | None
CHECKPOINT_SECONDS = 2.0  # how much of a training a power cut may cost


def train(
    net: Layer | str | None,
    data: Data,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    epochs: int | None = None,
    batch_size: int = 32,
    l2: float | None = None,
    l1: float = 0.0,
    class_weight: ClassWeight = None,
    prepare: str | Recipe = "standardise",
    augment: str | Sequence[Augmentation] = (),
    start: Mapping[str, ArrayLike] | None = None,
    validation: Held = 0.1,
    test: Held = 0.2,
    seed: int = 0,
    folder: str | Path | None = None,
    engine: str = "auto",
    progress: bool = True,
) -> Run:
    """Train a network and record everything in a run folder.

    net         a layer, the notation (`"dense64 relu dense3"`), or None: a small CNN for images, an MLP for tables
    data        a Dataset, (x, y), or what `cr.data.load` takes; rows with `weights` count by them
    loss        default, from the target: cross-entropy for classes, binary cross-entropy for labels (several truth values
                for each row), squared error for numbers
    optimizer   default Adam(0.003);  schedule: default Cosine()
    epochs      passes over the training part; default: about 2,000 steps, at least 20 and at most 500 passes
    l2          precision of a Gaussian prior on the weights (not on biases and scales), 0 for none: 1 is a prior of
                standard deviation 1; its pull is shared among the rows. Default: 1 for classes, 30 for numbers
    l1          inverse scale of a Laplace prior on the weights: many of them become 0. It comes on top of l2
    class_weight  "balanced": every class counts as much as any other, n / (classes n of class); or {class: weight}
    prepare     what is done to the inputs, fitted on the training part and kept with the model: "standardise",
                "mean_image", "mean_channel", "pca", "whiten", "zca", "none", or such as `cr.data.PCA.with_(keep=0.95)`
    augment     changes to training images, new in every epoch: "shift1 rotate10 flip", or (cr.data.Shift(1), ...)
    start       some of the initial arrays by path, {"dense1/w": ...}, as from `cr.pretrain` or `cr.lsuv`
    validation  a share of all rows, or (x, y): watched after every epoch; it chooses the epoch that is kept
    test        the same, only looked at once at the end
    seed        of the split, the initial weights, the shuffles, augmentation and dropout: one seed, one result to the bit
    folder      where the run is recorded; default `runs/<data>-<number>`; a folder with files in it is refused

    Raises DataError, ShapeError, SettingError for input that does not fit; RunError if the folder cannot be written.
    """
    dataset = _dataset(data)
    optimizer, schedule = optimizer or Adam(0.003), schedule or Cosine()
    _check(epochs, batch_size, l2, l1, seed)
    chain = parse_augment(augment)
    check_augment(chain, dataset.x.shape[1:])
    parts = dataset.split(validation, test, seed)
    epochs = epochs or default_epochs(len(parts.train), batch_size)
    chosen = choose_loss(loss, parts.train, class_weight)
    preparation = Preparation.fit(parts.train, prepare, chosen)
    network = resolve_net(net, preparation, parts.train)
    l2 = chosen.prior if l2 is None else l2
    settings = Settings(optimizer, schedule, epochs, batch_size, l2, l1, chain, seed, engine)
    trainer = Trainer(network, parts, preparation, settings, start)
    about = {
        "loss": {**chosen.settings(), "about": chosen.told(), "chosen": GIVEN if loss else FROM_TARGET},
        "prepare": transform_of(prepare).settings(),
        **settings.plain(),
        "net": to_config(network),
        "start": sorted(start or ()),
        "validation": _share(validation),
        "test": _share(test),
    }
    run = Run.create(folder, dataset.name, _about(dataset, parts, about))
    trainer.fit(run, progress)
    return run


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

    def plain(self) -> dict[str, Any]:
        """As JSON-ready data."""
        parts = {"optimizer": self.optimizer.settings(), "schedule": self.schedule.settings()}
        return {**vars(self), **parts, "augment": [augmentation.settings() for augmentation in self.augment]}


def _dataset(data: Data) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple):
        if len(data) != 2:
            raise DataError(f"data as a tuple is (x, y); found {len(data)} parts")
        return Dataset.of(*data)
    return data_room.load(data)


def _check(epochs: int | None, batch_size: int, l2: float | None, l1: float, seed: int) -> None:
    require("train", "l1", l1, l1 >= 0, "a number in the range [0, inf)")
    require("train", "l2", l2, l2 is None or l2 >= 0, "a number in the range [0, inf), or None")
    require("train", "epochs", epochs, epochs is None or epochs > 0, "an int of at least 1, or None")
    require("train", "batch_size", batch_size, batch_size > 0, "an int of at least 1")
    require("train", "seed", seed, 0 <= seed < 2**32, "an int in the range [0, 2^32)")


def _share(held: Held) -> Any:
    """A share as it is; other data only by its kind."""
    return held if held is None or isinstance(held, int | float) else "given"


def _about(dataset: Dataset, parts: Parts, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json says."""
    held = {name: len(part) for name, part in vars(parts).items() if part is not None}
    return {
        "format": "chainrule-run-1",
        "name": dataset.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "about": dataset.describe(),
            "task": dataset.task,
            "shape": list(dataset.x.shape[1:]),
            "positions": list(dataset.y.shape[1:]) if dataset.task == "classes" else [],
            "classes": list(dataset.classes),
            "features": list(dataset.feature_names),
            "target": dataset.target,
            "rows": held,
        },
        "settings": dict(settings),
        "versions": {
            "chainrule": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
    }


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
        self.x = preparation.inputs(parts.train.x) if whole else None
        self.y = preparation.targets(parts.train.y)
        self.epoch = 0
        # The step is planned now: what does not fit shows itself before anything is written.
        first = self._batch(np.arange(min(settings.batch_size, len(self.y))))
        self.step = Step(
            net,
            first["x"],
            first["y"],
            weights=first.get("weights"),
            loss=preparation.loss,
            optimizer=settings.optimizer,
            start=start,
            seed=settings.seed,
            engine=settings.engine,
        )
        arrays = {path: self.step.arrays[path] for path in self.step.of_network}
        self.model = Model(net, arrays, preparation, settings.engine)
        self._refuse_probabilities()
        self.best, self.best_epoch = self.model, 0
        self.losses: NDArray[Any] | None = None  # of every validation row, at the epoch where their mean was lowest
        self.lowest = 1.0
        self.history: list[float] = []  # the validation loss of every epoch
        self.total = settings.epochs * steps(len(self.y), settings.batch_size)
        self.shown = ""

    def _refuse_probabilities(self) -> None:
        """A layer of the user's own may end in a softmax, too, and the loss would apply another."""
        loss = self.preparation.loss
        if loss.from_logits and look_like_probabilities(self.model(self.parts.train.x[:8])):
            raise SettingError(
                f"the network gives probabilities (they lie in [0, 1] and add up to 1), but {type(loss).__name__} expects "
                "logits and applies the softmax itself: leave the network's last step out"
            )

    def fit(self, run: Run, progress: bool) -> None:
        """All epochs, then the result. Ctrl-C ends the training early, and the result is of what was learned."""
        started = saved = time.perf_counter()
        self._begin(run)
        status = "finished"
        with Interrupt() as interrupt, progress_bar(self.total, progress) as bar:
            while status == "finished" and self.epoch < self.settings.epochs:
                status, row = self._epoch(bar, interrupt)
                run.log({**row, "seconds": round(time.perf_counter() - started, 3)})
                if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                    self._save(run)
                    saved = time.perf_counter()
        self._save(run)
        self._finish(run, status, time.perf_counter() - started)

    def _begin(self, run: Run) -> None:
        """Both checkpoints before the first step: a full disk shows itself now, and leaves nothing behind."""
        try:
            self._save(run)
        except RunError:
            run.discard()
            raise

    def _epoch(self, bar: tqdm[Any], interrupt: Interrupt) -> tuple[str, dict[str, Any]]:
        """One pass over the training part and a look at the validation part: how it ended, and the row to record."""
        before, lr = self.step.arrays, self._lr()
        seen: list[Batch] = []
        for index in batches(len(self.y), self.settings.batch_size, self.settings.seed, self.epoch):
            seen.append(self._step(index))
            bar.set_postfix_str(f"loss {seen[-1].loss:.4f}{self.shown}", refresh=False)
            bar.update()
            if interrupt.wished or not math.isfinite(seen[-1].loss):
                break
        self.epoch += 1
        row = {"epoch": self.epoch, "step": self.step.count, "lr": lr, **self._scores(seen)}
        if not math.isfinite(seen[-1].loss):
            self.step.arrays = before
            return "diverged", row
        return "interrupted" if interrupt.wished else "finished", {**row, **self._validate()}

    def _step(self, index: NDArray[np.int64]) -> Batch:
        """One step on these rows."""
        batch, scale = self._batch(index), self._prior_scale()
        out = self.step.run(batch, self._lr(), self.settings.l2 * scale, self.settings.l1 * scale)
        return Batch(index, float(out["loss"]), out["output"], batch["y"])

    def _batch(self, index: NDArray[np.int64]) -> Arrays:
        """What the step is fed for these rows."""
        train, y = self.parts.train, self.y[index]
        if self.x is not None:
            x = self.x[index]
        else:
            x = train.x[index]
            if self.settings.augment:
                x, y = augmented(x, y, self.settings.augment, self.settings.seed, self.epoch, index)
            x = self.preparation.inputs(x)
        return {"x": x, "y": y} | ({} if train.weights is None else {"weights": train.weights[index]})

    def _lr(self) -> float:
        return self.settings.optimizer.lr * self.settings.schedule.factor(self.step.count / self.total, self.history)

    def _prior_scale(self) -> float:
        """What brings a prior to the loss's own scale.

        A row weighs 1 / rows, each of its numbers or labels 1 / numbers, and errors their width. The pixels of an image
        count as one prediction: they are far from independent, and the prior is of more use where it is felt.
        """
        count = len(self.y) if self.preparation.positions else self.y.size
        return self.model.loss.width(self.lowest) / count

    def _scores(self, seen: list[Batch]) -> dict[str, float]:
        """Loss and metrics of the training part as its batches were seen, while the network was learning."""
        index = np.concatenate([batch.index for batch in seen])
        output = np.concatenate([batch.output for batch in seen])
        loss = sum(batch.loss * len(batch.index) for batch in seen) / len(index)
        predicted = np.asarray(self.preparation.loss.prediction(tensor(output)))
        true = self.parts.train.y[index]
        if self.preparation.task == "classes":  # as augmentation has moved them
            true = np.concatenate([batch.y for batch in seen])
        metrics = score(self.preparation.task, self.preparation.in_unit(predicted), true)
        return {f"train/{name}": value for name, value in {"loss": loss, **metrics}.items()}

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
class Batch:
    """A batch as it was seen: its rows, its mean loss, the network's output before the step, and the targets."""

    index: NDArray[np.int64]
    loss: float
    output: NDArray[Any]
    y: NDArray[Any]


METHODS["model"] = lambda run: load_model(run.checkpoint("best"))
