"""What a step costs as one size grows: batch, width, depth, image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..measure import Options, in_turns, started
from ..table import as_ms, as_share, table
from ..works import Work
from .steps import FOR_IMAGES, summary

SIDES = ("chainrule", "torch", "torch-channels-last", "jax")
MNIST = "dense256 relu dense128 relu dense10"
CNN = "conv16-3 bn relu pool2 conv32-3 bn relu pool2 flatten dense10"


def mlp(width: int, depth: int) -> Work:
    return Work("mlp", f"MLP {depth} x {width}", f"dense{width} relu " * depth + "dense10", (width,), 64)


SWEEPS: dict[str, dict[int, Work]] = {
    "batch": {n: Work("batch", "MLP 784-256-128-10", MNIST, (784,), n) for n in (1, 4, 16, 64, 256, 1024)},
    "width": {n: mlp(n, 2) for n in (16, 32, 64, 128, 256, 512, 1024)},
    "depth": {n: mlp(128, n) for n in (1, 2, 4, 8, 16)},
    "image": {n: Work("image", "CNN with batch norm", CNN, (n, n, 3), 32) for n in (8, 16, 32, 64)},
}


def measure(options: Options) -> dict[str, Any]:
    """By sweep and size; fewer repeats, for there are many."""
    few = replace(options, repeats=min(3, options.repeats), rounds=min(2, options.rounds))
    chosen = {"batch": {16: SWEEPS["batch"][16]}} if options.quick else SWEEPS
    return {name: {str(n): of_size(name, n, work, few) for n, work in sizes.items()} for name, sizes in chosen.items()}


def of_size(sweep: str, size: int, work: Work, options: Options) -> dict[str, Any]:
    """One point of a curve."""
    print(f"{sweep} {size} ...", flush=True)
    with started([side for side in SIDES if work.of_images or side not in FOR_IMAGES], work, options) as workers:
        times = in_turns(workers, options)
    return {"title": work.title, "gflop": work.gflop, **summary(work, times), **times.plain()}


def show(found: Mapping[str, Any]) -> str:
    """A table for each sweep."""
    return "\n\n".join(show_sweep(name, sizes) for name, sizes in found.items())


def show_sweep(name: str, sizes: Mapping[str, Any]) -> str:
    sides = [side for side in SIDES if any(side in point["median"] for point in sizes.values())]
    rows = [[f"ms by {name}", *sides, "ratio to best", "of peak"]]
    for size, point in sizes.items():
        cells = [as_ms(point["median"][side]) if side in point["median"] else "-" for side in sides]
        best = point["ratios"]["chainrule"].get("best")
        ratio = f"{best['median']:.2f}" if best else "-"
        rows.append([size, *cells, ratio, as_share(point["share"]["chainrule"])])
    return table(rows)
