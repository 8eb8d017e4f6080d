"""Which step, layer and op made the first NaN or infinity: the window in which it happened is run once more and looked at.

Trainings repeat to the bit, so the steps come out as they did. They run as they did, some at once; after each few it is
asked whether the loss and all arrays (parameters, layer state, the optimiser's) are still finite, and where they are not,
after each of those few. The first step that leaves something else is run op by op, and `blame` follows its outcome back to
where that was born.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..engine import plan
from ..graph import Array, Graph, Tensor, node_names
from ..graph.debug import told, watching
from ..network import Arrays
from ..step import Step
from .blame import Birth, bad, births
from .feed import Feed
from .reasons import input_why, why

Phase: TypeAlias = Literal["input", "forward", "backward", "update"]
PHASES: tuple[Phase, ...] = ("input", "forward", "backward", "update")  # in the order of computation
AT_ONCE = 8  # steps between two looks
OF_GRADIENT = ("clip", "l2", "l1")  # scopes that stand between the gradient and the update
FED_BY_ROW = ("x", "y", "weights")


@dataclass(frozen=True)
class Bad:
    """The first thing that was not finite.

    step    of the training, counted from 0;  layer  its path, "loss" for the loss, empty for all layers together
    op      the first whose output is not finite though its inputs are; "" where these came in so
    node    its name in the graph, or the path or the name of what came in
    value   "nan", "inf" or "-inf"
    inputs  of the op, each with its range
    phase   "input", "forward" (with the loss), "backward" or "update" (with penalties and clipping)
    why     in words
    """

    step: int
    layer: str
    op: str
    node: str
    value: str
    inputs: tuple[str, ...]
    phase: Phase
    why: str

    def __str__(self) -> str:
        """One line."""
        where = f", {self.layer}" if self.layer else ""
        if not self.op:
            return f"step {self.step}{where}, {self.phase}: {self.why}"
        return f"step {self.step}{where}, {self.phase}: {self.op} ({self.node}) made {self.value}: {self.why}"

    def plain(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {**asdict(self), "inputs": list(self.inputs)}


def first_bad(
    step: Step, arrays: Mapping[str, NDArray[Any]], count: int, feeds: Iterable[Sequence[Any] | Feed]
) -> Bad | None:
    """The first step, layer and op of a window that made something not finite; None if all of it stays finite.

    arrays, count  the step's at the start of the window
    feeds          what `Step.advance` was given since, in order: (rows, order, lr, l2, l1)
    The step is put back to where it was.   Cost: at most about the window again, and one step op by op.
    """
    present, at = step.arrays, step.count
    step.arrays, step.count = arrays, count
    no_debug = watching.set(False)  # it would stop at the first infinity, also at one that is cut off again
    try:
        found = _bad_array(step.arrays, count)
        if found is None and (feed := _failing(step, feeds)) is not None:
            found = traced(step, feed) or _fused(step, feed)
        return found
    finally:
        watching.reset(no_debug)
        step.arrays, step.count = present, at


def _failing(step: Step, feeds: Iterable[Sequence[Any] | Feed]) -> Feed | None:
    """The first step that leaves something not finite; the step's arrays are then those before it."""
    before, since = (step.arrays, step.count), []
    for feed in _pieces(feeds):
        since.append(feed)
        fine = feed.advance(step)
        if fine and sum(len(piece.order) for piece in since) < AT_ONCE:
            continue
        if not fine or not _finite(step.arrays):
            return _first_of(step, before, since)
        before, since = (step.arrays, step.count), []
    return None if not since or _finite(step.arrays) else _first_of(step, before, since)


def _pieces(feeds: Iterable[Sequence[Any] | Feed]) -> Iterator[Feed]:
    """The feeds, of no more than AT_ONCE steps each."""
    for given in feeds:
        feed = given if isinstance(given, Feed) else Feed(*given)
        for start in range(0, len(feed.order), AT_ONCE):
            yield feed.part(start, start + AT_ONCE)


def _first_of(step: Step, before: tuple[Arrays, int], feeds: Iterable[Feed]) -> Feed | None:
    """The same of a few steps, looking after each of them."""
    _back_to(step, before)
    for feed in (one for several in feeds for one in several.single()):
        before = step.arrays, step.count
        if not feed.advance(step) or not _finite(step.arrays):
            _back_to(step, before)
            return feed
    return None


def _back_to(step: Step, before: tuple[Arrays, int]) -> None:
    """In place: programs stay bound to where the arrays are."""
    step.arrays.update(before[0])
    step.count = before[1]


