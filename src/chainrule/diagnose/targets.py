"""What is wrong with the targets, or with what the loss and the output make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .finding import Cure, Finding
from .record import Record
from .rule import early, rule

BISHOP = "Bishop (2006), Pattern Recognition and Machine Learning, section 4.3 and 5.2"
GOODFELLOW = "Goodfellow et al. (2016), Deep Learning, section 6.2"


@early
def classes_as_numbers(
    record: Record, distinct: int = 10, many: int = 30, even: float = 0.3, rows: int = 5
) -> Iterator[Finding]:
    """Numbers to predict that are a few whole numbers, or some about as often each; or exactly one 1 in every row."""
    facts = record.fact("targets") or {}
    balanced = facts.get("fewest", 0) > even * facts.get("most", 1)
    few = facts.get("whole") and facts.get("fewest", 0) >= rows
    few = few and facts.get("distinct", 99) <= (many if balanced else distinct)
    if record.task != "numbers" or record.settings.get("loss", {}).get("name") == "Poisson":
        return
    if facts.get("one_hot") or (few and facts.get("columns") == 1):
        seen = f"the numbers to predict are {facts['distinct']} whole numbers, each often (limit {many})"
        if facts.get("one_hot"):
            seen = (
                f"every row's {facts['columns']} numbers to predict are a single 1 among zeros (limit: not in all rows)"
            )
        yield Finding(
            "classes_as_numbers",
            "warning",
            seen,
            "Squared errors of class codes measure distances that classes do not have",
            ("give the classes as whole numbers or text: y.astype(int), and end the network with one unit a class",),
            layer="targets",
            source=BISHOP,
        )


@early
def numbers_as_classes(record: Record, classes: int = 20, rows: float = 20.0, near: float = 0.85) -> Iterator[Finding]:
    """Many classes named by whole numbers, few rows each, and neighbouring rows of neighbouring numbers."""
    counts = record.fact("targets", "counts")
    if not counts or not record.fact("targets", "whole") or len(counts) < classes:
        return
    each, closeness = sum(counts) / len(counts), record.number("targets", "neighbours", "near")
    if each < rows and closeness < near:
        yield Finding(
            "numbers_as_classes",
            "warning",
            f"{len(counts)} classes of {each:.1f} rows each (limit {rows:g}), whose numbers are near in near rows",
            "Cross-entropy does not know that 41 is next to 42",
            ("give the target as floats, y.astype(float), and end the network with one unit",),
            layer="targets",
            source=GOODFELLOW,
        )


@early
def unseen_classes(record: Record) -> Iterator[Finding]:
    """Classes of a held part that no training row has."""
    unseen = record.fact("targets", "unseen") or {}
    if unseen.get("count"):
        named = ", ".join(map(str, unseen["classes"]))
        yield Finding(
            "unseen_classes",
            "warning",
            f"classes without a training row: {unseen['count']} ({named}), in {unseen['rows']} held rows (limit 0)",
            "What was never shown cannot be recognised; the rows were parted in their sorted order",
            (Cure("split"),),
            layer="targets",
            source=GOODFELLOW,
        )


@early
def sorted_rows(record: Record, order: float = 0.3) -> Iterator[Finding]:
    """Rows sorted by their target and not shuffled: every batch is of one kind."""
    found = record.number("targets", "order")
    if found < order and record.settings.get("shuffle") is False:
        yield Finding(
            "sorted_rows",
            "warning",
            f"neighbouring rows differ {found:.2f} times as much as in random order (limit {order:g}), unshuffled",
            "Each batch pulls towards its own class and undoes the one before",
            (Cure("shuffle"),),
            layer="targets",
            source="Bengio (2012), Practical recommendations, section 2",
        )


@early
def target_scale(record: Record, low: float = 0.1, high: float = 10.0) -> Iterator[Finding]:
    """Numbers to predict that reach the loss far from mean 0 and spread 1."""
    std, offset = record.number("targets", "std"), record.number("targets", "offset")
    if record.settings.get("loss", {}).get("name") in ("Poisson", "BinaryCrossEntropy"):
        return
    if std > high or offset > high * max(std, 1) or (0 < std < low and offset < 1):
        yield Finding(
            "target_scale",
            "warning",
            f"the numbers to predict have mean {offset:.3g} and spread {std:.3g} (sound spreads: {low:g} to {high:g})",
            "The loss and its gradients grow with their square, and the output must first walk to their mean",
            (Cure("loss"), "standardise the targets"),
            layer="targets",
            source=BISHOP,
        )


@early
def one_unit_softmax(record: Record) -> Iterator[Finding]:
    """A softmax over a single unit gives 1, whatever comes in."""
    mean, std = record.number("start", "output", "mean"), record.number("start", "output", "std")
    if record.fact("start", "output_op") == "softmax" and mean == 1 and std == 0:
        yield Finding(
            "one_unit_softmax",
            "error",
            "a softmax over 1 unit gives 1 for every row (at least 2 units are needed)",
            "Its gradient is 0, so nothing is ever learned",
            (Cure("linear_output"), "give the target as classes"),
            layer="output",
            source=GOODFELLOW,
        )


@early
def output_range(record: Record, share: float = 0.02) -> Iterator[Finding]:
    """Targets, as the loss gets them, that the last activation cannot give."""
    span = record.fact("start", "output_range")
    low, high = record.number("targets", "least"), record.number("targets", "greatest")
    if record.task != "numbers" or not span or not low < high:
        return
    least, most = (limit if limit is not None else end for limit, end in zip(span, (low, high), strict=True))
    beyond = max(least - low, 0) + max(high - most, 0)
    if beyond > share * (high - low):
        op = record.fact("start", "output_op")
        yield Finding(
            "output_range",
            "warning",
            f"{op} gives {least:.3g} to {most:.3g}, but the targets reach the loss as {low:.3g} to {high:.3g} "
            f"({beyond / (high - low):.0%} of it beyond, limit {share:.0%})",
            "What the output cannot reach is never predicted",
            (Cure("linear_output"),),
            layer="output",
            source=GOODFELLOW,
        )


@early
def loss_scale(record: Record, times: float = 4.0) -> Iterator[Finding]:
    """A loss of one's own that is a multiple of the mean over the rows."""
    found = record.number("start", "loss") / max(record.number("start", "standard_loss"), 1e-12)
    if record.settings.get("loss", {}).get("own") and found > times and record.number("start", "standard_loss") > 0:
        yield Finding(
            "loss_scale",
            "warning",
            f"the loss of the first rows is {found:.3g} times the mean of the standard one (limit {times:g})",
            "A sum over rows multiplies the gradients, and so the learning rate",
            (Cure("loss"), Cure("lr", 0.1), "take the mean over the rows, not the sum"),
            layer="loss",
            source=GOODFELLOW,
        )


