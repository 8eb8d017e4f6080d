"""The wrong parts that users really write: layers, losses, optimisers, schedules. Importing this module enters them by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import chainrule as cr
from chainrule import ops
from chainrule.graph import Tensor
from chainrule.layers import Context
from chainrule.loss import CrossEntropy, OfNumbers
from chainrule.optim import Optimizer
from chainrule.schedule import Schedule

State = dict[str, Tensor]


# ---- layers


@dataclass(frozen=True)
class Softmaxed(cr.Layer):
    """A softmax as a layer of the network."""

    word: ClassVar[str] = "softmax"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return ops.softmax(x)


@dataclass(frozen=True)
class Times(cr.Layer):
    """y = factor x: behind a softmax it hides that probabilities are given."""

    word: ClassVar[str] = "times"
    factor: float

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return self.factor * x


@dataclass(frozen=True)
class Exponentiated(cr.Layer):
    """y = e^x in place of an activation."""

    word: ClassVar[str] = "exp"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return ops.exp(x)


@dataclass(frozen=True)
class Squared(cr.Layer):
    """y = x^2 in place of an activation."""

    word: ClassVar[str] = "square"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x * x


@dataclass(frozen=True)
class Detached(cr.Layer):
    """y = x, but no gradient goes back: a forgotten `stop_gradient`."""

    word: ClassVar[str] = "detached"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return ops.stop_gradient(x)


@cr.op("... -> ...")
def flipped_relu(xp: Any, x: Any) -> Any:
    """max(x, 0) with a derivative of the wrong sign."""
    return xp.maximum(x, 0)


@cr.op("... -> ...")
def careless_tanh(xp: Any, x: Any) -> Any:
    """tanh x with the derivative 1 + y^2 in place of 1 - y^2, and a sign lost."""
    return xp.tanh(x)


@cr.op("... -> ...")
def sloppy_sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + e^-x) with the derivative y - 1 in place of y (1 - y)."""
    return 1 / (1 + xp.exp(-x))


@cr.op("... -> ...")
def mirrored_leaky(xp: Any, x: Any) -> Any:
    """max(x, x / 10) with the two slopes of the derivative exchanged, and that of negative x of the wrong sign."""
    return xp.maximum(x, 0.1 * x)


flipped_relu.grads(x=lambda g, y, x: -g * (x > 0).astype(g.dtype))
careless_tanh.grads(x=lambda g, y, x: -g * (1 + y * y))
sloppy_sigmoid.grads(x=lambda g, y, x: g * (y - 1))
mirrored_leaky.grads(x=lambda g, y, x: g * ops.where(x > 0, 0.1, -1.0).astype(g.dtype))


@dataclass(frozen=True)
class FlippedReLU(cr.Layer):
    """A ReLU of one's own."""

    word: ClassVar[str] = "flippedrelu"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return flipped_relu(x)


@dataclass(frozen=True)
class CarelessTanh(cr.Layer):
    """A tanh of one's own."""

    word: ClassVar[str] = "carelesstanh"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return careless_tanh(x)


@dataclass(frozen=True)
class SloppySigmoid(cr.Layer):
    """A sigmoid of one's own."""

    word: ClassVar[str] = "sloppysigmoid"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return sloppy_sigmoid(x)


@dataclass(frozen=True)
class MirroredLeaky(cr.Layer):
    """A leaky ReLU of one's own."""

    word: ClassVar[str] = "mirroredleaky"

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return mirrored_leaky(x)


# ---- losses


@dataclass(frozen=True)
class SummedCrossEntropy(CrossEntropy):
    """Cross-entropy summed over the batch: the mean that follows does not take it back."""

    assumes: ClassVar[str] = "a categorical distribution, summed"

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        return ops.cross_entropy(output, target) * output.shape[0]


@dataclass(frozen=True)
class SummedSquaredError(OfNumbers):
    """Squared error summed over the batch."""

    assumes: ClassVar[str] = "a Gaussian distribution, summed"
    standardised: ClassVar[bool] = True

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return ops.square(output - target) * output.shape[0]


@dataclass(frozen=True)
class RawSquaredError(OfNumbers):
    """Squared error in the data's unit: nothing is standardised."""

    assumes: ClassVar[str] = "a Gaussian distribution in the data's unit"

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return ops.square(output - target)


@dataclass(frozen=True)
class RawAbsoluteError(OfNumbers):
    """Absolute error in the data's unit."""

    assumes: ClassVar[str] = "a Laplace distribution in the data's unit"

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return ops.abs(output - target)


# ---- optimisers


@dataclass(frozen=True)
class Ascent(Optimizer):
    """p' = p + lr g: the sign of the textbook's gradient ascent."""

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        return p + lr * g, {}


@dataclass(frozen=True)
class DoubleMinus(Optimizer):
    """v' = m v - g;  p' = p - lr v': of two minus signs one is too many."""

    momentum: float = 0.9

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",)

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        velocity = self.momentum * s["velocity"] - g
        return p - lr * velocity, {"velocity": velocity}


# ---- schedules


@dataclass(frozen=True)
class Negated(Schedule):
    """-1 throughout: a learning rate below 0 by another way."""

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return -1.0


@dataclass(frozen=True)
class PastZero(Schedule):
    """1 - done / reach: a linear fall that goes on below 0."""

    reach: float = 0.1

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return 1 - done / self.reach


@dataclass(frozen=True)
class Vanishing(Schedule):
    """keep^(1000 done): a decay meant per epoch that is made in every step."""

    keep: float = 0.9

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return float(self.keep ** (1000 * done))


@dataclass(frozen=True)
class Growing(Schedule):
    """most^done: a decay factor above 1."""

    most: float = 1000.0

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return float(self.most**done)
