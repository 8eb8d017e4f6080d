"""Initial values of parameters. Each is a function of a shape and of `draw`, the random numbers of that one parameter.

Fans of a kernel (..., i, o): fan_in = i times the window, the number of inputs one output sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import philox
from .errors import UnknownName

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Draw:
    """The random numbers of one parameter: they follow from the run's seed and the parameter's path."""

    seed: int
    path: str

    def normal(self, shape: Shape) -> NDArray[np.float64]:
        return philox.normal(self.seed, f"init/{self.path}", shape)


Initializer: TypeAlias = Callable[[Shape, Draw], NDArray[Any]]
INITIALIZERS: dict[str, Initializer] = {}


def initializer(function: Initializer) -> Initializer:
    """Register an initialiser, so that a saved network finds it by name."""
    INITIALIZERS[name_of(function)] = function
    return function


def name_of(function: Initializer) -> str:
    """The name under which a network is saved."""
    return str(getattr(function, "__name__", type(function).__name__))


def named(name: str) -> Initializer:
    """The initialiser of that name."""
    if name not in INITIALIZERS:
        raise UnknownName("initialiser", name, INITIALIZERS)
    return INITIALIZERS[name]


def fan_in(shape: Shape) -> int:
    return math.prod(shape[:-1])


@initializer
def zeros(shape: Shape, draw: Draw) -> NDArray[Any]:
    return np.zeros(shape)


@initializer
def ones(shape: Shape, draw: Draw) -> NDArray[Any]:
    return np.ones(shape)


@initializer
def he_normal(shape: Shape, draw: Draw) -> NDArray[Any]:
    """std = sqrt(2 / fan_in): keeps the spread of activations through ReLU layers.   Source: He et al. (2015), eq. 10."""
    return draw.normal(shape) * math.sqrt(2 / max(fan_in(shape), 1))


@initializer
def lecun_normal(shape: Shape, draw: Draw) -> NDArray[Any]:
    """std = sqrt(1 / fan_in): for tanh, sigmoid and linear outputs.   Source: LeCun et al. (1998), "Efficient BackProp"."""
    return draw.normal(shape) * math.sqrt(1 / max(fan_in(shape), 1))
