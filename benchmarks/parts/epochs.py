"""Whole trainings of a small MLP on the digits: `cr.train` and scikit-learn's MLPClassifier, Adam, the same epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..machine import Load
from ..measure import Options, in_turns, started
from ..table import as_bar, as_ms
from ..works import DIGITS
from .steps import summary

SIDES = ("chainrule-epochs", "sklearn")
BAR = 0.10


def measure(options: Options) -> dict[str, Any]:
    """Whole trainings in turns; each draws its own weights and shuffles, so the last losses are only alike."""
    print(f"{DIGITS.title}, batch {DIGITS.batch} ...", flush=True)
    load = Load()
    with started(SIDES, DIGITS, options) as workers:
        times = in_turns(workers, replace(options, rounds=1))
        losses = {side: worker.about["losses"][0] for side, worker in workers.items()}
    return {"title": DIGITS.title, "losses": losses, "others": load.others(), **summary(DIGITS, times), **times.plain()}


def show(found: Mapping[str, Any]) -> str:
    """The two, and their ratio."""
    told = [f"{side} {as_ms(ms)} ms (last loss {found['losses'][side]:.3g})" for side, ms in found["median"].items()]
    best = found["ratios"]["chainrule-epochs"].get("best")
    ratio = f"; ratio {as_bar(best)}, bar {BAR:.2f} {'met' if best['median'] <= BAR else 'MISSED'}" if best else ""
    return f"{found['title']}, batch {DIGITS.batch}: " + ", ".join(told) + ratio