@rule
def imbalance(record: Record, share: float = 0.15, recall: float = 0.65) -> Iterator[Finding]:
    """A rare class that is hardly ever recognised, while the others are."""
    counts = record.fact("targets", "counts")
    recalls = (record.result or {}).get("recalls") or {}
    if not counts or record.task != "classes" or len(recalls.get("train", [])) != len(counts):
        return
    total = sum(counts)
    rare = [
        (count / total, found, name)
        for count, found, name in zip(counts, _mean_recalls(recalls), record.data.get("classes", []), strict=True)
        if 0 < count / total < share / (len(counts) / 2) and found < recall
    ]
    best = max(_mean_recalls(recalls), default=0)
    if rare and best > 0.8:
        size, found, name = min(rare)
        yield Finding(
            "imbalance",
            "warning",
            f"class {name} is {size:.1%} of the rows, and {found:.0%} of its rows are recognised (limit {recall:.0%})",
            "A rare class hardly counts in the mean loss",
            (Cure("class_weight"), "look at recall and F1, not at accuracy"),
            layer="targets",
            source="He and Garcia (2009), Learning from imbalanced data",
        )


def _mean_recalls(recalls: Mapping[str, Sequence[float | None]]) -> list[float]:
    """Of every class, over training and validation."""
    parts = [recalls[name] for name in ("train", "validation") if name in recalls]
    found = [[r for r in of_class if r is not None] for of_class in zip(*parts, strict=True)]
    return [sum(of_class) / len(of_class) if of_class else 1.0 for of_class in found]
