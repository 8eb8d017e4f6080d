"""What can be written with tensors: Python's operators and NumPy's methods. Each looks its op up by name."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import DtypeError, PositionError, ReadOnlyError, ShapeError
from .registry import METHODS, OPS, Axis
from .shapes import Shape

if TYPE_CHECKING:
    from .tensor import Tensor


NUMBERS = {np.dtype(code).name for code in np.typecodes["AllInteger"] + "efd?"}  # what a tensor may hold


class Operators:
    """The part of Tensor that reads like arithmetic."""

    __slots__ = ()
    __hash__ = object.__hash__  # a node is itself: `==` compares values

    if TYPE_CHECKING:  # what Tensor has

        @property
        def shape(self) -> Shape: ...
        @property
        def ndim(self) -> int: ...
        @property
        def size(self) -> int: ...
        @property
        def dtype(self) -> np.dtype[Any]: ...
        def lifted(self, other: Any) -> Tensor: ...

    def __add__(self, other: Any) -> Tensor:
        return OPS["add"](self, self.lifted(other))

    def __radd__(self, other: Any) -> Tensor:
        return OPS["add"](self.lifted(other), self)

    def __sub__(self, other: Any) -> Tensor:
        return OPS["sub"](self, self.lifted(other))

    def __rsub__(self, other: Any) -> Tensor:
        return OPS["sub"](self.lifted(other), self)

    def __mul__(self, other: Any) -> Tensor:
        return OPS["mul"](self, self.lifted(other))

    def __rmul__(self, other: Any) -> Tensor:
        return OPS["mul"](self.lifted(other), self)

    def __truediv__(self, other: Any) -> Tensor:
        return OPS["div"](self, self.lifted(other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return OPS["div"](self.lifted(other), self)

    def __floordiv__(self, other: Any) -> Tensor:
        return OPS["floor_divide"](self, self.lifted(other))

    def __rfloordiv__(self, other: Any) -> Tensor:
        return OPS["floor_divide"](self.lifted(other), self)

    def __mod__(self, other: Any) -> Tensor:
        return OPS["mod"](self, self.lifted(other))

    def __rmod__(self, other: Any) -> Tensor:
        return OPS["mod"](self.lifted(other), self)

    def __pow__(self, other: Any) -> Tensor:
        return OPS["power"](self, self.lifted(other))

    def __rpow__(self, other: Any) -> Tensor:
        return OPS["power"](self.lifted(other), self)

    def __matmul__(self, other: Any) -> Tensor:
        return METHODS["matmul"](self, self.lifted(other))  # type: ignore[no-any-return]

    def __rmatmul__(self, other: Any) -> Tensor:
        return METHODS["matmul"](self.lifted(other), self)  # type: ignore[no-any-return]

    def __neg__(self) -> Tensor:
        return OPS["neg"](self)

    def __abs__(self) -> Tensor:
        return OPS["abs"](self)

    def __lt__(self, other: Any) -> Tensor:
        return OPS["less"](self, self.lifted(other))

    def __le__(self, other: Any) -> Tensor:
        return OPS["less_equal"](self, self.lifted(other))

    def __gt__(self, other: Any) -> Tensor:
        return OPS["greater"](self, self.lifted(other))

    def __ge__(self, other: Any) -> Tensor:
        return OPS["greater_equal"](self, self.lifted(other))

    def __eq__(self, other: object) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else OPS["equal"](self, self.lifted(other))

    def __ne__(self, other: object) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else OPS["not_equal"](self, self.lifted(other))

    def __and__(self, other: Any) -> Tensor:
        return OPS["logical_and"](self, self.lifted(other))

    def __or__(self, other: Any) -> Tensor:
        return OPS["logical_or"](self, self.lifted(other))

    def __invert__(self) -> Tensor:
        return OPS["logical_not"](self)

    def __getitem__(self, index: Any) -> Tensor:
        """NumPy's indexing: integers, slices, `...`, None, arrays of integers or booleans."""
        return METHODS["getitem"](self, index)  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ReadOnlyError(
            "a tensor's value is not written to, since other nodes were computed from it: "
            "make a new one, such as cr.where(mask, new, t)"
        )

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar has no length")
        return self.shape[0]

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return OPS["sum"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return OPS["mean"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def var(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The mean of (x - mean)^2: divided by n, as NumPy has it."""
        return OPS["var"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def std(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The square root of the variance."""
        return OPS["std"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return OPS["prod"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return OPS["max"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return OPS["min"](self, axis=normal_axes(axis, self.ndim), keepdims=keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Where the first largest stands along one axis; in the flattened tensor if none is given."""
        return self._argument("argmax", axis, keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Where the first smallest stands along one axis; in the flattened tensor if none is given."""
        return self._argument("argmin", axis, keepdims)

    def _argument(self, op: str, axis: int | None, keepdims: bool) -> Tensor:
        if axis is None:
            flat = OPS[op](self.ravel(), axis=(0,), keepdims=False)
            return flat.reshape((1,) * self.ndim) if keepdims else flat
        return OPS[op](self, axis=(one_axis(axis, self.ndim),), keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Tensor:
        """Running sums along one axis; of the flattened tensor if none is given."""
        if axis is None:
            return OPS["cumsum"](self.ravel(), axis=0)
        return OPS["cumsum"](self, axis=one_axis(axis, self.ndim))

    def clip(self, low: Any = None, high: Any = None) -> Tensor:
        """Moved into [low, high]; None leaves that side open."""
        return METHODS["clip"](self, low, high)  # type: ignore[no-any-return]

    def astype(self, dtype: DTypeLike) -> Tensor:
        """The same numbers as another element type; itself if it has that type already."""
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = str(dtype)
        if name not in NUMBERS:
            raise DtypeError(f"astype: a tensor holds numbers or booleans, {dtype!r} is neither")
        return self if self.dtype.name == name else OPS["cast"](self, dtype=name)  # type: ignore[return-value]

    def reshape(self, *shape: int | Shape) -> Tensor:
        """One axis may be -1: it takes what is left, and stays open when the graph is fed another batch size."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if not all(isinstance(size, int | np.integer) for size in sizes):
            raise ShapeError(f"reshape: a shape is made of integers, found {sizes}")
        return OPS["reshape"](self, to=tuple(sizes))

    def ravel(self) -> Tensor:
        """All elements in one axis."""
        return self.reshape(self.size)

    def squeeze(self, axis: Axis = None) -> Tensor:
        """Without the axes of size 1, or without the given ones."""
        ones = tuple(i for i, size in enumerate(self.shape) if size == 1)
        gone = ones if axis is None else normal_axes(axis, self.ndim)
        return self.reshape(tuple(size for i, size in enumerate(self.shape) if i not in gone))

    def broadcast_to(self, shape: int | Shape) -> Tensor:
        return OPS["broadcast"](self, to=tuple(shape) if isinstance(shape, tuple | list) else (shape,))

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, one by one or as a tuple; reversed if none is given."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        given = tuple(one_axis(axis, self.ndim) for axis in order)
        return OPS["transpose"](self, order=given or tuple(range(self.ndim))[::-1])

    def swapaxes(self, a: int, b: int) -> Tensor:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        a, b = one_axis(a, self.ndim), one_axis(b, self.ndim)
        order[a], order[b] = b, a
        return self.transpose(*order)

    @property
    def T(self) -> Tensor:  # noqa: N802  (NumPy's name)
        return self.transpose()

    @property
    def mT(self) -> Tensor:  # noqa: N802  (NumPy's name)
        """The last two axes swapped."""
        return self.swapaxes(-1, -2)


def normal_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Axes as ascending non-negative numbers; None means all of them."""
    return _normal(tuple(axis) if isinstance(axis, list) else axis, ndim)


@functools.lru_cache(4096)
def _normal(axis: Axis, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for one in axes:
        if not isinstance(one, int | np.integer):
            raise PositionError(f"axis {one!r} is no integer")
        if not -ndim <= one < ndim:
            raise PositionError(f"axis {one} is not there: the tensor has {ndim} axes")
    normal = sorted(int(one) % ndim for one in axes)
    if len(set(normal)) < len(normal):
        raise PositionError(f"axes {axes} name one axis twice")
    return tuple(normal)


def one_axis(axis: int, ndim: int) -> int:
    """A single axis as a non-negative number."""
    if not isinstance(axis, int | np.integer):
        raise PositionError(f"expected one axis, found {axis!r}")
    return normal_axes(axis, ndim)[0]
