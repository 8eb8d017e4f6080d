"""Receptive fields: which part of an image, or of a signal, one element of a layer's output can depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..graph import Shape, Tensor, topological
from .base import Call
from .shape import Upsample

# For every place along one axis the first and the last pixel of the input that it sees; of length 1: the same for all.
Span: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
NOWHERE = 2**40  # the first pixel of what sees none, such as a window in the padding; the last is -NOWHERE


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


# The ops that look elsewhere than at their own place. Any other sees what its inputs see there.
WINDOWED: Mapping[str, Callable[[Tensor, int], NDArray[np.int64]]] = {
    "conv2d": lambda node, axis: _window(node, axis, node.inputs[1].shape[axis], node.attrs["dilation"][axis]),
    "conv2d_x": _transposed,
    "max_pool": lambda node, axis: _window(node, axis, node.attrs["size"][axis], 1),
    "pool_sum": lambda node, axis: _window(node, axis, node.attrs["size"][axis], 1),
}


def receptive_fields(x: Tensor, output: Tensor, calls: Sequence[Call] = ()) -> dict[Tensor, Shape]:
    """For each node computed from x, images (n, h, w, c) or signals (n, l, c): how many rows and columns an element sees.

    The most that any element does, by its first and last pixel: exact through every wiring, and never more than the image.
    Where an op loses the places, all of it.   See Araujo, Norris and Sim (2019), "Computing receptive fields of
    convolutional neural networks".
    """
    signal = x.ndim == 3
    larger = {call.output: (call.input, call.layer.times) for call in calls if isinstance(call.layer, Upsample)}
    image = _places(x, signal)
    seen = {x: [(np.arange(size), np.arange(size)) for size in image]}
    for node in topological([output]):
        known = [seen[i] for i in node.inputs if i in seen]
        if node in larger:
            before, times = larger[node]
            seen[node] = [(lo.repeat(times), hi.repeat(times)) for lo, hi in seen[before]]
        elif known and node not in seen:
            places = _places(node, signal)
            seen[node] = [_span(node, axis, [k[axis] for k in known], places[axis], image[axis]) for axis in (0, 1)]
    return {node: tuple(max(int((hi - lo).max()) + 1, 0) for lo, hi in spans[signal:]) for node, spans in seen.items()}


def _places(node: Tensor, signal: bool) -> tuple[int, int]:
    """Rows and columns, a signal being an image of one row; (0, 0) where there are none."""
    if node.ndim == 3 and signal:
        return (1, node.shape[1])
    return (node.shape[1], node.shape[2]) if node.ndim == 4 else (0, 0)


def _span(node: Tensor, axis: int, spans: Sequence[Span], places: int, image: int) -> Span:
    """What a node sees along one axis, from what its inputs see."""
    if node.op.name in WINDOWED:
        lo, hi = spans[0]
        at = WINDOWED[node.op.name](node, axis)
        inside, index = (at >= 0) & (at < len(lo)), np.clip(at, 0, len(lo) - 1)
        return np.where(inside, lo[index], NOWHERE).min(1), np.where(inside, hi[index], -NOWHERE).max(1)
    if all(len(lo) in (1, places) for lo, _ in spans):
        first, last = (np.broadcast_arrays(*ends) for ends in zip(*spans, strict=True))
        return np.min(first, axis=0), np.max(last, axis=0)
    return np.zeros(1, np.int64), np.full(1, image - 1)
