"""What is wrong inside: units that never answer, signals and gradients that vanish or grow through depth."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import early, rule
from .trials import LOWER, SANE, best_trial

GLOROT = "Glorot and Bengio (2010), section 3"


@early
def tiny_batch_norm(record: Record, rows: int = 4) -> Iterator[Finding]:
    """Batch norm over a handful of rows: its means are noise."""
    size = int(record.settings.get("batch_size", 32))
    if "BatchNorm" in record.kinds() and size <= rows:
        yield Finding(
            "tiny_batch_norm",
            "warning",
            f"batch norm takes its means over batches of {size} rows (limit {rows + 1} at least)",
            "They are noise in training, and not what is used afterwards",
            (Cure("batch_size", 32), Cure("no_batch_norm")),
            layer="batchnorm1",
            source="Wu and He (2018), Group normalization, section 1; Ioffe (2017)",
        )


@early
def hidden_softmax(record: Record) -> Iterator[Finding]:
    """A softmax between layers: its units share a sum of 1."""
    layers = record.fact("start", "softmax_hidden") or []
    if layers:
        yield Finding(
            "hidden_softmax",
            "warning",
            f"hidden layers that end in a softmax: {len(layers)} (limit 0)",
            "Its units add up to 1, so each is small and their gradients shrink",
            (Cure("relu"),),
            layer=str(layers[0]),
            source="Goodfellow et al. (2016), Deep Learning, section 6.2.2.3 and 6.3",
        )


@early
def exploding_activations(record: Record, times: float = 1e3) -> Iterator[Finding]:
    """A layer whose output spreads far at the start, or later though no lower rate would have kept it from that."""
    calm = best_trial(record, LOWER)[1] < SANE * record.base
    for first in (True,) if calm else (True, False):
        spreads = {layer: value for layer, (_, value) in record.figures("std", first).items() if math.isfinite(value)}
        if len(spreads) < 2:
            continue
        worst = max(spreads, key=spreads.__getitem__)
        if spreads[worst] > times:
            step = record.figures("std", first)[worst][0]
            yield Finding(
                "exploding_activations",
                "warning",
                f"its outputs have the spread {spreads[worst]:.3g} (limit {times:g})",
                "Gradients grow with it until numbers overflow",
                (Cure("relu"), Cure("batch_norm"), Cure("init")),
                layer=worst,
                step=step,
                source=GLOROT,
            )
            return


@rule
def no_nonlinearity(record: Record, remaining: float = 0.15) -> Iterator[Finding]:
    """Several weight layers in a row that are one affine function together; a warning where errors remain."""
    layers = record.number("start", "weight_layers")
    if record.fact("start", "affine") is True and layers >= 2:
        kept = f", and validation keeps {record.unseen:.0%} of a constant's loss" if record.unseen >= 0 else ""
        yield Finding(
            "no_nonlinearity",
            "note" if record.unseen < remaining else "warning",
            f"{layers:.0f} weight layers make one affine function (limit 1){kept}",
            "Without a nonlinearity depth adds nothing",
            (Cure("insert_relu"),),
            layer="network",
            source="Goodfellow et al. (2016), Deep Learning, section 6.1",
        )


@early
def vanishing_gradient(record: Record, ratio: float = 0.02, stands: float = 0.6) -> Iterator[Finding]:
    """At the start the first layers' gradient, by the size of their weights, is a small part of the last ones'."""
    norms = {layer: value for layer, (_, value) in record.figures("gradient_norm", first=True).items()}
    stuck = [*record.figures("saturated", first=True).values(), *record.figures("dead", first=True).values()]
    if len(norms) < 4 or any(share > stands for _, share in stuck):  # then these units are the cause
        return
    layers = list(norms)
    last, first = norms[layers[-1]], norms[layers[0]]
    if 0 <= first < ratio * last:
        yield Finding(
            "vanishing_gradient",
            "warning",
            f"its gradient is {first / last:.1e} of that of {layers[-1]} (limit {ratio:g})",
            "The first layers hardly learn, and the others build on what they give",
            (Cure("relu"), Cure("batch_norm"), Cure("init")),
            layer=layers[0],
            step=0,
            source=GLOROT,
        )
