"""Facts about a network before its first step: everything that can be wrong with it on a few rows already."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..graph import tensor
from ..layers import Context, Layer
from ..loss import Loss, Task
from ..optim import Optimizer
from .form import affine, of_form
from .gradients import of_gradients
from .levels import of_losses


def at_start(
    net: Layer,
    loss: Loss,
    x: NDArray[Any],
    y: NDArray[Any],
    arrays: Mapping[str, ArrayLike],
    *,
    optimizer: Optimizer,
    lr: float,
    weights: NDArray[Any] | None = None,
    task: Task | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What is known of a network on its first rows, JSON-ready.   Cost: some runs on four rows for each parameter array.

    x, y, weights  some rows as the step is fed them: prepared inputs (n, ...), targets (n, ...), weights (n,) if any
    arrays         the network's by path, as they are at the start; the optimiser's state is 0 unless it is among them
    lr             the learning rate of the first step

    | name | what |
    |---|---|
    | gradient, descent | `gradients`: is the gradient right, does the first update go downhill |
    | equal, ops, softmax_hidden, output_op, output_range, output_units, weight_layers | `form` |
    | affine | whether the network in use is affine though it has two weight layers or more; None: no meaning |
    | output | mean, std, min and max of the output in training |
    | loss, loss_of_zeros, base_loss, standard_loss | `levels` |
    """
    given = {path: np.asarray(array) for path, array in arrays.items()}
    batch = {"x": x, "y": y} | ({} if weights is None else {"weights": weights})
    ctx = Context(train=True, seed=tensor(np.int64(seed)), step=tensor(np.int64(0)), values=given)
    with np.errstate(all="ignore"):
        output = ctx.call("", net, tensor(x, "x"))
    own = {path: given[path] for path in ctx.declared}
    form = of_form(ctx, output, own)
    is_affine = affine(net, x.shape[1:], own)
    value = np.asarray(output.value)
    return {
        **of_gradients(net, loss, optimizer, lr, batch, given, seed),
        **form,
        "affine": is_affine if is_affine is None else is_affine and form["weight_layers"] > 1,
        "output": _spread(value),
        **of_losses(loss, value, batch, task),
    }


def _spread(values: NDArray[Any]) -> dict[str, float | None]:
    """Mean, standard deviation and ends; None for what is not finite, which JSON has no word for."""
    v = values.astype(np.float64)
    with np.errstate(all="ignore"):
        figures = {"mean": v.mean(), "std": v.std(), "min": v.min(), "max": v.max()}
    return {name: float(figure) if math.isfinite(figure) else None for name, figure in figures.items()}
