"""What the rules measured, as their pictures show it: rows of bars, lines and dots, each with the rule's own limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnose import Finding, Record
from ..diagnose.rate import SHORT
from ..diagnose.trials import reached
from .evidence import ClassValues, Draw, Levels, Marks, Row, bars, limit

HELD = ("validation", "test")
DEFAULT_EPS = 1e-8


# --- inputs


def shared(record: Record, finding: Finding) -> list[Row]:
    """Rows that a held part shares with training."""
    repeated = record.number("inputs", "repeated")
    most = max(limit("shared_rows", "share"), 1.5 * repeated)
    found = [(f"{part} rows", record.number("inputs", "shared", part), (most,)) for part in HELD]
    return [*found, ("repeated in training", repeated, ())]


def parts_apart(record: Record, finding: Finding) -> list[Row]:
    """How far the held parts lie from training."""
    of = ("shift", "stretch")
    return [
        (f"{part}: {what}", record.number("inputs", "parts", part, what), (limit("parts_differ", what),))
        for part in HELD
        for what in of
    ]


def fitted(record: Record, finding: Finding) -> list[Row]:
    """How exactly means and spreads of the parts agree, and those of all are 0 and 1."""
    exact = limit("fitted_on_all", "exact")
    rows = [
        (f"{part}: {told}", record.number("inputs", "parts", part, f"most_{what}"), (times * exact,))
        for part in HELD
        for what, told, times in (("shift", "means", 1), ("stretch", "spreads", 10))
    ]
    whole = [
        (f"all parts: {name}", record.number("inputs", "whole", key), (times * exact,))
        for key, name, times in (("mean", "means", 1), ("std", "spreads", 10))
    ]
    return [*rows, *whole]


def useless(what: str) -> Draw:
    """How many features are of no use, beside all there are."""
    return bars(
        lambda record, finding: [
            ("features", record.number("inputs", "features"), ()),
            (what, record.number("inputs", what, "count"), (0.0,)),
        ]
    )


def scales(record: Record, finding: Finding) -> list[Row]:
    """The size of the inputs as the network gets them."""
    low, high, apart = (limit("input_scale", name) for name in ("low", "high", "apart"))
    rms, least, middle, greatest = (
        record.number("inputs", "scale", name) for name in ("rms", "least", "middle", "greatest")
    )
    most = max(apart * middle, 1.0)
    return [
        ("all, rms", rms, (low, high)),
        ("least feature", least, ()),
        ("middle feature", middle, ()),
        ("greatest feature", greatest, (most,)),
    ]


# --- targets


def _counts(record: Record) -> NDArray[Any]:
    return np.asarray(record.fact("targets", "counts") or [], float)


def crowd(record: Record, finding: Finding) -> ClassValues:
    """Training rows of every class; orange are those not above the limit."""
    counts = _counts(record)
    level = limit("numbers_as_classes", "rows") if finding.rule == "numbers_as_classes" else 0.0
    return counts, counts <= level, level, "training rows"


def recalls(record: Record, finding: Finding) -> ClassValues:
    """What share of every class is recognised, the mean of training and validation; orange are those that count as rare."""
    counts = _counts(record)
    of_parts = (record.result or {}).get("recalls") or {}
    parts = [of_parts[name] for name in ("train", "validation") if len(of_parts.get(name, ())) == len(counts) > 0]
    if not parts:
        return np.zeros(0), np.zeros(0, bool), math.nan, ""
    seen = np.array([[math.nan if r is None else r for r in part] for part in parts])
    found = np.nansum(seen, axis=0) / np.maximum((~np.isnan(seen)).sum(axis=0), 1)
    if finding.rule != "imbalance":
        return found, np.zeros(len(found), bool), math.nan, "share recognised"
    rare = counts / counts.sum() < limit("imbalance", "share") / (len(counts) / 2)
    return found, rare, limit("imbalance", "recall"), "share recognised"


def neighbours(record: Record, finding: Finding) -> list[Row]:
    """Whether validation beats a constant, and whether near rows are alike."""
    facts = record.fact("targets", "neighbours") or {}
    rows: list[Row] = [("validation loss, of a constant's", record.unseen, (limit("no_signal", "share"),))]
    if "r2" in facts:
        return [*rows, ("near rows explain", facts["r2"], (0.0,))]
    if "agree" in facts:
        chance = facts["chance"]
        error = (chance * (1 - chance) / facts["rows"]) ** 0.5
        return [*rows, ("near rows agree", facts["agree"], (chance + limit("no_signal", "z") * error,))]
    return [*rows, ("training loss, of a constant's", record.remaining, (limit("no_signal", "share"),))]


def noise(record: Record, finding: Finding) -> list[Row]:
    """How pure neighbourhoods are, and how far training lies below validation."""
    pure, apart = record.number("targets", "neighbours", "pure"), record.apart
    return [
        ("purest neighbourhoods", pure, (limit("label_noise", "pure"),)),
        ("validation above training", apart, (limit("label_noise", "gap"),)),
    ]


def target_scale(record: Record, finding: Finding) -> list[Row]:
    """Spread and mean of the numbers to predict."""
    std, mean = record.number("targets", "std"), record.number("targets", "offset")
    low, high = limit("target_scale", "low"), limit("target_scale", "high")
    return [("spread", std, (low, high)), ("mean", mean, (high * max(std, 1.0),))]


def _ends(record: Record) -> tuple[float, float]:
    """The targets as the loss gets them, which stand in for an end that has no limit."""
    span = record.fact("start", "output_range") or (math.nan, math.nan)
    ends = record.number("targets", "least"), record.number("targets", "greatest")
    low, high = (end if given is None else float(given) for given, end in zip(span, ends, strict=True))
    return low, high


def ranges(record: Record, finding: Finding) -> list[tuple[str, float, float]]:
    """What the output can give, and what the targets ask for."""
    targets = record.number("targets", "least"), record.number("targets", "greatest")
    given = _ends(record)
    if math.isnan(given[0]):
        return [("output: any", *targets), ("targets", *targets)]
    return [(f"{record.fact('start', 'output_op')} gives", *given), ("targets", *targets)]


def outputs(record: Record, finding: Finding) -> list[tuple[str, float, float]]:
    """What the output is at the start, and what the targets ask for."""
    first = record.number("start", "output", "min"), record.number("start", "output", "max")
    return [("output at the start", *first), *ranges(record, finding)[1:]]


def loss_scale(record: Record, finding: Finding) -> list[Row]:
    """The loss of the first rows, beside the default one."""
    usual = record.number("start", "standard_loss")
    return [
        ("this loss", record.number("start", "loss"), (limit("loss_scale", "times") * usual,)),
        ("mean of the standard one", usual, ()),
    ]


def order_of_rows(record: Record, finding: Finding) -> list[Row]:
    """How much neighbouring rows differ, as given and as trained on."""
    found = record.number("targets", "order")
    trained = found if record.settings.get("shuffle") is False else max(found, 1.0)
    return [("neighbours as given", found, ()), ("neighbours as trained", trained, (limit("sorted_rows", "order"),))]


# --- start


def gains(record: Record) -> Mapping[str, float]:
    """The spread of every layer's initial weights by 1 / sqrt(inputs)."""
    return {path.rpartition("/")[0]: gain for path, gain in (record.fact("gains") or {}).items()}


