"""Widrow and Hoff's adaptive linear neuron (1960)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import require_number
from .base import Classic, Floats


@dataclass(eq=False, kw_only=True)
class Adaline(Classic):
    """w += lr (t - net) x with net = x w + b and t = -1 or 1: the step is taken on the linear output, before the sign.

    The least-mean-squares or delta rule: descent on (t - net)^2 / 2, row by row (lr is the paper's 2 mu). Right rows move
    the weights too, and they end near the least-squares solution, whether or not a line parts the classes; `decay` lets lr
    fall as lr / (1 + decay k) with the k-th row seen, and they settle there. Runs all epochs. Needs lr < 2 / (|x|^2 + 1).

    Source: Widrow and Hoff (1960), "Adaptive switching circuits"; Widrow and Lehr (1990).
    """

    LOW: ClassVar[float] = -1.0
    lr: float = 0.01
    epochs: int = 50
    decay: float = 0.0

    def _check(self) -> None:
        Classic._check(self)
        require_number("Adaline", "decay", self.decay, "[0, inf)")

    def _start(self, features: int, units: int) -> None:
        Classic._start(self, features, units)
        self._seen = 0

    def _done(self, epoch: int) -> bool:
        return False  # right rows still have an error to make smaller

    def _learn(self, x: Floats, target: Floats) -> tuple[bool, float]:
        net = x @ self.weights_ + self.bias_
        error = target - net
        step = self.lr / (1 + self.decay * self._seen) * error
        self.weights_ += np.multiply.outer(x, step)
        self.bias_ += step
        self._seen += 1
        return bool(((net > 0) != (target > 0)).any()), float(error @ error)
