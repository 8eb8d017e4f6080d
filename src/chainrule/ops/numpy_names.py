"""NumPy's own functions on tensors: `np.tanh(t)` is the node `cr.tanh(t)`.

A function that is no op here would leave the graph and lose the gradient without a word, so it is refused; those in `PLAIN`
have no gradient by nature and compute on plain arrays.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..errors import DtypeError, ReadOnlyError
from ..graph import METHODS, Tensor, as_tensor
from . import compare, elementwise, trigonometric
from . import functions as f

SAME_NAME = {
    compare: "maximum minimum sign floor ceil less less_equal greater greater_equal equal not_equal "
    "logical_and logical_or logical_not",
    elementwise: "exp expm1 log log1p sqrt floor_divide",
    trigonometric: "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh",
}
OTHERS = (
    "sum mean var std prod max min argmax argmin cumsum clip where reshape transpose broadcast_to stack split flip take "
    "take_along_axis tensordot einsum pad dot"
)
PLAIN_NAMES = (
    "shape ndim size array_equal allclose isclose array2string array_repr array_str histogram argsort nonzero "
    "count_nonzero any all unique searchsorted may_share_memory shares_memory result_type iscomplexobj isrealobj"
)
PLAIN_UFUNCS = {np.isfinite, np.isnan, np.isinf, np.signbit}
RENAMED = {  # NumPy's name of an argument, and ours
    "a": "x", "m": "x", "array": "x", "arrays": "xs", "ary": "x", "arr": "x", "a_min": "low", "a_max": "high", "min": "low",
    "max": "high", "indices": "at", "newshape": "shape", "pad_width": "width", "constant_values": "value",
    "indices_or_sections": "parts", "axis1": "a", "axis2": "b",
}  # fmt: skip
USUAL = {"mode": ("raise", "constant"), "order": ("C",), "optimize": (False, True), "ddof": (0,), "copy": (None, True)}

UFUNCS: dict[Any, Any] = {
    getattr(np, name): getattr(family, name) for family, names in SAME_NAME.items() for name in names.split()
} | {
    np.add: elementwise.add,
    np.subtract: elementwise.sub,
    np.multiply: elementwise.mul,
    np.divide: elementwise.div,
    np.remainder: elementwise.mod,
    np.power: elementwise.power,
    np.negative: elementwise.neg,
    np.positive: elementwise.identity,
    np.absolute: compare.abs,
    np.rint: compare.round,
    np.square: f.square,
    np.log2: f.log2,
    np.log10: f.log10,
    np.exp2: f.exp2,
    np.matmul: f.matmul,
}


def ravel(x: Any) -> Tensor:
    return as_tensor(x).ravel()


def squeeze(x: Any, axis: Any = None) -> Tensor:
    return as_tensor(x).squeeze(axis)


def swapaxes(x: Any, a: int, b: int) -> Tensor:
    return as_tensor(x).swapaxes(a, b)


def expand_dims(x: Any, axis: int) -> Tensor:
    return f.stack([x], axis)


FUNCTIONS: dict[Any, Any] = {getattr(np, name): getattr(f, name) for name in OTHERS.split()} | {
    np.amax: f.max,
    np.amin: f.min,
    np.round: compare.round,
    np.concatenate: f.concat,
    np.ravel: ravel,
    np.squeeze: squeeze,
    np.swapaxes: swapaxes,
    np.expand_dims: expand_dims,
}
PLAIN = {getattr(np, name) for name in PLAIN_NAMES.split()}


def ufunc(function: Any, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """A ufunc called with a tensor among its inputs."""
    if settings.get("out") is not None:
        raise ReadOnlyError(
            f"np.{function.__name__}: a tensor's value is not written to, and what is written into an array leaves the "
            "graph: leave `out` away, and write a = a + t for a += t"
        )
    if function in PLAIN_UFUNCS:
        return getattr(function, method)(*_plain(inputs), **settings)
    if method != "__call__" or function not in UFUNCS or settings:
        how = f".{method}" if method != "__call__" else "".join(f"({name}=...)" for name in settings)
        raise _no_op(f"{function.__name__}{how}")
    return UFUNCS[function](*_lifted(inputs))


def function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Another NumPy function called with a tensor among its arguments."""
    if isinstance(kwargs.get("out"), Tensor):
        raise ReadOnlyError(f"np.{function.__name__}: `out` is a tensor, whose value is not written to: leave it away")
    if function in PLAIN:
        return function(*_plain(args), **{name: _plain(value) for name, value in kwargs.items()})
    if function not in FUNCTIONS:
        raise _no_op(function.__name__)
    ours = FUNCTIONS[function]
    named = {RENAMED.get(name, name): value for name, value in kwargs.items() if not _usual(name, value)}
    known = getattr(ours, "forward", ours)
    unknown = [name for name in named if name not in inspect.signature(known).parameters]
    if unknown:
        raise _no_op(f"{function.__name__}({unknown[0]}=...)")
    try:
        return ours(*args, **named)
    except TypeError as problem:
        raise DtypeError(f"np.{function.__name__}: {problem}") from problem


def _usual(name: str, value: Any) -> bool:
    """A setting that says nothing: NumPy's own default."""
    return value is np._NoValue or (value is None and name != "axis") or value in USUAL.get(name, ())


def _no_op(name: str) -> DtypeError:
    return DtypeError(
        f"np.{name} is no op here, and would leave the graph: compose it of ops, declare it by @cr.op, "
        f"or take plain numbers by np.asarray(t)"
    )


def _lifted(inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    partner = next(x for x in inputs if isinstance(x, Tensor))
    return tuple(partner.lifted(x) for x in inputs)


def _plain(value: Any) -> Any:
    """Tensors as arrays, inside lists and tuples too."""
    if isinstance(value, Tensor):
        return np.asarray(value)
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


METHODS["ufunc"] = ufunc
METHODS["function"] = function
