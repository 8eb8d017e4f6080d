"""A network as the graphs that engines run: one for a step of training, one for prediction.

The step is one graph: (parameters, layer state, optimiser state, batch, step, seed, lr, l2) -> (the first three anew,
loss, output). Arrays go by their path: `dense1/w`; the optimiser's state of it is `~dense1/w/m`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grad import backpropagate
from .graph import Graph, Shape, Tensor, placeholder, scope, tensor
from .init import Draw
from .layers import Context, Layer, Param, State, record
from .loss import Loss
from .optim import Optimizer

Arrays = dict[str, NDArray[Any]]


def slot_path(path: str, slot: str) -> str:
    """The path of an optimiser's state for the parameter at `path`."""
    return f"~{path}/{slot}"


def training_graph(net: Layer, loss: Loss, optimizer: Optimizer, x: Shape, y: Shape, y_dtype: np.dtype[Any]) -> Graph:
    """One step of training on a batch of inputs shaped `x` and targets shaped `y`, the batch axis first."""
    batch = {"x": placeholder(x, name="x"), "y": placeholder(y, y_dtype, "y")}
    knobs = {name: placeholder((), np.int64, name) for name in ("step", "seed")}
    knobs |= {name: placeholder((), name=name) for name in ("lr", "l2")}
    ctx = Context(train=True, seed=knobs["seed"], step=knobs["step"])
    output = ctx.call("", net, batch["x"])
    with scope("loss"):
        value = loss.rows(output, batch["y"]).mean().named("mean")
    params = {path: ctx.leaves[path] for path, spec in ctx.declared.items() if isinstance(spec, Param)}
    gradient = backpropagate(value, tensor(np.ones((), value.dtype)), params.values())
    with scope("l2"):  # d/dp of (l2 / 2) sum p^2, for the weights only; the loss shown stays that of the data
        total = {p: _with_decay(p, gradient.get(p), ctx.declared[path], knobs["l2"]) for path, p in params.items()}
    slots, updated = _updates(optimizer, params, total, knobs)
    kept = {path: leaf for path, leaf in ctx.leaves.items() if path not in params}
    inputs = {**batch, **knobs, **ctx.leaves, **slots}
    outputs = {"loss": value, "output": output, **kept, **ctx.updates, **updated}
    return Graph(inputs, outputs, gradient)


def _with_decay(p: Tensor, g: Tensor | None, spec: Param | State, l2: Tensor) -> Tensor:
    g = p * 0 if g is None else g
    return g + l2 * p if isinstance(spec, Param) and spec.decay else g


def _updates(
    optimizer: Optimizer, params: Mapping[str, Tensor], gradient: Mapping[Tensor, Tensor], knobs: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The optimiser's state as inputs, and every parameter and state after the step."""
    slots: dict[str, Tensor] = {}
    updated: dict[str, Tensor] = {}
    with scope("update"):
        t = knobs["step"].astype("float32") + 1
    for path, p in params.items():
        with scope(f"update/{path}"):
            state = {slot: placeholder(p.shape, p.dtype, slot) for slot in optimizer.slots}
            updated[path], moved = optimizer.update(p, gradient[p], state, t, knobs["lr"])
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


def initial_arrays(declared: Mapping[str, Param | State], optimizer: Optimizer, seed: int) -> Arrays:
    """Parameters, layer state and optimiser state before the first step."""
    arrays: Arrays = {}
    for path, spec in declared.items():
        arrays[path] = np.asarray(spec.init(spec.shape, Draw(seed, path)), np.float32)
        if isinstance(spec, Param):
            arrays |= {slot_path(path, slot): np.zeros(spec.shape, np.float32) for slot in optimizer.slots}
    return arrays
