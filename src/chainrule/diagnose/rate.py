"""What is wrong with the speed of learning: the rate, the optimiser's settings, the number of steps."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .finding import Cure, Finding, Severity
from .record import Record
from .rule import early, rule
from .trials import HIGHER, LOWER, SANE, best_trial, reached, trial

BENGIO = "Bengio (2012), Practical recommendations, section 3.1"


SERIOUS = 0.3  # of a constant's loss: what is to be gained by less is worth a note only
SHORT = 100  # steps: of fewer no rate can be judged


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
def lr_too_high(record: Record, better: float = 0.75, gain: float = 0.05) -> Iterator[Finding]:
    """A short trial at a lower rate gets lower than the whole training did; or only at a lower rate a trial stays sane."""
    factor, found = best_trial(record, LOWER)
    lowest = reached(record)
    unstable = trial(record, 1, "train") > SANE * max(record.base, record.number("overfit", "start"))
    if record.falls(lowest, found, better, gain) or (unstable and found < better * SANE * record.base):
        severity: Severity = "error" if record.diverged else "warning" if _serious(record, lowest, found) else "note"
        why = "Too large steps jump over what they should descend into"
        yield _other_rate(record, "lr_too_high", severity, factor, found, better, why, Cure("clip_norm", 1.0))


@rule
def lr_too_low(record: Record, better: float = 0.75, gain: float = 0.05, ratio: float = 3e-3) -> Iterator[Finding]:
    """A short trial at a higher rate gets lower than the whole training did, and first updates are small beside weights."""
    factor, found = best_trial(record, HIGHER)
    lowest = reached(record)
    slow = _first_move(record) < ratio
    if record.diverged or (record.steps < SHORT and not slow):
        return
    if record.falls(lowest, found, better, gain) and found < record.base:
        severity: Severity = "warning" if slow and _serious(record, lowest, found) else "note"
        why = "Each step goes only a small part of the way"
        yield _other_rate(record, "lr_too_low", severity, factor, found, better, why, Cure("optimizer"))
    else:
        yield from _hardly_moves(record)


def _first_move(record: Record) -> float:
    """The greatest ratio, of all layers, of the first update to the weights; 0 where none was looked at."""
    return max((value for _, value in record.figures("update_ratio", first=True).values()), default=0.0)


def _hardly_moves(record: Record, ratio: float = 1e-5, remaining: float = 0.9) -> Iterator[Finding]:
    """Updates so small beside the weights, in every layer, that even the highest trial came to nothing."""
    move = _first_move(record)
    if 0 < move < ratio and record.remaining > remaining:
        yield Finding(
            "lr_too_low",
            "warning",
            f"the first update is at most {move:.1e} of a layer's weights (limit {ratio:g}, sound is about 1e-3)",
            "Each step goes only a small part of the way",
            (Cure("lr", 10.0 ** round(-3 - math.log10(move))), Cure("optimizer")),
            layer="optimizer",
            step=0,
            source="CS231n, Neural Networks Part 3, ratio of weights:updates",
        )


@rule
def too_few_epochs(record: Record, share: float = 0.85, gain: float = 0.05) -> Iterator[Finding]:
    """Going on from the end lowers the validation loss by much, of itself and of a constant's loss."""
    before, after = record.fact("further", "validation") or (None, None)
    if before is None or after is None or record.diverged:
        return
    ease = 2 if record.steps < SHORT else 1
    if record.falls(before, after, 1 - (1 - share) / ease, gain / ease):
        most = SERIOUS * (1 if ease == 1 else 1.5) * record.base
        serious = before - after > SERIOUS / 2 / ease**2 * record.scale and before > most
        yield Finding(
            "too_few_epochs",
            "warning" if serious else "note",
            f"{record.number('further', 'steps'):.0f} steps more lower the validation loss from {before:.3g} to {after:.3g} "
            f"(limit {share:.0%} of it)",
            f"The training ended after {record.steps:,} steps while it was still learning",
            (Cure("epochs", 4.0),),
            layer="training",
            step=record.steps,
            source="Goodfellow et al. (2016), Deep Learning, section 7.8",
        )


def _serious(record: Record, reached: float, found: float) -> bool:
    """Whether much is to be gained, or nothing was learned."""
    return reached - found > SERIOUS * record.scale or reached > (1 - SERIOUS) * record.base > 0


def _other_rate(
    record: Record, rule: str, severity: Severity, factor: float, found: float, better: float, why: str, other: Cure
) -> Finding:
    return Finding(
        rule,
        severity,
        f"at {_rate(record, factor)} a trial of {record.number('trials', 'steps'):.0f} steps reaches loss {found:.3g}; the "
        f"training at {_rate(record)} {_told(record.reached)} after {record.steps:,} (limit {better:g} of it)",
        why,
        (Cure("lr", factor), other),
        layer="optimizer",
        source=BENGIO,
    )


def _rate(record: Record, factor: float = 1.0) -> str:
    return f"{record.settings.get('optimizer', {}).get('lr', math.nan) * factor:.2g}"


def _told(loss: float) -> str:
    return f"reached {loss:.3g}" if math.isfinite(loss) else "diverged"
