"""The picture of a finding: by rule, the evidence it rests on, with its limit drawn in.

finding_chart(run, run.findings[0])          a figure of matplotlib
evidence(ax, twin, finding)                  another run's figures of the same kind, into axes of yours
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnose import Finding, Record
from ..errors import SettingError
from ..exchange import safetensors
from ..run import Run
from .charts import INK, TRAIN, figure, written
from .evidence import Draw, Levels, Row, bars, by_layer, classes, curves, limit, nothing, over_steps, spans, trials

WIDTH, HEIGHT = 5.2, 2.5  # inches
HELD = ("validation", "test")
DEFAULT_EPS = 1e-8


def finding_chart(run: Run, finding: Finding) -> Any:
    """The evidence for a finding in its run, as a matplotlib Figure. SettingError for a rule that has no picture.

    Nothing is trained or computed anew: all is read from the run folder.
    """
    with figure(WIDTH, HEIGHT) as (drawn, (ax,)):
        evidence(ax, run, finding)
    return drawn


def finding_svg(run: Run, finding: Finding) -> str:
    """The same as SVG text, for a page."""
    with figure(WIDTH, HEIGHT) as (drawn, (ax,)):
        evidence(ax, run, finding)
        return written(drawn, ".svg").decode()


def evidence(ax: Any, run: Run, finding: Finding) -> None:
    """Draw what the finding's rule looks at in this run, which may be another one than the finding's."""
    if finding.rule not in EVIDENCE:
        raise SettingError(f"finding: expected one of the rules {', '.join(EVIDENCE)}, found {finding.rule!r}")
    EVIDENCE[finding.rule](ax, run, Record(run), finding)


# --- inputs


def _shared(record: Record, finding: Finding) -> list[Row]:
    repeated = record.number("inputs", "repeated")
    most = max(limit("shared_rows", "share"), 1.5 * repeated)
    found = [(f"{part} rows", record.number("inputs", "shared", part), (most,)) for part in HELD]
    return [*found, ("repeated in training", repeated, ())]


def _parts(record: Record, finding: Finding) -> list[Row]:
    of = ("shift", "stretch")
    return [
        (f"{part}: {what}", record.number("inputs", "parts", part, what), (limit("parts_differ", what),))
        for part in HELD
        for what in of
    ]


def _fitted(record: Record, finding: Finding) -> list[Row]:
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


def _useless(what: str) -> Draw:
    return bars(
        lambda record, finding: [
            ("features", record.number("inputs", "features"), ()),
            (what, record.number("inputs", what, "count"), (0.0,)),
        ]
    )


def _scale(record: Record, finding: Finding) -> list[Row]:
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


def _rows_of_classes(level: float) -> Draw:
    """Training rows of every class; orange are those not above the limit."""
    return classes(lambda record, finding: (n := _counts(record), n <= level, level, "training rows"))


def _recalls(record: Record, finding: Finding) -> tuple[NDArray[Any], NDArray[Any], float, str]:
    counts = _counts(record)
    recalls = ((record.result or {}).get("recalls") or {}).get("train", [])
    found = np.asarray([math.nan if r is None else r for r in recalls], float)
    if len(found) != len(counts):
        return np.zeros(0), np.zeros(0, bool), math.nan, ""
    rare = counts / counts.sum() < limit("imbalance", "share") / (len(counts) / 2)
    return found, rare, limit("imbalance", "recall"), "share recognised"


def _neighbours(record: Record, finding: Finding) -> list[Row]:
    facts = record.fact("targets", "neighbours") or {}
    rows: list[Row] = [("validation loss, of a constant's", record.unseen, (limit("no_signal", "share"),))]
    if "r2" in facts:
        return [*rows, ("near rows explain", facts["r2"], (0.0,))]
    if "agree" in facts:
        chance = facts["chance"]
        error = (chance * (1 - chance) / facts["rows"]) ** 0.5
        rows += [("near rows agree", facts["agree"], (chance + limit("no_signal", "z") * error / 2,))]
    return rows


def _noise(record: Record, finding: Finding) -> list[Row]:
    pure, apart = record.number("targets", "neighbours", "pure"), record.apart
    return [
        ("purest neighbourhoods", pure, (limit("label_noise", "pure"),)),
        ("validation above training", apart, (limit("label_noise", "gap"),)),
    ]


def _target_scale(record: Record, finding: Finding) -> list[Row]:
    std, mean = record.number("targets", "std"), record.number("targets", "offset")
    low, high = limit("target_scale", "low"), limit("target_scale", "high")
    return [("spread", std, (low, high)), ("mean", mean, (high * max(std, 1.0),))]


def _ends(record: Record, *path: str) -> tuple[float, float]:
    """The targets as the loss gets them, which stand in for an end that has no limit."""
    span = record.fact(*path) or (math.nan, math.nan)
    ends = record.number("targets", "least"), record.number("targets", "greatest")
    low, high = (end if given is None else float(given) for given, end in zip(span, ends, strict=True))
    return low, high


def _ranges(record: Record, finding: Finding) -> list[tuple[str, float, float]]:
    targets = record.number("targets", "least"), record.number("targets", "greatest")
    given = _ends(record, "start", "output_range")
    if math.isnan(given[0]):
        return [("output: any", *targets), ("targets", *targets)]
    return [(f"{record.fact('start', 'output_op')} gives", *given), ("targets", *targets)]


def _outputs(record: Record, finding: Finding) -> list[tuple[str, float, float]]:
    first = record.number("start", "output", "min"), record.number("start", "output", "max")
    return [("output at the start", *first), *_ranges(record, finding)[1:]]


def _loss_scale(record: Record, finding: Finding) -> list[Row]:
    usual = record.number("start", "standard_loss")
    return [
        ("this loss", record.number("start", "loss"), (limit("loss_scale", "times") * usual,)),
        ("mean of the standard one", usual, ()),
    ]


def _order(record: Record, finding: Finding) -> list[Row]:
    return [("neighbouring rows differ", record.number("targets", "order"), (limit("sorted_rows", "order"),))]


# --- start


def _gains(record: Record) -> Mapping[str, float]:
    return {path.rpartition("/")[0]: gain for path, gain in (record.fact("gains") or {}).items()}


def _initial(record: Record, finding: Finding) -> list[Row]:
    first, zeros = record.number("start", "loss"), record.number("start", "loss_of_zeros")
    most = limit("initial_loss", "times") * max(zeros, record.base)
    return [("first loss", first, (most,)), ("of outputs of 0", zeros, ()), ("of a constant", record.base, ())]


def _overfit(record: Record, finding: Finding) -> list[Row]:
    start, steps = record.number("overfit", "start"), record.number("overfit", "steps")
    return [
        ("one batch, at first", start, ()),
        (
            f"after {steps:.0f} steps on it",
            record.number("overfit", "end"),
            (limit("not_overfitting", "share") * start,),
        ),
    ]


def _zeroed(record: Record, finding: Finding) -> list[Row]:
    end = record.number("overfit", "end")
    return [
        ("batch learned by heart", end, ()),
        ("with all inputs 0", record.number("overfit", "zeroed"), (limit("ignores_inputs", "share") * end,)),
    ]


def _first(what: str) -> Callable[[Record], Mapping[str, float]]:
    return lambda record: {layer: value for layer, (_, value) in record.figures(what, first=True).items()}


# --- depth, units, rate


def _vanishing(record: Record) -> Levels:
    norms = [*_first("gradient_norm")(record).values()]
    return {"limit": limit("vanishing_gradient", "ratio") * norms[-1]} if norms else {}


def _eps(record: Record, finding: Finding) -> list[Row]:
    eps = record.settings.get("optimizer", {}).get("eps") or math.nan
    return [("eps", eps, (limit("epsilon", "limit"),)), ("default", DEFAULT_EPS, ())]


def _further(record: Record) -> tuple[float, float]:
    before, after = record.fact("further", "validation") or (None, None)
    return (math.nan if before is None else before), (math.nan if after is None else after)


def _use_gap(record: Record, finding: Finding) -> list[Row]:
    training = record.number("gap", "training")
    most = limit("use_gap", "times") * training
    return [("loss in training", training, ()), ("loss in use", record.number("gap", "use"), (most,))]


def _small(record: Record, finding: Finding) -> list[Row]:
    scores = ((record.result or {}).get("scores") or {}).get("train") or {}
    mine = scores.get("accuracy", scores.get("r2", math.nan))
    near = record.number("targets", "neighbours", "right" if record.task == "classes" else "r2")
    return [("training rows fitted", mine, (near - limit("too_small", "behind"),)), ("by 5 neighbours", near, ())]


def _risen(record: Record) -> Levels:
    start = record.number("ended", "start")
    return {"limit": limit("loss_rises", "times") * start}


def _of_base(rule: str, name: str, validation: bool = False) -> Callable[[Record], Levels]:
    """A limit that is a share of a constant output's loss."""
    return lambda record: {
        "limit": limit(rule, name) * (record.number("start", "base_of_validation") if validation else record.base)
    }


