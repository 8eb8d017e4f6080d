"""`z.explain()`: backpropagation in words and numbers, node by node, from the output back to the inputs.

Each gate is told by its name from the lectures (CS231n, lecture 4), its local gradient as the formula that its op declares,
and what comes in (upstream) and goes out (downstream). For vectors and matrices it shows the size of the Jacobian, which is
never built, and how the product cancels back to the input's shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from .errors import GradientError
from .grad import local_gradient
from .graph import METHODS, NO_ATTRS, Array, Tensor, placeholder
from .trace import Trace

ROUTES = "routes: the gradient goes where the value came from, the rest gets 0"
MOVES = "moves: each element's gradient goes back to where the element came from"
GATES = {
    "add": "distributes: each input gets the upstream gradient as it is",
    "sub": "distributes, with a minus for what is taken away",
    "mul": "swaps: each input gets the upstream gradient times the other input",
    "matmul": "swaps: each input gets the upstream gradient times the other input, turned so that the shapes fit",
    "einsum": "swaps: each input gets the upstream gradient times the others",
    "broadcast": "copies, so it sums: what was copied forward is summed backward",
    "sum": "distributes: every summand gets the upstream gradient as it is",
    "mean": "distributes: every element gets its share, 1/n of the upstream gradient",
    "neg": "turns the sign",
    "stop_gradient": "stops: nothing goes back",
    **dict.fromkeys(("maximum", "minimum", "max", "min", "relu", "max_pool", "clip", "where", "abs"), ROUTES),
    **dict.fromkeys(("reshape", "transpose", "slice", "place", "concat", "take", "take_along"), MOVES),
}
SCALES = "scales: upstream gradient times local gradient"
INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@", "power": "**", "greater": ">", "less": "<", "equal": "==",
    "greater_equal": ">=", "less_equal": "<=", "logical_and": "&", "logical_or": "|",
}  # fmt: skip
LONG = 60  # characters up to which a formula is written with its shapes


class Explanation(str):
    """Text that shows itself as text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def explain(output: Tensor) -> Explanation:
    """Every gate from the output back, and the gradients at the leaves. The output is one floating-point number."""
    trace = Trace.of(output)
    if output not in trace.gradient:
        raise GradientError(
            f"{output.label} {output.shape} of {output.dtype} cannot be explained: backpropagation starts at one "
            "floating-point number that has a value; take a scalar such as y.sum()"
        )
    return explained(trace)


def explained(trace: Trace) -> Explanation:
    """The same for a trace, of a compiled step too."""
    lines = [line for node in reversed(trace.nodes) for line in _told(trace, node)]
    leaves = [x for x in trace.nodes if x.op is None and x in trace.gradient]
    name = trace.name_of[trace.output]
    ends = [f"d {name} / d {trace.name_of[x]} = {told(trace.gradient[x])}" for x in leaves]
    return Explanation("\n".join([*lines, *ends]))


def _told(trace: Trace, node: Tensor) -> Iterator[str]:
    """The lines about one node."""
    if node not in trace.gradient:
        return
    yield from _copies(trace, node)
    if node.op is None:
        return
    call = f"{trace.name_of[node]} = {node.op.name}({', '.join(_name(trace, x) for x in node.inputs)})"
    yield f"{call} = {told(trace.value[node])}   upstream {told(trace.gradient[node])}"
    yield f"  the {node.op.name} gate {GATES.get(node.op.name, SCALES)}"
    for i, x in enumerate(node.inputs):
        flow = trace.flow(node, i)
        if flow is not None:
            yield from _sent(trace, node, i, x, flow)


def _copies(trace: Trace, node: Tensor) -> Iterator[str]:
    """An output that several gates use is a copy gate: their gradients are summed."""
    flows = [trace.flow(user, i) for user, i in trace.users[node]]
    shares = [flow for flow in flows if flow is not None]
    if len(shares) > 1:
        total = told(trace.gradient[node])
        terms = " + ".join(told(share) for share in shares) if node.size == 1 else f"{len(shares)} of them"
        yield f"{trace.name_of[node]} is used {len(shares)} times; a copy sums what comes back: {terms} = {total}"


