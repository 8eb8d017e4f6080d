"""The ops with NumPy's names, defaults and axes: what `cr.sum`, `cr.concat` and `cr.conv2d` are.

An op's own attributes are complete and normal (axes ascending, strides as pairs); here they may be as people write them.
Functions that are ops as they stand (`exp`, `tanh`, `maximum`) are taken from their families.
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from types import EllipsisType
from typing import Any

import numpy as np

from ..errors import PositionError, ShapeError
from ..graph import METHODS, OPS, Axis, Shape, Tensor, as_tensor, normal_axes, one_axis, tensor
from . import index, linear, loss, move, reduce
from .compare import clip as clip_both
from .compare import maximum, minimum, not_equal
from .compare import where as choose
from .subscripts import normal_einsum

BASIC = (int, np.integer, builtins.slice, EllipsisType)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes."""
    return as_tensor(x).sum(axis, keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over the axes."""
    return as_tensor(x).mean(axis, keepdims)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of (x - mean)^2 over the axes, divided by n."""
    return as_tensor(x).var(axis, keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The square root of the variance."""
    return as_tensor(x).std(axis, keepdims)


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over the axes."""
    return as_tensor(x).prod(axis, keepdims)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest over the axes; `cr.maximum` compares two tensors."""
    return as_tensor(x).max(axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest over the axes; `cr.minimum` compares two tensors."""
    return as_tensor(x).min(axis, keepdims)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """ln of the sum of e^x over the axes, without overflow."""
    x = as_tensor(x)
    return reduce.logsumexp(x, axis=normal_axes(axis, x.ndim), keepdims=keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the first largest stands along one axis, or in the flattened tensor."""
    return as_tensor(x).argmax(axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the first smallest stands along one axis, or in the flattened tensor."""
    return as_tensor(x).argmin(axis, keepdims)


def cumsum(x: Any, axis: int | None = None) -> Tensor:
    """Running sums along one axis, or of the flattened tensor."""
    return as_tensor(x).cumsum(axis)


def softmax(logits: Any, axis: int = -1) -> Tensor:
    """p_i = e^z_i / sum over j of e^z_j along one axis, stable at any magnitude."""
    return _along_last(loss.softmax, as_tensor(logits), axis)


def log_softmax(logits: Any, axis: int = -1) -> Tensor:
    """ln softmax along one axis."""
    return _along_last(loss.log_softmax, as_tensor(logits), axis)


def _along_last(op: Callable[[Tensor], Tensor], x: Tensor, axis: int) -> Tensor:
    at = one_axis(axis, x.ndim)
    if at == x.ndim - 1:
        return op(x)
    return op(x.swapaxes(at, -1)).swapaxes(at, -1)


def square(x: Any) -> Tensor:
    """x^2, as a product of x with itself."""
    base = as_tensor(x)
    return base * base


def log2(x: Any) -> Tensor:
    """The logarithm to base 2."""
    return OPS["log"](x) * (1 / math.log(2))


def log10(x: Any) -> Tensor:
    """The logarithm to base 10."""
    return OPS["log"](x) * (1 / math.log(10))


def exp2(x: Any) -> Tensor:
    """2^x."""
    return OPS["power"](2.0, as_tensor(x))


def clip(x: Any, low: Any = None, high: Any = None) -> Tensor:
    """x moved into [low, high]; None leaves that side open."""
    if low is None or high is None:
        x = as_tensor(x) if low is None else maximum(as_tensor(x), low)
        return x if high is None else minimum(x, high)
    return clip_both(as_tensor(x), low, high)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition holds (is true, or not 0), b elsewhere."""
    condition = as_tensor(condition)
    if condition.dtype.kind != "b":
        condition = not_equal(condition, 0)
    if isinstance(a, int | float) and isinstance(b, int | float):
        a = tensor(np.float64(a) if isinstance(b, float) else a)
    return choose(condition, a, b)


def reshape(x: Any, shape: int | Shape) -> Tensor:
    """The same elements under another shape; one axis may be -1."""
    return as_tensor(x).reshape(shape)


def transpose(x: Any, axes: Shape | None = None) -> Tensor:
    """The axes in another order; reversed if none is given."""
    return as_tensor(x).transpose(*(axes or ()))


def broadcast_to(x: Any, shape: Shape) -> Tensor:
    """x repeated along new axes and axes of size 1."""
    return as_tensor(x).broadcast_to(shape)


def concat(xs: Sequence[Any], axis: int | None = 0) -> Tensor:
    """The tensors one after the other along an axis that they have; with None, all their elements in one axis."""
    tensors = [as_tensor(x) if axis is not None else as_tensor(x).ravel() for x in xs]
    ndim = tensors[0].ndim if tensors else 1
    return move.concat(*tensors, axis=one_axis(axis or 0, ndim))


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors one after the other along a new axis."""
    tensors = [as_tensor(x) for x in xs]
    at = one_axis(axis, tensors[0].ndim + 1 if tensors else 1)
    return concat([x.reshape((*x.shape[:at], 1, *x.shape[at:])) for x in tensors], at)


def split(x: Any, parts: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Equal parts, or cut at the given positions of one axis."""
    x = as_tensor(x)
    at = one_axis(axis, x.ndim)
    size = x.shape[at]
    if isinstance(parts, int | np.integer):
        if parts < 1 or size % parts:
            raise ShapeError(f"split: axis {at} of x {x.shape} has size {size}, which {parts} does not divide")
        parts = list(accumulate([size // parts] * (parts - 1)))
    if isinstance(parts, str) or not all(isinstance(p, int | np.integer) for p in parts):
        raise ShapeError(f"split: a number of parts, or positions to cut at; found {parts!r}")
    ends = [builtins.min(builtins.max(p + size if p < 0 else p, 0), size) for p in parts]
    cuts = list(pairwise([0, *ends, size]))
    return [move.slice_axis(x, at, a, builtins.max(b - a, 0)) for a, b in cuts]


def pad(x: Any, width: int | Sequence[Any], value: Any = 0) -> Tensor:
    """x with `value` around it: a width for all sides, or (before, after) for each axis."""
    x = as_tensor(x)
    try:
        around = np.broadcast_to(np.asarray(width).astype(np.int64, casting="safe"), (x.ndim, 2)).tolist()
    except (ValueError, TypeError):
        raise ShapeError(
            f"pad: whole numbers: a width, or (before, after) for each of the {x.ndim} axes of x {x.shape}; found {width}"
        ) from None
    if any(w < 0 for pair in around for w in pair):
        raise ShapeError(f"pad: widths must be at least 0, found {width}; use a slice to take elements away")
    at = tuple((before, 1, size) for (before, _), size in zip(around, x.shape, strict=True))
    into = tuple(before + size + after for (before, after), size in zip(around, x.shape, strict=True))
    padded = move.place(x, at=at, into=into)
    if isinstance(value, int | float) and value == 0:
        return padded
    inside = np.zeros(into, bool)
    inside[tuple(builtins.slice(before, before + size) for before, _, size in at)] = True
    return choose(inside, padded, value)


def flip(x: Any, axis: Axis = None) -> Tensor:
    """x with the axes reversed."""
    y = as_tensor(x)
    for at in normal_axes(axis, y.ndim):
        y = move.flip(y, at)
    return y


def take(x: Any, at: Any, axis: int | None = None) -> Tensor:
    """The elements at integer positions along one axis, or of the flattened tensor: gather."""
    x = as_tensor(x) if axis is not None else as_tensor(x).ravel()
    on = one_axis(axis or 0, x.ndim)
    return index.take(x, _positions("take", at), axis=on)


def take_along_axis(x: Any, at: Any, axis: int = -1) -> Tensor:
    """One element for each index, all axes but one running along."""
    x, at = as_tensor(x), _positions("take_along_axis", at)
    on = one_axis(axis, x.ndim)
    if x.ndim == at.ndim:
        x, at = _alike_but(on, x, at), _alike_but(on, at, x)
    return index.take_along(x, at, axis=on)


def _alike_but(axis: int, x: Tensor, other: Tensor) -> Tensor:
    """x with its axes of size 1 stretched to the other's, but for one axis."""
    return x.broadcast_to(
        tuple(n if i == axis or n != 1 else m for i, (n, m) in enumerate(zip(x.shape, other.shape, strict=True)))
    )


def scatter(g: Any, at: Any, size: int, axis: int = 0) -> Tensor:
    """Zeros of that size along an axis, with the slices of g added at integer positions: the reverse of `take`."""
    g, at = as_tensor(g), as_tensor(at)
    on = one_axis(axis, builtins.max(g.ndim - at.ndim + 1, 1))
    return index.put(g, _positions("scatter", at), axis=on, size=size)


def _positions(name: str, at: Any) -> Tensor:
    """Integers as 64-bit ones."""
    chosen = as_tensor(at)
    if chosen.dtype.kind not in "iu" and chosen.size:
        raise PositionError(f"{name}: indices must be integers, found {chosen.dtype}")
    return chosen.astype(np.int64)


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key] as NumPy means it. Arrays of indices must have values, but for a single one of integers."""
    entries = key if isinstance(key, tuple) else (key,)
    if all(e is None or (isinstance(e, BASIC) and not isinstance(e, bool)) for e in entries):
        return _basic(x, entries)
    if len(entries) == 1 and x.ndim and not isinstance(entries[0], bool) and _is_index(entries[0]):
        return take(x, entries[0], 0)
    positions = np.arange(x.size).reshape(x.shape)
    try:
        chosen = positions[tuple(_index_array(e) for e in entries)]
    except IndexError as problem:
        raise PositionError(f"{x.label} {x.shape}: {problem}") from None
    return index.take(x.ravel(), tensor(np.asarray(chosen, np.int64)), axis=0)


def _is_index(entry: Any) -> bool:
    """An array of integers, which chooses along the first axis."""
    kind = entry.dtype.kind if isinstance(entry, Tensor) else np.asarray(entry).dtype.kind
    return kind in "iu"


def _index_array(entry: Any) -> Any:
    return np.asarray(entry) if isinstance(entry, Tensor | list) else entry


def _basic(x: Tensor, entries: tuple[Any, ...]) -> Tensor:
    """Integers, slices, `...` and new axes: a slice, and a reshape where axes come or go."""
    hashable = tuple((e.start, e.stop, e.step) if isinstance(e, builtins.slice) else e for e in entries)
    at, whole, shape = _basic_plan(x.shape, hashable)
    y = x if whole else move.slice(x, at=at)
    return y if shape == y.shape else OPS["reshape"](y, to=shape)


@functools.lru_cache(4096)
def _basic_plan(x: Shape, entries: tuple[Any, ...]) -> tuple[move.Places, bool, Shape]:
    """(start, step, count) for each axis, whether that is all of x, and the shape in the end. Slices come as triples."""
    given = builtins.sum(e is not None and e is not Ellipsis for e in entries)
    dots = builtins.sum(e is Ellipsis for e in entries)
    if given > len(x) or dots > 1:
        raise PositionError(f"slice: x {x} has {len(x)} axes and is indexed by {given}" + ", `...` twice" * (dots > 1))
    full: list[Any] = []
    for entry in entries if dots else (*entries, Ellipsis):
        full += [(None, None, None)] * (len(x) - given) if entry is Ellipsis else [entry]
    at = tuple(move.place_of(i, e, x[i]) for i, e in enumerate(e for e in full if e is not None))
    sizes = iter(at)
    shape: list[int] = []
    for entry in full:
        count = 1 if entry is None else next(sizes)[2]
        shape += [count] if entry is None or isinstance(entry, tuple) else []
    return at, at == tuple((0, 1, size) for size in x), tuple(shape)


def matmul(a: Any, b: Any) -> Tensor:
    """a @ b: matrices, stacks of matrices, or vectors, which count as a row on the left and as a column on the right."""
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul: a {a.shape} and b {b.shape}: a scalar has no axes to multiply along; write a * b")
    y = linear.matmul(a.reshape((1, -1)) if a.ndim == 1 else a, b.reshape((-1, 1)) if b.ndim == 1 else b)
    lost = [*([y.ndim - 2] if a.ndim == 1 else []), *([y.ndim - 1] if b.ndim == 1 else [])]
    return y.squeeze(tuple(lost)) if lost else y


def tensordot(a: Any, b: Any, axes: int | tuple[Any, Any] = 2) -> Tensor:
    """Sums of products over the last axes of a and the first of b, or over pairs of axes."""
    a, b = as_tensor(a), as_tensor(b)
    if isinstance(axes, int):
        if not 0 <= axes <= builtins.min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: {axes} axes of a {a.shape} and b {b.shape}")
        axes = (tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    if isinstance(axes, str) or len(axes) != 2:
        raise ShapeError(f"tensordot: axes are a number, or those of a and those of b; found {axes!r}")
    on_a, on_b = ((axis,) if isinstance(axis, int) else tuple(axis) for axis in axes)
    if len(on_a) != len(on_b):
        raise ShapeError(f"tensordot: {len(on_a)} axes of a {a.shape} against {len(on_b)} of b {b.shape}")
    letters = [chr(97 + i) for i in range(a.ndim)]
    other = [chr(97 + a.ndim + i) for i in range(b.ndim)]
    for i, j in zip(on_a, on_b, strict=True):
        other[one_axis(j, b.ndim)] = letters[one_axis(i, a.ndim)]
    out = "".join(c for c in [*letters, *other] if (c in letters) != (c in other))
    return einsum(f"{''.join(letters)},{''.join(other)}->{out}", a, b)


def dot(a: Any, b: Any) -> Tensor:
    """NumPy's dot: a product with a scalar, matmul up to two axes, else over a's last axis and b's last but one."""
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b  # type: ignore[no-any-return]
    return matmul(a, b) if builtins.max(a.ndim, b.ndim) <= 2 else tensordot(a, b, (-1, -2 if b.ndim > 1 else -1))


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein's sums as in NumPy: "ij,jk->ik"; `...`, repeated letters and a left-out output are allowed."""
    return normal_einsum(subscripts, [as_tensor(x) for x in operands])


METHODS["stack"] = stack
METHODS["getitem"] = getitem
METHODS["matmul"] = matmul
METHODS["clip"] = clip
