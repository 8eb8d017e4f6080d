"""A Tensor is a node of the computational graph: op, inputs, attributes, shape, dtype, a name, and a value when it has one.

Ops on tensors with values compute at once; ops on placeholders only record. Both give the same nodes. Operators and methods
look their op up in `OPS` when called, so this file needs to know no op.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import DtypeError, NoValueError
from .shapes import Shape

Spec: TypeAlias = tuple[Shape, np.dtype[Any]]
Axis: TypeAlias = int | tuple[int, ...] | None
# What ops/ works on: NumPy's arrays or another library's of the array API; the static type would only get in the way.
Array: TypeAlias = Any

OPS: dict[str, Callable[..., Tensor]] = {}  # filled by @op
METHODS: dict[str, Callable[..., Any]] = {}  # filled by modules above this one: "backward"
NO_ATTRS: Mapping[str, Any] = {}
CONSTANT: Mapping[str, Any] = {"constant": True}  # the attributes of a Python number made a node

_scope: ContextVar[str] = ContextVar("scope", default="")
_specs: dict[Spec, Spec] = {}


@contextmanager
def scope(path: str) -> Iterator[None]:
    """Nodes made inside are named `path/...`."""
    token = _scope.set(path)
    try:
        yield
    finally:
        _scope.reset(token)


def intern_spec(shape: Shape, dtype: np.dtype[Any]) -> Spec:
    """One tuple per (shape, dtype), so that an op's cache finds it fast."""
    key = (shape, dtype)
    return _specs.setdefault(key, key)


