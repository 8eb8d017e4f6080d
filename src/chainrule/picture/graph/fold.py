"""Which layers are drawn as one box: every layer, unless its box would stand before and behind another at once."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

from ...graph import Tensor
from ...trace import Trace

MANY = 40  # more nodes than these are folded if nobody says otherwise


def layer_of(node: Tensor) -> str:
    """The outermost layer a node is in; nothing outside of layers."""
    return node.scope.partition("/")[0]


def folded_layers(trace: Trace) -> list[str]:
    """The layers to fold, in order. One that takes part in a cycle of boxes stays unfolded, the smallest first."""
    ops = Counter(layer_of(node) for node in trace.nodes if node.op is not None)
    ops.pop("", None)
    while cycle := _cycle(trace, ops):
        del ops[min((box for box in cycle if isinstance(box, str)), key=lambda layer: ops[layer])]
    return list(ops)


def _cycle(trace: Trace, folded: Counter[str]) -> list[str | int]:
    """Boxes that follow one another in a circle, or none."""
    before: dict[str | int, set[str | int]] = {}
    for node in trace.nodes:
        box = _box(node, folded)
        before.setdefault(box, set()).update(other for x in node.inputs if (other := _box(x, folded)) != box)
    try:
        TopologicalSorter(before).prepare()
    except CycleError as problem:
        cycle: list[str | int] = problem.args[1]
        return cycle
    return []


def _box(node: Tensor, folded: Counter[str]) -> str | int:
    """Its layer, or itself by its id: `==` between tensors compares their elements."""
    layer = layer_of(node)
    return layer if layer in folded else id(node)
