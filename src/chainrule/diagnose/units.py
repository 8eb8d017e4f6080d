"""What is wrong with single units: they never answer, or stand at the ends of their range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .finding import Cure, Finding
from .record import Record
from .rule import early, rule

GLOROT = "Glorot and Bengio (2010), section 3"


@early
def dead_units(record: Record, share: float = 0.6) -> Iterator[Finding]:
    """Relu units whose greatest output over a fixed set of training rows is 0."""
    worst = _worst(record.figures("dead"), share)
    if worst:
        layer, step, dead = worst
        yield Finding(
            "dead_units",
            "warning",
            f"{dead:.0%} of its units give 0 for every row of a fixed set (limit {share:.0%})",
            "What never fires gets no gradient and cannot come back",
            (Cure("init"), Cure("lr", 0.1), Cure("batch_norm")),
            layer=layer,
            step=step,
            source="CS231n, Neural Networks Part 1; Lu et al. (2020), Dying ReLU",
        )


@rule
def saturated_units(record: Record, share: float = 0.6) -> Iterator[Finding]:
    """Sigmoid or tanh units whose output is at its ends for most rows, at the start or at the end."""
    found = {**record.figures("saturated", first=True), **record.figures("saturated")}
    worst = _worst(found, share)
    if worst:
        layer, step, value = worst
        yield Finding(
            "saturated_units",
            "note" if record.remaining < 0.5 else "warning",
            f"{value:.0%} of its outputs are at the ends of their range (limit {share:.0%})",
            "There the derivative is near 0, and what is before learns nothing",
            (Cure("prepare"), Cure("init"), Cure("lr", 0.1)),
            layer=layer,
            step=step,
            source=GLOROT,
        )


def _worst(figures: Mapping[str, tuple[int, float]], limit: float) -> tuple[str, int, float] | None:
    """Layer, step and value of the greatest figure, if it is above the limit."""
    layer = max(figures, key=lambda layer: figures[layer][1], default="")
    return (layer, *figures[layer]) if layer and figures[layer][1] > limit else None
