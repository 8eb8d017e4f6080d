"""What is wrong with the inputs: scale, constant and copied features, parts that differ or share rows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .finding import Cure, Finding
from .record import Record
from .rule import early

LECUN = "LeCun et al. (1998), Efficient BackProp, section 4.3"
KAUFMAN = "Kaufman et al. (2012), Leakage in data mining"
HELD = ("validation", "test")


@early
def shared_rows(record: Record, share: float = 0.1) -> Iterator[Finding]:
    """A held part shares more rows with the training part than rows are repeated within it."""
    for part in HELD:
        found = record.number("inputs", "shared", part)
        limit = max(share, 1.5 * record.number("inputs", "repeated"))
        if found > limit:
            yield Finding(
                "shared_rows",
                "warning",
                f"{found:.0%} of the {part} rows are training rows, too (limit {limit:.0%})",
                "The score is of rows learned by heart, not of new ones",
                (Cure("split"), "take these rows out of one of the parts"),
                layer=f"{part} part",
                source=KAUFMAN,
            )


@early
def parts_differ(record: Record, shift: float = 0.7, stretch: float = 0.5, rows: int = 15) -> Iterator[Finding]:
    """A held part's middle feature lies elsewhere, by training's spread, or spreads by another factor, e^stretch."""
    for part in HELD:
        moved, wider = (record.number("inputs", "parts", part, name) for name in ("shift", "stretch"))
        if record.number("inputs", "parts", part, "rows") >= rows and (moved > shift or wider > stretch):
            yield Finding(
                "parts_differ",
                "warning",
                f"its middle feature is shifted by {moved:.2g} spreads and stretched {math.exp(wider):.3g}-fold against "
                f"training (limits {shift:g}, {math.exp(stretch):.3g})",
                "What was learned on one scale is asked on another",
                ("prepare all parts in the same way, once", Cure("split")),
                layer=f"{part} part",
                source=KAUFMAN,
            )


@early
def fitted_on_all(record: Record, exact: float = 1e-4) -> Iterator[Finding]:
    """Validation has exactly training's means and spreads, or all rows together exactly mean 0 and spread 1."""
    for part in HELD:
        shift, stretch = (record.number("inputs", "parts", part, name) for name in ("most_shift", "most_stretch"))
        if shift < exact and stretch < 10 * exact and not record.number("inputs", "shared", part) > 0.5:
            yield Finding(
                "fitted_on_all",
                "warning",
                f"its means and spreads equal training's to {max(shift, stretch):.0e} (chance gives above {exact:g})",
                "It was standardised by its own numbers, which a new row does not have",
                ("fit the standardisation on the training part alone, as prepare='standardise' does",),
                layer=f"{part} part",
                source=KAUFMAN,
            )
    mean, std = (record.number("inputs", "whole", name) for name in ("mean", "std"))
    if mean < exact and std < 10 * exact:
        yield Finding(
            "fitted_on_all",
            "note",
            f"all parts together have mean 0 to {mean:.0e} and spread 1 (chance gives above {exact:g})",
            "They were standardised together, so the training has seen the test part's mean",
            ("give the values as measured: prepare='standardise' fits on the training part alone",),
            layer="all parts",
            source=KAUFMAN,
        )


@early
def constant_features(record: Record) -> Iterator[Finding]:
    """Features with one value in the whole training part."""
    yield from _useless(record, "constant", "constant_features", "have one value in all training rows")


@early
def copied_features(record: Record) -> Iterator[Finding]:
    """Features that repeat another one in every training row."""
    yield from _useless(record, "copied", "copied_features", "repeat another one in every row")


def _useless(record: Record, what: str, name: str, told: str) -> Iterator[Finding]:
    count, features = record.number("inputs", what, "count"), record.number("inputs", "features")
    named = record.fact("inputs", what, "named") or []
    if count > 0 and (record.data.get("features") or count == features):
        yield Finding(
            name,
            "error" if count == features else "note",
            f"features that {told}: {count:.0f} of {features:.0f} ({', '.join(named)}; limit 0)",
            "They tell nothing, and cost weights",
            ("leave these columns out",),
            layer="inputs",
            source=LECUN,
        )


@early
def input_scale(record: Record, low: float = 0.03, high: float = 12.0, apart: float = 100.0) -> Iterator[Finding]:
    """The inputs as the network gets them are far from spread 1, or some features by far larger than others."""
    rms, middle, greatest = (record.number("inputs", "scale", name) for name in ("rms", "middle", "greatest"))
    if not (0 < rms < low or rms > high or greatest > max(apart * middle, 1)):
        return
    seen = f"the inputs reach the network with a root mean square of {rms:.3g} (sound: {low:g} to {high:g})"
    if low <= rms <= high:
        seen = f"the largest feature is {greatest / middle:.3g} times the middle one (limit {apart:g})"
    yield Finding(
        "input_scale",
        "warning",
        seen,
        "One learning rate cannot fit weights whose inputs differ so much in size",
        (Cure("prepare"),),
        layer="inputs",
        source=LECUN,
    )
