"""Is the gradient right, and does the first update go downhill? Asked of the very graph that a training runs.

| what | formula | sound |
|---|---|---|
| error | \\|a - b\\| / max(\\|a\\|, \\|b\\|) of a = (L(p + e d) - L(p - e d)) / 2e and b = <dL/dp, d> | below 1e-3 |
| descent | <g, p' - p> / (\\|g\\| \\|p' - p\\|), all parameters as one vector | -1 of plain SGD; below 0 |

d is +-1 by chance, for one parameter after the other. All is in float64, where the differences have about nine digits.
Asked is not at the start itself but a little beside it, where no unit stands exactly on the kink of its ReLU; and what
fails is asked again elsewhere, as a kink may lie between p + e d and p - e d all the same. What `stop_gradient` holds
still is held still in the differences, too.

Source: CS231n, notes "Neural Networks Part 3", "Gradient checks"; Goodfellow, Bengio and Courville (2016), section 11.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..engine import ReferencePlan
from ..graph import Graph
from ..layers import Layer
from ..loss import Loss
from ..network import Arrays, training_graph
from ..optim import Optimizer

ROWS = 4  # at most: what is right for few rows is right for many
STEPS = (1e-5, 1e-6, 1e-7)  # e of every turn, of a parameter's size: the shorter, the fewer kinks, and the fewer digits
SHORTEST = 1e-9  # e
ROUNDING = 1e-12  # of the loss, ten thousand times that of float64: divided by e, what counts as 0
BESIDE = 1e-2  # how far from the start, of a weight's size
DOUBTFUL = 1e-4  # an error above it is asked for again
SMALL = 1e-4  # of the largest gradient: what an error is compared with at least


@dataclass(frozen=True)
class Checked:
    """One parameter's slope along a random direction, by differences and by the gradient; `floor` is what counts as 0."""

    path: str
    measured: float
    derived: float
    floor: float

    @property
    def error(self) -> float:
        """Relative, 0 to 2; of numbers that are not finite it is nothing."""
        found = abs(self.measured - self.derived) / max(abs(self.measured), abs(self.derived), self.floor)
        return found if math.isfinite(found) else 0.0

    def plain(self) -> dict[str, Any]:
        """As JSON-ready data; "flipped": both agree but for the sign."""
        flipped = abs(self.measured + self.derived) < 0.1 * abs(self.measured - self.derived)
        return {"worst": self.error, "layer": self.path, "flipped": bool(self.error > 1 and flipped)}


