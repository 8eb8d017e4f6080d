"""Optimisers. An update is graph: parameter, gradient and state in, the same anew out. Steps `t` count from 1.

A new optimiser is one frozen dataclass: the names of its state (`slots`, zeros at the start) and `update`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import as_plain, enter, is_number, require, require_number
from .graph import Tensor
from .ops import clip, expm1, maximum, minimum, sqrt, square

State = dict[str, Tensor]
OPTIMIZERS: dict[str, type[Optimizer]] = {}  # by class name; filled as classes are defined
EPS = "[1e-37, inf)"  # below it float32 soon has only 0, and a gradient of 0 would make a step of 0 / 0


@dataclass(frozen=True)
class Optimizer:
    """Base of all: `lr` is the learning rate, greater than 0.

    clip_value   every element of a gradient is moved into [-clip_value, clip_value] before the update
    clip_norm    all gradients together are scaled so that their norm is at most this (Pascanu, Mikolov and Bengio (2013))
    max_norm     after the update the incoming weights of every unit are scaled so that their norm is at most this
                 (Srivastava et al. (2014), section 5.1)
    """

    lr: float
    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    max_norm: float | None = field(default=None, kw_only=True)

    def __init_subclass__(cls, listed: bool = True) -> None:
        """`listed`: among the optimisers that are found by name."""
        if listed:
            enter(OPTIMIZERS, "optimiser", cls)

    def __post_init__(self) -> None:
        owner = type(self).__name__
        require_number(owner, "lr", self.lr, "(0, inf)")
        for name in ("clip_value", "clip_norm", "max_norm"):
            limit = getattr(self, name)
            fits = limit is None or (is_number(limit) and limit > 0)
            require(owner, name, limit, fits, "a number in the range (0, inf), or None")

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state kept for every parameter."""
        return ()

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        """The parameter and its state after one step."""
        raise NotImplementedError

    def decayed(self, p: Tensor, lr: Tensor) -> Tensor:
        """A weight before its update: smaller where decay is not part of the gradient (AdamW)."""
        return p

    def clipped(self, gradients: Mapping[Tensor, Tensor]) -> Mapping[Tensor, Tensor]:
        """All gradients, by parameter, within the limits."""
        if self.clip_value is not None:
            limit = self.clip_value
            gradients = {p: clip(g, -limit, limit) for p, g in gradients.items()}
        if self.clip_norm is not None and gradients:
            squares = [(g * g).sum() for g in gradients.values()]
            norm = sqrt(sum(squares[1:], squares[0]))
            scale = minimum(self.clip_norm / (norm + 1e-6), 1)  # 1e-6: PyTorch's, for a norm of 0
            gradients = {p: g * scale for p, g in gradients.items()}
        return gradients

    def constrained(self, p: Tensor) -> Tensor:
        """A weight (..., units) after its update: the norm over all axes but the last is at most `max_norm`."""
        if self.max_norm is None:
            return p
        norm = sqrt(square(p).sum(tuple(range(p.ndim - 1)), keepdims=True))
        return p * (self.max_norm / maximum(norm, self.max_norm))

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": type(self).__name__, **as_plain(asdict(self))}


@dataclass(frozen=True)
class SGD(Optimizer):
    """v' = m v + g;  p' = p - lr v', or with Nesterov p' = p - lr (g + m v').   With momentum m = 0: p' = p - lr g.

    Source: Polyak (1964); Sutskever et al. (2013) for Nesterov's; CS231n, lecture 6.
    """

    lr: float
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("SGD", "momentum", self.momentum, "[0, 1)")
        require("SGD", "nesterov", self.nesterov, isinstance(self.nesterov, bool), "True or False")
        require(
            "SGD", "nesterov", self.nesterov, not self.nesterov or self.momentum > 0, "False where there is no momentum"
        )

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        if not self.momentum:
            return p - lr * g, {}
        velocity = self.momentum * s["velocity"] + g
        return p - lr * (g + self.momentum * velocity if self.nesterov else velocity), {"velocity": velocity}


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """a' = a + g^2;  p' = p - lr g / (sqrt(a') + eps).   Source: Duchi, Hazan and Singer (2011)."""

    lr: float = 1e-2
    eps: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("AdaGrad", "eps", self.eps, EPS)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("squares",)

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        squares = s["squares"] + g * g
        return p - lr * g / (sqrt(squares) + self.eps), {"squares": squares}


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """a' = d a + (1-d) g^2;  p' = p - lr g / (sqrt(a') + eps).   Source: Tieleman and Hinton (2012), lecture 6e."""

    lr: float = 1e-2
    decay: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("RMSProp", "decay", self.decay, "(0, 1)")
        require_number("RMSProp", "eps", self.eps, EPS)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("squares",)

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        squares = self.decay * s["squares"] + (1 - self.decay) * (g * g)
        return p - lr * g / (sqrt(squares) + self.eps), {"squares": squares}


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
            require_number(type(self).__name__, name, getattr(self, name), "(0, 1)")
        require_number(type(self).__name__, "eps", self.eps, EPS)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        # b a + (1-b) g as a + (1-b)(g - a): what the small correction is rounded by hardly counts
        m = s["m"] + (1 - self.b1) * (g - s["m"])
        v = s["v"] + (1 - self.b2) * (g * g - s["v"])
        # 1 - b^t as -expm1(t ln b): t is fed, and one graph serves every step; 1 - exp() would lose digits for b near 1
        c1, c2 = (-expm1(t * math.log(b)) for b in (self.b1, self.b2))
        return p - lr / c1 * m / (sqrt(v / c2) + self.eps), {"m": m, "v": v}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam on p (1 - lr decay), for weights only: decay that the step's size per element does not rescale.

    Source: Loshchilov and Hutter (2019), algorithm 2, in PyTorch's form: lr times decay.
    """

    decay: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("AdamW", "decay", self.decay, "[0, inf)")

    def decayed(self, p: Tensor, lr: Tensor) -> Tensor:
        return p * (1 - lr * self.decay)
