"""A Tensor is a node of the computational graph: op, inputs, attributes, shape, dtype, a name, and a value when it has one.

Ops on tensors with values compute at once; ops on placeholders only record. Both give the same nodes. Operators and methods
look their op up in `OPS` when called, so this file needs to know no op.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import DtypeError, NoValueError, SettingError, ShapeError
from .operators import Operators
from .registry import METHODS
from .shapes import Shape

# What ops/ works on: NumPy's arrays or another library's of the array API; the static type would only get in the way.
Array: TypeAlias = Any

NO_ATTRS: Mapping[str, Any] = {}
CONSTANT: Mapping[str, Any] = {"constant": True}  # the attributes of a Python number made a node

SPECS = 16_384  # remembered at most

_scope: ContextVar[str] = ContextVar("scope", default="")
_specs: dict[tuple[Shape, np.dtype[Any]], Spec] = {}


class scope:  # noqa: N801  (used as a function: `with scope("conv1"):`)
    """Nodes made inside are named `path/...`."""

    __slots__ = ("path", "tokens")

    def __init__(self, path: str) -> None:
        self.path = path
        self.tokens: list[Token[str]] = []  # of every time it is entered, one within the other

    def __enter__(self) -> None:
        self.tokens.append(_scope.set(self.path))

    def __exit__(self, *problem: object) -> None:
        _scope.reset(self.tokens.pop())


class Spec:
    """Shape and element type. One object for each pair, so that an op's cache finds it by identity, which is fast."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype


def intern_spec(shape: Shape, dtype: np.dtype[Any]) -> Spec:
    """The one Spec for that shape and type. Both are checked here, where every node comes by."""
    found = _specs.get((shape, dtype))
    return found if found is not None else _new_spec(shape, dtype)


def _new_spec(shape: Shape, dtype: np.dtype[Any]) -> Spec:
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        raise ShapeError(f"a shape is made of whole numbers, found {shape}") from None
    if min(sizes, default=0) < 0:
        raise ShapeError(f"a size cannot be negative, found the shape {sizes}")
    if dtype.kind not in "biuf" or not dtype.isnative:
        raise DtypeError(f"a tensor holds numbers or booleans in this machine's byte order, found {dtype}")
    if len(_specs) >= SPECS:
        _specs.clear()  # those in use live on with their tensors; ops meet the next ones as new
    return _specs.setdefault((sizes, dtype), Spec(sizes, dtype))


