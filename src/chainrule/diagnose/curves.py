"""What the curves show, where nothing before could say why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .finding import Cure, Finding
from .record import ENOUGH_STEPS, RISEN, Record
from .rule import early, rule

BENGIO = "Bengio (2012), Practical recommendations, section 3"


@early
def not_finite(record: Record) -> Iterator[Finding]:
    """A loss that is no number, traced to the first op and step that made one."""
    bad = record.fact("bad")
    if bad:
        yield Finding(
            "not_finite",
            "error",
            f"{bad['op']} made {bad['value']} ({bad['why']}; limit: finite numbers)",
            f"From there it spreads, in the {bad['phase']} pass, to all that follows",
            (Cure("lr", 0.1), Cure("clip_norm", 1.0), Cure("prepare"), Cure("init"), Cure("relu")),
            layer=bad["layer"],
            step=bad["step"],
            source="Goodfellow et al. (2016), Deep Learning, section 4.1 and 10.11",
        )


@rule
def loss_rises(record: Record, times: float = RISEN) -> Iterator[Finding]:
    """A loss above three times its start: the training was stopped."""
    start, end = record.number("ended", "start"), record.number("ended", "loss")
    if record.diverged and end > times * start:
        yield Finding(
            "loss_rises",
            "error",
            f"the loss rose from {start:.3g} to {end:.3g} (limit {times:g} times)",
            "Such a training does not come back; it was stopped, and its last good state kept",
            (Cure("lr", 0.1), Cure("clip_norm", 1.0)),
            layer="loss",
            step=record.steps,
            source="CS231n, Neural Networks Part 3, hyperparameter search",
        )


@rule
def oscillates(record: Record, share: float = 0.35, epochs: int = 6) -> Iterator[Finding]:
    """From epoch to epoch the training loss moves up and down by much of itself."""
    losses = record.train
    if len(losses) < epochs or not record.remaining > 0.1:
        return
    moves = np.diff(losses[len(losses) // 3 :])
    turns = float((np.sign(moves[1:]) != np.sign(moves[:-1])).mean()) if len(moves) > 2 else 0.0
    size = float(np.abs(moves).mean() / max(np.abs(losses[len(losses) // 3 :]).mean(), 1e-12))
    if size > share and turns > 0.4:
        yield Finding(
            "oscillates",
            "warning",
            f"the training loss moves by {size:.0%} of itself from epoch to epoch (limit {share:.0%})",
            "Steps are longer than the valley they are in is wide",
            (Cure("lr", 0.1), Cure("batch_size", 128)),
            layer="loss",
            step=record.steps,
            source=BENGIO,
        )


@rule
def flat(record: Record, share: float = 0.97) -> Iterator[Finding]:
    """The training loss never gets below that of a constant output."""
    if record.finished and not record.diverged and record.steps >= ENOUGH_STEPS and record.remaining > share:
        yield Finding(
            "flat",
            "warning",
            f"the training loss stays at {record.remaining:.2f} of a constant output's (limit {share:g})",
            "Nothing was learned from the inputs",
            (Cure("lr", 10.0), Cure("optimizer"), Cure("init"), Cure("prepare")),
            layer="loss",
            step=record.steps,
            source=BENGIO,
        )


@rule
def plateau(record: Record, epochs: int = 10, move: float = 0.01) -> Iterator[Finding]:
    """The training loss stands still for the second half, far above 0, while validation is no worse."""
    losses = record.train
    if len(losses) < epochs or not 0.6 < record.remaining <= 0.97 or record.diverged:
        return
    half = losses[len(losses) // 2 :]
    moved = float(half.max() - half.min()) / max(abs(float(half.mean())), 1e-12)
    if moved < move:
        yield Finding(
            "plateau",
            "note",
            f"the training loss moved by {moved:.1%} in the last {len(half)} epochs (limit {move:.0%})",
            "It stands still at much of what a constant output has",
            (Cure("lr", 10.0), Cure("wider", 4.0), Cure("optimizer")),
            layer="loss",
            step=record.steps,
            source=BENGIO,
        )


@rule
def too_short(record: Record, steps: int = ENOUGH_STEPS) -> Iterator[Finding]:
    """So few steps that curves tell nothing."""
    if record.status is not None and not record.diverged and record.steps < steps:
        yield Finding(
            "too_short",
            "note",
            f"the training made {record.steps} steps (limit {steps})",
            "Too few to judge it; only what was seen before the first step is told",
            (Cure("epochs", 10.0),),
            layer="training",
            step=record.steps,
            source=BENGIO,
        )
