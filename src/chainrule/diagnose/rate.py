"""What is wrong with the speed of learning: the rate, the optimiser's settings, the number of steps."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import early, rule

BENGIO = "Bengio (2012), Practical recommendations, section 3.1"


def trial(record: Record, factor: float) -> float:
    """The loss of the short trial at a multiple of the rate; infinite where it diverged, NaN where there was none."""
    losses = record.fact("trials", "loss")
    if not losses:
        return math.nan
    found = losses.get(f"{factor:g}")
    return math.inf if found is None else float(found)


@early
def epsilon(record: Record, limit: float = 1e-3) -> Iterator[Finding]:
    """An optimiser's eps that outweighs the gradients' own size."""
    eps = record.settings.get("optimizer", {}).get("eps") or 0.0
    if eps > limit:
        yield Finding(
            "epsilon",
            "warning",
            f"eps is {eps:g} (limit {limit:g}, default 1e-8)",
            "It outweighs the gradients it should only guard from 0, and steps get tiny",
            (Cure("optimizer"),),
            layer="optimizer",
            source="Kingma and Ba (2015), algorithm 1",
        )


@rule
def lr_too_high(record: Record, better: float = 0.75) -> Iterator[Finding]:
    """A short trial at a lower rate gets lower than the whole training did."""
    own, lower = trial(record, 1), min(trial(record, 0.1), trial(record, 0.01))
    reached = math.inf if record.diverged else float(record.train[-1]) if len(record.train) else math.nan
    if lower < better * min(own, reached) and lower < better * record.base * 1.3:
        factor = 0.1 if trial(record, 0.1) <= trial(record, 0.01) else 0.01
        lr = record.settings.get("optimizer", {}).get("lr", math.nan)
        yield Finding(
            "lr_too_high",
            "error" if record.diverged else "warning",
            f"at {lr * factor:.2g} a trial of {record.number('trials', 'steps'):.0f} steps reaches loss {lower:.3g}, "
            f"at {lr:.2g} {_told(min(own, reached))} (limit {better:g} of it)",
            "Too large steps jump over what they should descend into",
            (Cure("lr", factor), Cure("clip_norm", 1.0)),
            layer="optimizer",
            source=BENGIO,
        )


@rule
def lr_too_low(record: Record, better: float = 0.8) -> Iterator[Finding]:
    """A short trial at a higher rate gets lower than the whole training did."""
    higher = min(trial(record, 10), trial(record, 100))
    reached = float(record.train[-1]) if len(record.train) else math.nan
    if not record.diverged and higher < better * reached and trial(record, 1) > higher:
        factor = 10.0 if trial(record, 10) < 1.1 * trial(record, 100) else 100.0
        lr = record.settings.get("optimizer", {}).get("lr", math.nan)
        yield Finding(
            "lr_too_low",
            "warning",
            f"at {lr * factor:.2g} a trial of {record.number('trials', 'steps'):.0f} steps reaches loss {higher:.3g}; the "
            f"training at {lr:.2g} ended at {reached:.3g} after {record.steps:,} (limit {better:g} of it)",
            "Each step goes only a small part of the way",
            (Cure("lr", factor), Cure("optimizer")),
            layer="optimizer",
            source=BENGIO,
        )


@rule
def too_few_epochs(record: Record, share: float = 0.85) -> Iterator[Finding]:
    """Going on from the end lowers the validation loss, and the training loss, by much."""
    before, after = record.fact("further", "validation") or (math.nan, math.nan)
    if None in (before, after) or record.diverged:
        return
    if after < share * before:
        yield Finding(
            "too_few_epochs",
            "warning",
            f"{record.number('further', 'steps'):.0f} steps more lower the validation loss from {before:.3g} to {after:.3g} "
            f"(limit {share:.0%} of it)",
            f"The training ended after {record.steps:,} steps while it was still learning",
            (Cure("epochs", 4.0),),
            layer="training",
            step=record.steps,
            source="Goodfellow et al. (2016), Deep Learning, section 7.8",
        )


def _told(loss: float) -> str:
    return f"{loss:.3g}" if math.isfinite(loss) else "none that is finite"
