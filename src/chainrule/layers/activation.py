"""Activations: one non-linearity, applied to every element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import require_number
from ..graph import Op, Shape, Tensor
from ..init import Constant, Initializer, he_normal, zeros
from ..ops import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from .base import Context, Layer, Param, require_counts, require_init
from .conv import Conv2d


@dataclass(frozen=True)
class Activation(Layer):
    """Base of those that are one op as it stands: y = op(x). Without settings they need no dataclass of their own."""

    op: ClassVar[Op[Any]]

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return self.op(x)


class ReLU(Activation):
    """y = max(x, 0)."""

    word, op = "relu", relu


class Tanh(Activation):
    """y = tanh x."""

    word, op = "tanh", tanh


class Sigmoid(Activation):
    """y = 1 / (1 + e^-x)."""

    word, op = "sigmoid", sigmoid


class GELU(Activation):
    """y = x P(X <= x), X standard normal.   Source: Hendrycks and Gimpel (2016)."""

    word, op = "gelu", gelu


class SiLU(Activation):
    """y = x sigmoid(x).   Source: Elfwing, Uchibe and Doya (2018)."""

    word, op = "silu", silu


class Softplus(Activation):
    """y = ln(1 + e^x).   Source: Dugas et al. (2001)."""

    word, op = "softplus", softplus


@dataclass(frozen=True)
class Identity(Layer):
    """y = x: a layer without a non-linearity is one matrix with the next."""

    word: ClassVar[str] = "identity"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x


@dataclass(frozen=True)
class Threshold(Layer):
    """y = 1 where x > 0, else 0: Rosenblatt's step. Its gradient is 0 everywhere: nothing below it is trained by descent."""

    word: ClassVar[str] = "step"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return (x > 0).astype(x.dtype)


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """y = x where x > 0, slope x elsewhere.   Source: Maas, Hannun and Ng (2013)."""

    word: ClassVar[str] = "leaky"
    slope: float = 0.01

    def __post_init__(self) -> None:
        require_number("LeakyReLU", "slope", self.slope, "(-inf, inf)")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return leaky_relu(x, self.slope)


@dataclass(frozen=True)
class PReLU(Layer):
    """Leaky ReLU with a learned slope for each channel, 0.25 at the start.   Source: He et al. (2015), section 2.1."""

    word: ClassVar[str] = "prelu"

    def build(self, shape: Shape) -> Mapping[str, Param]:
        return {"slope": Param(shape[-1:], Constant(0.25), decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return leaky_relu(x, p["slope"])


@dataclass(frozen=True)
class ELU(Layer):
    """y = x where x > 0, alpha (e^x - 1) elsewhere.   Source: Clevert, Unterthiner and Hochreiter (2016)."""

    word: ClassVar[str] = "elu"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        require_number("ELU", "alpha", self.alpha, "(-inf, inf)")

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return elu(x, self.alpha)


@dataclass(frozen=True)
class SELU(Layer):
    """y = 1.0507 elu(x, 1.6733): with `lecun_normal` it keeps mean 0 and variance 1.   Source: Klambauer et al. (2017)."""

    word: ClassVar[str] = "selu"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return elu(x, 1.6732632423543772) * 1.0507009873554805


@dataclass(frozen=True)
class Maxout(Layer):
    """y[..., u] = max over pieces k of x w[:, u k] + b[u k]: learned and convex.   Source: Goodfellow et al. (2013)."""

    word: ClassVar[str] = "maxout"
    units: int
    pieces: int = 2
    init: Initializer = he_normal

    def __post_init__(self) -> None:
        require_counts(self, "units", "pieces")
        require_init(self)

    def build(self, shape: Shape) -> Mapping[str, Param]:
        wide = self.units * self.pieces
        return {"w": Param((shape[-1], wide), self.init), "b": Param((wide,), zeros, decay=False)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return _largest_piece(x @ p["w"] + p["b"], self.pieces)


@dataclass(frozen=True)
class MaxoutConv2d(Conv2d):
    """Maxout over the channels of a convolution: `units` channels, the largest of `pieces` each."""

    word: ClassVar[str] = "maxconv"
    pieces: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(self, "pieces")

    @property
    def filters(self) -> int:
        return self.units * self.pieces

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return _largest_piece(super().forward(x, p, ctx), self.pieces)


def _largest_piece(x: Tensor, pieces: int) -> Tensor:
    return x.reshape((*x.shape[:-1], x.shape[-1] // pieces, pieces)).max(-1)
