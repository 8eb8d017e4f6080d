"""What a finding rests on, drawn into axes: by kind of evidence one function, the rule's limit drawn in.

A run with the fault and one without it are drawn alike, from their run folders alone. Blue is what was measured, orange what
the finding names, dashed purple the limit; where a run has nothing of the kind, its axes say so.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..diagnose import RULES, Finding, Record
from ..diagnose.trials import reached
from ..errors import need
from ..run import Run
from .charts import FEW, INK, TRAIN, VALIDATION

LIMIT, BESIDE = "#cc79a7", "#009e73"  # Okabe and Ito's purple and green
DASHED: Mapping[str, Any] = {"color": LIMIT, "ls": (0, (4, 2)), "lw": 1.4}
MANY = 12  # layers or classes whose names fit below an axis
WIDE = 30.0  # from the least to the greatest: what spreads wider is drawn on a logarithmic axis
LEAST = 1e-12  # of a logarithmic axis
MOST = float(np.finfo(np.float32).max)  # in place of what is beyond

Draw: TypeAlias = Callable[[Any, Run, Record, Finding], None]
Row: TypeAlias = tuple[str, float, tuple[float, ...]]  # name, value, limits
ClassValues: TypeAlias = tuple[NDArray[Any], NDArray[np.bool_], float, str]  # values, named, limit, what
Levels: TypeAlias = Mapping[str, float]  # by what they are called
Marks: TypeAlias = Mapping[str, tuple[float, float]]  # steps and loss, by what they are called


def limit(rule: str, name: str) -> float:
    """A limit of a rule, as it is when nobody changes it."""
    return float(inspect.signature(RULES[rule]).parameters[name].default)


def nothing(ax: Any, why: str) -> None:
    """A sentence in place of a chart."""
    ax.axis("off")
    ax.text(0.5, 0.5, why, ha="center", va="center", fontsize=9, wrap=True, transform=ax.transAxes)


def _is_wide(values: Iterable[float]) -> bool:
    sizes = [v for v in values if v > 0 and math.isfinite(v)]
    return len(sizes) > 1 and max(sizes) > WIDE * min(sizes)


def _decades(values: Iterable[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis that has these values inside, and a whole power of ten."""
    sizes = [*values]
    return min(sizes) / 4, max(sizes) * 4


def _logarithmic(axis: Any) -> None:
    """Only whole powers of ten are named."""
    axis.axes.set_yscale("log")
    axis.set_minor_formatter(need("matplotlib.ticker", "report", "drawing charts").NullFormatter())


def bars(
    rows_of: Callable[[Record, Finding], list[Row]],
    log: bool = False,
    ends: tuple[float, float] | None = None,
    what: str = "",
    least: float = LEAST,
) -> Draw:
    """Named numbers as bars, each with its own limits; the numbers stand below the names. `least` of a logarithmic axis."""

    def draw(ax: Any, run: Run, record: Record, finding: Finding) -> None:
        rows = [row for row in rows_of(record, finding) if not math.isnan(row[1])]
        if not rows:
            nothing(ax, "there is nothing of this kind in this run")
            return
        for place, (_, value, limits) in enumerate(reversed(rows)):
            ax.barh(place, max(value, least) if log else value, height=0.55, color=TRAIN)
            for line in limits:
                ax.plot([line, line], [place - 0.42, place + 0.42], **DASHED)
        ax.set_yticks(range(len(rows)), [f"{name}\n{value:.3g}" for name, value, _ in reversed(rows)], fontsize=9)
        ax.set_ylim(*((-1, 1) if len(rows) == 1 else (-0.6, len(rows) - 0.4)))
        ax.set_xlabel(what)
        shown = [x for _, value, limits in rows for x in (value, *limits)]
        if log:
            ax.set_xscale("log")
            ax.set_xlim(*_decades(max(x, least) for x in shown))
        else:
            ax.set_xlim(*(ends or (min(0.0, *shown), 1.1 * max(shown) or 1.0)))
        ax.locator_params(axis="x", **({"numticks": 6} if log else {"nbins": 4}))

    return draw


