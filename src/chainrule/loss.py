"""What a network is trained for: the negative log-likelihood of the distribution assumed for the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .graph import Tensor
from .ops import cross_entropy, softmax

Task: TypeAlias = Literal["classes", "numbers"]


@dataclass(frozen=True)
class Loss:
    """Base of all: one loss for each row, and what the raw output means."""

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every row, shape (n,)."""
        raise NotImplementedError

    def prediction(self, output: Tensor) -> Tensor:
        """The parameters of the assumed distribution, from the raw output."""
        return output


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

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        error = output - target
        return (error * error).mean(-1)


BY_TASK: Mapping[Task, Loss] = {"classes": CrossEntropy(), "numbers": SquaredError()}
