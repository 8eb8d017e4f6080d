"""What the activations of a network look like, layer by layer: the lectures' first look at an initialisation.

Source: CS231n, lecture 5 ("weight initialisation"); Glorot and Bengio (2010), figures 6 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .diagnose.probes import SATURATED as LIMITS
from .errors import ShapeError, require_seed
from .graph import tensor
from .layers import Context, Layer, Param, Sigmoid, State, Tanh, parse
from .layers.base import inputs_of
from .layers.summary import innermost
from .network import declared_arrays, initial_arrays
from .picture import charts
from .table import table

BINS = 40
SATURATED: dict[type[Layer], tuple[float, float]] = {Tanh: LIMITS["tanh"], Sigmoid: LIMITS["sigmoid"]}


@dataclass(frozen=True)
class LayerStatistics:
    """One layer's outputs over all examples; `saturated` is None for a layer that cannot saturate.

    `not_finite` is the share of outputs that are NaN or infinite; all other figures are those of the rest.
    """

    path: str
    layer: str
    mean: float
    std: float
    zero: float
    saturated: float | None
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    not_finite: float = 0.0


class ActivationStatistics(Sequence[LayerStatistics]):
    """One row per layer; prints as a table, `save` draws the histograms."""

    def __init__(self, rows: Sequence[LayerStatistics]) -> None:
        self.rows = tuple(rows)

    def __getitem__(self, index: Any) -> Any:
        return ActivationStatistics(self.rows[index]) if isinstance(index, slice) else self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        lines = [["layer", "what", "mean", "std", "zero", "saturated", "not finite"], *map(_cells, self.rows)]
        born = any(r.not_finite for r in self.rows)  # only then there is something to see in the last column
        return table([line if born else line[:-1] for line in lines], left=2)

    def save(self, path: str | Path) -> Path:
        """Draw one histogram per layer into a file: .svg or .png."""
        return charts.save(path, self._drawn)

    def show(self) -> None:
        """Draw one histogram per layer: in a notebook at this place, else in the web browser."""
        charts.show(self._drawn)

    def _drawn(self, ending: str) -> bytes:
        return charts.histograms([(f"{r.path}: std {r.std:.1g}", r.counts, r.edges) for r in self.rows], ending)


def _cells(r: LayerStatistics) -> list[str]:
    """A row as text."""
    saturated = "" if r.saturated is None else f"{r.saturated:.1%}"
    return [r.path, r.layer, f"{r.mean:.3g}", f"{r.std:.3g}", f"{r.zero:.1%}", saturated, f"{r.not_finite:.1%}"]


def activation_statistics(
    net: Layer | str, x: ArrayLike, arrays: Mapping[str, NDArray[Any]] | None = None, seed: int = 0
) -> ActivationStatistics:
    """Mean, standard deviation, share of zeros, saturation and histogram of every layer's output for the inputs x.

    The network runs as in training: dropout drops, and batch norm takes the mean and variance of x.

    x       inputs (n, ...) of finite numbers, as the network sees them
    arrays  the parameters and states by path, such as `step.arrays`; by default those that the network starts with
    seed    of these, and of dropout
    """
    network = parse(net) if isinstance(net, str) else net
    require_seed("activation_statistics", seed)
    inputs = inputs_of(x)
    declared = declared_arrays(network, inputs.shape)
    values = initial_arrays(declared, (), seed) if arrays is None else _fitting(arrays, declared)
    ctx = Context(train=True, seed=tensor(np.int64(seed)), step=tensor(np.int64(0)), values=values)
    with np.errstate(all="ignore"):  # a network that overflows is what one wants to see
        ctx.call("", network, inputs)
    return ActivationStatistics([_row(call.path, call.layer, np.asarray(call.output)) for call in innermost(ctx.calls)])


def _fitting(arrays: Mapping[str, NDArray[Any]], declared: Mapping[str, Param | State]) -> Mapping[str, NDArray[Any]]:
    """The arrays, if all are there that the network declares, in its shapes."""
    for path, spec in declared.items():
        found = np.shape(arrays[path]) if path in arrays else "none"
        if found != spec.shape:
            raise ShapeError(f"arrays: '{path}' should be {spec.shape}, found {found}; step.arrays has them all")
    return arrays


def _row(path: str, layer: Layer, outputs: NDArray[Any]) -> LayerStatistics:
    finite = np.isfinite(outputs)
    y = outputs[finite].astype(np.float64) if finite.any() else np.full(1, np.nan)
    counts, edges = _histogram(y)
    limits = SATURATED.get(type(layer))
    saturated = None if limits is None else float(np.mean((y < limits[0]) | (y > limits[1])))
    mean, std, zero, lost = float(y.mean()), float(y.std()), float(np.mean(y == 0)), 1 - float(finite.mean())
    name = path or type(layer).__name__.lower()
    return LayerStatistics(name, str(layer), mean, std, zero, saturated, counts, edges, lost)


def _histogram(y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and edges; around a single value as wide as it takes, and empty where there is none."""
    if np.isnan(y).any():
        return np.zeros(BINS, np.int64), np.linspace(-0.5, 0.5, BINS + 1)
    low, high = float(y.min()), float(y.max())
    room = max(0.5, abs(low) / 1000) if low == high else 0.0
    return np.histogram(y, BINS, (low - room, high + room))