def curves(levels_of: Callable[[Record], Levels], marks_of: Callable[[Record], Marks] | None = None) -> Draw:
    """The losses of training and validation by epoch; limits are lines, losses of steps on the side are dots."""

    def draw(ax: Any, run: Run, record: Record, finding: Finding) -> None:
        levels = {name: level for name, level in levels_of(record).items() if math.isfinite(level)}
        marks = {name: at for name, at in (marks_of(record) if marks_of else {}).items() if math.isfinite(at[1])}
        if not record.metrics:
            nothing(ax, "no epoch is recorded yet")
            return
        seen: list[float] = [*levels.values(), *(y for _, y in marks.values())]
        epochs = np.arange(1, len(record.metrics) + 1)
        for name, colour, losses in (("training", TRAIN, record.train), ("validation", VALIDATION, record.validation)):
            if len(losses):
                style = "o-" if len(losses) < FEW else "-"
                ax.plot(epochs[: len(losses)], losses, style, ms=3, color=colour, lw=1.6, label=name)
                seen += [float(x) for x in losses if math.isfinite(x)]
        for name, level in levels.items():
            ax.axhline(level, **DASHED, label=name)
        for name, (steps, y) in marks.items():
            ax.plot(steps * len(epochs) / max(record.steps, 1), y, "D", color=BESIDE, ms=6, label=name, clip_on=False)
        if record.base > 0:
            seen.append(record.base)
            ax.axhline(record.base, color=INK, lw=1, ls=":", label="constant output")
        if _is_wide(seen):
            _logarithmic(ax.yaxis)
        else:
            low, high = min([0.0, *seen]), max(seen, default=1.0)
            ax.set_ylim(low - 0.08 * (high - low) if low < 0 else 0, high + 0.08 * (high - low))
        ax.set(xlabel="epoch", ylabel="loss")
        ax.set_xlim(0, None)
        ax.locator_params(axis="x", integer=True)
        ax.legend(fontsize=7)

    return draw


def _layers(ax: Any, names: list[str]) -> None:
    """Layers on the horizontal axis; of many only their places."""
    if len(names) <= MANY:
        ax.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
    else:
        ax.set_xlabel("layer")


def by_layer(
    figures_of: Callable[[Record], Mapping[str, float]],
    limits_of: Callable[[Record], Levels],
    what: str,
    named: Callable[[Record, Finding], set[str]] = lambda record, finding: {finding.layer},
) -> Draw:
    """A figure of every layer, from the first to the last, on a logarithmic axis."""

    def draw(ax: Any, run: Run, record: Record, finding: Finding) -> None:
        found = {layer: value if math.isfinite(value) else MOST for layer, value in figures_of(record).items()}
        if not found:
            nothing(ax, "there is no layer of this kind in this run")
            return
        values = np.clip(list(found.values()), LEAST, MOST)
        colours = [VALIDATION if layer in named(record, finding) else TRAIN for layer in found]
        ax.plot(range(len(found)), values, "-", color=INK, lw=0.8, zorder=1)
        ax.scatter(range(len(found)), values, c=colours, s=28, zorder=2)
        limits = {name: level for name, level in limits_of(record).items() if math.isfinite(level) and level > 0}
        for name, level in limits.items():
            ax.axhline(level, **DASHED, label=name)
        every = [*values, *limits.values()]
        _logarithmic(ax.yaxis)
        ax.set_ylim(*_decades(every))
        ax.set_ylabel(what)
        _layers(ax, [*found])
        if limits:
            ax.legend(fontsize=7)

    return draw


def over_steps(what: str, label: str, level: Callable[[], float] | None = None, shares: bool = True) -> Draw:
    """A figure of every layer over the steps that were looked at; the finding's layer in orange, its step dotted."""

    def draw(ax: Any, run: Run, record: Record, finding: Finding) -> None:
        lines: dict[str, list[tuple[float, float]]] = {}
        for row in record.probes:
            for name, value in row.items():
                layer, _, of = name.rpartition("/")
                if of == what and value is not None and math.isfinite(value):
                    lines.setdefault(layer, []).append((row["step"], value))
        if not lines:
            nothing(ax, "there is no layer of this kind in this run")
            return
        for layer, points in lines.items():
            found = layer == finding.layer
            colour = VALIDATION if found else TRAIN
            ax.plot(*zip(*points, strict=True), "o-", ms=3.5, lw=1.5, color=colour, zorder=2 + found)
            ax.annotate(layer, points[-1], (4, 0), textcoords="offset points", fontsize=7, va="center")
        if level is not None:
            ax.axhline(level(), **DASHED, label=f"limit {level():g}")
            ax.legend(fontsize=7)
        if shares:
            ax.set_ylim(-0.04, 1.04)
        elif _is_wide(y for points in lines.values() for _, y in points):
            ax.set_yscale("log")
        ax.margins(x=0.12)
        ax.set(xlabel="step", ylabel=label)

    return draw


