"""Pictures of the results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the choice of Agg

COLOURS = {
    "chainrule": "#c1272d",
    "chainrule-train": "#e8888c",
    "torch": "#33507a",
    "torch-channels-last": "#5b83ba",
    "torch-compile": "#a3bcdd",
    "jax": "#5e8c4a",
}


def draw(results: Mapping[str, Any], stem: Path) -> list[Path]:
    """A picture for each part that has one."""
    drawn = []
    for part, picture in (("steps", steps), ("sweeps", sweeps)):
        if results.get(part):
            figure = picture(results[part])
            drawn.append(stem.with_name(f"{stem.name}-{part}.svg"))
            figure.savefig(drawn[-1], bbox_inches="tight")
            plt.close(figure)
    return drawn


def steps(found: Mapping[str, Any]) -> Any:
    """A group of bars for each work: how many times as fast as the best peer would be 1."""
    figure, axes = plt.subplots(figsize=(9, 0.5 + 1.1 * len(found)))
    ticks = []
    for row, work in enumerate(found.values()):
        sides = [side for side in COLOURS if side in work["median"]]
        best = min((work["median"][s] for s in sides if not s.startswith("chainrule")), default=None)
        scale = best or work["median"]["chainrule"]
        for i, side in enumerate(sides):
            at, length = row + 0.8 * (i + 0.5) / len(sides) - 0.4, work["median"][side] / scale
            axes.barh(at, length, 0.7 / len(sides), color=COLOURS[side])
            axes.text(length, at, f" {work['median'][side]:.3g} ms", va="center", fontsize=7)
        ticks.append(work["title"])
    axes.axvline(1, color="black", linewidth=0.7)
    axes.set(yticks=range(len(ticks)), yticklabels=ticks, xscale="log", xlabel="time of a step / the best peer's")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
    axes.legend(handles, COLOURS, fontsize=7, frameon=False, ncols=6, loc="lower center", bbox_to_anchor=(0.4, 1))
    return figure


def sweeps(found: Mapping[str, Any]) -> Any:
    """A panel for each sweep: milliseconds against size, both logarithmic, and the time at the measured peak."""
    figure, panels = plt.subplots(1, len(found), figsize=(3.4 * len(found), 3), squeeze=False)
    for axes, (name, sizes) in zip(panels[0], found.items(), strict=True):
        for side, colour in COLOURS.items():
            points = [(int(size), point["median"][side]) for size, point in sizes.items() if side in point["median"]]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=colour, label=side, markersize=3)
        limits = [(int(size), limit(point)) for size, point in sizes.items() if limit(point)]
        if limits:
            axes.plot(*zip(*limits, strict=True), ":", color="black", label="at the peak")
        axes.set(xscale="log", yscale="log", xlabel=name, title=next(iter(sizes.values()))["title"])
        axes.title.set_fontsize(8)
        axes.minorticks_off()
        axes.set_xticks([int(size) for size in sizes], list(sizes), fontsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("ms of a step")
    panels[0][-1].legend(fontsize=7, frameon=False)
    return figure


def limit(point: Mapping[str, Any]) -> float:
    """Milliseconds that the arithmetic alone would take."""
    peak: float = max(point["peak"], default=0.0)
    gflop: float = point["gflop"]
    return gflop / peak * 1e3 if peak else 0.0
