"""Where a NaN or an infinity came from: back from the outputs that are not finite to the ops that made it of finite numbers.

Only what leads there is followed, place by place through ops that treat every element alike: an infinity that is cut off
again, or that stands where a `where` does not look, is no cause. A constant that is infinite, such as a mask, is no cause
either; the op that lets it through is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph import Array, Tensor

Mask = NDArray[np.bool_]


class Birth(NamedTuple):
    """A node whose value is the first not to be finite, and one of the places: the first of those that matter."""

    node: Tensor
    at: tuple[int, ...]


def births(order: Sequence[Tensor], ends: Iterable[Tensor], value: Mapping[Tensor, Array]) -> list[Birth]:
    """The causes of what is not finite in `ends`, in the order of computation; fed leaves are among them.

    order  the nodes of a graph, inputs first;  value  of each of them; a leaf that is no constant has its value here only
    """
    matters: dict[Tensor, Mask] = {}
    for end in ends:
        _add(matters, end, bad(value[end]))
    found = []
    for node in reversed(order):
        if node not in matters or not matters[node].any():
            continue
        made_here = matters[node]
        for x, theirs, here in _blamed(node, matters[node], value):
            _add(matters, x, theirs)
            made_here = made_here & ~here
        if made_here.any():
            found.append(Birth(node, tuple(int(i) for i in np.argwhere(made_here)[0])))
    return found[::-1]


def bad(x: Array) -> Mask:
    """Where it is not finite."""
    return np.asarray(~np.isfinite(x))


def _add(matters: dict[Tensor, Mask], node: Tensor, mask: Mask) -> None:
    matters[node] = matters[node] | mask if node in matters else mask


def _blamed(node: Tensor, mask: Mask, value: Mapping[Tensor, Array]) -> Iterator[tuple[Tensor, Mask, Mask]]:
    """Inputs that what is bad in a node came from: where in the input, and where in the node's output it explains it."""
    for i, x in enumerate(node.inputs):
        if x.value is not None:  # a constant
            continue
        wrong = bad(value[x])
        if not wrong.any():
            continue
        if node.op.elementwise:
            here = mask & np.broadcast_to(wrong, mask.shape) & _looked_at(node, i, value, mask)
            yield x, _unbroadcast(here, wrong.shape), here
        else:
            yield x, wrong, np.ones_like(mask)


def _looked_at(node: Tensor, i: int, value: Mapping[Tensor, Array], mask: Mask) -> Any:
    """Where the output comes from input `i`: of a choice, where that one was chosen."""
    if node.op.name != "where" or i == 0:
        return True
    condition = np.broadcast_to(np.asarray(value[node.inputs[0]], bool), mask.shape)
    return condition if i == 1 else ~condition


def _unbroadcast(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Any along the axes that were repeated."""
    new = mask.ndim - len(shape)
    repeated = tuple(range(new)) + tuple(i + new for i, size in enumerate(shape) if size == 1)
    return np.asarray(mask.any(repeated)).reshape(shape) if repeated else mask
