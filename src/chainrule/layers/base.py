"""What a layer is: a frozen dataclass that declares parameters (`build`) and maps a tensor to a tensor (`forward`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .. import philox
from ..errors import DataError, SettingError, ShapeError, enter, is_ours, is_whole, require
from ..graph import Shape, Tensor, placeholder, scope, tensor
from ..init import Initializer
from ..ops import uniform

LAYERS: dict[str, type[Layer]] = {}  # by class name; filled as classes are defined


@dataclass(frozen=True)
class Param:
    """A trained array. `decay` says whether weight decay may shrink it (weights: yes; biases and scales: no)."""

    shape: Shape
    init: Initializer
    decay: bool = True


@dataclass(frozen=True)
class State:
    """An array that training moves but no gradient does, such as batch norm's running averages."""

    shape: Shape
    init: Initializer


class Layer:
    """Base of all. Subclasses are frozen dataclasses whose fields are plain data, so that a network can be saved.

    `word` is the layer's name in the notation: `conv32-3` is `Conv2d(32, 3)`.
    """

    word: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        word = vars(cls).get("word")
        for other in LAYERS.values() if word else ():
            if vars(other).get("word") == word and is_ours(other) and not is_ours(cls):
                raise SettingError(f"the word '{word}' stands for {other.__name__} in the notation: take another one")
        enter(LAYERS, "layer", cls)

    def __str__(self) -> str:
        """The call that makes it, without what is at its default: `Conv2d(32)`."""
        own = [f for f in fields(self) if f.default is MISSING or getattr(self, f.name) != f.default]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{f.name}={_shown(getattr(self, f.name))}' for f in own)})"

    def build(self, shape: Shape) -> Mapping[str, Param | State]:
        """The arrays this layer needs for an input of that shape (the batch axis first)."""
        return {}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output, from the input and the arrays that `build` declared."""
        raise NotImplementedError


def _shown(value: Any) -> str:
    """A setting as it was written: a function by its name."""
    return str(value) if isinstance(value, Layer) else str(getattr(value, "__name__", repr(value)))


def require_counts(layer: Layer, *names: str, least: int = 1) -> None:
    """Refuse a layer whose fields of these names are not whole numbers of at least that."""
    for name in names:
        value = getattr(layer, name)
        require(type(layer).__name__, name, value, is_whole(value, least), f"an int of at least {least}")


def require_name(owner: str, name: str) -> None:
    """Refuse a name that is no part of a path: empty, with a slash in it, or in the optimiser's room."""
    if not name or "/" in name or name.startswith("~"):
        raise SettingError(f"a name in a {owner} is a part of paths such as 'block/conv/w': not empty, without '/', and "
                           f"not '~' first. Got {name!r} instead.")  # fmt: skip


def require_init(layer: Layer) -> None:
    """Refuse a layer whose field `init` is no initialiser, or the class of one."""
    value = getattr(layer, "init")  # noqa: B009  (not every layer has one)
    fits = callable(value) and not isinstance(value, type)
    expected = "an initialiser, such as cr.init.he_normal or cr.init.Normal(0.01)"
    require(type(layer).__name__, "init", value, fits, expected)


@dataclass(frozen=True)
class Call:
    """One layer at work in a recorded network: what `summary` shows."""

    path: str
    layer: Layer
    input: Tensor
    output: Tensor
    arrays: Mapping[str, Param | State]


class Context:
    """What forward needs besides x and p. One context records one network; with `values` for its arrays, it computes."""

    def __init__(
        self,
        train: bool,
        seed: Tensor | None = None,
        step: Tensor | None = None,
        values: Mapping[str, NDArray[Any]] | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.train, self.path = train, ""
        self.declared: dict[str, Param | State] = {}
        self.leaves: dict[str, Tensor] = {}
        self.updates: dict[str, Tensor] = {}
        self.calls: list[Call] = []
        self._seed, self._step, self._values, self._dtype = seed, step, values, dtype

    def call(self, name: str, layer: Layer, x: Tensor) -> Tensor:
        """Build and apply a layer under `name`, inside the layer that calls; the network itself has the name ''."""
        outside, self.path = self.path, self._at(name)
        try:
            with scope(self.path):
                arrays = layer.build(x.shape)
                y = layer.forward(x, {key: self._leaf(key, spec) for key, spec in arrays.items()}, self)
            if y.scope == self.path and y.name is None:
                y.named("out")
            self.calls.append(Call(self.path, layer, x, y, arrays))
            return y
        except ShapeError as problem:
            raise self._located(problem, layer, x) from None
        finally:
            self.path = outside

    def _located(self, problem: ShapeError, layer: Layer, x: Tensor) -> ShapeError:
        """The same problem, with the innermost layer's name in front of it."""
        if str(problem).startswith("layer "):
            return problem
        name = self.path or type(layer).__name__.lower()
        return ShapeError(f"layer '{name}', {layer}, on an input of {x.shape[1:]} per example: {problem}")

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path and name else self.path or name

    def _leaf(self, key: str, spec: Param | State) -> Tensor:
        path = self._at(key)
        if path in self.declared:  # a layer that is called twice under one name shares its arrays
            if self.declared[path] != spec:
                raise ShapeError(
                    f"'{path}' is declared twice, as {self.declared[path].shape} and as {spec.shape}: only one and the same "
                    "layer can be called twice under one name, with inputs of one width"
                )
            return self.leaves[path]
        self.declared[path] = spec
        self.leaves[path] = (
            placeholder(spec.shape, self._dtype, key) if self._values is None else tensor(self._values[path], key)
        )
        return self.leaves[path]

    def uniform(self, name: str, shape: Shape) -> Tensor:
        """Random numbers in [0, 1) for the draw of that name: new in every step, the same for the same seed and step."""
        if self._seed is None or self._step is None:
            raise ShapeError("random numbers are only drawn in training")
        return uniform(self._seed, self._step, stream=philox.stream_of(self._at(name)), to=shape)

    def update(self, key: str, value: Tensor) -> None:
        """The state `key` of the layer that calls, after this step."""
        self.updates[self._at(key)] = value


def record(net: Layer, shape: Shape, dtype: str = "float32") -> tuple[Context, Tensor, Tensor]:
    """The network in use (not in training) on a placeholder: the context, the input and the output."""
    ctx = Context(train=False)
    x = placeholder(shape, np.dtype(dtype), "x")
    return ctx, x, ctx.call("", net, x)


def inputs_of(x: ArrayLike) -> Tensor:
    """A batch as a network takes it: float32 (n, ...), n at least 1, finite; a ShapeError or DataError if not."""
    with np.errstate(over="ignore"):  # named below
        inputs = tensor(x, "x", np.float32)
    if inputs.ndim < 2 or not inputs.size:
        raise ShapeError(f"expected inputs (n, ...), n at least 1, found {inputs.shape}")
    wrong = np.argwhere(~np.isfinite(inputs.value))
    if len(wrong):
        found = inputs.value[tuple(wrong[0])]
        raise DataError(f"expected finite numbers in x, found {found} in row {wrong[0][0]} (counted from 0)")
    return inputs
