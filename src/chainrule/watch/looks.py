"""Looks: which units never answer, on a fixed set of training rows, with the network as it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnose import Probes, probed
from ..engine import plan
from ..layers import Layer
from ..loss import Loss
from ..network import Arrays, prediction_graph
from .inputs import spread_rows

ROWS = 256  # of the fixed set
NUMBERS = 100_000  # of their inputs: one look costs a few steps


class Looks:
    """Figures of every layer's units over the same rows, whenever asked: `constant` and `dead` of `diagnose.probes`."""

    def __init__(self, net: Layer, loss: Loss, x: NDArray[Any], engine: str) -> None:
        self.x = x
        graph = prediction_graph(net, loss, x.shape)
        self.table = Probes.of(graph)
        self.plan = plan(probed(graph), engine) if self.table.names else None

    def __call__(self, arrays: Arrays) -> dict[str, float]:
        """Every figure as `<layer>/<what>`."""
        if self.plan is None:
            return {}
        inputs = self.plan.graph.inputs
        values = self.plan({path: array for path, array in {**arrays, "x": self.x}.items() if path in inputs})["probes"]
        return self.table.named(values)


def fixed_rows(count: int, width: int) -> NDArray[np.int64]:
    """The rows of the fixed set: evenly spaced, as many as one look may cost."""
    return spread_rows(count, min(ROWS, max(NUMBERS // width, 8)))
