"""What is wrong with the outcome: regularisation, size of the network, batch norm between training and use."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import rule

GOODFELLOW = "Goodfellow et al. (2016), Deep Learning, section 5.2 and 7"


@rule
def l2_too_strong(record: Record, better: float = 0.75, gain: float = 0.1) -> Iterator[Finding]:
    """The same first steps without l2 and l1 get far lower than with them."""
    free = record.number("trials", "unpenalised")
    l2, l1 = record.settings.get("l2") or 0.0, record.settings.get("l1") or 0.0
    reached = min(record.reached, record.number("trials", "loss", "1"))
    if (l2 or l1) and free < better * reached and reached - free > gain * record.base:
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
def too_small(record: Record, behind: float = 0.12) -> Iterator[Finding]:
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
    """Validation loss rose far after its best epoch, or stays, while the training loss went on falling to nearly 0."""
    if not len(record.validation) or not record.finished:
        return
    train, held = float(record.train[-1]), float(record.validation[-1])
    risen = held / max(float(record.validation.min()), 1e-12)
    if (risen > rose and record.apart > gap) or (train < fitted * held and record.apart > gap / 3):
        yield Finding(
            "too_large",
            "warning",
            f"training loss ended at {train:.2g}, validation loss at {held:.2g}, {risen:.1f} times its lowest: "
            f"{record.apart:.2f} of a constant's apart (limit {gap:g})",
            "It learns its rows by heart",
            (Cure("more_l2", 10.0), Cure("add_dropout", 0.5), Cure("narrower", 4.0), "get more rows"),
            layer="network",
            step=record.steps,
            source=GOODFELLOW,
        )
