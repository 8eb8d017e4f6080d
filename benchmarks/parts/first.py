"""From building LeNet to the end of its first step, in new processes that have imported all they need."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from ..measure import Missing, Options, Worker, left_out
from ..table import as_ms, as_range, table
from ..works import WORKS

SIDES = ("chainrule", "torch", "torch-channels-last", "jax")  # compiling with torch.compile takes many seconds
BAR = 50.0  # ms


def measure(options: Options) -> dict[str, Any]:
    """Milliseconds by side, a new process each time."""
    work = WORKS["small" if options.quick else "lenet"]
    print(f"first step of {work.title} ...", flush=True)
    sides = list(filter(options.wants, SIDES))
    found: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(options.repeats):
        for side in list(sides):
            try:
                worker = Worker(side, work, options.threads)
            except Missing as problem:
                left_out(side, problem)
                sides.remove(side)
                continue
            found[side].append(worker.about["first_ms"])
            worker.close()
    return {"title": work.title, "ms": {side: ms for side, ms in found.items() if ms}}


def show(found: Mapping[str, Any]) -> str:
    """A row for each side."""
    rows = [[f"building {found['title']} and its first step", "ms", "range"]]
    rows += [[side, as_ms(statistics.median(ms)), as_range(ms)] for side, ms in found["ms"].items()]
    ours = statistics.median(found["ms"]["chainrule"])
    return f"{table(rows)}\nbar {BAR:.0f} ms {'met' if ours <= BAR else 'MISSED'}"
