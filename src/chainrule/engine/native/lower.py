"""Lowering: every op of a graph in terms of the few things the machine does. One row of a table for each op.

An op without a row here, or of an element type that has no kernels, stays what it is: `host`, run by NumPy.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from ...graph import Graph, Shape, Tensor
from .value import BOOL, ELEMENTWISE, FLOAT32, INT64, Builder, Value

Lowered: TypeAlias = Value | None
Rule: TypeAlias = Callable[[Builder, Tensor, tuple[Value, ...]], Lowered]
POOLS = frozenset(["max_pool", "pool_argmax", "pool_scatter", "pool_gather", "pool_sum", "pool_spread"])


def lower(graph: Graph, wanted: Mapping[str, Tensor]) -> tuple[dict[str, Value], dict[str, Value]]:
    """The graph's inputs and the `wanted` nodes as values, by name."""
    builder = Builder()
    value: dict[Tensor, Value] = {}
    inputs: dict[str, Value] = {}
    for name, node in graph.inputs.items():
        value[node] = inputs[name] = builder.make("input", shape=node.shape, dtype=node.dtype, name=name)
        inputs[name].label = name
    for node in [*graph.order, *wanted.values()]:
        if node not in value:
            builder.label = node.label
            value[node] = _lower(builder, node, value)
    return inputs, {name: value[node] for name, node in wanted.items()}


def _lower(b: Builder, node: Tensor, value: Mapping[Tensor, Value]) -> Value:
    if node.value is not None:
        return b.array(np.asarray(node.value), node.label)
    inputs = tuple(value[x] for x in node.inputs)
    rule = RULES.get(node.op.name)
    found = rule(b, node, inputs) if rule and _has_kernels(node) else None
    return found or b.make("host", *inputs, shape=node.shape, dtype=node.dtype, node=node)


def _has_kernels(node: Tensor) -> bool:
    """Float32, and booleans and whole numbers beside it."""
    if node.op.name in NEVER_EMPTY and (node.size == 0 or any(x.size == 0 for x in node.inputs)):
        return False
    return node.dtype in (FLOAT32, BOOL) or node.op.name in WHOLE


