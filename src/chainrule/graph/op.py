"""What an op is: a name, a shape rule, a dtype rule, a forward function and one derivative per input.

    @op("... n k, ... k m -> ... n m")
    def matmul(xp, a, b):
        "y[n,m] = sum over k of a[n,k] b[k,m]."
        return a @ b
    matmul.grads(a=lambda g, y, a, b: g @ b.mT,
                 b=lambda g, y, a, b: a.mT @ g)

The forward function gets the array library `xp` and arrays. A derivative gets tensors, the upstream gradient `g`, the op's
own output `y` and its inputs, and gives a tensor: so gradients are graph, and can be differentiated again. It may come back
in a broadcast shape; `grad.py` sums it to its input's shape. An input without a derivative is one the output does not
depend on smoothly (labels, seeds). Attributes are keyword-only, hashable and given in full; continuous numbers are inputs.
An op of any number of inputs takes `*xs`; its derivative then gets the input's position first.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias

import numpy as np

from ..errors import DtypeError, OpError, PositionError, SettingError, ShapeError
from .debug import check_born, watching
from .registry import OPS
from .shapes import Pattern, Shape, Sizes
from .tensor import SPECS, Spec, Tensor, as_tensor, intern_spec, number

P = ParamSpec("P")
RANK = {"b": 0, "u": 1, "i": 2, "f": 3}
Derivative: TypeAlias = Callable[..., Tensor]
ShapeRule: TypeAlias = str | Callable[..., Shape]
DtypeRule: TypeAlias = Callable[["Op[Any]", tuple[np.dtype[Any], ...], Mapping[str, Any]], np.dtype[Any]]


def same_dtype(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """All inputs agree, and so does the output."""
    if len(set(dtypes)) > 1:
        found = ", ".join(f"{arg} {dtype}" for arg, dtype in zip(op.arg_names(len(dtypes)), dtypes, strict=True))
        raise DtypeError(f"{op.name}: element types differ ({found}); make them one with .astype(...)")
    return dtypes[0]


def numeric(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """All inputs agree and can be computed with: booleans count as 0 and 1, whole numbers join the floats among them."""
    return same_dtype(op, dtypes, attrs)


def floating(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """All inputs agree and are floating-point numbers; integers and booleans are cast first, as NumPy does."""
    return same_dtype(op, dtypes, attrs)


def boolean(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """All inputs agree; the output is true or false."""
    same_dtype(op, dtypes, attrs)
    return np.dtype(bool)


def first_dtype(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """The output has the type of the first input; the others are indices or the like."""
    return dtypes[0]


def attr_dtype(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """The output has the type that the attribute `dtype` names."""
    named: np.dtype[Any] = np.dtype(attrs["dtype"])
    return named


def int64(op: Op[Any], dtypes: tuple[np.dtype[Any], ...], attrs: Mapping[str, Any]) -> np.dtype[Any]:
    """The output is an index."""
    return np.dtype(np.int64)


class Op(Generic[P]):
    """A declared op; calling it makes a node."""

    def __init__(
        self, forward: Callable[Concatenate[Any, P], Any], shape: ShapeRule, dtype: DtypeRule, sizes: Sizes | None
    ) -> None:
        parameters = list(inspect.signature(forward).parameters.values())[1:]
        self.name = forward.__name__
        self.__doc__ = forward.__doc__
        self.forward = forward
        self.args = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL))
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.attr_names = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        self.shape = Pattern(shape, self.args, sizes) if isinstance(shape, str) else shape
        self.elementwise = isinstance(self.shape, Pattern) and self.shape.elementwise
        self.dtype = dtype
        self.specs: dict[Any, Spec] = {}
        self._derivatives: list[Derivative | None] = [None] * len(self.args)

    def grads(self, **table: Derivative) -> None:
        """Declare derivatives by input name."""
        for arg, derivative in table.items():
            if arg not in self.args:
                raise SettingError(f"{self.name}: there is no input '{arg}' to derive by; its inputs are {self.args}")
            self._derivatives[self.args.index(arg)] = derivative

    def derivative(self, i: int) -> Derivative | None:
        """The derivative by input `i`; None if the output does not depend on it smoothly."""
        if not self.variadic:
            return self._derivatives[i]
        shared = self._derivatives[0]
        return functools.partial(shared, i) if shared else None

    def arg_names(self, count: int) -> tuple[str, ...]:
        """The names of that many inputs: `a, b`, or `xs[0], xs[1], ...`."""
        return tuple(f"{self.args[0]}[{i}]" for i in range(count)) if self.variadic else self.args

    def __call__(self, *inputs: P.args, **attrs: P.kwargs) -> Tensor:
        xs: Any = inputs
        try:
            key = specs_of(xs)
        except AttributeError:
            xs = self._lifted(inputs)
            key = specs_of(xs)
        if attrs:
            key = (*key, *attrs.items())
        spec = self.specs.get(key)
        if spec is None:
            common = self._common(xs)
            if common is not None:
                return self(*[x.astype(common) for x in xs], **attrs)
            spec = self._new_spec(key, xs, attrs)
        made = Tensor(self, xs, attrs, spec, None)
        values = []
        for x in xs:
            if x.value is None:
                return made
            values.append(x.value)
        made.value = self.compute(made, values)
        return made

    def compute(self, node: Tensor, values: list[Any]) -> Any:
        """The value of a node of this op from those of its inputs, for eager ops and for the reference engine."""
        try:
            y = self.forward(np, *values, **node.attrs)
        except IndexError as problem:
            raise PositionError(f"{node.label}: {problem}") from None
        except (ValueError, TypeError, ArithmeticError) as problem:
            raise OpError(f"{node.label}: {problem}") from problem
        if y.__class__ is np.ndarray:
            # Not to be written to: what was computed from it stays true. By position, since a keyword takes 0.1 us more.
            y.setflags(False)  # type: ignore[call-arg]
        if watching.get():
            check_born(node, values, y)
        return y

    def _lifted(self, inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
        like: np.dtype[Any] | None = None  # what a number becomes: rather a float than an index or a condition
        for x in inputs:
            if isinstance(x, Tensor) and (like is None or RANK[x.dtype.kind] > RANK[like.kind]):
                like = x.dtype
        return tuple(
            [
                x if isinstance(x, Tensor) else number(x, like) if like and isinstance(x, int | float) else as_tensor(x)
                for x in inputs
            ]
        )

    def _common(self, xs: tuple[Tensor, ...]) -> np.dtype[Any] | None:
        """The type that the inputs are cast to first; None if they may stay as they are."""
        if self.dtype not in (floating, numeric, boolean) or not xs:
            return None
        dtypes = {x.dtype for x in xs}
        floats = [dtype for dtype in dtypes if dtype.kind == "f"]
        if floats or self.dtype is floating:
            common = floats[0] if floats else np.dtype(np.float64)
            mixed = len(floats) > 1
        else:
            counted = {np.dtype(np.int64)} if self.dtype is numeric and dtypes == {np.dtype(bool)} else set()
            common = np.result_type(*dtypes, *counted)
            mixed = common.kind == "f"  # int64 and uint64 have no whole number type in common
        return None if mixed or dtypes == {common} else common

    def _new_spec(self, key: Any, xs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Spec:
        """Check a call that was not seen before, and remember what comes out."""
        if len(self.specs) >= SPECS:
            self.specs.clear()
        spec = self.specs[key] = self._spec(xs, attrs)
        return spec

    def _spec(self, xs: tuple[Tensor, ...], attrs: Mapping[str, Any]) -> Spec:
        """What comes out, or what does not fit."""
        if (len(xs) != len(self.args) and not self.variadic) or set(attrs) != self.attr_names:
            raise SettingError(
                f"{self.name} takes ({', '.join(self.args)}; {', '.join(sorted(self.attr_names))}), "
                f"got {len(xs)} inputs and ({', '.join(sorted(attrs))})"
            )
        shapes = tuple(x.shape for x in xs)
        if isinstance(self.shape, Pattern):
            shape = self.shape(self.name, shapes, attrs)
        else:
            try:
                shape = tuple(self.shape(*shapes, **attrs))
            except ShapeError as problem:
                raise ShapeError(f"{self.name}: {problem}") from None
        return intern_spec(shape, self.dtype(self, tuple(x.dtype for x in xs), attrs))

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.args)})>"


def specs_of(xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """One spec for each input; nearly all ops have one or two, and written out these take a quarter of the time."""
    if len(xs) == 2:
        return (xs[0].spec, xs[1].spec)
    if len(xs) == 1:
        return (xs[0].spec,)
    return tuple([x.spec for x in xs])


def op(
    shape: ShapeRule, dtype: DtypeRule = same_dtype, sizes: Sizes | None = None
) -> Callable[[Callable[Concatenate[Any, P], Any]], Op[P]]:
    """Declare an op by its forward function; `shape` is a pattern, or a function of the inputs' shapes and attributes."""

    def declare(forward: Callable[Concatenate[Any, P], Any]) -> Op[P]:
        declared = Op(forward, shape, dtype, sizes)
        before = OPS.get(declared.name)
        if isinstance(before, Op) and before.forward.__module__ != forward.__module__:
            raise SettingError(
                f"there is an op '{declared.name}' already, in {before.forward.__module__}: choose another name"
            )
        OPS[declared.name] = declared
        return declared

    return declare
