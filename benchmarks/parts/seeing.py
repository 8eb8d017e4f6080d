"""What looking inside costs: a VGG-BN step that keeps every value and gradient, over the same step without.

A way of looking is one more row of WAYS; probes will be ("chainrule-probes", 1.03).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..measure import Options, in_turns, started
from ..table import as_bar, as_ms
from ..works import WORKS

WAYS = {"peeking at everything": ("chainrule-keep", 1.3)}  # side and bar


def measure(options: Options) -> dict[str, Any]:
    """Ratios by way."""
    work = WORKS["small" if options.quick else "vgg"]
    print(f"seeing, {work.title} ...", flush=True)
    with started(["chainrule", *(side for side, _ in WAYS.values())], work, options) as workers:
        times = in_turns(workers, options)
    ratios = {way: times.ratio(side, ["chainrule"]) for way, (side, _) in WAYS.items() if side in times.ms}
    return {"title": work.title, "ratios": ratios, "median": times.median("chainrule"), **times.plain()}


def show(found: Mapping[str, Any]) -> str:
    """A line for each way."""
    lines = [f"{found['title']}: a step {as_ms(found['median'])} ms"]
    for way, ratio in found["ratios"].items():
        bar = WAYS[way][1]
        lines.append(f"{way}: {as_bar(ratio)} of it, bar {bar} {'met' if ratio['median'] <= bar else 'MISSED'}")
    return "\n".join(lines)
