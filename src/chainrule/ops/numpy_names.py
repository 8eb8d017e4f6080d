"""NumPy's own functions on tensors: `np.tanh(t)` is the node `cr.tanh(t)`.

A function that is not in these tables computes on plain arrays, as `np.asarray(t)` would: it leaves the graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ReadOnlyError
from ..graph import METHODS, Tensor
from . import compare, elementwise, trigonometric
from . import functions as f

SAME_NAME = {
    compare: "maximum minimum sign floor ceil less less_equal greater greater_equal equal not_equal "
    "logical_and logical_or logical_not",
    elementwise: "exp expm1 log log1p sqrt",
    trigonometric: "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh",
}
OTHERS = (
    "sum mean var std prod max min argmax argmin cumsum clip where reshape transpose broadcast_to stack split flip take "
    "take_along_axis tensordot einsum"
)

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
    np.absolute: compare.abs,
    np.rint: compare.round,
    np.square: f.square,
    np.log2: f.log2,
    np.log10: f.log10,
    np.exp2: f.exp2,
    np.matmul: f.matmul,
}

FUNCTIONS: dict[Any, Any] = {getattr(np, name): getattr(f, name) for name in OTHERS.split()} | {
    np.concatenate: f.concat,
    np.ravel: lambda x: f.as_tensor(x).ravel(),
    np.squeeze: lambda x, axis=None: f.as_tensor(x).squeeze(axis),
    np.swapaxes: lambda x, a, b: f.as_tensor(x).swapaxes(a, b),
    np.expand_dims: lambda x, axis: f.stack([x], axis),
    np.pad: lambda x, width, mode="constant", constant_values=0.0: f.pad(x, width, constant_values),
    np.dot: f.matmul,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
}


def ufunc(function: Any, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """A ufunc called with a tensor among its inputs."""
    _refuse_out(function, settings)
    if method == "__call__" and function in UFUNCS and not settings:
        return UFUNCS[function](*_lifted(inputs))
    return getattr(function, method)(*_plain(inputs), **settings)


def function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Another NumPy function called with a tensor among its arguments."""
    _refuse_out(function, kwargs)
    if function in FUNCTIONS:
        return FUNCTIONS[function](*args, **kwargs)
    return function(*_plain(args), **{name: _plain(value) for name, value in kwargs.items()})


def _refuse_out(function: Any, settings: dict[str, Any]) -> None:
    out = settings.get("out")
    if any(isinstance(x, Tensor) for x in (out if isinstance(out, tuple) else (out,))):
        raise ReadOnlyError(
            f"np.{function.__name__}: `out` is a tensor, whose value is not written to: leave `out` away"
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
