"""What a trace knows about a node or a line, as labels and tooltips. Arrays are looked through once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph import Tensor
from ...trace import Trace
from .label import Label, Spread, label_of, largest_text, plane_text, shape_text

Arrays = NDArray[Any]


class Facts:
    """Names, labels and tooltips of one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._spreads: dict[int, tuple[Any, str]] = {}

    def name(self, node: Tensor) -> str:
        """The node's name in the trace."""
        return self.trace.name_of.get(node, node.label)

    def flow(self, node: Tensor, i: int) -> Arrays | None:
        """The gradient that a node sends to its input i; None if the trace cannot tell."""
        if node.inputs[i].dtype.kind != "f":
            return None
        alone = len(self.trace.users[node.inputs[i]]) == 1
        known = alone or all(x in self.trace.value for x in (node, *node.inputs))
        flow = self.trace.flow(node, i) if known else None
        return None if flow is None else np.asarray(flow)

    def gradient(self, node: Tensor) -> Arrays | None:
        """Of the output by this node; whole numbers and truths have none."""
        return self.trace.gradient.get(node) if node.dtype.kind == "f" else None

    def flow_into(self, x: Tensor, users: Sequence[tuple[Tensor, int]]) -> Arrays | None:
        """What several users together send to x."""
        if len(users) == len(self.trace.users[x]):
            return self.gradient(x)
        flows = [flow for node, i in users if (flow := self.flow(node, i)) is not None]
        return sum(flows[1:], flows[0]) if flows else None

    def label(self, node: Tensor, gradient: Arrays | None) -> Label:
        """What stands at a line that this node's value runs along."""
        return label_of(node.shape, self.trace.value.get(node), gradient, self.is_kernel(node))

    def is_kernel(self, node: Tensor) -> bool:
        """Whether it is a convolution's filters, whose first axis is not the example."""
        return node.ndim == 4 and any(i == 1 and "conv" in user.op.name for user, i in self.trace.users[node])

    def total(self, node: Tensor) -> str:
        """The gradient of a node with several users: the sum of what its lines carry."""
        gradient = self.gradient(node)
        if gradient is None:
            return ""
        return f"sum{':' if node.ndim else ''} {largest_text(np.asarray(gradient))}"

    def title(self, node: Tensor) -> str:
        """The tooltip of a node."""
        kind = "number" if node.is_number else node.op.name if node.op else "leaf"
        return f"{self.name(node)}: {kind}\n{self._about(node)}\n{self._lines(node, self.gradient(node))}"

    def wire_title(self, x: Tensor, target: str, gradient: Arrays | None) -> str:
        """The tooltip of a line."""
        shown = plane_text(x.ndim, self.is_kernel(x))
        return f"{self.name(x)} → {target}\n{self._about(x)}\n{self._lines(x, gradient)}" + (
            f"\n{shown}" if shown else ""
        )

    def _about(self, node: Tensor) -> str:
        return f"shape {shape_text(node.shape) or '()'}, {node.dtype}"

    def _lines(self, node: Tensor, gradient: Arrays | None) -> str:
        return f"value: {self._spread(self.trace.value.get(node))}\ngradient: {self._spread(gradient)}"

    def _spread(self, array: Any) -> str:
        if array is None:
            return "none"
        if id(array) not in self._spreads:  # the array is kept along, so that its id stays its own
            self._spreads[id(array)] = (array, str(Spread.of(np.asarray(array)) or "empty"))
        return self._spreads[id(array)][1]
