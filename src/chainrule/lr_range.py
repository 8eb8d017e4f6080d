"""The learning rate range test: how far the rate may rise before the loss does.

Source: Smith (2017), "Cyclical learning rates for training neural networks", section 3.3; Howard and Gugger (2020), fastai's
rate finder, for the rate where the loss falls most steeply and for a tenth of the one where it diverges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .choices import ClassWeight, choose
from .data import Dataset
from .data.batch import shuffled
from .data.transform import Recipe
from .errors import SettingError, is_whole, require, require_number, require_seed
from .layers import Layer
from .loss import Loss
from .model import Preparation
from .optim import Adam, Optimizer
from .picture import charts
from .step import ONLY_LOSS, Step
from .table import table
from .train import Data, Held, dataset_of

Floats = NDArray[np.float64]
WIDTH = 0.05  # of the bell that smooths the loss, as a share of the steps
KEPT = 0.8  # of the fall of the loss, within the range whose middle is suggested
CAP = 4.0  # times the first loss: what is above it, and what is no number, has diverged
FIRST = 0.1  # share of the steps at which nothing has been learned yet
SURE = 5.0  # standard errors of the smoothed loss that a fall must exceed
LINES = 15  # of the table


@dataclass(frozen=True, eq=False)
class LrRange:
    """What the test saw. Print it for a table; `save` draws the curve.

    lr           the rates (steps,), each the same factor above the one before
    losses       of every batch (seeds, steps); infinite from where it diverged on
    smooth       the smoothed loss (steps,), the median of the seeds
    suggestions  of each seed; NaN where no rate lowered the loss
    steepest     where the loss falls most steeply, the median of the seeds;  diverges: where it is above its start again
    """

    lr: Floats
    losses: Floats
    smooth: Floats
    suggestions: tuple[float, ...]
    steepest: float
    diverges: float

    @property
    def suggestion(self) -> float | None:
        """The median of the seeds: the rate to train with, at its highest; None where no rate lowered the loss."""
        known = [rate for rate in self.suggestions if math.isfinite(rate)]
        return float(np.median(known)) if 2 * len(known) > len(self.suggestions) else None

    def save(self, path: str | Path) -> Path:
        """Draw the curve into a file: .svg or .png."""
        return charts.save(path, self._drawn)

    def show(self) -> None:
        """Draw the curve: in a notebook at this place, else in the web browser."""
        charts.show(self._drawn)

    def _drawn(self, ending: str) -> bytes:
        return charts.loss_by_rate(self.lr, self.losses, self.smooth, self.suggestion, self.diverges, ending)

    def __str__(self) -> str:
        every = np.unique(np.linspace(0, len(self.lr) - 1, LINES).round().astype(int))
        nearest = None if self.suggestion is None else int(np.argmin(np.abs(np.log(self.lr[every] / self.suggestion))))
        lines = [["lr", "loss", ""]]
        for place, i in enumerate(every):
            gone = self.lr[i] > self.diverges and self.smooth[i] > 2 * abs(self.smooth[0])
            loss = "diverged" if gone else f"{self.smooth[i]:.4g}"
            lines.append([f"{self.lr[i]:.2e}", loss, "<- near the suggestion" if place == nearest else ""])
        wide = max(len(line[2]) for line in lines)
        return f"{table([[*line[:2], f'{line[2]:<{wide}}'] for line in lines])}\n\n{self._conclusion()}"

    __repr__ = __str__

    def _conclusion(self) -> str:
        low, high = self.lr[0], self.lr[-1]
        if self.suggestion is None:
            return (
                f"no learning rate from {low:g} to {high:g} lowered the loss: look at the data, or take another range"
            )
        each = ", ".join(f"{rate:.2g}" for rate in self.suggestions)
        told = f"suggested: {self.suggestion:.2g} (of {len(self.suggestions)} seeds: {each})"
        top = (
            f"diverges at {self.diverges:.2g}"
            if math.isfinite(self.diverges)
            else f"no sign of divergence up to {high:g}"
        )
        return f"{told}\nsteepest at {self.steepest:.2g}; {top}"


def lr_range(
    net: Layer | str | None,
    data: Data,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    batch_size: int = 32,
    l2: float | None = None,
    l1: float = 0.0,
    class_weight: ClassWeight = None,
    prepare: str | Recipe | None = None,
    start: Mapping[str, ArrayLike] | None = None,
    validation: Held = 0.1,
    test: Held = 0.2,
    seed: int = 0,
    engine: str = "auto",
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    seeds: int = 3,
) -> LrRange:
    """Train for some steps with a rate that rises by the same factor in each; suggest one from where the loss is lowest.

        found = cr.lr_range(net, data)
        cr.train(net, data, optimizer=cr.Adam(found.suggestion))

    Suggested is the (geometric) middle of the rates around the lowest smoothed loss at which at least 80% of the fall is
    kept, the median over the seeds. On eight networks, with Adam, SGD and momentum, those of eight seeds lay within
    a factor of 1.9 of each other; the rates of the steepest fall within 12, those of the lowest loss within 4.

    optimizer  default Adam; its own lr is not used
    low, high  the first and the last rate;  steps: how many, at least 50
    seeds      how many times, with other initial weights and another order: seed, seed + 1, ...

    All else as in `cr.train`, which splits and prepares in the same way: only the training part is learned from, and it is
    not augmented.   Cost: seeds * steps steps.

    Raises SettingError for bounds that are not 0 < low < high, and where the loss is no number from the start.
    """
    _check(low, high, steps, seeds, seed, batch_size)
    require("lr_range", "optimizer", optimizer, optimizer is None or isinstance(optimizer, Optimizer), "an optimiser")
    parts = dataset_of(data).split(validation, test, seed)
    _, preparation, network = choose(parts, net=net, loss=loss, class_weight=class_weight, prepare=prepare)
    chosen = preparation.loss
    scale = chosen.width(1.0) / len(parts.train)
    l2 = chosen.prior if l2 is None else l2
    rates = np.geomspace(low, high, steps)
    losses = []
    for number in range(seed, seed + seeds):
        rows, order = _batches(parts.train, preparation, batch_size, steps, number)
        first = {name: array[order[0]] for name, array in rows.items()}
        step = Step(
            network, **first, loss=chosen, optimizer=optimizer or Adam(), start=start, seed=number, engine=engine
        )
        with np.errstate(all="ignore"):  # that it diverges in the end is what is looked for
            made = step.advance(rows, order, rates, l2 * scale, l1 * scale, wanted=ONLY_LOSS)["loss"]
        losses.append(np.append(made[np.isfinite(made)], np.full(steps, np.inf))[:steps])
    return _found(rates, np.array(losses, np.float64))


def _check(low: Any, high: Any, steps: Any, seeds: Any, seed: Any, batch_size: Any) -> None:
    for name, rate in (("low", low), ("high", high)):
        require_number("lr_range", name, rate, "(0, inf)")
    require("lr_range", "low", low, low < high, f"below high, which is {high!r}")
    require("lr_range", "steps", steps, is_whole(steps, 50), "an int of at least 50")
    require("lr_range", "seeds", seeds, is_whole(seeds, 1), "an int of at least 1")
    require("lr_range", "batch_size", batch_size, is_whole(batch_size, 1), "an int of at least 1")
    require_seed("lr_range", seed)


def _batches(
    train: Dataset, preparation: Preparation, size: int, steps: int, seed: int
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The rows that all steps see, prepared, and which of them each sees: whole batches, epoch after epoch."""
    size = min(size, len(train))
    each = len(train) // size
    epochs = [shuffled(len(train), size, seed, epoch)[: each * size] for epoch in range(-(-steps // each))]
    seen, order = np.unique(np.concatenate(epochs)[: steps * size], return_inverse=True)
    rows = {"x": preparation.inputs(np.asarray(train.x[seen])), "y": preparation.targets(train.y[seen])}
    if train.weights is not None:
        rows["weights"] = train.weights[seen] / train.weights.mean()
    return rows, order.reshape(steps, size)


def _found(rates: Floats, losses: Floats) -> LrRange:
    """What each seed's curve says."""
    if not np.isfinite(losses[:, 0]).all():
        raise SettingError(
            "lr_range: the loss of the first batch is no finite number: look at the initial weights and at the data"
        )
    curves = [_smoothed(row) for row in losses]
    suggestions = tuple(_middle(rates, row, curve) for row, curve in zip(losses, curves, strict=True))
    steepest = np.median([rates[np.argmin(np.gradient(curve)[: np.argmin(curve) + 1])] for curve in curves])
    diverges = np.median([_diverges(rates, curve) for curve in curves])
    return LrRange(rates, losses, np.median(curves, axis=0), suggestions, float(steepest), float(diverges))


def _smoothed(losses: Floats) -> Floats:
    """A mean over steps near by, weighted by a Gaussian; centred, so that no place moves."""
    i = np.arange(len(losses))
    weights = np.exp(-0.5 * np.square((i[:, None] - i) / (WIDTH * len(losses))))
    capped = np.minimum(losses, CAP * np.median(np.abs(_first(losses))))
    smooth: Floats = weights @ capped / weights.sum(1)
    return smooth


def _first(curve: Floats) -> Floats:
    return curve[: max(int(FIRST * len(curve)), 1)]


def _middle(rates: Floats, losses: Floats, curve: Floats) -> float:
    """The geometric middle of the basin around the lowest smoothed loss; NaN where the loss did not fall."""
    lowest, start = int(np.argmin(curve)), float(_first(curve).mean())
    fall = start - float(curve[lowest])
    early = _first(losses)
    error = float(early[np.isfinite(early)].std()) / math.sqrt(2 * math.sqrt(math.pi) * WIDTH * len(curve))
    if fall <= SURE * error:
        return math.nan
    outside = np.flatnonzero(curve > curve[lowest] + (1 - KEPT) * fall)
    left, right = outside[outside < lowest], outside[outside > lowest]
    first = left[-1] + 1 if len(left) else 0
    last = right[0] - 1 if len(right) else len(curve) - 1
    return float(math.sqrt(rates[first] * rates[last]))


def _diverges(rates: Floats, curve: Floats) -> float:
    """The first rate behind the lowest loss at which it is above its start; infinite if there is none."""
    lowest = int(np.argmin(curve))
    above = np.flatnonzero(curve[lowest:] > _first(curve).mean())
    return float(rates[lowest + above[0]]) if len(above) else math.inf
