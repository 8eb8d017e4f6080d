"""A Graph is a frozen part of the computation: named inputs and outputs, duplicates merged, every node named.

A node's name is `path/op` (`conv2d1/out`, `loss/mean`), with `#2`, `#3` for repeats. Names follow from the structure alone:
they are the same after a rebuild and for any batch size. The gradient of a node is `grad/<its name>`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from ..errors import UnknownName
from .tensor import Tensor

Node = TypeVar("Node")


def topological(outputs: Iterable[Tensor], constants: bool = True) -> list[Tensor]:
    """Every node the outputs depend on, inputs first. With `constants=False`, nothing behind a node that has a value."""
    return inputs_first(outputs, lambda node: node.inputs if constants or node.value is None else ())


def inputs_first(roots: Iterable[Node], inputs: Callable[[Node], Sequence[Node]]) -> list[Node]:
    """Everything that can be reached from the roots by `inputs`, what is put in before what it is put into."""
    seen: set[int] = set()
    order: list[Node] = []
    stack = [(node, False) for node in roots][::-1]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((x, False) for x in reversed(inputs(node)))
    return order


class Graph:
    """Outputs, frozen. `order` is a list of nodes to compute, inputs first; `names` finds each of them.

    `gradient` leads from a node to the node that is its gradient, for those given in `gradients`.
    """

    def __init__(
        self,
        inputs: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        gradients: Mapping[Tensor, Tensor] | None = None,
    ) -> None:
        merge = _Merge()
        for node in topological(outputs.values(), constants=False):
            merge.add(node)
        self.inputs = dict(inputs)
        self.order = merge.order
        self.outputs = {name: merge.canonical[node] for name, node in outputs.items()}
        self.gradient = _gradients(merge.canonical, gradients or {})
        self.names = {**outputs_by_name(self.outputs), **node_names(self.order)}
        self.gradient_names = {f"grad/{name}": self.gradient[x] for name, x in self.names.items() if x in self.gradient}
        self._known = {**self.gradient_names, **self.names}

    def find(self, name: str) -> Tensor:
        """The node of that name, or the gradient of one; an unknown name suggests the nearest."""
        if name not in self._known:
            raise UnknownName("node", name, self._known)
        return self._known[name]


def _gradients(canonical: Mapping[Tensor, Tensor], gradients: Mapping[Tensor, Tensor]) -> dict[Tensor, Tensor]:
    """Gradients by node, both as frozen; one that is known before any run (a constant) need not be in the graph.

    Of nodes that became one, each had only its share of the gradient: that one is left out.
    """
    found: dict[Tensor, set[Tensor]] = {}
    for x, g in gradients.items():
        if x in canonical and (g in canonical or g.value is not None):
            found.setdefault(canonical[x], set()).add(canonical.get(g, g))
    return {x: shares.pop() for x, shares in found.items() if len(shares) == 1}


def node_names(order: Iterable[Tensor]) -> dict[str, Tensor]:
    """Each node by its label, the second and third of one label as `label#2`, `label#3`."""
    count: Counter[str] = Counter()
    names: dict[str, Tensor] = {}
    for node in order:
        label = name = node.label
        while name in names:
            count[label] += 1
            name = f"{label}#{count[label] + 1}"
        names[name] = node
    return names


def outputs_by_name(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs that were computed, by the name they go out under: `loss` for `loss/mean`."""
    return {name: node for name, node in outputs.items() if node.op is not None}


class _Merge:
    """Nodes that compute the same from the same become one."""

    def __init__(self) -> None:
        self.canonical: dict[Tensor, Tensor] = {}
        self.order: list[Tensor] = []
        self._known: dict[Hashable, Tensor] = {}

    def add(self, node: Tensor) -> None:
        inputs = tuple(self.canonical[i] for i in node.inputs) if node.value is None else ()
        key = _identity(node, inputs)
        if key not in self._known:
            self._known[key] = kept = _with_inputs(node, inputs)
            self.order.append(kept)
        self.canonical[node] = self._known[key]


def _identity(node: Tensor, inputs: tuple[Tensor, ...]) -> Hashable:
    if node.value is not None and node.name is None and node.size == 1:
        return ("constant", node.spec, node.value.tobytes())
    if node.value is None and node.op is not None:
        return (node.op.name, tuple(id(i) for i in inputs), tuple(node.attrs.items()))
    return id(node)


def _with_inputs(node: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
    if node.value is not None or all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    copy = Tensor(node.op, inputs, node.attrs, node.spec, None, node.name)
    copy.scope = node.scope
    return copy