def trials(ax: Any, run: Run, record: Record, finding: Finding) -> None:
    """The loss of short trials by their rate, beside what the training reached at its own; the limit is for the trials."""
    losses = record.fact("trials", "loss") or {}
    lr = record.settings.get("optimizer", {}).get("lr", math.nan)
    if not losses:
        nothing(ax, "nothing was tried: the training reached what there is to reach")
        return
    top = record.base + 2 * record.scale
    shown = {float(factor): min(math.inf if loss is None else float(loss), top) for factor, loss in losses.items()}
    ax.plot([lr * factor for factor in shown], [*shown.values()], "o-", color=TRAIN, ms=4, lw=1.5, label="trials")
    lost = [lr * factor for factor, loss in shown.items() if loss == top]
    ax.plot(lost, [top] * len(lost), "x", color=INK, ms=8, mew=2, label="or beyond")
    ax.axvline(lr, color=INK, lw=1, ls=":")
    ended = "diverged" if record.diverged else "its end"
    ax.plot(lr, min(record.reached, top), "D", color=VALIDATION, ms=6, label=f"training: {ended}")
    level = record.fallen(reached(record), limit(finding.rule, "better"), limit(finding.rule, "gain"))
    if finding.rule == "lr_too_low":
        level = min(level, record.base)
    if math.isfinite(level):  # a training that diverged has none: any trial that came to its end is better
        ax.axhline(level, **DASHED, label="limit")
    every = [min(level, top), *shown.values(), record.reached]
    if min(every) > 0:
        _logarithmic(ax.yaxis)
        ax.set_ylim(max(min(every), 1e-3 * top) / 2, 2 * top)
    ax.set_xscale("log")
    ax.set(xlabel="learning rate", ylabel="loss")
    ax.legend(fontsize=7)


def classes(values_of: Callable[[Record, Finding], ClassValues]) -> Draw:
    """A number of every class as bars, some of them in orange, and the limit."""

    def draw(ax: Any, run: Run, record: Record, finding: Finding) -> None:
        values, named, level, what = values_of(record, finding)
        if not len(values):
            nothing(ax, f"no classes: the targets are {record.task}")
            return
        ax.bar(np.arange(len(values)), values, color=np.where(named, VALIDATION, TRAIN), width=0.8)
        none = np.flatnonzero(named & (values == 0))
        ax.plot(none, np.zeros(len(none)), "v", color=VALIDATION, ms=7)  # a bar of 0 is not to be seen
        if math.isfinite(level):
            ax.axhline(level, **DASHED, label=f"limit {level:g}")
            ax.legend(fontsize=7)
        ax.set_ylim(0, 1.3 * max(float(values.max()), level if level > 0 else 0.0, 1e-3))
        if len(values) <= MANY:
            names = [str(name)[:10] for name in record.data.get("classes", range(len(values)))]
            ax.set_xticks(np.arange(len(values)), names, fontsize=8)
        ax.set(xlabel="class", ylabel=what)

    return draw


def spans(rows_of: Callable[[Record, Finding], list[tuple[str, float, float]]]) -> Draw:
    """Named stretches of numbers, one above the other."""

    def draw(ax: Any, run: Run, record: Record, finding: Finding) -> None:
        rows = [row for row in rows_of(record, finding) if math.isfinite(row[1]) and math.isfinite(row[2])]
        if not rows:
            nothing(ax, "the output may be any number")
            return
        for place, (_, low, high) in enumerate(reversed(rows)):
            ax.plot([low, high], [place, place], "|-", color=TRAIN, lw=6, ms=14, solid_capstyle="butt")
            ax.annotate(f"{low:.3g} to {high:.3g}", (low, place), (0, 10), textcoords="offset points", fontsize=8)
        ax.set_yticks(range(len(rows)), [name for name, _, _ in reversed(rows)])
        ax.set_ylim(-0.6, len(rows) - 0.3)
        ax.margins(x=0.15)

    return draw
