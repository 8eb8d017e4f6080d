"""The picture of a finding: by rule, the evidence it rests on, with its limit drawn in.

finding_chart(run, run.findings[0])          a figure of matplotlib
evidence(ax, twin, finding)                  another run's figures of the same kind, into axes of yours
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..diagnose import Finding, Record
from ..errors import SettingError
from ..exchange import safetensors
from ..run import Run
from . import measured
from .charts import INK, TRAIN, figure, written
from .evidence import MOST, Draw, bars, by_layer, classes, curves, limit, nothing, over_steps, spans, trials

WIDTH, HEIGHT = 5.2, 2.5  # inches


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


# --- what is more than figures


def _gradients(ax: Any, run: Run, record: Record, finding: Finding) -> None:
    """The error of the gradient; of a gradient that is cut off, its norm in every layer."""
    by_layers = by_layer(measured.first_look("gradient_norm"), lambda record: {}, "norm of gradient")
    (by_layers if finding.severity == "warning" else bars(measured.gradient, log=True))(ax, run, record, finding)


def _as_numbers(ax: Any, run: Run, record: Record, finding: Finding) -> None:
    """Predictions that fall between the classes; of classes what is known of each."""
    file = run.folder / "fit.safetensors"
    if record.task != "numbers" or not file.exists():
        classes(measured.crowd if finding.rule == "numbers_as_classes" else measured.recalls)(ax, run, record, finding)
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
    "shared_rows": bars(measured.shared, ends=(0, 1.15), what="share that training has, too"),
    "parts_differ": bars(measured.parts_apart, what="shift in spreads, ln of stretch"),
    "fitted_on_all": bars(measured.fitted, log=True, what="off by"),
    "constant_features": measured.useless("constant"),
    "copied_features": measured.useless("copied"),
    "input_scale": bars(measured.scales, log=True, what="root mean square"),
    "classes_as_numbers": _as_numbers,
    "numbers_as_classes": _as_numbers,
    "unseen_classes": classes(measured.crowd),
    "sorted_rows": bars(measured.order_of_rows, what="of random order"),
    "no_signal": bars(measured.neighbours),
    "label_noise": bars(measured.noise),
    "target_scale": bars(measured.target_scale, log=True, least=1e-3),
    "one_unit_softmax": spans(measured.outputs),
    "output_range": spans(measured.ranges),
    "loss_scale": bars(measured.loss_scale, what="loss of the first rows"),
    "imbalance": classes(measured.recalls),
    "wrong_gradient": _gradients,
    "climbs": bars(measured.cosine, ends=(-1.4, 1.4), what="of update and gradient"),
    "units_equal": _equal_units,
    "large_start": by_layer(measured.gains, lambda record: {"limit": limit("large_start", "gain")}, "spread x sqrt(inputs)"),
    "small_start": by_layer(measured.gains, lambda record: {"limit": limit("small_start", "gain")}, "spread x sqrt(inputs)"),
    "initial_loss": bars(measured.initial, log=True, what="loss"),
    "not_overfitting": bars(measured.overfit, what="loss"),
    "ignores_inputs": bars(measured.zeroed, what="loss"),
    "tiny_batch_norm": bars(measured.batch_rows),
    "hidden_softmax": by_layer(
        measured.first_look("std"),
        lambda record: {},
        "spread of outputs",
        lambda record, finding: {*(record.fact("start", "softmax_hidden") or ())},
    ),
    "exploding_activations": by_layer(
        measured.greatest("std"), lambda record: {"limit": limit("exploding_activations", "times")}, "spread of outputs"
    ),
    "no_nonlinearity": curves(measured.of_base("no_nonlinearity", "remaining", validation=True)),
    "vanishing_gradient": by_layer(measured.first_look("gradient_norm"), measured.vanishing, "norm of gradient"),
    "epsilon": bars(measured.eps, log=True),
    "too_few_epochs": curves(measured.before, measured.after),
    "lr_too_high": trials,
    "lr_too_low": trials,
    "dead_units": over_steps("dead", "share of dead units", lambda: limit("dead_units", "share")),
    "saturated_units": over_steps("saturated", "share saturated", lambda: limit("saturated_units", "share")),
    "l2_too_strong": curves(measured.penalised, measured.unpenalised),
    "dropout_too_strong": curves(measured.of_base("dropout_too_strong", "remaining")),
    "use_gap": bars(measured.use_gap, what="loss of the same rows"),
    "too_small": bars(measured.smallness, ends=(0, 1.25), what="share"),
    "too_large": curves(measured.by_heart),
    "not_finite": by_layer(measured.greatest("std"), lambda record: {"float32 ends": MOST}, "spread of outputs"),
    "loss_rises": curves(measured.risen, measured.stopped),
    "oscillates": curves(measured.swing),
    "flat": curves(measured.of_base("flat", "share")),
    "plateau": curves(measured.plateau),
    "too_short": bars(measured.steps_made),
}  # fmt: skip
