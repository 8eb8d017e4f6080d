"""Probes: figures of every layer that a step of training computes about itself, as graph like all the rest of it.

    watched = probed(graph)                  # of the step's graph: one output, "probes", a vector
    Probes.of(graph).named(out["probes"])    # {"dense1/mean": 0.02, "dense1/std": 0.91, ...}

Layers are found in the graph by the names of its nodes; no layer knows of probes. The expressions are chosen so that the
native engine needs no NumPy for them: all that is asked of one array is one pass over it.

Of a layer's output, all examples of the batch together, as the training sees them (dropout drops):

| what | formula | range |
|---|---|---|
| mean | sum y / n | |
| std | sqrt(sum (y - mean)^2 / n) | 0 and up |
| zero | share of y = 0 exactly: of a ReLU, what does not fire | 0 .. 1 |
| saturated | share of y outside `SATURATED`; of sigmoid and tanh alone | 0 .. 1 |

Of the outputs of a network in use, which is given a fixed set of rows, instead of the above (`constant` and `dead` units):

| what | formula | range |
|---|---|---|
| constant | share of units whose greatest and least output over all rows differ by less than 1e-5 of them | 0 .. 1 |
| dead | share of units whose greatest output over all rows is 0; of relu alone | 0 .. 1 |

Of a layer with parameters, all of them together:

| what | formula | range |
|---|---|---|
| norm | \\|p\\|, before the step | 0 and up |
| gradient_norm | \\|d loss / d p\\|, before any penalty and clipping; what is below 1e-19 counts as 0 | 0 and up |
| update_ratio | \\|p' - p\\| / \\|p\\|; of sound trainings about 1e-3 | 0 and up |

Source: Glorot and Bengio (2010), section 3, figures 2 and 3, for activations and saturation layer by layer; CS231n, notes
"Neural Networks Part 3", "Ratio of weights:updates", for the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from ..errors import ShapeError
from ..graph import Graph, Tensor, node_names, scope
from ..ops import maximum, sqrt, stack

# By op; outside of these outputs the derivative is below 0.02 and 0.01.
SATURATED: Mapping[str, tuple[float, float]] = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}
# Ops that give numbers of their inputs as they are, and nothing else but zeros.
MOVES = frozenset(["reshape", "broadcast", "transpose", "slice", "place", "concat", "identity", "stop_gradient"])
TINY = 1e-30  # in place of a norm of 0: the ratio is huge then, and nothing is divided by 0
Figures = Iterator[tuple[str, Tensor]]


@dataclass(frozen=True)
class Probes:
    """What the numbers of the output "probes" are, in their order: `<layer's path>/<what>`, a name of the tables above."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, graph: Graph) -> Probes:
        """The table of a training graph, for what `probed` makes of it. Takes milliseconds: make it once."""
        return cls(tuple(f"{layer}/{what}" for layer, what, _ in _figures(graph)))

    def named(self, values: NDArray[Any]) -> dict[str, float]:
        """The vector (figures,) that a run gave, by name; ShapeError if it is of another length."""
        if values.shape != (len(self.names),):
            raise ShapeError(
                f"expected the {len(self.names)} figures of this network as a vector, found {values.shape}"
            )
        return dict(zip(self.names, values.tolist(), strict=True))


def probed(graph: Graph) -> Graph:
    """All figures of a graph of training, or of use, as the one output "probes", a vector (figures,) of its floats.

    Of training to be run beside the step, on what the step is fed: it moves no state and changes no bit. A graph without
    layers and parameters has no probes and comes back as it is. Cost: about as much as one more step.
    """
    figures = [figure for _, _, figure in _figures(graph)]
    if not figures:
        return graph
    with scope("probe"):
        vector = stack(figures)
    return Graph(graph.inputs, {"probes": vector}, graph.gradient)


