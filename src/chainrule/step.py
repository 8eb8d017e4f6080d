"""A network as the graphs that engines run: one for a step of training, one for prediction.

The step is one graph: (parameters, layer state, optimiser state, batch, step, seed, lr, l2) -> (the first three anew,
loss, output). Arrays go by their path: `dense1/w`; the optimiser's state of it is `~dense1/w/m`. `Step` runs it, and shows
what happened inside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .engine import Plan, plan
from .errors import NoValueError, ShapeError, require
from .explain import explained
from .grad import backpropagate
from .graph import METHODS, Graph, Shape, Tensor, placeholder, scope, tensor
from .init import Draw
from .layers import Context, Layer, Param, State, parse, record
from .loss import BY_TASK, Loss, OfNumbers
from .optim import Adam, Optimizer
from .trace import Trace

Arrays = dict[str, NDArray[Any]]


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
    dtype: DTypeLike = np.float32,
) -> Graph:
    """One step of training on a batch of inputs shaped `x` and targets shaped `y`, the batch axis first."""
    batch = {"x": placeholder(x, dtype, "x"), "y": placeholder(y, y_dtype, "y")}
    knobs = {name: placeholder((), np.int64, name) for name in ("step", "seed")}
    knobs |= {name: placeholder((), dtype, name) for name in ("lr", "l2")}
    ctx = Context(train=True, seed=knobs["seed"], step=knobs["step"], dtype=dtype)
    output, value = _forward(ctx, net, loss, batch)
    params = {path: ctx.leaves[path] for path, spec in ctx.declared.items() if isinstance(spec, Param)}
    gradient = backpropagate(value, wrt=params.values())
    with scope("l2"):  # d/dp of (l2 / 2) sum p^2, for the weights only; the loss shown stays that of the data
        total: Mapping[Tensor, Tensor] = {
            p: _with_decay(p, gradient.get(p), ctx.declared[path], knobs["l2"]) for path, p in params.items()
        }
    with scope("clip"):
        total = optimizer.clipped(total)
    decaying = {path for path, spec in ctx.declared.items() if isinstance(spec, Param) and spec.decay}
    slots, updated = _updates(optimizer, params, decaying, total, knobs)
    kept = {path: leaf for path, leaf in ctx.leaves.items() if path not in params}
    inputs = {**batch, **knobs, **ctx.leaves, **slots}
    outputs = {"loss": value, "output": output, **kept, **ctx.updates, **updated}
    return Graph(inputs, outputs, gradient)


def _forward(ctx: Context, net: Layer, loss: Loss, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The network's output for a batch, and the mean loss of its rows."""
    output = ctx.call("", net, batch["x"])
    with scope("loss"):
        return output, loss.rows(output, batch["y"]).mean().named("mean")


def _with_decay(p: Tensor, g: Tensor | None, spec: Param | State, l2: Tensor) -> Tensor:
    g = p * 0 if g is None else g
    return g + l2 * p if isinstance(spec, Param) and spec.decay else g


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
            updated[path], moved = optimizer.update(start, gradient[p], state, t, knobs["lr"])
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


def initial_arrays(declared: Mapping[str, Param | State], slots: Collection[str], seed: int) -> Arrays:
    """Parameters, layer state and, for the optimiser's `slots`, its state before the first step."""
    arrays: Arrays = {}
    for path, spec in declared.items():
        arrays[path] = np.asarray(spec.init(spec.shape, Draw(seed, path)), np.float32)
        if isinstance(spec, Param):
            arrays |= {slot_path(path, slot): np.zeros(spec.shape, np.float32) for slot in slots}
    return arrays