def of_gradients(
    net: Layer, loss: Loss, optimizer: Optimizer, lr: float, batch: Arrays, arrays: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """{"gradient": {"worst", "layer", "flipped"}, "cut": paths, "descent": cosine}, of a batch of `x`, `y` and perhaps
    `weights`. Cut are parameters that the loss depends on and that have no gradient at all, as behind `stop_gradient`.

    None for what cannot be asked: the network knows no float64, or nothing moves.
    """
    try:
        measured = Slopes(net, loss, optimizer, {"lr": lr, "l2": 0.0, "step": 0, "seed": seed}, batch, arrays)
    except Exception:  # a layer of the user's own that is of float32 says so in any way
        return {"gradient": None, "cut": [], "descent": None}
    return {"gradient": measured.checked(), "cut": measured.cut, "descent": measured.descent()}


class Slopes:
    """The training graph of a few rows in float64: its loss near the start, its gradient and its update."""

    def __init__(
        self,
        net: Layer,
        loss: Loss,
        optimizer: Optimizer,
        knobs: Mapping[str, Any],
        batch: Arrays,
        arrays: Mapping[str, Any],
    ) -> None:
        doubled = {name: a.astype(np.float64) if a.dtype.kind == "f" else a for name, a in batch.items()}
        self.batches = [{k: a[at : at + ROWS] for k, a in doubled.items()} for at in _starts(len(batch["x"]))]
        first = self.batches[0]
        extra = [name for name in ("weights",) if name in first]
        x, y = first["x"], first["y"]
        graph = training_graph(net, loss, optimizer, x.shape, y.shape, y.dtype, extra, np.float64)
        self.knobs = knobs
        self.arrays = {path: _array(arrays, path, graph) for path in graph.inputs if path not in {*first, *knobs}}
        self.trained = [p for p in self.arrays if p in graph.outputs and graph.outputs[p].scope == f"update/{p}"]
        named = {node: name for name, node in {**graph.gradient_names, **graph.names}.items()}
        self.gradient_of = {
            path: named[graph.gradient[leaf]]
            for path in self.trained
            if (leaf := graph.inputs[path]) in graph.gradient and graph.gradient[leaf] in named
        }
        ops = [node for node in graph.order if node.op is not None]
        self.still = {named[node]: node for node in ops if node.op.name == "stop_gradient"}
        self.step = ReferencePlan(graph, [*self.gradient_of.values(), *self.still])
        value = Graph({}, {"loss": graph.outputs["loss"]})
        used = {*value.order}
        self.cut = [p for p in self.trained if graph.inputs[p] in used and graph.inputs[p] not in graph.gradient]
        fed = {name: node for name, node in {**graph.inputs, **self.still}.items() if node in used}
        self.loss = ReferencePlan(Graph(fed, value.outputs))

    def at(self, arrays: Arrays, batch: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """What a step gives, its gradients by path, and what all else needs to be fed."""
        feeds = {**batch, **self.knobs, **arrays}
        with np.errstate(all="ignore"):
            made, kept = self.step.run(feeds)
        zero = {path: np.zeros_like(arrays[path]) for path in self.trained}
        gradients = zero | {path: kept[name] for path, name in self.gradient_of.items()}
        return made, gradients, {**feeds, **{name: kept[name] for name in self.still}}

    def descent(self) -> float | None:
        """The cosine of the first update with the gradient; None where either is 0 or not finite."""
        made, gradients, _ = self.at(self.arrays, self.batches[0])
        g = np.concatenate([gradients[path].ravel() for path in self.trained] or [np.zeros(0)])
        moved = np.concatenate([(made[path] - self.arrays[path]).ravel() for path in self.trained] or [np.zeros(0)])
        with np.errstate(all="ignore"):
            found = float(g @ moved / (np.linalg.norm(g) * np.linalg.norm(moved)))
        return found if math.isfinite(found) else None

    def checked(self) -> dict[str, Any] | None:
        """The parameter whose gradient is the least right; None without any, or where the loss is not finite."""
        best: dict[str, Checked] = {}
        for turn in range(len(STEPS)):
            asked = [path for path in self.trained if path not in best or best[path].error > DOUBTFUL]
            for checked in self._slopes(asked, turn) if asked else ():
                if checked.path not in best or checked.error < best[checked.path].error:
                    best[checked.path] = checked
        return max(best.values(), key=lambda checked: checked.error).plain() if best else None

    def _slopes(self, asked: Iterable[str], turn: int) -> list[Checked]:
        """Every parameter's slope by both ways, at a point and on rows of this turn's own."""
        rng = np.random.default_rng(turn)
        beside = {**self.arrays, **{path: _moved(self.arrays[path], rng) for path in self.trained}}
        made, gradients, feeds = self.at(beside, self.batches[turn % len(self.batches)])
        if not np.isfinite(made["loss"]):
            return []
        feeds = {name: feeds[name] for name in self.loss.graph.inputs}
        signs = {path: rng.integers(0, 2, beside[path].shape) * 2.0 - 1 for path in self.trained}
        with np.errstate(all="ignore"):
            derived = {path: float((gradients[path] * signs[path]).sum()) for path in self.trained}
        largest = max(map(abs, derived.values()))  # beside it the gradients of other parameters may be nothing
        found = []
        for path in asked:
            e = max(STEPS[turn] * _size(beside[path]), SHORTEST)
            floor = max(SMALL * largest, ROUNDING / e * abs(float(made["loss"])), 1e-30)
            measured = self._measured(path, e, signs[path], feeds, beside)
            found.append(Checked(path, measured, derived[path], floor))
        return found

    def _measured(self, path: str, e: float, d: NDArray[Any], feeds: Arrays, beside: Arrays) -> float:
        """The slope of the loss along d, by two points."""
        if path not in feeds:
            return 0.0  # the loss does not depend on it
        with np.errstate(all="ignore"):
            up, down = (float(self.loss({**feeds, path: beside[path] + by * d})["loss"]) for by in (e, -e))
        return (up - down) / (2 * e)


def _starts(rows: int) -> list[int]:
    """Where the batches of ROWS rows begin, for every turn; one batch of fewer."""
    return list(range(0, rows - ROWS + 1, ROWS))[: len(STEPS)] or [0]


def _array(arrays: Mapping[str, ArrayLike], path: str, graph: Graph) -> NDArray[np.float64]:
    """The array in float64; of an optimiser's state that is not given, zeros."""
    return np.asarray(arrays[path], np.float64) if path in arrays else np.zeros(graph.inputs[path].shape)


def _size(p: NDArray[Any]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(p)))) if p.size else 0.0


def _moved(p: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """A point beside p."""
    return p + BESIDE * (_size(p) or 1.0) * rng.standard_normal(p.shape)
