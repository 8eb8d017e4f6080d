"""Layers that read a sequence step by step, x (n, t, c), and carry a state. The steps are unrolled in the graph.

With `sequence` they give the state of every step, (n, t, units), else the last one, (n, units). The state starts at 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import ShapeError, require
from ..graph import Shape, Tensor, tensor
from ..init import Initializer, Normal, orthogonal, xavier_uniform, zeros
from ..ops import sigmoid, split, stack, take, tanh
from .base import Context, Layer, Param, require_counts, require_init

STANDARD = Normal(1.0)


@dataclass(frozen=True)
class Recurrent(Layer):
    """Base of all: `gates` blocks of units read the input by w and the state by u."""

    gates: ClassVar[int] = 1
    units: int
    sequence: bool = False
    init: Initializer = xavier_uniform

    def __post_init__(self) -> None:
        require_counts(self, "units")
        require_init(self)
        require(type(self).__name__, "sequence", self.sequence, isinstance(self.sequence, bool), "True or False")

    def build(self, shape: Shape) -> Mapping[str, Param]:
        if len(shape) != 3:
            raise ShapeError(f"expected sequences (t, c), found {shape[1:]}")
        if not shape[1]:
            raise ShapeError(f"expected sequences (t, c) of at least one step, found {shape[1:]}")
        wide = self.gates * self.units
        return {
            "w": Param((shape[-1], wide), self.init),
            "u": Param((self.units, wide), orthogonal),
            "b": Param((wide,), zeros, decay=False),
        }

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        read = x @ p["w"] + p["b"]  # of all steps at once
        state = self.start(tensor(np.zeros((x.shape[0], self.units), x.dtype)))
        outputs: list[Tensor] = []
        for t in range(x.shape[1]):
            state = self.step(read[:, t], state, p["u"])
            outputs.append(state[0])
        return stack(outputs, 1) if self.sequence else outputs[-1]

    def start(self, zero: Tensor) -> tuple[Tensor, ...]:
        """The state before the first step; its first part is what the layer gives."""
        return (zero,)

    def step(self, read: Tensor, state: tuple[Tensor, ...], u: Tensor) -> tuple[Tensor, ...]:
        """The state after one step, from x w + b and the state before."""
        raise NotImplementedError


@dataclass(frozen=True)
class SimpleRNN(Recurrent):
    """h' = tanh(x w + h u + b).   Source: Elman (1990)."""

    word: ClassVar[str] = "rnn"

    def step(self, read: Tensor, state: tuple[Tensor, ...], u: Tensor) -> tuple[Tensor, ...]:
        return (tanh(read + state[0] @ u),)


@dataclass(frozen=True)
class LSTM(Recurrent):
    """i, f, g, o = x w + h u + b;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c').

    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
    """

    word: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4

    def start(self, zero: Tensor) -> tuple[Tensor, ...]:
        return (zero, zero)

    def step(self, read: Tensor, state: tuple[Tensor, ...], u: Tensor) -> tuple[Tensor, ...]:
        h, c = state
        i, f, g, o = split(read + h @ u, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return (sigmoid(o) * tanh(c), c)


@dataclass(frozen=True)
class GRU(Recurrent):
    """r, z by sigmoid(x w + h u + b);  n = tanh(x w_n + b_n + r (h u_n));  h' = (1 - z) n + z h.

    Source: Cho et al. (2014), in the form of PyTorch and cuDNN, which multiplies by r after h u_n.
    """

    word: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3

    def step(self, read: Tensor, state: tuple[Tensor, ...], u: Tensor) -> tuple[Tensor, ...]:
        (h,) = state
        x_r, x_z, x_n = split(read, 3, axis=1)
        h_r, h_z, h_n = split(h @ u, 3, axis=1)
        z = sigmoid(x_z + h_z)
        n = tanh(x_n + sigmoid(x_r + h_r) * h_n)
        return ((1 - z) * n + z * h,)


@dataclass(frozen=True)
class Embedding(Layer):
    """y = the learned row of each code.   x (n, ...) of codes 0..codes-1 -> y (n, ..., units).   Source: Bengio (2003)."""

    word: ClassVar[str] = "embed"
    codes: int
    units: int
    init: Initializer = STANDARD

    def __post_init__(self) -> None:
        require_counts(self, "codes", "units")
        require_init(self)

    def build(self, shape: Shape) -> Mapping[str, Param]:
        return {"w": Param((self.codes, self.units), self.init)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return take(p["w"], x.astype("int64"), axis=0)