def initial(record: Record, finding: Finding) -> list[Row]:
    """The first loss beside those that need no network."""
    first, zeros = record.number("start", "loss"), record.number("start", "loss_of_zeros")
    most = limit("initial_loss", "times") * max(zeros, record.base)
    return [("first loss", first, (most,)), ("of outputs of 0", zeros, ()), ("of a constant", record.base, ())]


def overfit(record: Record, finding: Finding) -> list[Row]:
    """The loss of one batch that is learned by heart."""
    start, steps = record.number("overfit", "start"), record.number("overfit", "steps")
    return [
        ("one batch, at first", start, ()),
        (
            f"after {steps:.0f} steps on it",
            record.number("overfit", "end"),
            (limit("not_overfitting", "share") * start,),
        ),
    ]


def zeroed(record: Record, finding: Finding) -> list[Row]:
    """That loss with and without inputs."""
    end = record.number("overfit", "end")
    return [
        ("batch learned by heart", end, ()),
        ("with all inputs 0", record.number("overfit", "zeroed"), (limit("ignores_inputs", "share") * end,)),
    ]


def first_look(what: str) -> Callable[[Record], Mapping[str, float]]:
    """A figure of every layer at the first look."""
    return lambda record: {layer: value for layer, (_, value) in record.figures(what, first=True).items()}


def greatest(what: str) -> Callable[[Record], Mapping[str, float]]:
    """Of the first look and the last."""
    return lambda record: {
        layer: max(value, record.figures(what)[layer][1])
        for layer, (_, value) in record.figures(what, first=True).items()
    }


# --- depth, units, rate


def vanishing(record: Record) -> Levels:
    """The limit, a share of the last layer's norm."""
    norms = [*first_look("gradient_norm")(record).values()]
    return {"limit": limit("vanishing_gradient", "ratio") * norms[-1]} if norms else {}


def eps(record: Record, finding: Finding) -> list[Row]:
    """The optimiser's eps."""
    eps = record.settings.get("optimizer", {}).get("eps") or math.nan
    return [("eps", eps, (limit("epsilon", "limit"),)), ("default", DEFAULT_EPS, ())]


