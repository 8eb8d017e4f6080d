"""VGG-BN on one thread and on several, everyone in turns."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ..measure import Options, in_turns, started
from ..table import as_bar, as_ms, table
from ..works import WORKS

SIDES = ("chainrule", "torch", "torch-channels-last", "jax")
BAR = 1.7  # times as fast on two


def measure(options: Options) -> dict[str, Any]:
    """Milliseconds by side and threads, and how many times as fast."""
    work, counts = WORKS["small" if options.quick else "vgg"], sorted({1, options.threads})
    print(f"threads {counts}, {work.title} ...", flush=True)
    with ExitStack() as stack:
        workers = {}
        for count in counts:
            ready = stack.enter_context(started(SIDES, work, replace(options, threads=count)))
            workers |= {f"{side}, {count}": worker for side, worker in ready.items()}
        times = in_turns(workers, options)
    many = counts[-1]
    sides = [side for side in SIDES if f"{side}, 1" in times.ms and f"{side}, {many}" in times.ms]
    gains = {side: times.ratio(f"{side}, 1", [f"{side}, {many}"]) for side in sides}
    medians = {side: times.median(side) for side in times.ms}
    return {"title": work.title, "threads": many, "gains": gains, "median": medians, **times.plain()}


def show(found: Mapping[str, Any]) -> str:
    """A row for each side."""
    many = found["threads"]
    rows = [[found["title"], "1 thread, ms", f"{many} threads, ms", "times as fast"]]
    for side, gain in found["gains"].items():
        rows.append([side, *(as_ms(found["median"][f"{side}, {count}"]) for count in (1, many)), as_bar(gain)])
    met = found["gains"]["chainrule"]["median"] >= BAR
    return table(rows) + (f"\nbar {BAR} {'met' if met else 'MISSED'}" if many == 2 else "")