def _sent(trace: Trace, node: Tensor, i: int, x: Tensor, flow: Array) -> Iterator[str]:
    """What goes to one input."""
    formula = _derivative(trace, node, i)
    to = f"  to {_name(trace, x)}: {write(formula, lambda leaf: leaf.label)}"
    if node.size == 1 and x.size == 1:
        upstream = float(np.asarray(trace.gradient[node]).item())
        local = float(np.asarray(_local(trace, node, i)).item())
        yield f"{to}   local {number(local)}, {number(upstream)} * {number(local)} = {told(flow)}"
        return
    shapes = write(formula, lambda leaf: str(leaf.shape) if leaf.shape else leaf.label)
    yield f"{to} = {shapes} -> {formula.shape}" if len(shapes) <= LONG else f"{to} -> {formula.shape}"
    if formula.shape != x.shape:
        yield f"     summed over what was copied forward: {formula.shape} -> {x.shape}"
    cells = node.size * x.size
    size = f"{cells:,} numbers ({_bytes(cells * x.dtype.itemsize)})"
    yield f"     the Jacobian {node.shape} by {x.shape} would hold {size} and is never built"
    yield f"     downstream {told(flow)}"


def _derivative(trace: Trace, node: Tensor, i: int) -> Tensor:
    """The op's declared derivative as a recorded formula of `g` and of the node's own names."""

    def leaf(x: Tensor, name: str) -> Tensor:
        return x if x.is_number else placeholder(x.shape, x.dtype, name)

    inputs = tuple(leaf(x, _name(trace, x)) for x in node.inputs)
    here = Tensor(node.op, inputs, node.attrs, node.spec, None, trace.name_of[node])
    formula: Tensor = node.op.derivative(i)(placeholder(node.shape, node.dtype, "g"), here, *inputs, **node.attrs)
    return formula


def _local(trace: Trace, node: Tensor, i: int) -> Array:
    """The local gradient of a scalar gate: its derivative for an upstream gradient of 1."""
    one = Tensor(None, (), NO_ATTRS, node.spec, np.ones(node.shape, node.dtype))
    return local_gradient(trace.still(node), one, i).value


def write(node: Tensor, leaf: Callable[[Tensor], str], inside: bool = False) -> str:
    """A formula as it would be written: names and numbers, operators between their operands."""
    if node.value is not None and node.size == 1:
        return number(float(np.asarray(node.value).item()))
    if node.op is None or node.name is not None:
        return leaf(node)
    if node.op.name == "power" and node.inputs[1].size == 1 and node.inputs[1].value == 1:
        return write(node.inputs[0], leaf, inside)
    parts = [write(x, leaf, node.op.name in (*INFIX, "neg", "transpose")) for x in node.inputs]
    return _call(node, parts, inside)


def _call(node: Tensor, parts: list[str], inside: bool) -> str:
    """One op on operands that are written already."""
    name = node.op.name
    if name in INFIX:
        formula = f"{parts[0]} {INFIX[name]} {parts[1]}"
        return f"({formula})" if inside else formula
    if name == "neg":
        return f"-{parts[0]}"
    if name == "transpose" and node.ndim == 2:
        return f"{parts[0]}.T"
    settings = [f"{key}={value}" for key, value in node.attrs.items() if key in ("axis", "to")]
    return f"{name}({', '.join([*parts, *settings])})"


def _name(trace: Trace, x: Tensor) -> str:
    """A number as itself, any other node by its name."""
    return number(float(np.asarray(x.value).item())) if x.is_number else trace.name_of[x]


def told(value: Array) -> str:
    """A number, a short vector, or shape and range."""
    array = np.asarray(value)
    if array.ndim == 0:
        return number(float(array))
    if array.size <= 6:
        return " ".join(np.array2string(array, precision=4, separator=", ", suppress_small=True).split())
    return f"{array.shape} in [{number(float(array.min()))}, {number(float(array.max()))}]"


def number(value: float) -> str:
    """Four digits that count; whole numbers as such."""
    return f"{value:.0f}" if math.isfinite(value) and value == round(value) and abs(value) < 1e6 else f"{value:.4g}"


def _bytes(count: int) -> str:
    size: float = count
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"


METHODS["explain"] = explain
