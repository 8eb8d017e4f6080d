"""What the native engine computes with: a graph of values, closer to the machine than the graph of ops.

A Value is memory or an *expression*. Expressions treat all elements (or all rows) alike and are computed tile by tile, on
their way into something else; what they are stored for is decided later (`schedule.py`). Equal values are one object.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph import Shape

_NAMES = """
    copy add sub mul div neg exp expm1 log log1p sqrt rsqrt reciprocal sigmoid softplus tanh relu leaky_relu elu gelu
    silu erf abs sign floor ceil round power maximum minimum clip where less less_equal greater greater_equal equal not_equal
    logical_and logical_or logical_not mod floor_divide square muladd sin cos tan arcsin arccos arctan sinh cosh arcsinh
    arccosh arctanh where_positive uniform
"""
ELEMENTWISE = frozenset(_NAMES.split())
ROW_REDUCTIONS = {"rowsum": "sum", "rowmax": "max", "rowmin": "min"}  # over trailing axes, within a row of a tile
IN_A_ROW = frozenset([*ROW_REDUCTIONS, "rowargmax", "rowargmin", "take_column"])
SAME_ELEMENTS = frozenset(["reshape", "broadcast"])  # nothing is computed: an element is seen under another index
EXPRESSIONS = ELEMENTWISE | IN_A_ROW | SAME_ELEMENTS | {"column_index"}
COLUMN_REDUCTIONS = {"colsum": "sum", "colmax": "max", "colmin": "min", "moments": "moments"}  # over leading axes
# Compared as they are: to ask a dtype for its name takes longer than all else that is asked of a value.
FLOAT32, INT64, BOOL = (np.dtype(kind) for kind in (np.float32, np.int64, np.bool_))
GIVEN = frozenset(["input", "constant"])


class Value:
    """One value: `op` of `inputs`. `label` is the name of the graph's node it comes from, for messages and the plan."""

    __slots__ = ("attrs", "dtype", "inputs", "label", "op", "serial", "shape")

    def __init__(
        self,
        op: str,
        inputs: tuple[Value, ...],
        shape: Shape,
        dtype: np.dtype[Any],
        attrs: Mapping[str, Any],
        label: str,
        serial: int = 0,
    ) -> None:
        self.op, self.inputs, self.shape, self.dtype = op, inputs, shape, dtype
        self.attrs, self.label, self.serial = attrs, label, serial

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.size * self.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of an element in the engine's memory; positions in a pooling window fit one."""
        return 1 if self.op == "pool_argmax" else self.dtype.itemsize

    @property
    def is_expression(self) -> bool:
        return self.op in EXPRESSIONS

    @property
    def is_reduction(self) -> bool:
        """Whether it is added up over rows, so that every task has its part of it."""
        return self.op in COLUMN_REDUCTIONS or self.op == "conv_kernel"

    @property
    def number(self) -> float | None:
        """The value of a scalar constant."""
        return float(self.attrs["array"]) if self.op == "constant" and self.shape == () else None

    def __repr__(self) -> str:
        return f"<{self.op} {self.shape} {self.dtype} '{self.label}'>"


class Builder:
    """Makes values; the same op of the same inputs is made once."""

    def __init__(self) -> None:
        self.label = ""
        self._known: dict[Hashable, Value] = {}

    def make(self, op: str, *inputs: Value, shape: Shape, dtype: Any = np.float32, **attrs: Any) -> Value:
        """The value of `op` on `inputs`."""
        kind = np.dtype(dtype)
        key = (op, tuple(map(id, inputs)), shape, kind, tuple(sorted(attrs.items())))
        if key not in self._known:
            self._known[key] = Value(op, inputs, shape, kind, attrs, self.label, len(self._known))
        return self._known[key]

    def known(self, op: str, *inputs: Value, **attrs: Any) -> Value | None:
        """The value, if it was made before."""
        first = inputs[0]
        key = (op, tuple(map(id, inputs)), attrs.pop("shape", first.shape), first.dtype, tuple(sorted(attrs.items())))
        return self._known.get(key)

    def number(self, value: float, dtype: Any = np.float32) -> Value:
        """A scalar constant."""
        array = np.array(value, dtype)
        key = ("number", array.dtype, array.tobytes())
        if key not in self._known:
            self._known[key] = Value("constant", (), (), array.dtype, {"array": array}, "")
        return self._known[key]

    def array(self, array: NDArray[Any], label: str = "") -> Value:
        """A constant; one number throughout is that number, repeated."""
        if array.size and (array == array.flat[0]).all():
            scalar = self.number(array.flat[0], array.dtype)
            return scalar if array.shape == () else self.make("broadcast", scalar, shape=array.shape, dtype=array.dtype)
        key = ("array", id(array))
        if key not in self._known:
            held = np.ascontiguousarray(array)
            self._known[key] = Value("constant", (), array.shape, array.dtype, {"array": held, "given": array}, label)
        return self._known[key]
