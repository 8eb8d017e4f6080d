"""One step of training, compiled and run; and what happened inside of it, to be looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .diagnose import Probes, probed
from .engine import Batches, Plan, States, plan
from .errors import DataError, NoValueError, ShapeError, require, require_seed
from .explain import explained
from .graph import METHODS, Graph, Tensor, tensor
from .layers import Context, Layer, parse
from .loss import BY_TASK, Loss, OfClasses, Task
from .network import OF_BATCH, Arrays, declared_arrays, forward, initial_arrays, training_graph
from .optim import Adam, Optimizer
from .trace import Peek, Trace

ONLY_LOSS = ("loss",)
AT_TIMES = (*OF_BATCH, "l1")  # inputs that some steps have


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
    weights    how much each row counts, (n,); given once, to be given with every call
    loss       default: cross-entropy for class codes, binary cross-entropy for truth values, squared error for numbers
    optimizer  default Adam(0.001)
    start      some of the initial arrays by path ("dense1/w"), as from `cr.pretrain` or `cr.lsuv`
    seed       of the initial weights and of dropout
    dtype      float32, or float64 for comparisons
    keep       what every call keeps for `peek`: True for every value, "layers" for each layer's output and its gradient, or
               names; for anything else `peek` runs the latest call once more
    """

    def __init__(
        self,
        net: Layer | str,
        x: ArrayLike,
        y: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        start: Mapping[str, ArrayLike] | None = None,
        seed: int = 0,
        engine: str = "auto",
        keep: bool | str | Collection[str] = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.dtype = np.dtype(dtype)
        require("Step", "dtype", dtype, self.dtype.name in ("float32", "float64"), "float32 or float64")
        self.net = parse(net) if isinstance(net, str) else net
        require(
            "Step", "net", net, isinstance(self.net, Layer), 'a layer, or a notation such as "dense64 relu dense10"'
        )
        require("Step", "loss", loss, loss is None or isinstance(loss, Loss), "a Loss, or None")
        require(
            "Step", "optimizer", optimizer, optimizer is None or isinstance(optimizer, Optimizer), "such as cr.SGD(0.1)"
        )
        require_seed("Step", seed)
        batch = _batch(x, y, weights, loss, self.dtype)
        self.loss = loss or BY_TASK[task_of(y)]
        self.optimizer, self.seed, self.engine, self.keep = optimizer or Adam(), seed, engine, keep
        declared = declared_arrays(self.net, batch["x"].shape)
        arrays = initial_arrays(declared, self.optimizer.slots, seed, start)
        self.arrays = {path: array.astype(self.dtype, copy=False) for path, array in arrays.items()}
        self.of_network = tuple(declared)  # the paths among the arrays that are not the optimiser's
        self.shape, self.count = batch["x"].shape[1:], 0
        self._shown: Arrays | None
        self._graphs: dict[Any, Graph] = {}
        self._plans: dict[Any, Plan] = {}
        self._probes: dict[Graph, tuple[Probes, Plan]] = {}  # by the graph they look at
        self._usual: dict[Any, Plan] = {}  # by the kind of arrays that are taken as they are
        self._rows = np.arange(0)[None]
        self._latest: tuple[Batches, int] | None = None  # what the latest call was fed, and its last step
        self._traced: Arrays | None = None  # every value of it, if they were asked for
        first = self.ready(batch, keep)  # what does not fit shows itself now
        self.classes = first.graph.outputs["output"].shape[-1]
        of_classes = isinstance(self.loss, OfClasses)
        self._below = self.classes if of_classes else 0  # what class codes are below
        self._takes_any = of_classes or self.loss.span == (-np.inf, np.inf)

    def __call__(self, x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> float:
        """One step on a batch; gives its loss."""
        kind = None
        if weights is None and isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            kind = (x.shape, x.dtype, y.shape, y.dtype)
            if kind in self._usual and (loss := self._quickly(self._usual[kind], x, y)) is not None:
                return loss
        batch = _batch(x, y, weights, self.loss, self.dtype)
        if isinstance(self.loss, OfClasses):
            self.loss.check_codes(batch["y"], self.classes)
        else:
            self.loss.check(batch["y"])
        made = self.advance(batch, self._all_rows(len(batch["x"])), self.optimizer.lr, wanted=ONLY_LOSS)
        if kind == (batch["x"].shape, batch["x"].dtype, batch["y"].shape, batch["y"].dtype) and self._takes_any:
            self._usual[kind] = self.ready(batch, self.keep)
        return float(made["loss"][0])

    def _quickly(self, ready: Plan, x: NDArray[Any], y: NDArray[Any]) -> float | None:
        """A step on arrays of a kind that was taken as it is; None where something about them must be told."""
        numbers = {"step": self.count, "seed": self.seed, "lr": self.optimizer.lr, "l2": 0.0}
        batches = Batches({"x": x, "y": y}, self._all_rows(len(x)), numbers)
        loss = ready.once(self._states, batches, self._below)
        if loss is not None:
            self._latest, self._traced, self._shown = (batches, 0), None, None
            self.count += 1
        return loss

    def run(self, batch: Arrays, lr: float, l2: float = 0.0, l1: float = 0.0) -> Arrays:
        """One step on a batch of `x`, `y` and, where rows count differently, `weights` and `unit`; gives loss and output."""
        made = self.advance(batch, self._all_rows(len(batch["x"])), lr, l2, l1)
        return {name: array[0] for name, array in made.items()}

    def advance(
        self,
        rows: Arrays,
        order: NDArray[np.int64],
        lr: float | NDArray[Any],
        l2: float = 0.0,
        l1: float = 0.0,
        wanted: tuple[str, ...] = ("loss", "output"),
    ) -> Arrays:
        """Steps on rows of these by their numbers, `order` (steps, batch), `lr` for all steps or for each.

        Gives loss and output of every step, (steps, ...). A step whose loss is not finite is the last one.
        """
        batches = self._batches(rows, order, lr, l2, l1)
        ready = self._ready(batches, self.keep)
        made = ready.advance(self._states, batches, wanted)
        done = len(made["loss"])
        self._latest, self._traced, self._shown = (batches, done - 1), None, None
        self.count += done
        return made

    def probe(
        self, rows: Arrays, order: NDArray[np.int64], lr: float, l2: float = 0.0, l1: float = 0.0
    ) -> dict[str, float]:
        """The figures of every layer (`chainrule.diagnose.probes`) of a step, `order` (1, batch), that moves nothing."""
        graph, fed = self.opened(rows, order, lr, l2, l1)
        if graph not in self._probes:
            self._probes[graph] = (Probes.of(graph), plan(probed(graph), self.engine))
        table, watching = self._probes[graph]
        return table.named(watching(fed)["probes"]) if table.names else {}

    def opened(
        self, rows: Arrays, order: NDArray[np.int64], lr: float | NDArray[Any], l2: float = 0.0, l1: float = 0.0
    ) -> tuple[Graph, Arrays]:
        """The graph of a step on these rows, `order` (1, batch), and all that it is fed: to run it in another way."""
        batches = self._batches(rows, order, lr, l2, l1)
        return self._ready(batches, self.keep).graph, {**self._states, **batches.feeds(0)}

    def _batches(self, rows: Arrays, order: NDArray[np.int64], lr: Any, l2: float, l1: float) -> Batches:
        """What steps on these rows are fed."""
        steps, count = len(order), self.count
        step = count if steps == 1 else np.arange(count, count + steps)
        numbers: dict[str, Any] = {"step": step, "seed": self.seed, "lr": lr, "l2": l2}
        if l1:
            numbers["l1"] = l1
        if "unit" in rows:
            numbers["unit"] = rows["unit"]
            rows = {name: array for name, array in rows.items() if name != "unit"}
        return Batches(rows, order, numbers)

    def _all_rows(self, count: int) -> NDArray[np.int64]:
        """All rows in their order, as those of one step."""
        if self._rows.shape[1] != count:
            self._rows = np.arange(count)[None]
        return self._rows

    @property
    def arrays(self) -> Arrays:
        """Parameters, layer state and the optimiser's state by path, as they are now; later steps do not change them."""
        if self._shown is None:
            self._shown = self._states.frozen()
        return self._shown

    @arrays.setter
    def arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._states, self._shown = States(arrays), None

    def plan(self) -> str:
        """What the engine makes of the latest step, to be printed: what is fused, what stands where, what it costs."""
        if self._latest is None:
            return str(next(iter(self._plans.values())))
        return str(self._ready(self._latest[0], self.keep))

    def ready(self, batch: Arrays, keep: bool | str | Collection[str] = False) -> Plan:
        """The step for batches like this one."""
        rows = {name: array for name, array in batch.items() if name in ("x", "y", "weights")}
        return self._ready(Batches(rows, self._all_rows(len(rows["x"])), batch), keep)

    def _ready(self, batches: Batches, keep: bool | str | Collection[str]) -> Plan:
        x, y, count = batches.rows["x"], batches.rows["y"], batches.order.shape[1]
        if x.shape[1:] != self.shape:
            raise ShapeError(f"the step takes inputs of {self.shape} per example, found {x.shape[1:]}")
        fed = tuple([name for name in AT_TIMES if name in batches.rows or name in batches.numbers])
        kind = (count, y.shape[1:], y.dtype, fed)
        key = (kind, keep if isinstance(keep, bool | str) else tuple(keep))
        if key not in self._plans:
            if kind not in self._graphs:
                shapes = (count, *x.shape[1:]), (count, *y.shape[1:])
                self._graphs[kind] = training_graph(
                    self.net, self.loss, self.optimizer, *shapes, y.dtype, fed, self.dtype
                )
            self._plans[key] = plan(self._graphs[kind], self.engine, names_to_keep(self._graphs[kind], keep))
        return self._plans[key]

    def trace(self) -> Trace:
        """The latest call with the value and the gradient of every node on the way to the loss."""
        if self._latest is None:
            raise NoValueError("the step was not run yet: call it with a batch first, step(x, y)")
        batches, last = self._latest
        ready = self._ready(batches, keep=True)
        if self.keep is True:
            self._traced = self._traced or ready.kept(names_to_keep(ready.graph, True))
        elif self._traced is None:
            self._traced = ready.run({**self._states, **self._states.spare, **batches.feeds(last)})[1]
        values = self._traced or {}
        graph = ready.graph
        return Trace.of_run(graph, graph.outputs["loss"], {graph.find(name): value for name, value in values.items()})

    def peek(self, name: str | None = None) -> Any:
        """Value and gradient of a node of the latest call, by name; without a name, of every node, as a dict by name."""
        if name is None:
            return {peek.name: peek for peek in self.trace()}
        if self._latest is not None and self.keep:
            ready = self._ready(self._latest[0], self.keep)
            kept = ready.kept([name, f"grad/{name}"])
            if name in kept:
                return Peek(name, kept[name], kept.get(f"grad/{name}"))
        return self.trace().peek(name)

    def eager(self, x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> Tensor:
        """The loss of a batch computed op by op on the present parameters: a tensor with `backward`, `explain`, `peek`."""
        batch = _batch(x, y, weights, self.loss, self.dtype)
        seed, count = tensor(np.int64(self.seed), "seed"), tensor(np.int64(self.count), "step")
        ctx = Context(train=True, seed=seed, step=count, values=self.arrays)
        return forward(ctx, self.net, self.loss, {name: tensor(array, name) for name, array in batch.items()})[1]

    def explain(self) -> Any:
        """The latest call's backpropagation in words and numbers."""
        return explained(self.trace())

    def show(self) -> Any:
        """Draw the latest call: layers that unfold, values in green, gradients in red."""
        return METHODS["picture"](self.trace(), fold=True).show()

    def save(self, path: str | Path) -> None:
        """Draw the latest call into a file: `.svg`, `.png` or `.html`."""
        METHODS["picture"](self.trace(), fold=True).save(path)


def names_to_keep(graph: Graph, keep: bool | str | Collection[str]) -> list[str]:
    """The names of the nodes that `keep` means, and of their gradients."""
    every = [*graph.names, *graph.gradient_names]
    if isinstance(keep, bool):
        return every if keep else []
    if keep == "layers":
        return [name for name in every if name.endswith("/out")]
    require("Step", "keep", keep, not isinstance(keep, str), 'True, False, "layers", or names of nodes')
    for name in keep:
        graph.find(name)  # an unknown name is a sentence
    return [found for name in keep for found in (name, f"grad/{name}") if found in every]


def task_of(y: ArrayLike) -> Task:
    """What targets of this kind are: class codes, truth values for each of several labels, or numbers."""
    kind, axes = np.asarray(y).dtype.kind, np.ndim(y)
    return "labels" if kind == "b" and axes > 1 else "classes" if kind in "biu" else "numbers"


def _batch(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None, loss: Loss | None, dtype: np.dtype[Any]) -> Arrays:
    """Inputs as floats, class codes as int64, labels and numbers to predict (n, k) as floats; the loss says what y is."""
    inputs, targets = tensor(x, "x", dtype).value, tensor(y, "y").value
    if inputs.ndim < 2 or targets.ndim < 1 or len(inputs) != len(targets) or not len(inputs):
        raise ShapeError(
            f"a batch is inputs (n, ...) and targets (n,) or (n, k), n at least 1: found x {inputs.shape}, y {targets.shape}"
        )
    of_classes = "classes" in loss.tasks if loss else task_of(targets) == "classes"
    if of_classes:
        codes = targets.astype(np.int64)
        if (codes != targets).any():
            raise DataError(f"expected class codes, whole numbers, in y, found {targets[codes != targets][0]}")
        targets = codes
    else:
        targets = targets.astype(dtype)[:, None] if targets.ndim == 1 else targets.astype(dtype)
    return {"x": inputs, "y": targets} | ({} if weights is None else {"weights": _weights(weights, len(inputs), dtype)})


def _weights(weights: ArrayLike, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    found = np.asarray(weights, dtype)
    if found.shape != (count,) or not (np.isfinite(found) & (found >= 0)).all():
        raise DataError(f"expected weights of ({count},), finite and at least 0, found the shape {found.shape}")
    return found