class Tensor:
    """A node. Make one with `tensor` (a value) or `placeholder` (to be fed); every op makes more."""

    __array_ufunc__ = None  # an array on the left lets our reflected operators speak
    __slots__ = ("__weakref__", "attrs", "grad", "inputs", "name", "op", "scope", "spec", "value")

    def __init__(
        self,
        op: Any,
        inputs: tuple[Tensor, ...],
        attrs: Mapping[str, Any],
        spec: Spec,
        value: Array,
        name: str | None = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.spec = spec
        self.value = value
        self.name = name
        self.scope = _scope.get()
        self.grad: Tensor | None = None

    @property
    def shape(self) -> Shape:
        return self.spec[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.spec[1]

    @property
    def ndim(self) -> int:
        return len(self.spec[0])

    @property
    def size(self) -> int:
        return math.prod(self.spec[0])

    def __add__(self, other: Any) -> Tensor:
        return OPS["add"](self, lift(other, self))

    def __radd__(self, other: Any) -> Tensor:
        return OPS["add"](lift(other, self), self)

    def __sub__(self, other: Any) -> Tensor:
        return OPS["sub"](self, lift(other, self))

    def __rsub__(self, other: Any) -> Tensor:
        return OPS["sub"](lift(other, self), self)

    def __mul__(self, other: Any) -> Tensor:
        return OPS["mul"](self, lift(other, self))

    def __rmul__(self, other: Any) -> Tensor:
        return OPS["mul"](lift(other, self), self)

    def __truediv__(self, other: Any) -> Tensor:
        return OPS["div"](self, lift(other, self))

    def __rtruediv__(self, other: Any) -> Tensor:
        return OPS["div"](lift(other, self), self)

    def __pow__(self, other: Any) -> Tensor:
        return OPS["power"](self, lift(other, self))

    def __matmul__(self, other: Any) -> Tensor:
        return OPS["matmul"](self, lift(other, self))

    def __rmatmul__(self, other: Any) -> Tensor:
        return OPS["matmul"](lift(other, self), self)

    def __neg__(self) -> Tensor:
        return OPS["neg"](self)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return OPS["sum"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        total = self.sum(axis, keepdims)
        return total * (total.size / self.size if self.size else math.nan)

    def var(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The mean of (x - mean)^2: divided by n, as NumPy has it."""
        return OPS["var"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def astype(self, dtype: DTypeLike) -> Tensor:
        """The same numbers as another element type; itself if it has that type already."""
        name = np.dtype(dtype).name
        return self if self.dtype.name == name else OPS["cast"](self, dtype=name)

    def reshape(self, *shape: int) -> Tensor:
        """One axis may be -1: it takes what is left, and stays open when the graph is fed another batch size."""
        return OPS["reshape"](self, to=shape)

    def broadcast_to(self, shape: Shape) -> Tensor:
        return OPS["broadcast"](self, to=tuple(shape))

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; reversed if none is given."""
        return OPS["transpose"](self, order=axes or tuple(range(self.ndim))[::-1])

    @property
    def T(self) -> Tensor:  # noqa: N802  (NumPy's name)
        return self.transpose()

    @property
    def mT(self) -> Tensor:  # noqa: N802  (NumPy's name)
        """The last two axes swapped."""
        order = (*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)
        return self.transpose(*order)

    def named(self, name: str) -> Tensor:
        """The same node under a name of your choice."""
        self.name = name
        return self

    def detach(self) -> Tensor:
        """The same value without its history."""
        return Tensor(None, (), NO_ATTRS, self.spec, self.value, self.name)

    def backward(self) -> None:
        """Set `.grad` on every node this one was computed from: d self / d node, without history of its own."""
        METHODS["backward"](self)

    def peek(self, name: str) -> Any:
        """Value and gradient of the node of that name among those this tensor was computed from."""
        return METHODS["peek"](self, name)

    @property
    def is_variable(self) -> bool:
        """A leaf that gradients may be wanted for: not a number such as the 2 of `x ** 2`."""
        return self.op is None and self.attrs is not CONSTANT

    @property
    def label(self) -> str:
        """How messages call this node."""
        own = self.name or (self.op.name if self.op else "tensor")
        return f"{self.scope}/{own}" if self.scope else own

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if self.value is None:
            raise NoValueError(f"{self.label} {self.shape} is recorded and has no value yet: feed the graph and run it")
        return np.array(self.value, dtype=dtype, copy=copy)

    def __bool__(self) -> bool:
        if self.value is None:
            raise NoValueError(
                f"{self.label} {self.shape} has no value yet, so Python cannot branch on it: "
                "the same graph must serve every value"
            )
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.__array__())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"{self.label} is a scalar and has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        made = f" = {self.op.name}" if self.op else ""
        value = "recorded" if self.value is None else np.array2string(np.asarray(self.value), precision=4, threshold=12)
        return f"<Tensor {self.label}{made} {self.shape} {self.dtype}: {value}>"


def tensor(value: Any, name: str | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """A node with a value: a copy that is not written to again, so what was computed from it stays true."""
    if isinstance(value, Tensor):
        value = value.__array__()
    array = np.array(value, dtype=dtype, order="C")
    if array.dtype.kind not in "biuf":
        raise DtypeError(f"a tensor holds numbers or booleans, found {array.dtype} in {name or 'the value given'}")
    array.flags.writeable = False
    return Tensor(None, (), NO_ATTRS, intern_spec(array.shape, array.dtype), array, name)


def placeholder(shape: Shape, dtype: DTypeLike = np.float32, name: str | None = None) -> Tensor:
    """A node to be fed when its graph is run."""
    return Tensor(None, (), NO_ATTRS, intern_spec(tuple(shape), np.dtype(dtype)), None, name)


@functools.lru_cache(4096)
def number(value: float, dtype: np.dtype[Any]) -> Tensor:
    """A Python number as a scalar of its partner's type."""
    if dtype.kind in "biu" and value != int(value):
        raise DtypeError(f"{value} does not fit a tensor of {dtype}: make the tensor one of float32 or float64 first")
    array = np.array(value, dtype=dtype)
    array.flags.writeable = False
    with scope(""):
        return Tensor(None, (), CONSTANT, intern_spec((), dtype), array)


def lift(value: Any, partner: Tensor) -> Tensor:
    """An operand as a tensor: Python numbers take their partner's type, arrays keep their own."""
    if value.__class__ is Tensor:
        return value
    if value.__class__ in (float, int, bool):
        return number(value, partner.dtype)
    return tensor(value)


def normal_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Axes as ascending non-negative numbers; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axes, ndim)))
