"""Learning-rate schedules: a factor on the optimiser's `lr`, as a function of how much of the training is done."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from .errors import require


@dataclass(frozen=True)
class Schedule:
    """Base of all."""

    def factor(self, done: float) -> float:
        """The factor when the share `done`, in [0, 1), of all steps is behind us."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Constant(Schedule):
    """1 throughout."""

    def factor(self, done: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Cosine(Schedule):
    """(1 + cos(pi done)) / 2, from 1 down to 0, after a linear rise over the share `warmup`.

    Source: Loshchilov and Hutter (2017), eq. 5, without restarts.
    """

    warmup: float = 0.0

    def __post_init__(self) -> None:
        require("Cosine", "warmup", self.warmup, 0 <= self.warmup < 1, "a share in the range [0, 1)")

    def factor(self, done: float) -> float:
        if done < self.warmup:
            return done / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (done - self.warmup) / (1 - self.warmup)))
