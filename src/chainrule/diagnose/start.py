"""What is wrong before the first step: initial weights, gradients, and whether anything can be learned at all."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import early

GLOROT = "Glorot and Bengio (2010), section 3 and 4"
CHECKS = "CS231n, Neural Networks Part 3, sanity checks"


@early
def wrong_gradient(record: Record, error: float = 1e-3) -> Iterator[Finding]:
    """The gradient that is trained with is not that of the loss, by finite differences in float64."""
    found = record.number("start", "gradient", "worst")
    if found > error:
        flipped = ", of the opposite sign" if record.fact("start", "gradient", "flipped") else ""
        yield Finding(
            "wrong_gradient",
            "error",
            f"the gradient is off by {found:.2g} of itself{flipped} (limit {error:g}, by finite differences)",
            "Steps along a wrong gradient do not lower the loss",
            ("mend the derivative of the op that this layer uses; cr.check_grads shows it", Cure("relu")),
            layer=str(record.fact("start", "gradient", "layer") or ""),
            source=CHECKS,
        )
    for path in (record.fact("start", "cut") or [])[:1]:
        yield Finding(
            "wrong_gradient",
            "warning",
            f"no gradient reaches {path}, though the loss depends on it (0 paths, limit 1 at least)",
            "Without a gradient it stays as it was drawn",
            ("take stop_gradient out of the way, unless this layer is to be kept as it is", Cure("relu")),
            layer=path.rpartition("/")[0],
            source=CHECKS,
        )


@early
def climbs(record: Record, cosine: float = 0.0) -> Iterator[Finding]:
    """The first update goes along the gradient, not against it; or the learning rate falls below 0 later."""
    found, lr = record.number("start", "descent"), min(record.column("lr"), default=0.0)
    if found > cosine or lr < 0:
        seen = (
            f"the cosine of update and gradient is {found:+.2f}"
            if found > cosine
            else f"the learning rate fell to {lr:.2g}"
        )
        yield Finding(
            "climbs",
            "error",
            f"{seen} (limit {cosine:g})",
            "The update goes uphill: a flipped sign, or a negative learning rate",
            (Cure("optimizer"), "subtract the gradient in the optimiser's update"),
            layer="optimizer",
            source="Goodfellow et al. (2016), Deep Learning, section 4.3",
        )


@early
def units_equal(record: Record) -> Iterator[Finding]:
    """Hidden layers whose units all have the same weights: they get the same gradient, and stay equal."""
    layers = record.fact("start", "equal") or []
    if layers:
        yield Finding(
            "units_equal",
            "error",
            f"layers whose units all have the same initial weights: {len(layers)} (limit 0)",
            "Equal units get equal gradients: the layer stays as good as one unit",
            (Cure("init"),),
            layer=str(layers[0]),
            step=0,
            source="Goodfellow et al. (2016), Deep Learning, section 8.4",
        )


@early
def large_start(record: Record, gain: float = 6.0) -> Iterator[Finding]:
    """Initial weights far larger than what keeps the spread of the signal."""
    found = _gains(record)
    worst = max(found, key=found.__getitem__, default="")
    if worst and found[worst] > gain:
        yield _start("large_start", worst, found[worst], gain, "Units saturate, and the first steps only undo it")


@early
def small_start(record: Record, gain: float = 0.15) -> Iterator[Finding]:
    """Initial weights of a hidden layer far smaller than what keeps the spread of the signal."""
    found = _gains(record)
    hidden = list(found)[:-1]
    worst = min(hidden, key=found.__getitem__, default="")
    if worst and found[worst] < gain:
        yield _start("small_start", worst, found[worst], gain, "Signal and gradient shrink from layer to layer")


def _gains(record: Record) -> dict[str, float]:
    """The spread of the layers' initial weights, times sqrt(inputs), of those whose units differ."""
    equal = record.fact("start", "equal") or []
    gains = record.fact("gains") or {}
    return {path.rpartition("/")[0]: gain for path, gain in gains.items() if path.rpartition("/")[0] not in equal}


def _start(rule: str, layer: str, found: float, limit: float, why: str) -> Finding:
    return Finding(
        rule,
        "warning",
        f"initial weights have the spread {found:.2g} / sqrt(inputs) (limit {limit:g}, sound is 1 to 1.4)",
        why,
        (Cure("init"), Cure("batch_norm")),
        layer=layer,
        step=0,
        source=GLOROT,
    )


@early
def initial_loss(record: Record, times: float = 4.0) -> Iterator[Finding]:
    """The first loss is far above that of outputs of 0 (ln C for C classes)."""
    first, zeros = record.number("start", "loss"), record.number("start", "loss_of_zeros")
    if first > times * max(zeros, record.base) and zeros > 0:
        yield Finding(
            "initial_loss",
            "note",
            f"the first loss is {first:.3g}, that of outputs of 0 {zeros:.3g} (limit {times:g} times)",
            "The network starts out sure, and wrong",
            (Cure("init"), Cure("prepare")),
            layer="output",
            step=0,
            source=CHECKS,
        )


@early
def not_overfitting(record: Record, share: float = 0.9) -> Iterator[Finding]:
    """One batch, trained on again and again at three rates, keeps its loss."""
    start, steps = record.number("overfit", "start"), record.number("overfit", "steps")
    end = record.fact("overfit", "end")
    end = math.inf if end is None and not math.isnan(start) else record.number("overfit", "end")
    if end > share * start and steps >= 20:
        yield Finding(
            "not_overfitting",
            "note",
            f"one batch keeps {end / start:.0%} of its loss in {steps:.0f} steps at three rates (limit {share:.0%})",
            "What cannot learn a few rows by heart will not learn many",
            (Cure("init"), Cure("optimizer"), Cure("prepare")),
            layer="network",
            source=CHECKS,
        )


@early
def ignores_inputs(record: Record, share: float = 1.02) -> Iterator[Finding]:
    """A batch learned by heart is as well predicted with all inputs 0."""
    start, end, zeroed = (record.number("overfit", name) for name in ("start", "end", "zeroed"))
    if end < 0.3 * min(start, record.base) and zeroed <= share * end:
        yield Finding(
            "ignores_inputs",
            "warning",
            f"with all inputs 0 the loss is {zeroed:.3g}, with the real ones {end:.3g} (limit {share:g} times)",
            "The network does not look at its inputs",
            ("see what reaches the first layer: step.peek('x')", Cure("prepare")),
            layer="inputs",
            source="Karpathy (2019), A recipe for training neural networks",
        )
