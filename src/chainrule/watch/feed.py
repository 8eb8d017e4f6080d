"""Feed: what some steps are fed, to be made once more or in another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Arrays
from ..step import ONLY_LOSS, Step


@dataclass(frozen=True)
class Feed:
    """What `Step.advance` takes: rows, the numbers of those of every step, (steps, batch), and the knobs."""

    rows: Arrays
    order: NDArray[np.int64]
    lr: Any
    l2: float = 0.0
    l1: float = 0.0

    def part(self, start: int, stop: int) -> Feed:
        """Some of its steps."""
        lr = self.lr[start:stop] if np.ndim(self.lr) else self.lr
        return Feed(self.rows, self.order[start:stop], lr, self.l2, self.l1)

    def single(self) -> Iterator[Feed]:
        """Its steps, one by one."""
        for i in range(len(self.order)):
            one = self.part(i, i + 1)
            yield one if np.ndim(one.lr) == 0 else Feed(one.rows, one.order, float(one.lr[0]), one.l2, one.l1)

    def advance(self, step: Step) -> bool:
        """Make these steps; whether all losses are finite."""
        with np.errstate(all="ignore"):
            made = step.advance(self.rows, self.order, self.lr, self.l2, self.l1, wanted=ONLY_LOSS)
        return bool(np.isfinite(made["loss"]).all())
