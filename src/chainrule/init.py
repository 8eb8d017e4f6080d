"""Initial values of parameters. Each is a function of a shape and of `draw`, the random numbers of that one parameter.

Fans of a kernel (..., i, o): fan_in = i times the window, the number of inputs one output sees; a transposed convolution
divides it by its strides, for between two of them an output sees only some places of the window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from types import FunctionType
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import philox
from .errors import SettingError, UnknownName, as_plain, enter, require_number

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Draw:
    """The random numbers of one parameter: they follow from the run's seed and the parameter's path."""

    seed: int
    path: str

    def normal(self, shape: Shape) -> NDArray[np.float64]:
        """Standard normal numbers."""
        return philox.normal(self.seed, f"init/{self.path}", shape)

    def uniform(self, shape: Shape) -> NDArray[np.float64]:
        """Numbers evenly spread over [-1, 1)."""
        draws = philox.uniform(np, self.seed, philox.stream_of(f"init/{self.path}"), 0, shape)
        return np.asarray(2 * draws.astype(np.float64) - 1)


Initializer: TypeAlias = Callable[[Shape, Draw], NDArray[Any]]
INITIALIZERS: dict[str, Any] = {}  # functions, and classes of those that take settings
Kind = TypeVar("Kind", bound=Callable[..., Any])


def initializer(kind: Kind) -> Kind:
    """Register an initialiser, a function or a frozen dataclass with `__call__`: a saved network finds it by name."""
    enter(INITIALIZERS, "initialiser", kind)
    return kind


def to_plain(function: Initializer) -> dict[str, Any]:
    """Name and settings, for a saved network; a SettingError if no name would find it again."""
    made = is_dataclass(function) and not isinstance(function, type)
    kind: Any = function if hasattr(function, "__name__") else type(function)
    name = str(kind.__name__)
    if name not in INITIALIZERS or _place_of(INITIALIZERS[name]) != _place_of(kind):
        raise SettingError(
            f"the initialiser {name} is not registered, so a model with it could not be read back: give it a name with def "
            "or as a frozen dataclass, and write @cr.init.initializer above that"
        )
    return {"init": name, **(as_plain(asdict(function)) if made else {})}  # type: ignore[call-overload]


def _place_of(kind: Any) -> tuple[str, str]:
    """Where it was defined: the same for one that a notebook's cell has defined anew."""
    return kind.__module__, getattr(kind, "__qualname__", "")


def from_plain(init: str, **settings: Any) -> Initializer:
    """What `to_plain` described."""
    if init not in INITIALIZERS:
        raise UnknownName("initialiser", init, INITIALIZERS)
    found = INITIALIZERS[init]
    made: Initializer = found(**settings) if isinstance(found, type) else found
    return made


def fan_in(shape: Shape) -> int:
    """How many inputs one output sees."""
    return max(math.prod(shape[:-1]), 1)


def fan_out(shape: Shape) -> int:
    """How many outputs one input reaches: outputs times the window."""
    return max(math.prod(shape[:-2]) * shape[-1], 1)


@initializer
def zeros(shape: Shape, draw: Draw) -> NDArray[Any]:
    """0, for biases and shifts."""
    return np.zeros(shape)


@initializer
def ones(shape: Shape, draw: Draw) -> NDArray[Any]:
    """1, for scales."""
    return np.ones(shape)


@initializer
def he_normal(shape: Shape, draw: Draw) -> NDArray[Any]:
    """std = sqrt(2 / fan_in): keeps the spread of activations through ReLU layers.   Source: He et al. (2015), eq. 10."""
    return draw.normal(shape) * math.sqrt(2 / fan_in(shape))


@initializer
def lecun_normal(shape: Shape, draw: Draw) -> NDArray[Any]:
    """std = sqrt(1 / fan_in): for tanh, sigmoid and linear outputs.   Source: LeCun et al. (1998), "Efficient BackProp"."""
    return draw.normal(shape) * math.sqrt(1 / fan_in(shape))


@initializer
@dataclass(frozen=True)
class Constant:
    """Every element the same: all units born equal stay equal (CS231n, lecture 5). For biases and slopes."""

    value: float = 0.0

    def __post_init__(self) -> None:
        require_number("Constant", "value", self.value, "(-inf, inf)")

    def __call__(self, shape: Shape, draw: Draw) -> NDArray[Any]:
        return np.full(shape, self.value)


@initializer
@dataclass(frozen=True)
class Normal:
    """N(0, std^2) whatever the fans: 0.01 is the lectures' "small random", 1.0 their "large"."""

    std: float = 0.01

    def __post_init__(self) -> None:
        require_number("Normal", "std", self.std, "[0, inf)")

    def __call__(self, shape: Shape, draw: Draw) -> NDArray[Any]:
        return draw.normal(shape) * self.std


@initializer
def xavier_normal(shape: Shape, draw: Draw) -> NDArray[Any]:
    """std = sqrt(2 / (fan_in + fan_out)): between forward and backward.   Source: Glorot and Bengio (2010), eq. 12."""
    return draw.normal(shape) * math.sqrt(2 / (fan_in(shape) + fan_out(shape)))


@initializer
def xavier_uniform(shape: Shape, draw: Draw) -> NDArray[Any]:
    """Even over +-sqrt(6 / (fan_in + fan_out)).   Source: Glorot and Bengio (2010), eq. 16."""
    return draw.uniform(shape) * math.sqrt(6 / (fan_in(shape) + fan_out(shape)))


@initializer
def he_uniform(shape: Shape, draw: Draw) -> NDArray[Any]:
    """Even over +-sqrt(6 / fan_in): the spread of `he_normal`.   Source: He et al. (2015)."""
    return draw.uniform(shape) * math.sqrt(6 / fan_in(shape))


@initializer
def orthogonal(shape: Shape, draw: Draw) -> NDArray[Any]:
    """(inputs, outputs) with orthonormal columns, or rows if it is wide.   Source: Saxe, McClelland and Ganguli (2014)."""
    rows, columns = fan_in(shape), shape[-1]
    tall = draw.normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    even: NDArray[Any] = q * np.sign(np.diagonal(r))  # over all orthogonal matrices; QR's signs alone are not
    return (even if rows >= columns else even.T).reshape(shape)


# What a kernel of which an output sees only 1 part in `parts` is multiplied by. Whatever does not look at the fans stays.
GROWTH: Mapping[Any, Callable[[Shape, int], float]] = {
    **dict.fromkeys((he_normal, he_uniform, lecun_normal, orthogonal), lambda shape, parts: math.sqrt(parts)),
    **dict.fromkeys(
        (xavier_normal, xavier_uniform),
        lambda shape, parts: math.sqrt((fan_in(shape) + fan_out(shape)) / (fan_in(shape) / parts + fan_out(shape))),
    ),
}


@dataclass(frozen=True)
class Strided:
    """`init` for a transposed convolution: an output sees about 1 of `parts` places of its window, `parts` the
    product of the strides. So its fan_in is that much smaller. Taken from the shape alone, the spread would fall
    by sqrt(parts) from layer to layer.
    """

    init: Initializer
    parts: int

    def __call__(self, shape: Shape, draw: Draw) -> NDArray[Any]:
        drawn = self.init(shape, draw)
        grow = GROWTH.get(self.init) if isinstance(self.init, FunctionType) else None
        return drawn * grow(shape, self.parts) if grow else drawn
