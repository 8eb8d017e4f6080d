"""What is wrong with the speed of learning: the rate, the optimiser's settings, the number of steps."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import early, rule

BENGIO = "Bengio (2012), Practical recommendations, section 3.1"


LOWER, HIGHER = (0.1, 0.01, 0.001), (10.0, 100.0, 1000.0)  # times the rate, nearest first
AS_GOOD = 1.1  # times the best trial's loss


def trial(record: Record, factor: float) -> float:
    """The loss of the short trial at a multiple of the rate; infinite where it diverged, NaN where there was none."""
    losses = record.fact("trials", "loss") or {}
    found = losses.get(f"{factor:g}", math.nan)
    return math.inf if found is None else float(found)


def best_trial(record: Record, factors: tuple[float, ...]) -> tuple[float, float]:
    """The nearest factor whose trial is about as good as any of these, and its loss."""
    losses = [trial(record, factor) for factor in factors]
    return next(((f, x) for f, x in zip(factors, losses, strict=True) if x <= AS_GOOD * min(losses)), (1.0, math.nan))


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
    factor, lower = best_trial(record, LOWER)
    reached = math.inf if record.diverged else float(record.train[-1]) if len(record.train) else math.nan
    reached = min(trial(record, 1), reached)
    if lower < better * reached and lower < record.base:
        yield Finding(
            "lr_too_high",
            "error" if record.diverged else "warning",
            f"at {_rate(record, factor)} a trial of {record.number('trials', 'steps'):.0f} steps reaches loss {lower:.3g}, "
            f"at {_rate(record)} {_told(reached)} (limit {better:g} of it)",
            "Too large steps jump over what they should descend into",
            (Cure("lr", factor), Cure("clip_norm", 1.0)),
            layer="optimizer",
            source=BENGIO,
        )


@rule
def lr_too_low(record: Record, better: float = 0.8) -> Iterator[Finding]:
    """A short trial at a higher rate gets lower than the whole training did."""
    factor, lower = best_trial(record, HIGHER)
    reached = float(record.train[-1]) if len(record.train) else math.nan
    if not record.diverged and lower < better * reached and lower < trial(record, 1):
        yield Finding(
            "lr_too_low",
            "warning",
            f"at {_rate(record, factor)} a trial of {record.number('trials', 'steps'):.0f} steps reaches loss {lower:.3g}; "
            f"the training at {_rate(record)} ended at {reached:.3g} after {record.steps:,} (limit {better:g} of it)",
            "Each step goes only a small part of the way",
            (Cure("lr", factor), Cure("optimizer")),
            layer="optimizer",
            source=BENGIO,
        )


def _rate(record: Record, factor: float = 1.0) -> str:
    return f"{record.settings.get('optimizer', {}).get('lr', math.nan) * factor:.2g}"


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
