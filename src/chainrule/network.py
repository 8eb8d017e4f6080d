"""A network as the graphs that engines run, one for a step of training, one for prediction, and as the arrays they move.

The step is one graph: (parameters, layer state, optimiser state, batch, step, seed, lr, l2) -> (the first three anew,
loss, output); the batch has weights and the knobs an l1 only where they are used. Arrays go by their path: `dense1/w`; the
optimiser's state of it is `~dense1/w/m`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .engine import refuse_too_much
from .errors import DataError, ShapeError, UnknownName, require
from .grad import backpropagate
from .graph import Graph, Shape, Tensor, placeholder, scope
from .init import Draw
from .layers import Context, Layer, Param, State, record
from .loss import Loss
from .ops import sign
from .optim import Optimizer

Arrays = dict[str, NDArray[Any]]
OF_BATCH = ("weights", "unit")  # fed with a batch where rows or classes count differently
# d/dp of the priors' p^2 / 2 and |p|
PULLS: Mapping[str, Callable[[Tensor], Tensor]] = {"l2": lambda p: p, "l1": sign}


def slot_path(path: str, slot: str) -> str:
    """The path of an optimiser's state for the parameter at `path`."""
    return f"~{path}/{slot}"


def training_graph(
    net: Layer,
    loss: Loss,
    optimizer: Optimizer,
    x: Shape,
    y: Shape,
    y_dtype: np.dtype[Any],
    extra: Collection[str] = (),
    dtype: DTypeLike = np.float32,
) -> Graph:
    """One step of training on a batch of inputs shaped `x` and targets shaped `y`, the batch axis first.

    `extra` names what is fed besides, of "weights" (of the rows), "unit" (their mean in all the data) and "l1".
    """
    batch = {"x": placeholder(x, dtype, "x"), "y": placeholder(y, y_dtype, "y")}
    batch |= {name: placeholder(x[:1] if name == "weights" else (), dtype, name) for name in OF_BATCH if name in extra}
    knobs = {name: placeholder((), np.int64, name) for name in ("step", "seed")}
    knobs |= {name: placeholder((), dtype, name) for name in ("lr", "l2", "l1") if name in ("lr", "l2", *extra)}
    ctx = Context(train=True, seed=knobs["seed"], step=knobs["step"], dtype=dtype)
    output, value = forward(ctx, net, loss, batch)
    params = {path: ctx.leaves[path] for path, spec in ctx.declared.items() if isinstance(spec, Param)}
    gradient = backpropagate(value, wrt=params.values())
    decaying = {path for path, spec in ctx.declared.items() if isinstance(spec, Param) and spec.decay}
    total: Mapping[Tensor, Tensor] = {
        p: _with_prior(p, gradient.get(p), knobs if path in decaying else {}) for path, p in params.items()
    }
    with scope("clip"):
        total = optimizer.clipped(total)
    slots, updated = _updates(optimizer, params, decaying, total, knobs)
    kept = {path: leaf for path, leaf in ctx.leaves.items() if path not in params}
    inputs = {**batch, **knobs, **ctx.leaves, **slots}
    outputs = {"loss": value, "output": output, **kept, **ctx.updates, **updated}
    return Graph(inputs, outputs, gradient)


def forward(ctx: Context, net: Layer, loss: Loss, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The network's output for a batch, and the mean loss of its rows."""
    output = ctx.call("", net, batch["x"])
    with scope("loss"):
        return output, loss.shares(output, batch["y"], batch.get("weights"), batch.get("unit")).mean().named("mean")


def _with_prior(p: Tensor, g: Tensor | None, knobs: Mapping[str, Tensor]) -> Tensor:
    """The gradient with that of l2 / 2 sum p^2 + l1 sum |p|; the loss shown stays that of the data."""
    g = p * 0 if g is None else g
    for name, pull in PULLS.items():
        if name in knobs:
            with scope(name):
                g = g + knobs[name] * pull(p)
    return g


def _updates(
    optimizer: Optimizer,
    params: Mapping[str, Tensor],
    decaying: Collection[str],
    gradient: Mapping[Tensor, Tensor],
    knobs: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The optimiser's state as inputs, and every parameter and state after the step."""
    slots: dict[str, Tensor] = {}
    updated: dict[str, Tensor] = {}
    with scope("update"):
        t = knobs["step"].astype(knobs["lr"].dtype) + 1
    for path, p in params.items():
        with scope(f"update/{path}"):
            state = {slot: placeholder(p.shape, p.dtype, slot) for slot in optimizer.slots}
            start = optimizer.decayed(p, knobs["lr"]) if path in decaying else p
            after, moved = optimizer.update(start, gradient[p], state, t, knobs["lr"])
            updated[path] = optimizer.constrained(after) if path in decaying else after
        slots.update({slot_path(path, slot): leaf for slot, leaf in state.items()})
        updated.update({slot_path(path, slot): value for slot, value in moved.items()})
    return slots, updated


def prediction_graph(net: Layer, loss: Loss, x: Shape) -> Graph:
    """The network in use: `output` as the last layer gives it, and `prediction`, what it means."""
    ctx, inputs, output = record(net, x)
    with scope("prediction"):
        prediction = loss.prediction(output)
    return Graph({"x": inputs, **ctx.leaves}, {"output": output, "prediction": prediction})


def declared_arrays(net: Layer, x: Shape) -> dict[str, Param | State]:
    """Parameters and state of a network by path, for an input of that shape."""
    return record(net, x)[0].declared


def initial_arrays(
    declared: Mapping[str, Param | State],
    slots: Collection[str],
    seed: int,
    start: Mapping[str, ArrayLike] | None = None,
) -> Arrays:
    """Parameters, layer state and, for the optimiser's `slots`, its state before the first step.

    `start` gives some of the first two: what was pretrained, or drawn in another way.
    """
    require("training", "start", start, start is None or isinstance(start, Mapping), "arrays by path, or None")
    for path in start or {}:
        if path not in declared:
            raise UnknownName("array of this network", path, declared)
    sizes = {path: 4 * math.prod(spec.shape) for path, spec in declared.items()}
    refuse_too_much("this network with its optimiser", sizes, sum(sizes.values()) * (1 + len(slots)))
    arrays: Arrays = {}
    for path, spec in declared.items():
        if start is not None and path in start:
            arrays[path] = _given(path, start[path], spec.shape)
        else:
            arrays[path] = _drawn(path, spec, seed)
        if isinstance(spec, Param):
            arrays |= {slot_path(path, slot): np.zeros(spec.shape, np.float32) for slot in slots}
    return arrays


def _given(path: str, value: ArrayLike, shape: Shape) -> NDArray[np.float32]:
    """An array to start from; a sentence unless it has the shape and finite numbers."""
    try:
        array = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        raise DataError(f"start: '{path}' should be numbers of {shape}, found {type(value).__name__}") from None
    if array.shape != shape:
        raise ShapeError(f"start: '{path}' should be {shape}, found {array.shape}")
    if not np.isfinite(array).all():
        raise DataError(f"start: '{path}' holds {array[~np.isfinite(array)][0]}: expected finite numbers")
    return array


def _drawn(path: str, spec: Param | State, seed: int) -> NDArray[np.float32]:
    """An array as its initialiser draws it."""
    array = np.asarray(spec.init(spec.shape, Draw(seed, path)), np.float32)
    if array.shape != spec.shape:
        raise ShapeError(f"the initialiser of '{path}' gave {array.shape}, expected {spec.shape}")
    return array
