"""What is wrong with what holds the network back: priors and dropout."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import rule
from .trials import reached

GOODFELLOW = "Goodfellow et al. (2016), Deep Learning, section 7.1"


@rule
def l2_too_strong(record: Record, better: float = 0.75, gain: float = 0.1) -> Iterator[Finding]:
    """The same first steps without l2 and l1 get far lower than with them."""
    free = record.number("trials", "unpenalised")
    l2, l1 = record.settings.get("l2") or 0.0, record.settings.get("l1") or 0.0
    if (l2 or l1) and not record.diverged and record.falls(reached(record), free, better, gain):
        yield Finding(
            "l2_too_strong",
            "warning",
            f"with l2 {l2:g}, l1 {l1:g} the loss stays at {record.reached:.3g}; without them a trial of "
            f"{record.number('trials', 'steps'):.0f} steps reaches {free:.3g} (limit {better:g} of it)",
            "The pull towards 0 is stronger than what the data ask for",
            (Cure("l2"),),
            layer="network",
            source=GOODFELLOW,
        )


@rule
def dropout_too_strong(record: Record, rate: float = 0.65, remaining: float = 0.25) -> Iterator[Finding]:
    """Dropout of most units, and a training loss that stays high."""
    rates = [layer.get("rate", 0) for layer in record.layers() if layer.get("layer") == "Dropout"]
    if rates and max(rates) > rate and record.remaining > remaining:
        yield Finding(
            "dropout_too_strong",
            "warning",
            f"it drops {max(rates):.0%} of the units (limit {rate:.0%}), and training keeps {record.remaining:.0%} of a "
            "constant's loss",
            "Too little passes to learn from",
            (Cure("dropout", 0.2), Cure("dropout", 0.0)),
            layer="dropout1",
            source="Srivastava et al. (2014), Dropout, section 7.3",
        )
