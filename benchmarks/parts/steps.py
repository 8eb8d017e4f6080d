"""A step of training, for five networks, of everyone; and that all of them learn the same."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from ..machine import Load
from ..measure import Options, Times, Worker, in_turns, started
from ..table import as_bar, as_ms, as_range, as_share, table
from ..works import WORKS, Work

OURS = ("chainrule", "chainrule-train")
PEERS = ("torch", "torch-channels-last", "torch-compile", "jax")
FOR_IMAGES = {"torch-channels-last"}
BARS = {"small": 0.25, "mnist": 0.55, "wide": 0.75, "lenet": 0.30, "vgg": 0.50}
TOLERANCE = 1e-3  # of the loss: float32 and ReLUs at 0 that fall either way, over five steps of batch norm


def measure(options: Options) -> dict[str, Any]:
    """By work."""
    chosen = options.works or (("small",) if options.quick else tuple(WORKS))
    return {name: of_work(WORKS[name], options) for name in chosen}


def of_work(work: Work, options: Options, sides: tuple[str, ...] = (*OURS, *PEERS)) -> dict[str, Any]:
    """Losses, times, ratios and shares of the peak."""
    print(f"{work.title}, batch {work.batch} ...", flush=True)
    load = Load()
    with started([s for s in sides if work.of_images or s not in FOR_IMAGES], work, options) as workers:
        losses = {side: worker.about["losses"] for side, worker in workers.items()}
        times = in_turns(workers, options)
        about = {side: about_of(worker) for side, worker in workers.items()}
    found = {"title": f"{work.title}, batch {work.batch}", "gflop": work.gflop, "about": about, "losses": losses}
    return {**found, "apart": apart(losses), "others": load.others(), **summary(work, times), **times.plain()}


def about_of(worker: Worker) -> str:
    return worker.about["about"] + (", waiting asleep" if worker.asleep else "")


def apart(losses: Mapping[str, list[float]]) -> dict[str, float]:
    """How far each one's losses are from the first one's, as a share of the loss."""
    first = next(iter(losses.values()))
    return {side: max(abs(a - b) / abs(b) for a, b in zip(own, first, strict=True)) for side, own in losses.items()}


def summary(work: Work, times: Times) -> dict[str, Any]:
    """Medians; ours over each peer's and over the best's."""
    peers = [side for side in times.ms if not side.startswith("chainrule")]
    ours = [side for side in times.ms if side.startswith("chainrule")]
    versus = {"best": peers, **{peer: [peer] for peer in peers}} if peers else {}
    return {
        "median": {side: times.median(side) for side in times.ms},
        "share": {side: times.share(side, work.gflop) for side in times.ms},
        "ratios": {side: {name: times.ratio(side, of) for name, of in versus.items()} for side in ours},
        "over_step": times.ratio("chainrule-train", ["chainrule"]) if "chainrule-train" in times.ms else None,
    }


def show(found: Mapping[str, Any]) -> str:
    """A table for each work, and one of all."""
    return "\n\n".join([*(show_work(name, work) for name, work in found.items()), show_all(found)])


def show_work(name: str, work: Mapping[str, Any]) -> str:
    """Everyone's times."""
    peak = statistics.median(work["peak"])
    limit = work["gflop"] / peak * 1e3 if peak else 0.0
    rows = [["", "ms", "range", "least", "of peak", "loss apart", "how"]]
    for side in sorted(work["median"], key=work["median"].get):
        ms = [as_ms(work["median"][side]), as_range(work["ms"][side]), as_ms(work["least"][side])]
        rows.append([side, *ms, as_share(work["share"][side]), f"{work['apart'][side]:.0e}", work["about"][side]])
    same = "agree" if max(work["apart"].values()) <= TOLERANCE else f"DO NOT AGREE to {TOLERANCE:g}"
    head = f"{work['title']}: {work['gflop']:.4g} GFLOP, at the peak of {peak:.0f} GFLOP/s {as_ms(limit)} ms"
    checked = len(next(iter(work["losses"].values())))
    lines = [head, table(rows), f"losses of {checked} steps {same}"]
    for side, ratios in work["ratios"].items():
        told = ", ".join(f"{as_bar(ratio)} of {peer}" for peer, ratio in ratios.items())
        lines.append(f"{side} takes {told}" if told else f"{side}: no peer to compare with")
    if work["others"] is not None:
        lines.append(f"other processes had {work['others']:.0%} of the machine meanwhile")
    return "\n".join(lines)


def show_all(found: Mapping[str, Any]) -> str:
    """One row for each work."""
    sides = [side for side in (*OURS, *PEERS) if any(side in work["median"] for work in found.values())]
    rows = [["ms of a step", *sides, "ratio to best", "range", "bar", "", "of peak", "train/step"]]
    for name, work in found.items():
        medians = [as_ms(work["median"][side]) if side in work["median"] else "-" for side in sides]
        best = work["ratios"]["chainrule"].get("best")
        ratio = [f"{best['median']:.2f}", as_range([best["least"], best["most"]])] if best else ["-", "-"]
        met = ("met" if best["median"] <= BARS[name] else "MISSED") if best and name in BARS else ""
        over = f"{work['over_step']['median']:.2f}" if work["over_step"] else "-"
        share = as_share(work["share"]["chainrule"])
        rows.append([work["title"], *medians, *ratio, f"{BARS[name]:.2f}" if name in BARS else "", met, share, over])
    return table(rows)
