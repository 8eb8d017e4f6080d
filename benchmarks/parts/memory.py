"""The most memory that training VGG-BN takes, each in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..measure import Missing, Options, Worker, left_out
from ..table import table
from ..works import WORKS

SIDES = ("chainrule", "chainrule-train", "torch", "torch-channels-last", "jax")
STEPS = 10
BAR = 0.5  # of PyTorch's process


def measure(options: Options) -> dict[str, Any]:
    """MB of the whole process at most, and what it had when it was imported and had its data."""
    work = WORKS["small" if options.quick else "vgg"]
    print(f"memory of {work.title} ...", flush=True)
    found = {}
    for side in filter(options.wants, SIDES):
        try:
            worker = Worker(side, work, options.threads)
        except Missing as problem:
            left_out(side, problem)
            continue
        worker.tell("losses", count=STEPS)
        found[side] = {"imported": worker.about["imported_mb"], "most": worker.tell("memory")}
        worker.close()
    return {"title": f"{work.title}, batch {work.batch}", "mb": found}


def show(found: Mapping[str, Any]) -> str:
    """A row for each process."""
    rows = [[f"MB, {found['title']}", "imported, with data", "training, at most"]]
    rows += [[side, f"{mb['imported']:.0f}", f"{mb['most']:.0f}"] for side, mb in found["mb"].items()]
    torch = [mb["most"] for side, mb in found["mb"].items() if side.startswith("torch")]
    if not torch:
        return table(rows)
    ratio = found["mb"]["chainrule"]["most"] / min(torch)
    return f"{table(rows)}\nratio to PyTorch {ratio:.2f}, bar {BAR} {'met' if ratio <= BAR else 'MISSED'}"