class Tensor(Operators):
    """A node. Make one with `tensor` (a value) or `placeholder` (to be fed); every op makes more."""

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
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return len(self.spec.shape)

    @property
    def size(self) -> int:
        return math.prod(self.spec.shape)

    def lifted(self, other: Any) -> Tensor:
        """An operand as a tensor: Python numbers take this one's type, arrays keep their own."""
        return lift(other, self)

    def named(self, name: str) -> Tensor:
        """The same node under a name of your choice; a number, which many graphs share, as a leaf of that name."""
        if self.is_number:
            return tensor(self.value, name)
        self.name = _text(name)
        return self

    def detach(self) -> Tensor:
        """The same value without its history."""
        return Tensor(None, (), NO_ATTRS, self.spec, self.value, self.name)

    def backward(self) -> None:
        """Set `.grad` on every node this one was computed from: d self / d node, without history of its own."""
        METHODS["backward"](self)

    def explain(self) -> Any:
        """Backpropagation from here in words and numbers: every node, its local gradient, what comes and what goes."""
        return METHODS["explain"](self)

    def show(self) -> Any:
        """Draw the graph: data flows to the right, values in green above each edge, gradients in red below it."""
        return METHODS["show"](self)

    def save(self, path: Any) -> None:
        """Draw the graph into a file: `.svg`, `.png` or `.html`."""
        METHODS["save"](self, path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """In a notebook what was computed shows its graph; a leaf shows its numbers."""
        drawn = METHODS["picture"](self)._repr_mimebundle_(include, exclude) if self.op else {}
        return {**drawn, "text/plain": repr(self)}

    def peek(self, name: str) -> Any:
        """Value and gradient of the node of that name among those this tensor was computed from."""
        return METHODS["peek"](self, name)

    @property
    def is_variable(self) -> bool:
        """A leaf that gradients may be wanted for: not a number such as the 2 of `x ** 2`."""
        return self.op is None and not self.is_number

    @property
    def is_number(self) -> bool:
        """A Python number such as the 2 of `x ** 2`, made a node."""
        return self.attrs is CONSTANT

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
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return operator.index(self.item())

    def item(self) -> Any:
        """The one number as Python's own."""
        array = self.__array__()
        if array.size != 1:
            raise ShapeError(
                f"{self.label} {self.shape} is not one number: take one element, or a sum, mean or max of them"
            )
        return array.item()

    def tolist(self) -> Any:
        """The numbers as nested Python lists."""
        return self.__array__().tolist()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        """`np.tanh(t)` is a node, as `cr.tanh(t)` is."""
        return METHODS["ufunc"](ufunc, method, inputs, settings)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """`np.sum(t)` is a node, as `cr.sum(t)` is."""
        return METHODS["function"](function, args, kwargs)

    def __dlpack__(self, **settings: Any) -> Any:
        """A copy for other libraries: what they write into it does not reach this tensor."""
        return self.__array__(copy=True).__dlpack__(**{**settings, "copy": None})

    def __copy__(self) -> Tensor:
        return self  # nothing is written to it, so it is its own copy

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self

    def __reduce__(self) -> Any:
        """A pickled tensor is its value and name, without history."""
        return (tensor, (self.__array__(), self.name))

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU

    def __repr__(self) -> str:
        made = f" = {self.op.name}" if self.op else ""
        value = "recorded" if self.value is None else np.array2string(np.asarray(self.value), precision=4, threshold=12)
        return f"<Tensor {self.label}{made} {self.shape} {self.dtype}: {value}>"


def tensor(value: Any, name: str | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """A node with a value: a copy that is not written to again, so what was computed from it stays true."""
    if isinstance(value, Tensor):
        value = value.__array__()
    # Asked for by its name in NumPy the module would be imported, which takes long; another thread may be at it just now.
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    if masked is not None and isinstance(value, masked):
        raise DtypeError("a tensor has no mask: fill the masked elements first, as by value.filled(0)")
    try:
        array = np.array(value, dtype=dtype, order="C")
    except (ValueError, TypeError) as problem:
        raise ShapeError(f"{name or 'the value given'} is no array of numbers: {problem}") from None
    array = array.astype(array.dtype.newbyteorder("="), copy=False)  # files may hold the other byte order
    if array.dtype.kind not in "biuf":
        raise DtypeError(f"a tensor holds numbers or booleans, found {array.dtype} in {name or 'the value given'}")
    array.flags.writeable = False
    return Tensor(None, (), NO_ATTRS, intern_spec(array.shape, array.dtype), array, _text(name))


def _text(name: str | None) -> str | None:
    if name is not None and not isinstance(name, str):
        raise SettingError(f"a name is text. Got {name!r} instead.")
    return name


def as_tensor(value: Any) -> Tensor:
    """The tensor itself, tensors in a list stacked, anything else as a new leaf."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, list | tuple) and any(isinstance(x, Tensor) for x in value):
        stacked: Tensor = METHODS["stack"](value)
        return stacked
    return tensor(value)


def placeholder(shape: Shape, dtype: DTypeLike = np.float32, name: str | None = None) -> Tensor:
    """A node to be fed when its graph is run."""
    return Tensor(None, (), NO_ATTRS, intern_spec(tuple(shape), np.dtype(dtype)), None, name)


def number(value: float, dtype: np.dtype[Any]) -> Tensor:
    """A Python number as a scalar: of its partner's type if it fits, else of a type that its partner is cast to."""
    return _number(value, dtype, value == 0 and math.copysign(1, value) < 0)


@functools.lru_cache(4096, typed=True)
def _number(value: float, dtype: np.dtype[Any], negative_zero: bool) -> Tensor:
    array = _scalar(value, dtype)
    array.flags.writeable = False
    with scope(""):
        return Tensor(None, (), CONSTANT, intern_spec((), array.dtype), array)


def _scalar(value: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    kind = "b" if isinstance(value, bool) else "i" if isinstance(value, int) else "f"
    try:
        if dtype.kind == "f" or (kind != "f" and dtype.kind in "iu") or kind == dtype.kind:
            with suppress(OverflowError), np.errstate(over="ignore"):
                array = np.array(value, dtype)
                if not np.isinf(array) or math.isinf(value):
                    return array
        if dtype.kind != "f":
            return np.array(value, {"b": np.bool_, "i": np.int64, "f": np.float64}[kind])
    except OverflowError:
        pass
    raise DtypeError(f"{value} does not fit a tensor of {dtype}")


def lift(value: Any, partner: Tensor) -> Tensor:
    """An operand as a tensor: Python numbers take their partner's type, arrays keep their own."""
    if value.__class__ is Tensor:
        return value
    if value.__class__ in (float, int, bool):
        return number(value, partner.dtype)
    return as_tensor(value)
