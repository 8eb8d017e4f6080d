"""What looking inside costs: a VGG-BN step whose layers are peeked at, and the probes that every training has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.trainer import PROBE_EVERY

from ..measure import Options, in_turns, started
from ..table import as_bar, as_ms
from ..works import WORKS

# Side, how many steps have one of it, and the bar: what it makes of the time of a step.
WAYS = {
    "a step with every layer's output and gradient peeked at": ("chainrule-peek", 1, 1.3),
    f"probes of every layer at every {PROBE_EVERY}th step": ("chainrule-probe", PROBE_EVERY, 0.03),
}


def measure(options: Options) -> dict[str, Any]:
    """Ratios by way."""
    work = WORKS["small" if options.quick else "vgg"]
    print(f"seeing, {work.title} ...", flush=True)
    with started(["chainrule", *(side for side, *_ in WAYS.values())], work, options) as workers:
        times = in_turns(workers, options)
    ratios = {way: times.ratio(side, ["chainrule"]) for way, (side, *_) in WAYS.items() if side in times.ms}
    return {"title": work.title, "ratios": ratios, "median": times.median("chainrule"), **times.plain()}


def show(found: Mapping[str, Any]) -> str:
    """A line for each way."""
    lines = [f"{found['title']}: a step {as_ms(found['median'])} ms"]
    for way, ratio in found["ratios"].items():
        _, every, bar = WAYS[way]
        share = ratio["median"] / every
        told = as_bar(ratio) if every == 1 else f"{as_bar(ratio)} at once, {share:.1%}"
        lines.append(f"{way}: {told} of a step, bar {bar} {'met' if share <= bar else 'MISSED'}")
    return "\n".join(lines)
