"""What the babysitter costs: the same trainings watched and not, in turns; the checks before; a window played again."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.graph import Tensor
from chainrule.layers import Layer, parse
from chainrule.watch import Feed, first_bad, watcher

from ..measure import Options
from ..works import WORKS, Work

BARS = {"native": 0.03, "reference": 0.10}  # of a step
BEFORE = (0.10, 5.0)  # of the first training, or seconds
REPLAY = 3.0  # times the window
WINDOW = 40  # steps
# Work, engine, epochs, and steps of an epoch: about those of a user's first training.
CASES = (
    ("small", "native", 40, 64),
    ("mnist", "native", 20, 64),
    ("lenet", "native", 12, 32),
    ("vgg", "native", 6, 8),
    ("small", "reference", 10, 64),
    ("mnist", "reference", 4, 32),
)


@dataclass
class Clock:
    """Seconds that a function took."""

    function: Callable[..., Any]
    seconds: float = 0.0

    def __call__(self, *args: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return self.function(*args, **named)
        finally:
            self.seconds += time.perf_counter() - began


def measure(options: Options) -> dict[str, Any]:
    """Overheads by work and engine, and the cost of playing a window again."""
    cr.set_threads(options.threads)
    cases = [case for case in CASES if not options.works or case[0] in options.works]
    found = {"cases": [_case(WORKS[work], *rest, options) for work, *rest in cases[: options.quick or None]]}
    return {
        **found,
        "replay": {name: _replay(WORKS[name], options) for name in ("mnist", "lenet")[: 1 + (not options.quick)]},
    }


def _case(work: Work, engine: str, epochs: int, steps: int, options: Options) -> dict[str, Any]:
    """Seconds of whole trainings, watched and not; of the checks before, and of the forks after."""
    print(f"watching, {work.title}, {engine} ...", flush=True)
    made = work.batches()
    x, y = (np.concatenate([batch[i] for batch in made * (steps // len(made))]) for i in (0, 1))
    seconds: dict[bool, list[float]] = {True: [], False: []}
    before, after = [], []
    with tempfile.TemporaryDirectory() as temporary:
        numbers = count()

        def train(watched: bool) -> None:
            clocks = {name: Clock(getattr(watcher, name)) for name in ("before", "after")}
            for name, clock in clocks.items():
                setattr(watcher, name, clock)
            try:
                run = cr.train(
                    work.net, (x, y), validation=None, test=None, batch_size=work.batch, epochs=epochs, engine=engine,
                    prepare="none", progress=False, watch=watched, folder=Path(temporary) / str(next(numbers)),
                )  # fmt: skip
            finally:
                for name, clock in clocks.items():
                    setattr(watcher, name, clock.function)
            spent = sum(clock.seconds for clock in clocks.values())
            seconds[watched].append(run.metrics[-1]["seconds"] - clocks["before"].seconds)
            if watched:
                before.append(clocks["before"].seconds)
                after.append(spent - clocks["before"].seconds)

        for turn in range(1 + max(options.repeats, 2)):
            for watched in (True, False) if turn % 2 else (False, True):
                train(watched)
    pairs = [a / b - 1 for a, b in zip(seconds[True][1:], seconds[False][1:], strict=True)]
    plain = statistics.median(seconds[False][1:])
    case = {
        "work": work.title, "engine": engine, "steps": epochs * steps, "seconds": plain,
        "overhead": statistics.median(pairs), "range": [min(pairs), max(pairs)],
        "before": statistics.median(before[1:]), "after": statistics.median(after[1:]),
    }  # fmt: skip
    print(f"  {_told_case(case)}", flush=True)
    return case


class Poisoned(Layer):
    """y = x, and NaN at the last step of the window, as log(1 - 1) * 0."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Any) -> Tensor:
        broken = (ctx.step >= WINDOW - 1).astype(x.dtype)
        return x + cr.log(1 - broken) * 0


def _replay(work: Work, options: Options) -> dict[str, float]:
    """Seconds of a window whose last step is not finite, and of finding its first op."""
    batches = work.batches()
    x, y = (np.concatenate([batch[i] for batch in batches]) for i in (0, 1))
    net = cr.Sequential(*(layer for _, layer in parse(work.net).layers), Poisoned())
    order = np.arange(WINDOW * work.batch).reshape(WINDOW, work.batch) % len(x)
    ratios, windows = [], []
    for _ in range(max(options.repeats, 2)):
        step = cr.Step(net, x[: work.batch], y[: work.batch], optimizer=cr.Adam(0.001))
        feed = Feed({"x": x, "y": y}, order, 0.001)
        start = step.arrays
        seconds = []
        for act in (partial(_advance, step, feed), partial(first_bad, step, start, 0, [feed])):
            step.arrays, step.count = start, 0
            began = time.perf_counter()
            bad = act()
            seconds.append(time.perf_counter() - began)
        assert bad.op == "log", bad
        ratios.append(seconds[1] / seconds[0])
        windows.append(seconds[0])
    return {"window": statistics.median(windows), "times": statistics.median(ratios), "most": max(ratios)}


def _advance(step: cr.Step, feed: Feed) -> None:
    with np.errstate(all="ignore"):
        step.advance(feed.rows, feed.order, feed.lr)


def show(found: Mapping[str, Any]) -> str:
    """A line for each."""
    return "\n".join([*map(_told_case, found["cases"]), *(_told_replay(*replay) for replay in found["replay"].items())])


def _told_case(case: Mapping[str, Any]) -> str:
    bar, (share, seconds) = BARS[case["engine"]], BEFORE
    whole = case["seconds"] + case["before"]
    low, high = case["range"]
    return "; ".join(
        [
            f"{case['work']}, {case['engine']}, {case['steps']} steps in {case['seconds']:.2f} s: watching costs "
            f"{case['overhead']:+.1%} ({low:+.1%} to {high:+.1%}), bar {bar:.0%} {_verdict(case['overhead'] <= bar)}",
            f"checks before {case['before'] * 1e3:.0f} ms, {case['before'] / whole:.1%}, bar {share:.0%} or {seconds:g} s "
            f"{_verdict(case['before'] <= max(share * whole, seconds))}",
            f"forks after {case['after'] * 1e3:.0f} ms",
        ]
    )


def _told_replay(name: str, replay: Mapping[str, Any]) -> str:
    return (
        f"{WORKS[name].title}: a window of {WINDOW} steps took {replay['window'] * 1e3:.0f} ms, tracing its NaN "
        f"{replay['times']:.2f} times as long (at most {replay['most']:.2f}), bar {REPLAY:g} "
        f"{_verdict(replay['times'] <= REPLAY)}"
    )


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"
