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

from .errors import ShapeError
from .graph import tensor
from .layers import Context, Layer, Sigmoid, Tanh, parse
from .layers.summary import innermost
from .picture import charts
from .step import declared_arrays, initial_arrays
from .table import table

BINS = 40
# Outside of these outputs a derivative is below 0.02 and 0.01.
SATURATED: dict[type[Layer], tuple[float, float]] = {Tanh: (-0.99, 0.99), Sigmoid: (0.01, 0.99)}


@dataclass(frozen=True)
class LayerStatistics:
    """One layer's outputs over all examples; `saturated` is None for a layer that cannot saturate."""

    path: str
    layer: str
    mean: float
    std: float
    zero: float
    saturated: float | None
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


class ActivationStatistics(Sequence[LayerStatistics]):
    """One row per layer; prints as a table, `save` draws the histograms."""

    def __init__(self, rows: Sequence[LayerStatistics]) -> None:
        self.rows = tuple(rows)

    def __getitem__(self, index: Any) -> Any:
        return ActivationStatistics(self.rows[index]) if isinstance(index, slice) else self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        lines = [["layer", "what", "mean", "std", "zero", "saturated"]]
        lines += [
            [
                r.path,
                r.layer,
                f"{r.mean:.3g}",
                f"{r.std:.3g}",
                f"{r.zero:.1%}",
                "" if r.saturated is None else f"{r.saturated:.1%}",
            ]
            for r in self.rows
        ]
        return table(lines, left=2)

    def save(self, path: str | Path) -> Path:
        """Draw one histogram per layer into a file: .svg or .png."""
        return charts.save(path, self._drawn)

    def show(self) -> None:
        """Draw one histogram per layer: in a notebook at this place, else in the web browser."""
        charts.show(self._drawn)

    def _drawn(self, ending: str) -> bytes:
        return charts.histograms([(f"{r.path}: std {r.std:.1g}", r.counts, r.edges) for r in self.rows], ending)


def activation_statistics(
    net: Layer | str, x: ArrayLike, arrays: Mapping[str, NDArray[Any]] | None = None, seed: int = 0
) -> ActivationStatistics:
    """Mean, standard deviation, share of zeros, saturation and histogram of every layer's output for the inputs x.

    arrays  the parameters, such as `step.arrays`; by default those that the network starts with, drawn from `seed`
    """
    network = parse(net) if isinstance(net, str) else net
    inputs = tensor(x, "x", np.float32)
    if inputs.ndim < 2 or not inputs.size:
        raise ShapeError(f"expected inputs (n, ...), n at least 1, found {inputs.shape}")
    values = initial_arrays(declared_arrays(network, inputs.shape), (), seed) if arrays is None else arrays
    ctx = Context(train=True, seed=tensor(np.int64(seed)), step=tensor(np.int64(0)), values=values)
    ctx.call("", network, inputs)
    return ActivationStatistics([_row(call.path, call.layer, np.asarray(call.output)) for call in innermost(ctx.calls)])


def _row(path: str, layer: Layer, y: NDArray[Any]) -> LayerStatistics:
    counts, edges = np.histogram(y, BINS)
    limits = SATURATED.get(type(layer))
    saturated = None if limits is None else float(np.mean((y < limits[0]) | (y > limits[1])))
    name = path or type(layer).__name__.lower()
    return LayerStatistics(
        name,
        str(layer),
        float(y.mean()),
        float(y.std(dtype=np.float64)),
        float(np.mean(y == 0)),
        saturated,
        counts,
        edges,
    )
