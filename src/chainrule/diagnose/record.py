"""Record: what a run folder tells, in the form in which rules ask for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RunError
from ..run import Run

Series = NDArray[np.float64]
ENOUGH_STEPS = 10  # of a training that can be judged
RISEN = 3.0  # times the loss at the start: no training comes back from there (CS231n)


class Record:
    """A run, read once: settings, facts measured before and after the training, curves, and figures of every layer.

    `facts`, if given, are newer than those in the run's folder.
    """

    def __init__(self, run: Run, facts: Mapping[str, Any] | None = None) -> None:
        self.about = run.about
        self.settings = _of(run, self.about, "settings")
        self.data = _of(run, self.about, "data")
        for part in ("optimizer", "loss"):
            _of(run, self.settings, part)
        self.facts: Mapping[str, Any] = run.facts if facts is None else facts
        self.metrics, self.probes = run.metrics, run.probes
        self.result = run.result

    def fact(self, *path: str) -> Any:
        """A fact by its path; None where it was not measured."""
        found: Any = self.facts
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def number(self, *path: str) -> float:
        """A fact that is a number; NaN where it was not measured, so that every comparison with it is false."""
        found = self.fact(*path)
        return float(found) if isinstance(found, int | float) else math.nan

    def column(self, name: str) -> Series:
        """A figure of every epoch, NaN where an epoch has none; empty where no epoch has."""
        values = [row.get(name, math.nan) for row in self.metrics]
        return np.array(values) if not np.isnan(values).all() else np.zeros(0)

    @property
    def task(self) -> str:
        return str(self.data.get("task", "classes"))

    @property
    def status(self) -> str | None:
        """finished, interrupted or diverged; None while the training goes on."""
        return (self.result or self.facts.get("ended") or {}).get("status")

    @property
    def steps(self) -> int:
        """Steps made."""
        return int(self.metrics[-1]["step"]) if self.metrics else 0

    @cached_property
    def train(self) -> Series:
        """The training loss of every epoch, as it was seen while learning."""
        return self.column("train/loss")

    @cached_property
    def validation(self) -> Series:
        """The validation loss of every epoch."""
        return self.column("validation/loss")

    @property
    def base(self) -> float:
        """The loss of the best constant output: what is known without looking at the inputs."""
        return self.number("start", "base_loss")

    @property
    def scale(self) -> float:
        """What losses are held against: that of a constant output, or, where losses may be negative, what it has gained."""
        base, zeros = self.base, self.number("start", "loss_of_zeros")
        return base if base > 0 else zeros - base

    def falls(self, before: float, after: float, share: float, gain: float) -> bool:
        """Whether a loss falls below a share of itself, and by more than `gain` of a constant's."""
        return after < self.fallen(before, share, gain)

    def fallen(self, before: float, share: float, gain: float) -> float:
        """The limit of `falls`: a loss below it has fallen from `before`. Of what may be negative no share is taken."""
        by_gain = before - gain * self.scale
        return by_gain if self.base <= 0 else float(np.minimum(share * before, by_gain))

    @property
    def remaining(self) -> float:
        """The lowest training loss of an epoch by that of a constant output: 1 where nothing was learned, 0 where all."""
        if not len(self.train) or not self.base > 0:
            return math.nan
        return float(np.nanmin(self.train)) / self.base

    @property
    def unseen(self) -> float:
        """The same of validation."""
        base = self.number("start", "base_of_validation")
        if not len(self.validation) or not base > 0:
            return math.nan
        return float(np.nanmin(self.validation)) / base

    @property
    def apart(self) -> float:
        """How far the training loss ended below that of validation, of a constant's."""
        if not len(self.validation) or not self.base > 0 or self.diverged:
            return math.nan
        return float(self.validation[-1] - self.train[-1]) / self.base

    @property
    def reached(self) -> float:
        """The loss that the training reached, of validation where there is one; infinite where it was stopped."""
        losses = self.validation if len(self.validation) else self.train
        return math.inf if self.diverged or not len(losses) else float(np.nanmin(losses))

    @property
    def finished(self) -> bool:
        """Whether the training came to its end, by itself or stopped."""
        return self.status in ("finished", "diverged")

    @property
    def diverged(self) -> bool:
        return self.status == "diverged"

    def figures(self, what: str, first: bool = False) -> dict[str, tuple[int, float]]:
        """A figure of every layer with the step, as it was looked at last, or first."""
        found: dict[str, tuple[int, float]] = {}
        for row in self.probes if not first else reversed(self.probes):
            for name, value in row.items():
                layer, _, of = name.rpartition("/")
                if of == what and value is not None:
                    found[layer] = (int(row["step"]), float(value))
        return found

    def layers(self) -> Iterator[Mapping[str, Any]]:
        """The settings of every layer of the network, outer ones before the inner."""
        yield from _layers(self.settings.get("net", {}))

    def kinds(self) -> set[str]:
        """The classes of the network's layers."""
        return {str(layer.get("layer")) for layer in self.layers()}


def _of(run: Run, about: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of run.json; RunError unless it is an object, or absent."""
    found = about.get(name, {})
    if not isinstance(found, Mapping):
        raise RunError(f"{run.folder}: expected an object as '{name}' in run.json, found {type(found).__name__}")
    return found


def _layers(config: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(config, Mapping):
        if "layer" in config:
            yield config
        for value in config.values():
            yield from _layers(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _layers(value)


def dissatisfied(record: Record, remaining: float = 0.1, steps: int = 500) -> bool:
    """Whether a training that has ended is worth a few trials: it was stopped, short, or left much of the loss."""
    left = not record.remaining < remaining or record.unseen >= 2 * remaining
    return record.diverged or record.steps < steps or left
