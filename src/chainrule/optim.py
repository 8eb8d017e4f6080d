"""Optimisers. An update is graph: parameter, gradient and state in, the same anew out. Steps `t` count from 1.

A new optimiser is one frozen dataclass: the names of its state (`slots`, zeros at the start) and `update`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .errors import require
from .graph import Tensor
from .ops import exp, sqrt

State = dict[str, Tensor]


@dataclass(frozen=True)
class Optimizer:
    """Base of all: `lr` is the learning rate, greater than 0."""

    lr: float

    def __post_init__(self) -> None:
        require(type(self).__name__, "lr", self.lr, self.lr > 0, "a number in the range (0, inf)")

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state kept for every parameter."""
        return ()

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        """The parameter and its state after one step."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class SGD(Optimizer):
    """v' = m v + g;  p' = p - lr v'.   Source: Polyak (1964); CS231n, lecture 6. With momentum m = 0: p' = p - lr g."""

    lr: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("SGD", "momentum", self.momentum, 0 <= self.momentum < 1, "a number in the range [0, 1)")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        if not self.momentum:
            return p - lr * g, {}
        velocity = self.momentum * s["velocity"] + g
        return p - lr * velocity, {"velocity": velocity}


@dataclass(frozen=True)
class Adam(Optimizer):
    """m' = b1 m + (1-b1) g;  v' = b2 v + (1-b2) g^2;  p' = p - lr (m' / (1-b1^t)) / (sqrt(v' / (1-b2^t)) + eps).

    Source: Kingma and Ba (2015), algorithm 1.
    """

    lr: float = 1e-3
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("b1", "b2"):
            value = getattr(self, name)
            require("Adam", name, value, 0 < value < 1, "a number in the range (0, 1)")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        m = self.b1 * s["m"] + (1 - self.b1) * g
        v = self.b2 * s["v"] + (1 - self.b2) * (g * g)
        # b^t as exp(t ln b): t is fed, and one graph serves every step
        m_unbiased, v_unbiased = m / (1 - exp(t * math.log(self.b1))), v / (1 - exp(t * math.log(self.b2)))
        return p - lr * m_unbiased / (sqrt(v_unbiased) + self.eps), {"m": m, "v": v}
