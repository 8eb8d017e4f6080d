"""Learning-rate schedules: a factor on the optimiser's `lr`, as a function of how much of the training is done.

A function of `done` and of the validation losses so far, and of nothing else: no hidden state, so a resumed training goes on
as if it had not stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .errors import as_plain, enter, is_number, is_whole, require, require_number

SCHEDULES: dict[str, type[Schedule]] = {}  # by class name; filled as classes are defined


@dataclass(frozen=True)
class Schedule:
    """Base of all."""

    def __init_subclass__(cls) -> None:
        enter(SCHEDULES, "schedule", cls)

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        """The factor when the share `done`, in [0, 1), of all steps is done, after epochs of these validation losses."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": type(self).__name__, **as_plain(asdict(self))}


@dataclass(frozen=True)
class Constant(Schedule):
    """1 throughout."""

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return 1.0


@dataclass(frozen=True)
class Cosine(Schedule):
    """(1 + cos(pi done)) / 2, from 1 down to 0, after a linear rise over the share `warmup`.

    Source: Loshchilov and Hutter (2017), eq. 5, without restarts.
    """

    warmup: float = 0.0

    def __post_init__(self) -> None:
        require_number("Cosine", "warmup", self.warmup, "[0, 1)", "a share")

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        if done < self.warmup:
            return done / self.warmup
        return _half_cosine(1.0, 0.0, (done - self.warmup) / (1 - self.warmup))


@dataclass(frozen=True)
class Steps(Schedule):
    """`drop`, once for each of the shares `at` that is behind us.   Source: CS231n, lecture 6, "step decay"."""

    drop: float = 0.1
    at: tuple[float, ...] = (0.5, 0.75)

    def __post_init__(self) -> None:
        require_number("Steps", "drop", self.drop, "(0, 1]")
        several = isinstance(self.at, tuple | list)
        fits = several and all(is_number(share) and 0 < share < 1 for share in self.at)
        require("Steps", "at", self.at, fits, "shares in the range (0, 1), such as (0.5, 0.75)")

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return float(self.drop ** sum(done >= share for share in self.at))


@dataclass(frozen=True)
class Exponential(Schedule):
    """final^done: from 1 down to `final`, by the same ratio in every step.   Source: CS231n, lecture 6."""

    final: float = 0.01

    def __post_init__(self) -> None:
        require_number("Exponential", "final", self.final, "(0, 1]")

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return float(self.final**done)


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A linear rise from 0 over the share `rise`, then another schedule for the rest.   Source: Goyal et al. (2017)."""

    rise: float = 0.1
    then: Schedule = Constant()

    def __post_init__(self) -> None:
        require_number("WarmUp", "rise", self.rise, "(0, 1)", "a share")
        require("WarmUp", "then", self.then, isinstance(self.then, Schedule), "a schedule such as cr.Cosine()")

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        if done < self.rise:
            return done / self.rise
        return self.then.factor((done - self.rise) / (1 - self.rise), losses)

    def settings(self) -> dict[str, Any]:
        return {"name": "WarmUp", **as_plain({"rise": self.rise}), "then": self.then.settings()}


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from `start` to 1 over the share `rise`, then down to `end`, both along a half cosine.

    Source: Smith and Topin (2019), "Super-convergence", in the form of PyTorch's OneCycleLR.
    """

    rise: float = 0.3
    start: float = 0.04
    end: float = 4e-6

    def __post_init__(self) -> None:
        require_number("OneCycle", "rise", self.rise, "(0, 1)", "a share")
        for name in ("start", "end"):
            require_number("OneCycle", name, getattr(self, name), "[0, 1]")

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        if done < self.rise:
            return _half_cosine(self.start, 1.0, done / self.rise)
        return _half_cosine(1.0, self.end, (done - self.rise) / (1 - self.rise))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Plateau(Schedule):
    """`drop`, each time the validation loss has not fallen for more than `patience` epochs.

    A loss has fallen when it is below (1 - least) of the lowest before it.   Source: PyTorch's ReduceLROnPlateau.
    """

    drop: float = 0.1
    patience: int = 10
    least: float = 1e-4

    def __post_init__(self) -> None:
        require_number("Plateau", "drop", self.drop, "(0, 1)")
        require("Plateau", "patience", self.patience, is_whole(self.patience, 0), "an int of at least 0")
        require_number("Plateau", "least", self.least, "[0, 1)")

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        lowest, waited, factor = math.inf, 0, 1.0
        for loss in losses:
            fallen = loss < lowest * (1 - self.least)
            lowest, waited = (loss, 0) if fallen else (lowest, waited + 1)
            if waited > self.patience:
                factor, waited = factor * self.drop, 0
        return factor
