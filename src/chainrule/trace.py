"""A graph with what flowed through it: value and gradient of every node. Pictures, explanations and `peek` read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from .errors import UnknownName
from .grad import backpropagate, local_gradient
from .graph import METHODS, NO_ATTRS, Array, Graph, Tensor, node_names, topological


class Peek(NamedTuple):
    """One node: its value, and the gradient of the output by it; None where there is none."""

    name: str
    value: Array | None
    gradient: Array | None


class Trace:
    """The nodes that `output` was computed from, inputs first, with names, values and gradients."""

    def __init__(
        self,
        output: Tensor,
        names: Mapping[str, Tensor],
        value: Mapping[Tensor, Array],
        gradient: Mapping[Tensor, Array],
        constants: bool = True,
    ) -> None:
        self.output = output
        self.nodes = topological(
            [output], constants
        )  # without: what was known before the run is a leaf, whatever it is of
        self.names = dict(names)
        self.value, self.gradient = value, gradient
        self.name_of = {node: name for name, node in self.names.items()}
        self.users: dict[Tensor, list[tuple[Tensor, int]]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for i, x in enumerate(node.inputs):
                if x in self.users:
                    self.users[x].append((node, i))

    @classmethod
    def of(cls, output: Tensor) -> Trace:
        """Of tensors with values: gradients are those of `output`, if it is one floating-point number."""
        nodes = topological([output])
        differentiable = output.size == 1 and output.dtype.kind == "f" and output.value is not None
        found = backpropagate(output) if differentiable else {}
        return cls(
            output,
            node_names(nodes),
            {node: node.value for node in nodes if node.value is not None},
            {node: g.value for node, g in found.items()},
        )

    @classmethod
    def of_run(cls, graph: Graph, output: Tensor, value: Mapping[Tensor, Array]) -> Trace:
        """Of a graph that an engine ran, from the values of its nodes."""
        gradient = {x: value[g] for x, g in graph.gradient.items() if g in value}
        return cls(
            output, graph.names, value, {output: np.ones(output.shape, output.dtype), **gradient}, constants=False
        )

    def peek(self, name: str) -> Peek:
        """The node of that name, or the gradient of one by `grad/<name>`; an unknown name suggests the nearest."""
        if name in self.names:
            node = self.names[name]
            return Peek(name, self.value.get(node), self.gradient.get(node))
        gradients = {f"grad/{of}": self.gradient[node] for of, node in self.names.items() if node in self.gradient}
        if name in gradients:
            return Peek(name, gradients[name], None)
        raise UnknownName("node", name, [*self.names, *gradients])

    def __iter__(self) -> Iterator[Peek]:
        """Every node of the forward pass, inputs first."""
        return (self.peek(self.name_of[node]) for node in self.nodes)

    def flow(self, node: Tensor, i: int) -> Array | None:
        """The gradient that `node` sends to its input `i`; where an input has several users, it gets their sum."""
        x = node.inputs[i]
        if x not in self.gradient or node not in self.gradient or node.op.derivative(i) is None:
            return None
        if len(self.users[x]) == 1:
            return self.gradient[x]
        return local_gradient(self.still(node), self._constant(self.gradient[node], node), i).value

    def still(self, node: Tensor) -> Tensor:
        """The node on its own: with values from this trace, and inputs without a history."""
        inputs = tuple(self._constant(self.value[x], x) for x in node.inputs)
        return Tensor(node.op, inputs, node.attrs, node.spec, self.value[node], node.name)

    @staticmethod
    def _constant(value: Array, like: Tensor) -> Tensor:
        return Tensor(None, (), NO_ATTRS, like.spec, value, like.name)


METHODS["peek"] = lambda output, name: Trace.of(output).peek(name)
