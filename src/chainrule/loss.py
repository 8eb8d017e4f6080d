"""What a network is trained for: the negative log-likelihood of the distribution assumed for the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from .errors import ShapeError
from .graph import Tensor
from .ops import cross_entropy, softmax

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
    """-ln p[class] with p = softmax(output): a categorical distribution.   output (n, classes), target (n,) of codes."""

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target)

    def prediction(self, output: Tensor) -> Tensor:
        return softmax(output)


@dataclass(frozen=True)
class SquaredError(Loss):
    """Mean over the targets of (output - target)^2: a Gaussian of fixed width.   output and target (n, k)."""

    prior: ClassVar[float] = 30.0

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        if output.shape != target.shape:
            raise ShapeError(
                f"the network gives {output.shape[1:]} for each example, but the numbers to predict are {target.shape[1:]}"
            )
        error = output - target
        return (error * error).mean(-1)

    def width(self, lowest: float) -> float:
        """2 sigma^2: -ln of a Gaussian is error^2 / (2 sigma^2), and sigma^2 is what the network cannot explain."""
        return 2 * lowest


BY_TASK: Mapping[Task, Loss] = {"classes": CrossEntropy(), "numbers": SquaredError()}
