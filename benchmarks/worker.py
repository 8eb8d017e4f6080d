"""A process of one peer: it does what it is told, a line of JSON each time, and sleeps otherwise.

Two runtimes in one process would share their threads' caches, allocators and waiting loops; in processes of their own they
only take turns on the processor. What a library prints goes to the standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .peers import MODULES
from .peers.base import Runner
from .works import Work


def start(side: str, work: dict[str, Any], threads: int) -> tuple[Runner, dict[str, Any]]:
    """The peer with its network built, and what it said of itself; the first step is timed with the building.

    The losses of the first steps are those that all sides are compared by, before anything else moves the weights.
    """
    module = importlib.import_module(f".peers.{MODULES[side]}", __package__)
    described = Work(**{**work, "shape": tuple(work["shape"])})
    arrays, batches = described.arrays(), described.batches()
    imported = memory()
    started = time.perf_counter()
    runner: Runner = module.SIDES[side](described, arrays, batches, threads)
    runner.step(0)
    first = runner.finish()
    seconds = time.perf_counter() - started
    losses = [first, *runner.losses(runner.checked - 1)]
    return runner, {"about": runner.about, "losses": losses, "first_ms": seconds * 1e3, "imported_mb": imported}


def memory() -> float:
    """The most memory that this process ever held, in MB; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def commands(runner: Runner) -> dict[str, Callable[..., Any]]:
    """What a peer can be told to do."""
    return {
        "losses": runner.losses,
        "block": runner.block,
        "outputs": lambda: runner.outputs().tolist(),
        "memory": memory,
    }


def main() -> None:
    told, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value: Any) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    side, work, threads = json.loads(told.readline())
    try:
        runner, about = start(side, work, threads)
    except Exception as problem:  # a peer that is not there or does not work here is no reason to stop
        first = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        answer({"error": f"{type(problem).__name__}: {first}"})
        return
    answer(about)
    known = commands(runner)
    for line in told:
        name, arguments = json.loads(line)
        answer(known[name](**arguments))


if __name__ == "__main__":
    main()
