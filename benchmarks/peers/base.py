"""What every peer can do."""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..works import Arrays, Batch, Work

GROUP = 0.005  # seconds at least between two looks at the clock
WARM = 0.03  # seconds of steps before a block is timed


class Runner:
    """A network, ready to run. A peer defines `step` and `finish`, or for predictions `step` and `outputs`."""

    about = ""  # in a word, how it runs
    checked = 5  # steps whose losses everyone is compared by

    def __init__(self, work: Work, arrays: Arrays, batches: list[Batch], threads: int) -> None:
        self.work, self.batches = work, batches
        self.build(arrays, threads)

    def build(self, arrays: Arrays, threads: int) -> None:
        """Network, optimiser and batches in the peer's own form."""
        raise NotImplementedError

    def step(self, i: int) -> Any:
        """One step on batch `i`; it need not wait for its end."""
        raise NotImplementedError

    def finish(self) -> float:
        """Wait for the end of all steps; the latest loss."""
        return 0.0

    def outputs(self) -> NDArray[np.float32]:
        """What is predicted for the first rows of the first batch."""
        raise NotImplementedError

    def losses(self, count: int) -> list[float]:
        """The losses of further steps, each on the first batch."""
        found = []
        for _ in range(count):
            self.step(0)
            found.append(self.finish())
        return found

    def block(self, seconds: float) -> list[float]:
        """Milliseconds of a step, several times, for about so many seconds, after some steps to get warm."""
        once = self._warm(min(WARM, seconds))
        group = max(1, math.ceil(GROUP / once))
        found: list[float] = []
        end = time.perf_counter() + seconds
        while not found or time.perf_counter() < end:
            found.append(self._seconds(group) * 1e3)
        return found

    def _warm(self, seconds: float) -> float:
        """Steps for so long; how long one takes."""
        found: list[float] = []
        end = time.perf_counter() + seconds
        while not found or time.perf_counter() < end:
            found.append(self._seconds(1))
        return statistics.median(found)

    def _seconds(self, count: int) -> float:
        """Of one of `count` steps; a network that diverged would show another speed."""
        started = time.perf_counter()
        for i in range(count):
            self.step(i % len(self.batches))
        loss = self.finish()
        taken = (time.perf_counter() - started) / count
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss of {self.work.name} became {loss}")
        return taken


class Training(Runner):
    """A step is a whole training, and so is a block, whatever time is asked for; a peer keeps its last `loss`."""

    checked = 1  # the last loss of one training
    loss = 0.0

    def finish(self) -> float:
        return self.loss

    def block(self, seconds: float) -> list[float]:
        started = time.perf_counter()
        self.step(0)
        return [(time.perf_counter() - started) * 1e3]