class Step:
    """One step of training, compiled; a plan for each batch size. Every call moves the parameters.

        step = cr.Step(net, x, y, optimizer=cr.SGD(0.1))
        step(x, y)                        # the loss
        step.peek("conv2d1/out")          # value and gradient of any node of the latest call, by name
        step.peek("grad/dense1/w")
        step.peek()                       # all of them: activations, parameters, gradients
        step.save("step.html")            # the graph, with the numbers of the latest call

    net        a layer, or the notation ("conv8-3 relu flatten dense10")
    x, y       a batch: inputs of float32, and labels (integers) or numbers; only shapes and types are looked at
    loss       default: cross-entropy for labels, squared error for numbers
    optimizer  default Adam(0.001)
    seed       of the initial weights and of dropout
    dtype      float32, or float64 for comparisons
    keep       True keeps every value of every call; otherwise `peek` runs the latest call once more, to the same bits
    """

    def __init__(
        self,
        net: Layer | str,
        x: ArrayLike,
        y: ArrayLike,
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        seed: int = 0,
        engine: str = "auto",
        keep: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.dtype = np.dtype(dtype)
        require("Step", "dtype", dtype, self.dtype.name in ("float32", "float64"), "float32 or float64")
        inputs, targets = _batch(x, y, loss, self.dtype)
        self.net = parse(net) if isinstance(net, str) else net
        require(
            "Step", "net", net, isinstance(self.net, Layer), 'a layer, or a notation such as "dense64 relu dense10"'
        )
        require("Step", "loss", loss, loss is None or isinstance(loss, Loss), "a Loss, or None")
        require(
            "Step", "optimizer", optimizer, optimizer is None or isinstance(optimizer, Optimizer), "such as cr.SGD(0.1)"
        )
        whole = isinstance(seed, int | np.integer) and 0 <= seed < 2**32
        require("Step", "seed", seed, whole, "an int in the range [0, 2**32)")
        self.loss = loss or BY_TASK["classes" if targets.dtype.kind == "i" else "numbers"]
        self.optimizer, self.seed, self.engine, self.keep = optimizer or Adam(), seed, engine, keep
        declared = declared_arrays(self.net, inputs.shape)
        start = initial_arrays(declared, self.optimizer.slots, seed)
        self.arrays = {path: array.astype(self.dtype, copy=False) for path, array in start.items()}
        self.of_network = tuple(declared)  # the paths among the arrays that are not the optimiser's
        self.shape, self.count = inputs.shape[1:], 0
        self._graphs: dict[Any, Graph] = {}
        self._plans: dict[Any, Plan] = {}
        self._latest: tuple[Arrays, dict[str, NDArray[Any]]] | None = None  # what the latest call was fed, what it kept
        self.plan(inputs, targets, keep)  # what does not fit shows itself now

    def __call__(self, x: ArrayLike, y: ArrayLike) -> float:
        """One step on a batch; gives its loss."""
        return float(self.run(*_batch(x, y, self.loss, self.dtype), lr=self.optimizer.lr)["loss"])

    def run(self, x: NDArray[Any], y: NDArray[Any], lr: float, l2: float = 0.0) -> Arrays:
        """One step; gives all outputs. Arrays are replaced, never written to: what was saved of them stays."""
        knobs: dict[str, Any] = {
            "step": np.int64(self.count),
            "seed": np.int64(self.seed),
            "lr": np.asarray(lr, self.dtype),
            "l2": np.asarray(l2, self.dtype),
        }
        feeds: Arrays = {**self.arrays, "x": x, "y": y, **knobs}
        out, kept = self.plan(x, y, self.keep).run(feeds)
        self._latest = (feeds, kept)
        self.arrays = {path: out[path] for path in self.arrays}
        self.count += 1
        return out

    def plan(self, x: NDArray[Any], y: NDArray[Any], keep: bool = False) -> Plan:
        """The step for batches like this one."""
        if x.shape[1:] != self.shape:
            raise ShapeError(f"the step takes inputs of {self.shape} per example, found {x.shape[1:]}")
        batch = (x.shape, y.shape, y.dtype)
        if batch not in self._graphs:
            self._graphs[batch] = training_graph(self.net, self.loss, self.optimizer, *batch, self.dtype)
        if (batch, keep) not in self._plans:
            graph = self._graphs[batch]
            self._plans[batch, keep] = plan(graph, self.engine, [*graph.names, *graph.gradient_names] if keep else ())
        return self._plans[batch, keep]

    def trace(self) -> Trace:
        """The latest call with the value and the gradient of every node on the way to the loss."""
        if self._latest is None:
            raise NoValueError("the step was not run yet: call it with a batch first, step(x, y)")
        feeds, kept = self._latest
        ready = self.plan(feeds["x"], feeds["y"], keep=True)
        if not kept:
            kept = ready.run(feeds)[1]
            self._latest = (feeds, kept)
        graph = ready.graph
        return Trace.of_run(graph, graph.outputs["loss"], {graph.find(name): value for name, value in kept.items()})

    def peek(self, name: str | None = None) -> Any:
        """Value and gradient of a node of the latest call, by name; without a name, of every node, as a dict by name."""
        return {peek.name: peek for peek in self.trace()} if name is None else self.trace().peek(name)

    def eager(self, x: ArrayLike, y: ArrayLike) -> Tensor:
        """The loss of a batch computed op by op on the present parameters: a tensor with `backward`, `explain`, `peek`."""
        inputs, targets = _batch(x, y, self.loss, self.dtype)
        seed, count = tensor(np.int64(self.seed), "seed"), tensor(np.int64(self.count), "step")
        ctx = Context(train=True, seed=seed, step=count, values=self.arrays)
        return _forward(ctx, self.net, self.loss, {"x": tensor(inputs, "x"), "y": tensor(targets, "y")})[1]

    def explain(self) -> Any:
        """The latest call's backpropagation in words and numbers."""
        return explained(self.trace())

    def show(self) -> Any:
        """Draw the latest call: layers that unfold, values in green, gradients in red."""
        return METHODS["picture"](self.trace(), fold=True).show()

    def save(self, path: str | Path) -> None:
        """Draw the latest call into a file: `.svg`, `.png` or `.html`."""
        METHODS["picture"](self.trace(), fold=True).save(path)


def _batch(x: ArrayLike, y: ArrayLike, loss: Loss | None, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and numbers to predict (n, k) as floats, labels as int64 (n,); the loss says what y is."""
    inputs, targets = tensor(x, "x", dtype).value, tensor(y, "y").value
    if inputs.ndim < 2 or targets.ndim < 1 or len(inputs) != len(targets) or not len(inputs):
        raise ShapeError(
            f"a batch is inputs (n, ...) and targets (n,) or (n, k), n at least 1: found x {inputs.shape}, y {targets.shape}"
        )
    if targets.dtype.kind in "biu" and not isinstance(loss, OfNumbers):
        return inputs, targets.astype(np.int64)
    return inputs, targets.astype(dtype).reshape(len(targets), -1)