def _finite(arrays: Arrays) -> bool:
    """Of all; the sum tells it in one pass, unless it overflows by itself."""
    with np.errstate(all="ignore"):
        return all(np.isfinite(a.sum()) or np.isfinite(a).all() for a in arrays.values())


def _bad_array(arrays: Arrays, count: int) -> Bad | None:
    """Of arrays that were not finite before the window."""
    for path, array in arrays.items():
        if not np.isfinite(array).all():
            at = tuple(int(i) for i in np.argwhere(bad(array))[0])
            text = f"{input_why(path, array, at, None)} before this step already"
            return Bad(count, _layer_of(path), "", path, f"{array[at]:g}", (), "input", text)
    return None


def traced(step: Step, feed: Feed) -> Bad | None:
    """The same of one step, `order` (1, batch), from the step's present arrays; None if its outcome is finite.

    Op by op in NumPy; where that stays finite, by the engine's own kernels, which round in other places.
    """
    graph, fed = step.opened(feed.rows, feed.order, feed.lr, feed.l2, feed.l1)
    names = {**graph.gradient_names, **graph.names}
    for engine in dict.fromkeys(["reference", step.engine]):
        with np.errstate(all="ignore"):
            _, kept = plan(graph, engine, [*names]).run(fed)
            taken = {node: np.asarray(fed[name], node.dtype) for name, node in graph.inputs.items() if name in fed}
        value = {node: kept[name] for name, node in names.items()} | taken
        ends = [node for name, node in graph.outputs.items() if name != "output" and bad(value[node]).any()]
        if ends:
            found = births(graph.order, ends, value)
            return _told(graph, _first(found, graph.order), value, feed, step.count)
    return None


def _first(found: Collection[Birth], order: Sequence[Tensor]) -> Birth:
    """The first in the order of computation: forward, backward, update, and then as the graph has it."""
    index = {node: i for i, node in enumerate(order)}
    return min(found, key=lambda birth: (PHASES.index(_phase(birth.node)), index[birth.node]))


def _told(graph: Graph, birth: Birth, value: Mapping[Tensor, Array], feed: Feed, count: int) -> Bad:
    node, at = birth
    found = f"{np.asarray(value[node])[at]:g}"
    if node.op is None:
        name = next(name for name, leaf in graph.inputs.items() if leaf is node)
        row = int(feed.order[0, at[0]]) if name in FED_BY_ROW else None
        return Bad(count, "", "", name, found, (), "input", input_why(name, value[node], at, row))
    inputs = [np.asarray(value.get(x, x.value)) for x in node.inputs]
    names = {own: name for name, own in node_names(graph.order).items()}
    seen = tuple(told(node, inputs))
    return Bad(count, _layer(node), node.op.name, names[node], found, seen, _phase(node), why(node, inputs, at))


def _fused(step: Step, feed: Feed) -> Bad:
    """What is finite wherever one looks, and not where nobody does: known is only what came out."""
    count, reason = (
        step.count,
        "only the engine's fused kernels give it: op by op, rounded in other places, all is finite",
    )
    if not feed.advance(step):
        return Bad(count, "loss", "fused", "loss", "nan", (), "forward", reason)
    path, array = next((path, array) for path, array in step.arrays.items() if bad(array).any())
    return Bad(count, _layer_of(path), "fused", path, f"{array[bad(array)][0]:g}", (), "update", reason)


def _phase(node: Tensor) -> Phase:
    """By the scope that the node was made in."""
    if node.op is None:
        return "input"
    root = node.scope.partition("/")[0]
    return "backward" if root == "back" else "update" if root in ("update", *OF_GRADIENT) else "forward"


def _layer(node: Tensor) -> str:
    """The path of the layer; of a node between gradient and update the one whose gradient it reads, if it is one."""
    root, _, rest = node.scope.partition("/")
    if root in OF_GRADIENT:
        layers = {_layer(x) for x in _outside(node) if x.value is None and not x.is_number}
        return layers.pop() if len(layers) == 1 else ""
    return {"back": rest, "update": _layer_of(rest)}.get(root, node.scope)


def _outside(node: Tensor) -> list[Tensor]:
    """The gradients and parameters that a node between gradient and update was computed from."""
    found, waiting = [], list(node.inputs)
    while waiting:
        x = waiting.pop()
        if x.op is not None and x.scope.partition("/")[0] in OF_GRADIENT:
            waiting.extend(x.inputs)
        elif x.op is not None or x.ndim:  # a knob, such as l2, is of no layer
            found.append(x)
    return found


def _layer_of(path: str) -> str:
    """Of a parameter's path, or of that of its optimiser's state."""
    if path.startswith("~"):
        path = path[1:].rpartition("/")[0]
    return path.rpartition("/")[0]