def before(record: Record) -> Levels:
    """Where the validation loss would have to stay above, had the training come to its end."""
    before = (record.fact("further", "validation") or [None])[0]
    if before is None:
        return {}
    ease = 2 if record.steps < SHORT else 1
    share, gain = limit("too_few_epochs", "share"), limit("too_few_epochs", "gain")
    return {"limit": record.fallen(before, 1 - (1 - share) / ease, gain / ease)}


def after(record: Record) -> Marks:
    """The validation loss of the steps from the end on."""
    after = (record.fact("further", "validation") or [None])[-1]
    steps = record.number("further", "steps")
    return {} if after is None else {f"{steps:.0f} steps on": (record.steps + steps, after)}


def unpenalised(record: Record) -> Marks:
    """The outcome of the trial without priors."""
    return {"trial without": (record.number("trials", "steps"), record.number("trials", "unpenalised"))}


def penalised(record: Record) -> Levels:
    """Where that trial has to stay above."""
    return {"limit": record.fallen(reached(record), limit("l2_too_strong", "better"), limit("l2_too_strong", "gain"))}


def use_gap(record: Record, finding: Finding) -> list[Row]:
    """The loss of the same rows in training and in use."""
    training = record.number("gap", "training")
    most = limit("use_gap", "times") * training
    return [("loss in training", training, ()), ("loss in use", record.number("gap", "use"), (most,))]


def smallness(record: Record, finding: Finding) -> list[Row]:
    """Training rows that are fitted, by the network and by neighbours."""
    scores = ((record.result or {}).get("scores") or {}).get("train") or {}
    mine = scores.get("accuracy", scores.get("r2", math.nan))
    near = record.number("targets", "neighbours", "right" if record.task == "classes" else "r2")
    return [("training rows fitted", mine, (near - limit("too_small", "behind"),)), ("by 5 neighbours", near, ())]


def risen(record: Record) -> Levels:
    """Where a training is stopped."""
    return {"limit": limit("loss_rises", "times") * record.number("ended", "start")}


def stopped(record: Record) -> Marks:
    """The loss at the start, and that at which it was stopped."""
    start, end = record.number("ended", "start"), record.number("ended", "loss")
    return {"at the start": (0, start), "stopped at": (record.steps, end)}


def by_heart(record: Record) -> Levels:
    """Where the last validation loss has to stay below: one of the rule's two ways is enough."""
    if not len(record.validation) or not len(record.train):
        return {}
    rose, gap, fitted = (limit("too_large", name) for name in ("rose", "gap", "fitted"))
    train, lowest = float(record.train[-1]), float(np.nanmin(record.validation))
    near = gap / (2 if record.task == "classes" else 3)
    return {
        "limit": min(max(rose * lowest, train + gap * record.base), max(train / fitted, train + near * record.base))
    }


def swing(record: Record) -> Levels:
    """A band as wide as an epoch may move; the mean is that of the last two thirds."""
    if not len(record.train):
        return {}
    mean = float(np.abs(record.train[len(record.train) // 3 :]).mean())
    half = limit("oscillates", "share") / 2
    return {"limit of a move": mean * (1 + half), "_lower": mean * (1 - half)}


def of_base(rule: str, name: str, validation: bool = False) -> Callable[[Record], Levels]:
    """A limit that is a share of a constant output's loss."""
    return lambda record: {
        "limit": limit(rule, name) * (record.number("start", "base_of_validation") if validation else record.base)
    }


def plateau(record: Record) -> Levels:
    """The band that the second half of the training loss has to leave."""
    half = record.train[len(record.train) // 2 :]
    if len(record.train) < limit("plateau", "epochs"):
        return {}
    move = limit("plateau", "move") * abs(float(half.mean()))
    return {"limit": float(half.max()) - move}


def batch_rows(record: Record, finding: Finding) -> list[Row]:
    """The size of a batch."""
    least = limit("tiny_batch_norm", "rows") + 1
    return [("rows of a batch", float(record.settings.get("batch_size", math.nan)), (least,))]


def steps_made(record: Record, finding: Finding) -> list[Row]:
    """How many steps there were."""
    return [("steps made", float(record.steps), (limit("too_short", "steps"),))]


def gradient(record: Record, finding: Finding) -> list[Row]:
    """How far the gradient is off."""
    return [("off by, of itself", record.number("start", "gradient", "worst"), (limit("wrong_gradient", "error"),))]


def cosine(record: Record, finding: Finding) -> list[Row]:
    """Whether the first update goes along the gradient."""
    return [("cosine", record.number("start", "descent"), (limit("climbs", "cosine"),))]
