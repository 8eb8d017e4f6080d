"""The reference engine: NumPy, op by op. The oracle every other engine is tested against, and the microscope.

Its matrix products run on one thread. The small products of these networks gain nothing from two, threads that wait for
each other lose tenfold on a busy machine, and so the bits do not depend on how many cores there are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ..errors import DtypeError, NoValueError, ShapeError
from ..graph import Array, Graph, Tensor
from .batches import Batches
from .room import refuse_too_much
from .states import States


class ReferencePlan:
    """A graph, ready to run. A value is freed at its last use, unless it is an output or named in `keep`."""

    def __init__(self, graph: Graph, keep: Collection[str] = (), hold: Collection[str] = ()) -> None:
        self.graph = graph
        self.looked_at = {name: graph.find(name) for name in keep}
        refuse_unfed(graph)
        sizes = {node.label: node.size * node.dtype.itemsize for node in graph.order}
        refuse_too_much("this graph", sizes, max(sizes.values(), default=0))
        fed = set(graph.inputs.values())
        known = [*graph.order, *self.looked_at.values()]
        self.constants = {node: node.value for node in known if node.value is not None and node not in fed}
        self.program = self._program(fed)
        self._kept: dict[str, Array] = {}

    def _program(self, fed: set[Tensor]) -> list[tuple[Tensor, list[Tensor]]]:
        """The nodes to compute, each with the nodes whose value is last used by it."""
        nodes = [n for n in self.graph.order if n.op is not None and n.value is None and n not in fed]
        last_user = {x: node for node in nodes for x in node.inputs}
        stay = {*self.graph.outputs.values(), *self.looked_at.values()}
        return [(node, [x for x in {*node.inputs} if last_user[x] is node and x not in stay]) for node in nodes]

    def __str__(self) -> str:
        return (
            f"reference engine: NumPy, {len(self.program)} ops one after the other, every value freed at its last use"
        )

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, from inputs by name."""
        return self.run(feeds)[0]

    def run(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The outputs, and the nodes that were asked to be kept."""
        value: dict[Tensor, Array] = dict(self.constants)
        for name, node in self.graph.inputs.items():
            value[node] = checked_feed(name, feeds, node)
        with blas_libraries().limit(limits=1, user_api="blas"):
            for node, dead in self.program:
                value[node] = node.op.compute(node, [value[x] for x in node.inputs])
                for x in dead:
                    del value[x]
        outputs = {name: value[node] for name, node in self.graph.outputs.items()}
        return outputs, {name: value[node] for name, node in self.looked_at.items()}

    def ready(
        self, feeds: Mapping[str, Array], moving: str, through: Callable[[Array], Array]
    ) -> Callable[[Array], dict[str, Array] | None]:
        """The plan with these inputs, to be called with the one that is still `moving`; None where that is not finite."""
        return lambda given: self({**feeds, moving: through(given)}) if np.isfinite(given).all() else None

    def advance(self, states: States, batches: Batches, wanted: Sequence[str]) -> dict[str, Array]:
        """Steps that move the states on: the `wanted` outputs of each, until the first of them is not finite."""
        made: dict[str, list[Array]] = {name: [] for name in wanted}
        states.arrange({name for name in states if name in self.graph.outputs})
        for i in range(len(batches.order)):
            outputs, self._kept = self.run({**batches.feeds(i), **states})
            for name, array in states.spare.items():
                array[...] = outputs[name]
            states.swap()
            for name in wanted:
                made[name].append(outputs[name])
            if not np.isfinite(made[wanted[0]][-1]).all():
                break
        return {name: np.array(arrays) for name, arrays in made.items()}

    def once(self, states: States, batches: Batches, below: int) -> float | None:
        """No quicker way."""
        return None

    def kept(self, names: Iterable[str]) -> dict[str, Array]:
        """Those of the names that were asked to be kept, as they were in the latest step."""
        return {name: self._kept[name] for name in names if name in self._kept}


@functools.cache
def blas_libraries() -> ThreadpoolController:
    """What NumPy computes matrix products with; looked up once, which takes milliseconds."""
    return ThreadpoolController()


def refuse_unfed(graph: Graph) -> None:
    """NoValueError for a leaf that is no input of the graph."""
    fed = set(graph.inputs.values())
    lost = [n.label for n in graph.order if n.op is None and n.value is None and n not in fed]
    if lost:
        raise NoValueError(f"nothing feeds {', '.join(lost)}: name it among the inputs of the graph")


def checked_feed(name: str, feeds: Mapping[str, Array], node: Tensor) -> Any:
    """What is fed for `name`, if it is there and of the right shape and type; a Python number takes the node's type."""
    if name not in feeds:
        raise NoValueError(
            f"input '{name}' {node.shape} {node.dtype} was not fed; fed: {', '.join(feeds) or 'nothing'}"
        )
    given = feeds[name]
    array = np.asarray(given, node.dtype if given.__class__ in (int, float) else None).view()
    array.setflags(write=False)  # the view: what is peeked at later cannot be written to, the caller's array can
    if array.shape != node.shape:
        raise ShapeError(f"input '{name}': expected shape {node.shape}, found {array.shape}")
    if array.dtype != node.dtype and array.dtype.newbyteorder("=") == node.dtype:
        return array.astype(node.dtype)  # only the byte order differs
    if array.dtype != node.dtype:
        raise DtypeError(f"input '{name}': expected {node.dtype}, found {array.dtype}")
    return array