def _elementwise(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    """The op itself, where every input is of numbers that tiles hold: float32, or truth values."""
    if any(x.dtype not in (FLOAT32, BOOL) for x in inputs):
        return None
    return b.make(node.op.name, *inputs, shape=node.shape, dtype=node.dtype)


def _greater(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    """x > 0 is relu(x) > 0; the output of a ReLU is kept anyway, its input need not be."""
    x, zero = inputs
    rectified = b.known("relu", x) if zero.number == 0 else None
    return _elementwise(b, node, (rectified or x, zero))


def _where(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    """`where(x > 0, g, 0)`, the gate of a ReLU, is one op; behind a max pooling it closes before the gradient is spread."""
    condition, a, other = inputs
    gate = condition.op == "greater" and condition.inputs[1].number == 0 and other.number == 0
    if not gate or condition.shape != node.shape or a.shape != node.shape:
        return _elementwise(b, node, inputs)
    x = condition.inputs[0]
    if a.op == "pool_scatter" and a.inputs[1].inputs[0] is x:
        g, at = a.inputs
        pooled = b.known("max_pool", x, shape=g.shape, **at.attrs)
        if pooled is not None:
            return b.make("pool_scatter", _gate(b, pooled, g), at, shape=a.shape, **a.attrs)
    return _gate(b, x, a)


def _gate(b: Builder, x: Value, g: Value) -> Value:
    """g where x > 0, else 0; on the same elements under another shape if g is reshaped."""
    return b.make("where_positive", x, g, shape=g.shape)


def _mul(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return product(b, *inputs) if all(x.dtype == np.float32 for x in inputs) else _elementwise(b, node, inputs)


def product(b: Builder, x: Value, y: Value) -> Value:
    """x y, with the factors that are repeated along some axes last: (g s) (d r) is (g d) (s r), and s r is soon computed."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    parts = [part for factor in (x, y) for part in _factors(factor, shape)]
    large = sorted((part for part in parts if part.shape == shape), key=lambda part: part.serial)
    small = sorted((part for part in parts if part.shape != shape), key=lambda part: part.serial)
    between = np.broadcast_shapes(*(part.shape for part in small))
    if not large or between == shape:
        return b.make("mul", x, y, shape=shape)
    groups = [functools.reduce(functools.partial(_times, b), group) for group in (large, small) if group]
    return functools.reduce(functools.partial(_times, b), groups)


def _times(b: Builder, x: Value, y: Value) -> Value:
    return b.make("mul", x, y, shape=np.broadcast_shapes(x.shape, y.shape))


def _factors(x: Value, shape: Shape) -> tuple[Value, ...]:
    """What a product was made of, if one of it is repeated."""
    apart = x.op == "mul" and x.shape == shape and any(part.shape != shape for part in x.inputs)
    return x.inputs if apart else (x,)


POWERS = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}


def _power(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    a, exponent = inputs
    if exponent.number in POWERS and a.shape == node.shape:
        return b.make(POWERS[exponent.number or 0.0], a, shape=node.shape)
    return _elementwise(b, node, inputs)


def _standardise(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    x, mean, var, eps = inputs
    rate = b.make("rsqrt", b.make("add", var, eps, shape=var.shape), shape=var.shape)
    return b.make("mul", b.make("sub", x, mean, shape=x.shape), rate, shape=x.shape)


def _cast(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    """Truth values and scalar counters become float32 when they are loaded."""
    x = inputs[0]
    counted = x.dtype == np.int64 and x.op == "input" and (x.shape == () or x.size < 2)
    if node.dtype == FLOAT32 and (x.dtype in (BOOL, FLOAT32) or counted):
        return b.make("copy", x, shape=node.shape)
    return None


def _same_elements(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return same_elements(b, "reshape", inputs[0], node.shape)


def same_elements(b: Builder, op: str, x: Value, shape: Shape) -> Value:
    """x under another shape; a reshape of a reshape is one."""
    while op == "reshape" and x.op == "reshape":
        x = x.inputs[0]
    return x if x.shape == shape else b.make(op, x, shape=shape, dtype=x.dtype)


def _identity(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return inputs[0]


def _broadcast(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return same_elements(b, "broadcast", inputs[0], node.shape)


def _softmax(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    e = b.make("exp", _shifted(b, inputs[0]), shape=node.shape)
    return b.make("div", e, _rows(b, "rowsum", e), shape=node.shape)


def _log_softmax(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    z = _shifted(b, inputs[0])
    return b.make("sub", z, _log_total(b, z), shape=node.shape)


def _cross_entropy(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    logits, labels = inputs
    if labels.dtype != np.int64:
        return None
    z = _shifted(b, logits)
    own = b.make("take_column", z, same_elements(b, "reshape", labels, (*labels.shape, 1)), shape=(*labels.shape, 1))
    loss = b.make("sub", _log_total(b, z), own, shape=own.shape)
    return same_elements(b, "reshape", loss, node.shape)


def _one_hot(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    labels = inputs[0]
    if labels.dtype != np.int64 or node.dtype != np.float32:
        return None
    column = same_elements(b, "reshape", labels, (*labels.shape, 1))
    return b.make("equal", b.make("column_index", shape=node.shape[-1:]), column, shape=node.shape)


def _shifted(b: Builder, logits: Value) -> Value:
    """Logits less the largest of their row, so that no exponential overflows."""
    return b.make("sub", logits, _rows(b, "rowmax", logits), shape=logits.shape)


def _log_total(b: Builder, z: Value) -> Value:
    total = _rows(b, "rowsum", b.make("exp", z, shape=z.shape))
    return b.make("log", total, shape=total.shape)


def _rows(b: Builder, op: str, x: Value, axes: int = 1) -> Value:
    """A reduction of the last `axes` axes, which stay as 1."""
    return b.make(op, x, shape=(*x.shape[: len(x.shape) - axes], *[1] * axes))


def _reduction(name: str) -> Rule:
    """A sum, or largest or smallest, over some axes."""

    def rule(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
        return _reduced(b, name, inputs[0], node)

    return rule


def _reduced(b: Builder, name: str, x: Value, node: Tensor) -> Lowered:
    axes = node.attrs["axis"]
    if not _is_reducible(x, axes):
        return None
    if name == "min" and len(axes) == len(x.shape):  # of everything: the largest of the negative
        reduced = b.make("neg", b.make("colmax", b.make("neg", x, shape=x.shape), shape=()), shape=())
    elif axes == tuple(range(len(axes))):
        reduced = _columns(b, name, x, len(axes))
    else:
        reduced = _rows(b, f"row{name}", _behind(b, x, axes), len(axes))
    return same_elements(b, "reshape", reduced, node.shape)


def _is_reducible(x: Value, axes: tuple[int, ...]) -> bool:
    """Whether there are kernels for it: of nothing, only where nothing has to be moved."""
    last = len(x.shape)
    stays = axes in (tuple(range(len(axes))), tuple(range(last - len(axes), last)))
    return x.dtype == np.float32 and bool(axes) and (x.size > 0 or stays)


def _behind(b: Builder, x: Value, axes: tuple[int, ...]) -> Value:
    """x with these axes behind the others: a reduction over axes in the middle becomes one within rows."""
    order = (*(i for i in range(len(x.shape)) if i not in axes), *axes)
    if order == tuple(range(len(x.shape))):
        return x
    return b.make("copy_axes", x, shape=tuple(x.shape[i] for i in order), order=order)


def _columns(b: Builder, name: str, x: Value, axes: int) -> Value:
    """A reduction over the leading axes; a factor that all rows share is taken out of a sum."""
    shape = x.shape[axes:]
    if name == "sum" and x.op == "mul" and x.inputs[0].shape == x.shape:
        core, factor = x.inputs
        if math.prod(factor.shape[: max(0, len(factor.shape) - len(shape))]) == 1 and factor.size < x.size:
            total = b.make("colsum", core, shape=shape)
            return b.make(
                "mul",
                total,
                same_elements(b, "reshape", factor, factor.shape[-len(shape) :] if shape else ()),
                shape=shape,
            )
    return b.make(f"col{name}", x, shape=shape)


def _mean(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    x, axes = inputs[0], node.attrs["axis"]
    if not _is_reducible(x, axes):
        return None
    if _leads(axes, x):
        return same_elements(b, "reshape", _moment(b, x, len(axes), 0), node.shape)
    count = b.number(math.prod(x.shape[i] for i in axes))
    if len(axes) == len(x.shape):
        total = _reduced(b, "sum", x, node)
        return total and b.make("div", total, count, shape=node.shape)
    return same_elements(b, "reshape", _row_mean(b, _behind(b, x, axes), len(axes), count), node.shape)


def _leads(axes: tuple[int, ...], x: Value) -> bool:
    """Whether these are the first axes, and not all."""
    return len(axes) < len(x.shape) and axes == tuple(range(len(axes)))


def _row_mean(b: Builder, x: Value, axes: int, count: Value) -> Value:
    total = _rows(b, "rowsum", x, axes)
    return b.make("div", total, count, shape=total.shape)


def _moment(b: Builder, x: Value, axes: int, which: int) -> Value:
    """Mean (0) or variance (1) over the leading axes: both come from one pass."""
    shape = x.shape[axes:]
    both = b.make("moments", x, shape=(4, *shape))
    return b.make("moment", b.make("merge_moments", both, shape=(2, *shape)), shape=shape, which=which)


def _var(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    x, axes = inputs[0], node.attrs["axis"]
    if not _is_reducible(x, axes):
        return None
    found = _moment(b, x, len(axes), 1) if _leads(axes, x) else _row_variance(b, _behind(b, x, axes), len(axes))
    return same_elements(b, "reshape", found, node.shape)


def _row_variance(b: Builder, x: Value, axes: int) -> Value:
    count = b.number(math.prod(x.shape[len(x.shape) - axes :]))
    centred = b.make("sub", x, _row_mean(b, x, axes, count), shape=x.shape)
    squares = _rows(b, "rowsum", b.make("square", centred, shape=x.shape), axes)
    return b.make("div", squares, count, shape=squares.shape)


def _std(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    var = _var(b, node, inputs)
    return var and b.make("sqrt", var, shape=node.shape)


def _argmax(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    x, axis = inputs[0], node.attrs["axis"]
    if axis != (len(x.shape) - 1,) or x.dtype != np.float32:
        return None
    at = b.make(f"row{node.op.name}", x, shape=(*x.shape[:-1], 1), dtype=np.int64)
    return same_elements(b, "reshape", at, node.shape)


def _matmul(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    """One matrix product; of a stack of matrices times one matrix the rows are all alike."""
    x, w = inputs
    if len(w.shape) != 2 or min(node.shape, default=0) == 0:
        return None
    a, flipped = (x.inputs[0], True) if _is_flip(x) else (x, False)
    k, turned = (w.inputs[0], True) if _is_flip(w) else (w, False)
    if flipped and len(x.shape) != 2:
        return None
    return b.make("gemm", a, k, shape=node.shape, a_flipped=flipped, b_flipped=turned)


def _is_flip(x: Value) -> bool:
    return x.op == "copy_axes" and x.attrs["order"] == (1, 0)


def _transpose(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    x = inputs[0]
    return b.make("copy_axes", x, shape=node.shape, dtype=x.dtype, order=node.attrs["order"])


def _slice(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return b.make("slice", inputs[0], shape=node.shape, dtype=node.dtype, **node.attrs)


def _place(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return b.make("place", inputs[0], shape=node.shape, dtype=node.dtype, **node.attrs)


def _concat(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    return b.make("concat", *inputs, shape=node.shape, dtype=node.dtype, **node.attrs)


def _pool(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    size = node.attrs["size"]
    if any(x.dtype not in (FLOAT32, INT64) for x in inputs) or size[0] * size[1] > 255:
        return None
    if node.op.name in ("pool_scatter", "pool_gather") and inputs[1].op != "pool_argmax":
        return None
    return b.make(node.op.name, *inputs, shape=node.shape, dtype=node.dtype, **node.attrs)


def _conv(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    if node.attrs["groups"] > MOST_GROUPS or min(node.shape) == 0:
        return None
    name = {"conv2d": "conv", "conv2d_x": "conv_x", "conv2d_k": "conv_kernel"}[node.op.name]
    return b.make(name, *inputs, shape=node.shape, **node.attrs)


def _uniform(b: Builder, node: Tensor, inputs: tuple[Value, ...]) -> Lowered:
    if any(x.op != "input" or x.dtype != np.int64 for x in inputs):
        return None
    return b.make("uniform", *inputs, shape=node.shape, stream=node.attrs["stream"])


MOST_GROUPS = 64  # each is a kernel's call
WHOLE = frozenset(["argmax", "argmin", "pool_argmax"])  # they give whole numbers
NEVER_EMPTY = POOLS | WHOLE | {"matmul", "softmax", "log_softmax", "cross_entropy", "mean", "var", "std", "max", "min"}
RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE - {"copy", "rsqrt", "reciprocal", "square", "muladd", "where_positive"}, _elementwise),
    **dict.fromkeys(POOLS, _pool),
    **dict.fromkeys(["conv2d", "conv2d_x", "conv2d_k"], _conv),
    **dict.fromkeys(["argmax", "argmin"], _argmax),
    **{name: _reduction(name) for name in ("sum", "max", "min")},
    "mul": _mul,
    "greater": _greater,
    "where": _where,
    "power": _power,
    "standardise": _standardise,
    "cast": _cast,
    "identity": _identity,
    "stop_gradient": _identity,
    "reshape": _same_elements,
    "broadcast": _broadcast,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "cross_entropy": _cross_entropy,
    "one_hot": _one_hot,
    "mean": _mean,
    "var": _var,
    "std": _std,
    "matmul": _matmul,
    "transpose": _transpose,
    "slice": _slice,
    "place": _place,
    "concat": _concat,
    "uniform": _uniform,
}