def _figures(graph: Graph) -> Iterator[tuple[str, str, Tensor]]:
    """Every figure with its layer: of the outputs in the order of the layers, then of the parameters."""
    of_output = _of_output if graph.gradient else _of_units
    of_outputs = [(layer, partial(of_output, y)) for layer, y in layer_outputs(graph.order)]
    of_parameters = [(layer, partial(_of_parameters, graph, paths)) for layer, paths in _parameters(graph).items()]
    for layer, figures in [*of_outputs, *of_parameters]:
        with scope(f"probe/{layer}" if layer else "probe"):
            named = [(layer, what, figure.named(what)) for what, figure in figures()]
        yield from named


def layer_outputs(order: Iterable[Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The layers' outputs by path, `dense1#2` for the second of one name; not those that only move what others gave."""
    for name, node in node_names(order).items():
        if node.name == "out" and node.dtype.kind == "f" and node.size and _has_own_numbers(node):
            yield node.scope + name.removeprefix(node.label), node


def _has_own_numbers(node: Tensor) -> bool:
    """Whether any of a layer's output was computed in that layer."""
    return any(x.scope == node.scope for x in makers(node))


def makers(node: Tensor) -> list[Tensor]:
    """The nodes that computed the numbers of this one: itself, unless it only moves those of others."""
    found, waiting = [], [node]
    while waiting:
        x = waiting.pop()
        if x.op is not None and x.op.name in MOVES:
            waiting.extend(x.inputs)
        else:
            found.append(x)
    return found


def _of_output(out: Tensor) -> Figures:
    y = out if out.ndim > 1 else out.reshape(1, -1)
    mean, std = _moments(y)
    yield "mean", mean
    yield "std", std
    yield "zero", _share(y == 0, y)
    ops = {x.op.name if x.op is not None else "" for x in makers(out)}
    limits = SATURATED.get(ops.pop()) if len(ops) == 1 else None
    if limits is not None:
        yield "saturated", _share((y < limits[0]) | (y > limits[1]), y)


def _of_units(out: Tensor) -> Figures:
    y = out if out.ndim > 1 else out.reshape(1, -1)
    most, least = y.max(_rows(y)), y.min(_rows(y))
    yield "constant", (most - least <= 1e-5 * maximum(abs(most), abs(least))).astype(y.dtype).mean()
    if {x.op.name for x in makers(out) if x.op is not None} == {"relu"}:
        yield "dead", (most <= 0).astype(y.dtype).mean()


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, by way of those of every channel: one pass gives both, and batch norm has them anyway.

    The variance of all is the mean of (the channel's variance + (the channel's mean - the mean)^2).
    """
    means, variances = x.mean(_rows(x), keepdims=True), x.var(_rows(x), keepdims=True)
    mean = means.mean()
    return mean, sqrt((variances + (means - mean) ** 2).mean())


def _share(chosen: Tensor, x: Tensor) -> Tensor:
    """How many of x are chosen, of 1; counted channel by channel, as float32 counts by ones to 2^24 only."""
    counted = chosen.astype(x.dtype)
    return counted.sum(_rows(x), keepdims=True).sum() * (1 / x.size)


def _rows(x: Tensor) -> tuple[int, ...]:
    """All axes but the channels'."""
    return tuple(range(x.ndim - 1))


def _parameters(graph: Graph) -> dict[str, list[str]]:
    """The layers' parameters by path: those that the optimiser gives anew."""
    layers: dict[str, list[str]] = {}
    for path, after in graph.outputs.items():
        if path in graph.inputs and after.scope == f"update/{path}":
            layers.setdefault(path.rpartition("/")[0], []).append(path)
    return layers


def _of_parameters(graph: Graph, paths: Sequence[str]) -> Figures:
    before = [graph.inputs[path] for path in paths]
    norm = _norm(before)
    yield "norm", norm
    yield "gradient_norm", _norm([graph.gradient[p] for p in before if p in graph.gradient] or [norm * 0])
    moved = [graph.outputs[path] - graph.inputs[path] for path in paths]
    yield "update_ratio", _norm(moved) / maximum(norm, TINY)


def _norm(xs: Sequence[Tensor]) -> Tensor:
    """The norm of all as one vector. By a power: a product x x would be the optimiser's own, which then fuses otherwise."""
    squares = [(x**2).sum() for x in xs]
    return sqrt(sum(squares[1:], squares[0]))
