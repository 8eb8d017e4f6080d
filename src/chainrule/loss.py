"""What a network is trained for: the negative log-likelihood of the distribution assumed for the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from .errors import ShapeError, require
from .graph import Tensor
from .ops import cross_entropy, exp, expm1, log_softmax, one_hot, relu, sigmoid, softmax, softplus, square, where

Task: TypeAlias = Literal["classes", "numbers"]


@dataclass(frozen=True)
class Loss:
    """Base of all: one loss for each row, and what the raw output means.

    `prior` is the default precision of a Gaussian prior on the weights. Both defaults held up best over scikit-learn's
    small tables (iris, wine, breast cancer; diabetes, friedman1), where the choice matters most.
    """

    prior: ClassVar[float] = 1.0

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every row, shape (n,)."""
        raise NotImplementedError

    def prediction(self, output: Tensor) -> Tensor:
        """The parameters of the assumed distribution, from the raw output."""
        return output

    def width(self, lowest: float) -> float:
        """What turns the negative log-likelihood into this loss, given the lowest validation loss so far."""
        return 1.0


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-ln p[class] with p = softmax(output): a categorical distribution.   output (n, classes), target (n,) of codes.

    With `smoothing` s the target is 1 - s + s / C at the class and s / C elsewhere (Szegedy et al. (2016), section 7).
    """

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        require("CrossEntropy", "smoothing", self.smoothing, 0 <= self.smoothing < 1, "a number in the range [0, 1)")

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        loss = cross_entropy(output, target)
        if not self.smoothing:
            return loss
        return (1 - self.smoothing) * loss - self.smoothing * log_softmax(output).mean(-1)

    def prediction(self, output: Tensor) -> Tensor:
        return softmax(output)


@dataclass(frozen=True)
class Focal(Loss):
    """-(1 - p)^gamma ln p, p the class's probability: sure rows count less.   Source: Lin et al. (2017), eq. 4."""

    gamma: float = 2.0

    def __post_init__(self) -> None:
        require("Focal", "gamma", self.gamma, self.gamma >= 0, "a number in the range [0, inf)")

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        loss = cross_entropy(output, target)
        return (-expm1(-loss)) ** self.gamma * loss

    def prediction(self, output: Tensor) -> Tensor:
        return softmax(output)


@dataclass(frozen=True)
class Hinge(Loss):
    """Sum over the wrong classes j of max(0, z[j] - z[class] + margin): the multi-class SVM.

    Source: Weston and Watkins (1999); CS231n, lecture 3. Its outputs are scores, no probabilities.
    """

    margin: float = 1.0

    def __post_init__(self) -> None:
        require("Hinge", "margin", self.margin, self.margin > 0, "a number in the range (0, inf)")

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        right = one_hot(target, c=output.shape[-1], dtype=output.dtype.name)
        of_class = (output * right).sum(-1, keepdims=True)
        return relu((output - of_class + self.margin) * (1 - right)).sum(-1)


@dataclass(frozen=True)
class OfNumbers(Loss):
    """Base of losses that compare each number with its target and take the mean.   output and target (n, k)."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every number."""
        raise NotImplementedError

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape != target.shape:
            raise ShapeError(
                f"the network gives {output.shape[1:]} for each example, but the numbers to predict are {target.shape[1:]}"
            )
        return self.each(output, target).mean(tuple(range(1, output.ndim)))


@dataclass(frozen=True)
class SquaredError(OfNumbers):
    """(output - target)^2: a Gaussian of fixed width."""

    prior: ClassVar[float] = 30.0

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return square(output - target)

    def width(self, lowest: float) -> float:
        """2 sigma^2: -ln of a Gaussian is error^2 / (2 sigma^2), and sigma^2 is what the network cannot explain."""
        return 2 * lowest


@dataclass(frozen=True)
class AbsoluteError(OfNumbers):
    """|output - target|: a Laplace distribution of fixed width; predicts medians."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return abs(output - target)


@dataclass(frozen=True)
class Huber(OfNumbers):
    """e^2 / 2 for |e| <= delta, delta (|e| - delta / 2) beyond: squared near, absolute far.   Source: Huber (1964)."""

    delta: float = 1.0

    def __post_init__(self) -> None:
        require("Huber", "delta", self.delta, self.delta > 0, "a number in the range (0, inf)")

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        error = abs(output - target)
        return where(error <= self.delta, 0.5 * square(error), self.delta * (error - 0.5 * self.delta))


@dataclass(frozen=True)
class BinaryCrossEntropy(OfNumbers):
    """-t ln p - (1 - t) ln(1 - p) with p = sigmoid(output): a Bernoulli distribution for each number, targets in [0, 1].

    As softplus(z) - t z it is exact at any size of the logits z.
    """

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return softplus(output) - output * target

    def prediction(self, output: Tensor) -> Tensor:
        return sigmoid(output)


@dataclass(frozen=True)
class Poisson(OfNumbers):
    """e^z - t z: counts t of a Poisson distribution with mean e^z, without the constant ln t!."""

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return exp(output) - output * target

    def prediction(self, output: Tensor) -> Tensor:
        return exp(output)


BY_TASK: Mapping[Task, Loss] = {"classes": CrossEntropy(), "numbers": SquaredError()}
