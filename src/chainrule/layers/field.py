"""Receptive fields: which part of an image, or of a signal, one element of a layer's output can depend on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..graph import Shape, Tensor, topological
from .base import Call
from .shape import Upsample

NOWHERE = 2**40  # the first pixel of what sees none, such as a window in the padding; the last is -NOWHERE


@dataclass(frozen=True, eq=False)
class Sight:
    """For every place along one axis of a node the first and the last pixel of the input, in one direction, that it sees.

    Of length 1 where that is the same for all; `axis` is None where a node has no axis of such places any more.
    """

    axis: int | None
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def without_places(self) -> Sight:
        """What any of them sees."""
        return Sight(None, self.first.min(keepdims=True), self.last.max(keepdims=True))


def _window(node: Tensor, axis: int, size: int, dilation: int) -> NDArray[np.int64]:
    """The places of its input that each place of a node looks at, (places, size); some are outside."""
    first = np.arange(node.shape[1 + axis]) * node.attrs["stride"][axis] - node.attrs["padding"][axis][0]
    places: NDArray[np.int64] = np.add.outer(first, np.arange(size) * dilation)
    return places


def _transposed(node: Tensor, axis: int) -> NDArray[np.int64]:
    """The same for a transposed convolution: the places whose window covers this one; -1 between two strides."""
    stride, size = node.attrs["stride"][axis], node.inputs[1].shape[axis]
    place = np.arange(node.shape[1 + axis]) + node.attrs["padding"][axis][0]
    from_first = np.subtract.outer(place, np.arange(size) * node.attrs["dilation"][axis])
    return np.where(from_first % stride, -1, from_first // stride)


# The ops that look elsewhere than at their own place.
WINDOWED: Mapping[str, Callable[[Tensor, int], NDArray[np.int64]]] = {
    "conv2d": lambda node, axis: _window(node, axis, node.inputs[1].shape[axis], node.attrs["dilation"][axis]),
    "conv2d_x": _transposed,
    "max_pool": lambda node, axis: _window(node, axis, node.attrs["size"][axis], 1),
    "pool_sum": lambda node, axis: _window(node, axis, node.attrs["size"][axis], 1),
}


def _pointwise(node: Tensor, x: Tensor, axis: int) -> int | None:
    return axis + node.ndim - x.ndim


def _but_last(node: Tensor, x: Tensor, axis: int) -> int | None:
    return axis if axis < x.ndim - 1 else None


def _of_product(node: Tensor, x: Tensor, axis: int) -> int | None:
    """The rows of x times a matrix keep their places."""
    return _but_last(node, x, axis) if x is node.inputs[0] and node.inputs[1].ndim == 2 else None


def _but_one(node: Tensor, x: Tensor, axis: int) -> int | None:
    return axis if axis != node.attrs["axis"] else None


def _reduced(node: Tensor, x: Tensor, axis: int) -> int | None:
    gone = node.attrs["axis"]
    return None if axis in gone else axis - (0 if node.attrs["keepdims"] else sum(a < axis for a in gone))


def _reshaped(node: Tensor, x: Tensor, axis: int) -> int | None:
    """An axis is still there if one has its size, with as many elements before it."""
    before = math.prod(x.shape[:axis])
    same = (j for j, size in enumerate(node.shape) if size == x.shape[axis] and math.prod(node.shape[:j]) == before)
    return next(same, None)


POINTWISE = (
    "abs add arccos arccosh arcsin arcsinh arctan arctan2 arctanh broadcast cast ceil clip cos cosh div elu equal erf exp "
    "expm1 floor floor_divide gelu greater greater_equal identity leaky_relu less less_equal log log1p logical_and "
    "logical_not logical_or maximum minimum mod mul neg not_equal power relu round sigmoid sign silu sin sinh slice "
    "softplus sqrt standardise stop_gradient sub tan tanh where"
)
# Where an axis of the input x is found in the node, or None. Through any other op the places are lost.
KEPT: Mapping[str, Callable[[Tensor, Tensor, int], int | None]] = {
    **dict.fromkeys(POINTWISE.split(), _pointwise),
    **dict.fromkeys(("softmax", "log_softmax"), _but_last),
    **dict.fromkeys(("sum", "mean", "var", "std", "prod", "max", "min", "logsumexp"), _reduced),
    **dict.fromkeys(("concat", "cumsum"), _but_one),
    "matmul": _of_product,
    "reshape": _reshaped,
    "transpose": lambda node, x, axis: node.attrs["order"].index(axis),
}


def receptive_fields(x: Tensor, output: Tensor, calls: Sequence[Call] = ()) -> dict[Tensor, Shape]:
    """For each node computed from x, images (n, h, w, c) or signals (n, l, c): how many rows and columns an element sees.

    The most that any element does, by its first and last pixel: exact through every wiring, and never more than the image.
    Where an op loses the places, all that any of them sees.   See Araujo, Norris and Sim (2019), "Computing receptive
    fields of convolutional neural networks".
    """
    larger = {call.output: (call.input, call.layer.times) for call in calls if isinstance(call.layer, Upsample)}
    axes = range(1, x.ndim - 1)
    seen = {x: [Sight(axis, np.arange(x.shape[axis]), np.arange(x.shape[axis])) for axis in axes]}
    for node in topological([output]):
        known = [i for i in node.inputs if i in seen]
        if node in larger:
            before, times = larger[node]
            seen[node] = [_repeated(sight, before, times) for sight in seen[before]]
        elif known and node not in seen:
            seen[node] = [_sight(node, {i: seen[i][direction] for i in known}) for direction in range(len(axes))]
    return {node: tuple(max(int((s.last - s.first).max()) + 1, 0) for s in sights) for node, sights in seen.items()}


def _sight(node: Tensor, sights: Mapping[Tensor, Sight]) -> Sight:
    """What a node sees in one direction, from what its inputs see."""
    name = node.op.name if node.op else ""
    if name in WINDOWED:
        (x, sight), *others = sights.items()
        return sight.without_places() if others or sight.axis not in (1, 2) else _through_window(node, x, sight)
    if name == "slice":
        sights = {x: _cut(node, x, sight) for x, sight in sights.items()}
    found = [_moved(node, x, sight) for x, sight in sights.items()]
    axes = {sight.axis for sight in found if sight.axis is not None}
    if len(axes) != 1:
        found = [sight.without_places() for sight in found]
    first, last = (np.broadcast_arrays(*ends) for ends in zip(*((s.first, s.last) for s in found), strict=True))
    return Sight(axes.pop() if len(axes) == 1 else None, np.min(first, axis=0), np.max(last, axis=0))


def _moved(node: Tensor, x: Tensor, sight: Sight) -> Sight:
    """The same on the axis where the node has it."""
    rule = KEPT.get(node.op.name if node.op else "")
    axis = None if rule is None or sight.axis is None else rule(node, x, sight.axis)
    return sight.without_places() if axis is None else Sight(axis, sight.first, sight.last)


def _through_window(node: Tensor, x: Tensor, sight: Sight) -> Sight:
    assert sight.axis is not None
    at = WINDOWED[node.op.name](node, sight.axis - 1)
    places = x.shape[sight.axis]
    inside, index = (at >= 0) & (at < places), np.clip(at, 0, places - 1)
    first, last = (np.broadcast_to(ends, places)[index] for ends in (sight.first, sight.last))
    return Sight(sight.axis, np.where(inside, first, NOWHERE).min(1), np.where(inside, last, -NOWHERE).max(1))


def _cut(node: Tensor, x: Tensor, sight: Sight) -> Sight:
    """The places that a slice takes."""
    if sight.axis is None:
        return sight
    start, step, count = node.attrs["at"][sight.axis]
    at = start + step * np.arange(count)
    return Sight(sight.axis, *(np.broadcast_to(ends, x.shape[sight.axis])[at] for ends in (sight.first, sight.last)))


def _repeated(sight: Sight, x: Tensor, times: int) -> Sight:
    """Every place several times."""
    if sight.axis is None:
        return sight
    ends = (np.broadcast_to(e, x.shape[sight.axis]).repeat(times) for e in (sight.first, sight.last))
    return Sight(sight.axis, *ends)
