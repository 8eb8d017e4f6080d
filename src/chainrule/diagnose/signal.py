"""What is wrong between inputs and targets: they belong to each other in no row, or not in all."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import rule


@rule
def no_signal(record: Record, share: float = 0.95, z: float = 2.0) -> Iterator[Finding]:
    """Validation never beats a constant output, and near rows are no more alike in their targets than any others.

    Where nearness has no meaning, as of codes, it is enough that training did beat it: rows were learned by heart.
    """
    if not record.finished or not record.unseen > share:
        return
    facts = record.fact("targets", "neighbours") or {}
    if "r2" in facts:
        told, seen = facts["r2"] > 0.0, f"near rows explain {max(facts['r2'], 0):.0%} of the targets (limit 0%)"
    elif facts:
        chance = facts["chance"]
        told = facts["agree"] > chance + z * (chance * (1 - chance) / facts["rows"]) ** 0.5
        seen = f"near rows agree in {facts['agree']:.0%}, by chance {chance:.0%} (limit {z:g} errors above)"
    else:
        told, seen = record.remaining > share, f"that of training fell to {record.remaining:.2f}"
    if not told:
        yield Finding(
            "no_signal",
            "warning",
            f"validation loss is {record.unseen:.2f} of a constant's (limit {share:g}); {seen}",
            "These inputs tell nothing of these targets",
            ("see whether x and y are still in the same order: shuffle both by one permutation",),
            layer="targets",
            source="Zhang et al. (2017), Understanding deep learning requires rethinking generalization",
        )


@rule
def label_noise(record: Record, pure: float = 0.8, gap: float = 0.25, rows: int = 150) -> Iterator[Finding]:
    """Nowhere are near rows of one class, though near rows tell something; and the training learned its rows by heart."""
    found, agree, chance = (record.number("targets", "neighbours", name) for name in ("pure", "agree", "chance"))
    apart = record.apart
    if record.number("targets", "neighbours", "rows") < rows:
        return
    if found < pure and agree > chance + 0.05 and apart > gap:
        yield Finding(
            "label_noise",
            "warning",
            f"even the purest quarter of neighbourhoods is only {found:.0%} of one class (limit {pure:.0%}), and training "
            f"loss is {apart:.2f} of a constant's below validation (limit {gap:g})",
            "Wrong labels are learned by heart",
            ("look at the rows that the report lists as most wrong, and correct their labels", Cure("more_l2", 10)),
            layer="targets",
            source="Wilson (1972); Northcutt et al. (2021), Confident learning",
        )
