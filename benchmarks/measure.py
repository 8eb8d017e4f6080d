"""Processes that take turns: everything here is timed by interleaving, for a machine changes its speed within seconds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .machine import peak, quiet
from .peers import MODULES, WAITS
from .works import Work

ROOT = Path(__file__).parents[1]
PAUSE = 0.02  # seconds after a block, in which the threads that still wait for work fall asleep
KNOBS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CHAINRULE_THREADS", "NPROC")  # NPROC: JAX


@dataclass(frozen=True)
class Options:
    """How long and with what to measure."""

    threads: int = 2
    repeats: int = 5
    rounds: int = 3  # turns of everyone in a repeat
    seconds: float = 0.25  # of a turn
    patience: float = 0.0  # seconds to wait at most, before a round, for others to leave the machine
    peers: tuple[str, ...] = ()  # names of libraries; empty for all
    works: tuple[str, ...] = ()  # empty for all
    quick: bool = False

    def wants(self, side: str) -> bool:
        """Whether a side is asked for; chainrule always is."""
        return side.startswith("chainrule") or not self.peers or any(side.startswith(peer) for peer in self.peers)


class Missing(Exception):
    """A peer that is not installed, or does not work here."""


def left_out(side: str, problem: Missing) -> None:
    """A line for a peer that is not there; where it is chainrule, there is nothing to measure."""
    if side.startswith("chainrule"):
        raise problem
    print(f"  {side}: left out: {problem}", flush=True)


def as_installed() -> dict[str, str]:
    """The environment, but that bytecode is kept, as an install has it: compiling chainrule is no part of a start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Worker:
    """A process of one side with one work, that waits for commands. `asleep`: its threads, too, wait for theirs asleep."""

    def __init__(self, side: str, work: Work, threads: int, asleep: bool = False) -> None:
        self.asleep = asleep
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  (open as long as the process)
        policy = {"OMP_WAIT_POLICY": "PASSIVE"} if asleep else {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker"],
            cwd=ROOT,
            env={**as_installed(), **{knob: str(threads) for knob in KNOBS}, **policy},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
        )
        try:
            self.about: dict[str, Any] = self._ask([side, asdict(work), threads])
        except Missing:
            self.close()
            raise
        if "error" in self.about:
            self.close()
            raise Missing(self.about["error"])

    def tell(self, command: str, **arguments: Any) -> Any:
        """Give a command and wait for its answer."""
        return self._ask([command, arguments])

    def _ask(self, message: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Missing(f"its process ended: {self._last_words()}")
        return json.loads(line)

    def _last_words(self) -> str:
        code = self.process.wait()
        self.said.seek(0)
        said = self.said.read().strip()
        return said.splitlines()[-1] if said else f"exit code {code}"

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.wait(timeout=60)
        self.said.close()


@contextmanager
def started(sides: Sequence[str], work: Work, options: Options) -> Iterator[dict[str, Worker]]:
    """A process for each side that is asked for and there; a line for each that is not."""
    workers: dict[str, Worker] = {}
    asleep: dict[str, bool] = {}  # by module, where there is a choice
    try:
        for side in filter(options.wants, sides):
            module = MODULES[side]
            try:
                if module in WAITS and module not in asleep:
                    workers[side] = faster_waiting(side, work, options)
                    asleep[module] = workers[side].asleep
                else:
                    workers[side] = Worker(side, work, options.threads, asleep.get(module, False))
            except Missing as problem:
                left_out(side, problem)
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def faster_waiting(side: str, work: Work, options: Options) -> Worker:
    """The faster of two: threads that wait awake are faster on a quiet machine, and far slower on a busy one."""
    two: list[Worker] = []
    try:
        two.extend(Worker(side, work, options.threads, asleep) for asleep in (False, True))
        looks: list[list[float]] = [[], []]
        for _ in range(options.rounds):
            for worker, found in zip(two, looks, strict=True):
                found.extend(worker.tell("block", seconds=options.seconds))
                time.sleep(PAUSE)
        first, second = map(statistics.median, looks)
        two.sort(key=lambda worker: worker.asleep == (first <= second))
        return two.pop(0)
    finally:
        for worker in two:
            worker.close()


@dataclass
class Times:
    """What was measured: milliseconds by side, one number for each repeat; and the machine's peak in each."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    peak: list[float] = field(default_factory=list)

    def median(self, side: str) -> float:
        return statistics.median(self.ms[side])

    def ratios(self, ours: str, theirs: Sequence[str]) -> list[float]:
        """In each repeat, our time over that of the one that was fastest in it."""
        rows = range(len(self.ms[ours]))
        return [self.ms[ours][i] / min(self.ms[side][i] for side in theirs) for i in rows]

    def ratio(self, ours: str, theirs: Sequence[str]) -> dict[str, float]:
        """The median over the repeats, and the range."""
        found = self.ratios(ours, theirs)
        return {"median": statistics.median(found), "least": min(found), "most": max(found)}

    def shares(self, side: str, gflop: float) -> list[float]:
        """In each repeat, the share of the peak that the arithmetic alone would take."""
        return [gflop * 1e3 / peak / ms for ms, peak in zip(self.ms[side], self.peak, strict=False) if peak]

    def share(self, side: str, gflop: float) -> float:
        """The median over the repeats; 0 where the peak is not known."""
        return statistics.median(self.shares(side, gflop) or [0.0])

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def in_turns(workers: Mapping[str, Worker], options: Options) -> Times:
    """All sides in turns, the first to begin another one each round; a repeat's time is the median of its rounds' looks."""
    times, sides = Times({side: [] for side in workers}), list(workers)
    for _ in range(options.repeats):
        looks: dict[str, list[float]] = {side: [] for side in sides}
        peaks = []
        for _ in range(options.rounds):
            quiet(options.patience)
            peaks.append(peak(options.threads))
            for side in sides:
                looks[side].extend(workers[side].tell("block", seconds=options.seconds))
                time.sleep(PAUSE)
            sides = [*sides[1:], sides[0]]
        for side, found in looks.items():
            times.ms[side].append(statistics.median(found))
            times.least[side] = min(found) if side not in times.least else min(*found, times.least[side])
        times.peak.append(statistics.median(peaks))
    return times