def _best_of(record: Record, *others: float) -> float:
    return min(record.reached, *others) if math.isfinite(record.reached) else math.nan


def _plateau(record: Record) -> Levels:
    """The band that the second half of the training loss has to leave."""
    half = record.train[len(record.train) // 2 :]
    if len(record.train) < limit("plateau", "epochs"):
        return {}
    move = limit("plateau", "move") * abs(float(half.mean()))
    return {"limit": float(half.max()) - move}


def _batch(record: Record, finding: Finding) -> list[Row]:
    least = limit("tiny_batch_norm", "rows") + 1
    return [("rows of a batch", float(record.settings.get("batch_size", math.nan)), (least,))]


def _steps(record: Record, finding: Finding) -> list[Row]:
    return [("steps made", float(record.steps), (limit("too_short", "steps"),))]


def _gradient(record: Record, finding: Finding) -> list[Row]:
    return [("off by, of itself", record.number("start", "gradient", "worst"), (limit("wrong_gradient", "error"),))]


def _cosine(record: Record, finding: Finding) -> list[Row]:
    return [("cosine", record.number("start", "descent"), (limit("climbs", "cosine"),))]


# --- what is more than figures


def _gradients(ax: Any, run: Run, record: Record, finding: Finding) -> None:
    """The error of the gradient; of a gradient that is cut off, its norm in every layer."""
    by_layers = by_layer(_first("gradient_norm"), lambda record: {}, "norm of gradient")
    (by_layers if finding.severity == "warning" else bars(_gradient, log=True))(ax, run, record, finding)


def _as_numbers(ax: Any, run: Run, record: Record, finding: Finding) -> None:
    """Predictions that fall between the classes; of classes the rows that each of them has."""
    file = run.folder / "fit.safetensors"
    if record.task != "numbers" or not file.exists():
        level = limit("numbers_as_classes", "rows") if finding.rule == "numbers_as_classes" else math.nan
        _rows_of_classes(level)(ax, run, record, finding)
        return
    arrays = safetensors.load(file)[0]
    true, predicted = (arrays[name].reshape(len(arrays[name]), -1)[:, 0] for name in ("true", "predicted"))
    ends = [float(true.min()), float(true.max())]
    ax.plot(ends, ends, color=INK, lw=1, ls=":")
    ax.plot(true, predicted, "o", color=TRAIN, ms=3.5, alpha=0.5, mew=0)
    ax.set(xlabel="true number", ylabel="predicted")


def _equal_units(ax: Any, run: Run, record: Record, finding: Finding) -> None:
    """The last weights of the layer: every column is a unit."""
    file = run.checkpoint("last")
    w = safetensors.load(file)[0].get(f"{finding.layer}/w") if file.exists() else None
    if w is None:
        nothing(ax, f"this run keeps no weights of {finding.layer}")
        return
    flat = w.reshape(-1, w.shape[-1])
    most = float(np.abs(flat).max()) or 1.0
    ax.imshow(flat, cmap="RdBu", vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    ax.set(xlabel=f"unit of {finding.layer}", ylabel="its weights")


EVIDENCE: Mapping[str, Draw] = {
    "shared_rows": bars(_shared, ends=(0, 1.15), what="share that training has, too"),
    "parts_differ": bars(_parts, what="against training: shift in spreads, stretch as a logarithm"),
    "fitted_on_all": bars(_fitted, log=True, what="off by"),
    "constant_features": _useless("constant"),
    "copied_features": _useless("copied"),
    "input_scale": bars(_scale, log=True, what="root mean square"),
    "classes_as_numbers": _as_numbers,
    "numbers_as_classes": _as_numbers,
    "unseen_classes": _rows_of_classes(0.0),
    "sorted_rows": bars(_order, what="of random order"),
    "no_signal": bars(_neighbours),
    "label_noise": bars(_noise),
    "target_scale": bars(_target_scale, log=True),
    "one_unit_softmax": spans(_outputs),
    "output_range": spans(_ranges),
    "loss_scale": bars(_loss_scale, what="loss of the first rows"),
    "imbalance": classes(_recalls),
    "wrong_gradient": _gradients,
    "climbs": bars(_cosine, ends=(-1.4, 1.4), what="of update and gradient"),
    "units_equal": _equal_units,
    "large_start": by_layer(_gains, lambda record: {"limit": limit("large_start", "gain")}, "spread x sqrt(inputs)"),
    "small_start": by_layer(_gains, lambda record: {"limit": limit("small_start", "gain")}, "spread x sqrt(inputs)"),
    "initial_loss": bars(_initial, what="loss"),
    "not_overfitting": bars(_overfit, what="loss"),
    "ignores_inputs": bars(_zeroed, what="loss"),
    "tiny_batch_norm": bars(_batch),
    "hidden_softmax": by_layer(
        _first("std"),
        lambda record: {},
        "spread of outputs",
        lambda record, finding: {*(record.fact("start", "softmax_hidden") or ())},
    ),
    "exploding_activations": by_layer(
        _first("std"), lambda record: {"limit": limit("exploding_activations", "times")}, "spread of outputs"
    ),
    "no_nonlinearity": curves(_of_base("no_nonlinearity", "remaining", validation=True)),
    "vanishing_gradient": by_layer(_first("gradient_norm"), _vanishing, "norm of gradient"),
    "epsilon": bars(_eps, log=True),
    "too_few_epochs": curves(
        lambda record: {"limit": limit("too_few_epochs", "share") * _further(record)[0]},
        lambda record: {f"{record.number('further', 'steps'):.0f} steps on": _further(record)[1]},
    ),
    "lr_too_high": trials,
    "lr_too_low": trials,
    "dead_units": over_steps("dead", "share of dead units", lambda: limit("dead_units", "share")),
    "saturated_units": over_steps("saturated", "share saturated", lambda: limit("saturated_units", "share")),
    "l2_too_strong": curves(
        lambda record: {
            "limit": limit("l2_too_strong", "better") * _best_of(record, record.number("trials", "loss", "1"))
        },
        lambda record: {"trial without": record.number("trials", "unpenalised")},
    ),
    "dropout_too_strong": curves(_of_base("dropout_too_strong", "remaining")),
    "use_gap": bars(_use_gap, what="loss of the same rows"),
    "too_small": bars(_small, ends=(0, 1.25), what="share"),
    "too_large": curves(lambda record: {}),
    "not_finite": over_steps("std", "spread of outputs", shares=False),
    "loss_rises": curves(_risen, lambda record: {"stopped at": record.number("ended", "loss")}),
    "oscillates": curves(lambda record: {}),
    "flat": curves(_of_base("flat", "share")),
    "plateau": curves(_plateau),
    "too_short": bars(_steps),
}  # fmt: skip
