"""What is wrong with the outcome: regularisation, size of the network, batch norm between training and use."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import rule

GOODFELLOW = "Goodfellow et al. (2016), Deep Learning, section 5.2 and 7"


@rule
def use_gap(record: Record, times: float = 2.0) -> Iterator[Finding]:
    """The same rows have a far higher loss in use than in training, where batch norm has the batch's moments."""
    training, use = record.number("gap", "training"), record.number("gap", "use")
    if "BatchNorm" in record.kinds() and use > times * training and use > 0.1 * record.base:
        yield Finding(
            "use_gap",
            "warning",
            f"the same rows have loss {use:.3g} in use and {training:.3g} in training (limit {times:g} times)",
            "Batch norm's running means are not those of the batches",
            (Cure("batch_size", 32), Cure("lr", 0.1), Cure("no_batch_norm")),
            layer="batchnorm1",
            step=record.steps,
            source="Ioffe and Szegedy (2015), section 3.1",
        )


@rule
def too_small(record: Record, behind: float = 0.17) -> Iterator[Finding]:
    """On its own training rows the network is behind a vote of their neighbours."""
    scores = ((record.result or {}).get("scores") or {}).get("train") or {}
    if not record.finished or record.diverged:
        return
    mine = scores.get("accuracy") if record.task == "classes" else scores.get("r2")
    near = record.number("targets", "neighbours", "right" if record.task == "classes" else "r2")
    if mine is not None and near - mine > behind:
        yield Finding(
            "too_small",
            "warning",
            f"it fits {max(mine, 0):.0%} of its training rows, 5 neighbours {near:.0%} (limit {behind:.0%} behind)",
            "It has too few units for what the data hold",
            (Cure("wider", 4.0), Cure("epochs", 4.0)),
            layer="network",
            source=GOODFELLOW,
        )


@rule
def too_large(record: Record, rose: float = 1.3, gap: float = 0.6, fitted: float = 0.03) -> Iterator[Finding]:
    """The training loss fell on, far below that of validation, which rose again, or stays many times as high.

    What is far below it, but less so, is worth a note.
    """
    if not len(record.validation) or not record.finished:
        return
    train, held = float(record.train[-1]), float(record.validation[-1])
    risen = held / max(float(record.validation.min()), 1e-12)
    by_heart = train < fitted * held and record.apart > gap / (2 if record.task == "classes" else 3)
    if (risen > rose and record.apart > gap) or by_heart or (train < held / 2 and record.apart > gap / 3):
        yield Finding(
            "too_large",
            "warning" if by_heart or (risen > rose and record.apart > gap) else "note",
            f"training loss ended at {train:.2g}, validation loss at {held:.2g}, {risen:.1f} times its lowest: "
            f"{record.apart:.2f} of a constant's apart (limit {gap:g})",
            "It learns its rows by heart",
            (Cure("more_l2", 10.0), Cure("add_dropout", 0.5), Cure("narrower", 4.0), "get more rows"),
            layer="network",
            step=record.steps,
            source=GOODFELLOW,
        )
