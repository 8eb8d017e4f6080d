"""Prediction: one row, one image, a thousand of them, as a caller sees it; and that all say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..machine import Load
from ..measure import Options, in_turns, started
from ..table import as_bar, as_ms, as_share, table
from ..works import WORKS
from .steps import about_of, summary

SIDES = ("chainrule-predict", "onnxruntime", "torch-predict", "jax-predict")
CASES = (("small", 1), ("small", 1000), ("lenet", 1), ("lenet", 1000), ("vgg", 1))
BARS = {"small": 1.0}  # of onnxruntime
TOLERANCE = 1e-4  # of a probability


def measure(options: Options) -> dict[str, Any]:
    """By network and rows."""
    chosen = [case for case in CASES if not options.works or case[0] in options.works]
    return {f"{name} x {rows}": of_case(name, rows, options) for name, rows in chosen[: 1 if options.quick else None]}


def of_case(name: str, rows: int, options: Options) -> dict[str, Any]:
    """Times, ratios and how far apart the probabilities are."""
    work = WORKS[name].of(rows)
    print(f"prediction, {work.title}, {rows} rows ...", flush=True)
    load = Load()
    with started(SIDES, work, options) as workers:
        outputs = {side: np.array(worker.tell("outputs")) for side, worker in workers.items()}
        times = in_turns(workers, options)
        about = {side: about_of(worker) for side, worker in workers.items()}
    apart = {side: float(abs(found - outputs["chainrule-predict"]).max()) for side, found in outputs.items()}
    found = {"title": f"{work.title}, {rows:,} rows", "about": about, "apart": apart, "others": load.others()}
    forward = 2e-9 * rows * sum(part.multiply_adds for part in work.parts)
    shares = {side: times.share(side, forward) for side in times.ms}
    return {**found, **summary(work, times), "share": shares, **times.plain()}


def show(found: Mapping[str, Any]) -> str:
    """A row for each case."""
    rows = [["ms of a prediction", *SIDES, "to onnxruntime", "to best", "bar", "", "of peak", "apart"]]
    for name, case in found.items():
        ratios = case["ratios"]["chainrule-predict"]
        bar = BARS.get(name.split()[0]) if "onnxruntime" in ratios else None
        met = "" if bar is None else "met" if ratios["onnxruntime"]["median"] <= bar else "MISSED"
        cells = [as_ms(case["median"][side]) if side in case["median"] else "-" for side in SIDES]
        cells += [as_bar(ratios[peer]) if peer in ratios else "-" for peer in ("onnxruntime", "best")]
        apart = max(case["apart"].values())
        told = f"{apart:.0e}" + ("" if apart <= TOLERANCE else " NOT THE SAME")
        share = as_share(case["share"]["chainrule-predict"])
        rows.append([case["title"], *cells, "" if bar is None else f"{bar:g}", met, share, told])
    return table(rows)
