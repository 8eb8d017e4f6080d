"""What the babysitter costs: the same trainings watched and not, in turns; the checks before; a window played again."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from chainrule.graph import Tensor
from chainrule.layers import Layer, parse
from chainrule.watch import Feed, Watcher, first_bad

from ..measure import Options
from ..works import WORKS, Work

BARS = {"native": 0.03, "reference": 0.10}  # of a step
BEFORE = (0.10, 5.0)  # of the first training, or seconds
REPLAY = 3.0  # times the window
WINDOW = 40  # steps
POISON = 1e6
# Work, engine, epochs, and steps of an epoch: about those of a user's first training.
CASES = (
    ("small", "native", 40, 64),
    ("mnist", "native", 20, 64),
    ("lenet", "native", 12, 32),
    ("vgg", "native", 20, 8),
    ("small", "reference", 10, 64),
    ("mnist", "reference", 4, 32),
)


@contextmanager
def clocked(*places: tuple[type, str]) -> Iterator[dict[str, list[float]]]:
    """Seconds that every call of these methods takes, by name."""
    seconds: dict[str, list[float]] = {name: [] for _, name in places}
    methods = [getattr(owner, name) for owner, name in places]

    def timed(method: Callable[..., Any], calls: list[float]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*args, **named)
            finally:
                calls.append(time.perf_counter() - began)

        return call

    for (owner, name), method in zip(places, methods, strict=True):
        setattr(owner, name, timed(method, seconds[name]))
    try:
        yield seconds
    finally:
        for (owner, name), method in zip(places, methods, strict=True):
            setattr(owner, name, method)


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
    """What watching costs of whole trainings: by the clock inside of each, and by others beside them that nobody watches.

    The clocks miss what watching does to the steps themselves, as to caches; the pairs see it, among all else that happens
    on the machine.
    """
    print(f"watching, {work.title}, {engine} ...", flush=True)
    made = work.batches()
    x, y = (np.concatenate([batch[i] for batch in made * (steps // len(made))]) for i in (0, 1))
    with tempfile.TemporaryDirectory() as temporary:
        numbers = count()

        def train(watched: bool) -> Training:
            with clocked(
                *((Watcher, name) for name in ("before", "look", "lost_after", "after")), (cr.Step, "probe")
            ) as seen:
                run = cr.train(
                    work.net, (x, y), validation=None, test=None, batch_size=work.batch, epochs=epochs, engine=engine,
                    prepare="none", progress=False, watch=watched, folder=Path(temporary) / str(next(numbers)),
                )  # fmt: skip
            before, after = sum(seen["before"]), sum(seen["after"])
            inside = sum(seen["look"]) + sum(seen["lost_after"]) + sum(seen["probe"][1:])  # the first is in `before`
            return Training(run.metrics[-1]["seconds"] - before, before, inside, after)

        turns = [
            {watched: train(watched) for watched in ((True, False) if turn % 2 else (False, True))}
            for turn in range(1 + max(options.repeats, 2))
        ][1:]
    watched, alone = ([turn[which] for turn in turns] for which in (True, False))
    middle = statistics.median
    case = {
        "work": work.title, "engine": engine, "steps": epochs * steps, "seconds": middle(t.loop for t in alone),
        "overhead": middle(t.inside / (t.loop - t.inside) for t in watched),
        "pairs": [a.loop / b.loop - 1 for a, b in zip(watched, alone, strict=True)],
        "before": middle(t.before for t in watched), "after": middle(t.after for t in watched),
    }  # fmt: skip
    print(f"  {_told_case(case)}", flush=True)
    return case


class Training(NamedTuple):
    """Seconds of its steps with all that is between them, of the checks before, of watching between, of the forks after."""

    loop: float
    before: float
    inside: float
    after: float


class Poisoned(Layer):
    """y = x, and NaN where x is -POISON, as log(0) * 0."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Any) -> Tensor:
        return x + cr.log(x + POISON) * 0


def _replay(work: Work, options: Options) -> dict[str, float]:
    """Seconds of a window whose last step is not finite, and of finding its first op."""
    batches = work.batches()
    x, y = (np.concatenate([batch[i] for batch in batches]) for i in (0, 1))
    net = cr.Sequential(Poisoned(), *(layer for _, layer in parse(work.net).layers))
    order = np.arange(WINDOW * work.batch).reshape(WINDOW, work.batch) % len(x)
    order[-1] = np.arange(len(x), len(x) + work.batch)  # the last step's rows are there nowhere else
    x, y = np.concatenate([x, np.full_like(x[: work.batch], -POISON)]), np.concatenate([y, y[: work.batch]])
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
    pairs = case["pairs"]
    return "; ".join(
        [
            f"{case['work']}, {case['engine']}, {case['steps']} steps in {case['seconds']:.2f} s: watching takes "
            f"{case['overhead']:.1%} by the clock, bar {bar:.0%} {_verdict(case['overhead'] <= bar)} (beside trainings that "
            f"nobody watches {statistics.median(pairs):+.1%}, {min(pairs):+.1%} to {max(pairs):+.1%})",
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
