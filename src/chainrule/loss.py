"""What a network is trained for: the negative log-likelihood of the distribution assumed for the target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import DataError, SettingError, ShapeError, UnknownName, as_plain, enter, require
from .graph import Tensor
from .ops import (
    cross_entropy,
    exp,
    expm1,
    log_softmax,
    maximum,
    one_hot,
    relu,
    sigmoid,
    softmax,
    softplus,
    square,
    take,
    where,
)

Task: TypeAlias = Literal["classes", "labels", "numbers"]
LOSSES: dict[str, type[Loss]] = {}  # by class name; filled as classes are defined


@dataclass(frozen=True)
class Loss:
    """Base of all: the loss of every prediction, and what the raw output means.

    `prior` is the default precision of a Gaussian prior on the weights. Both defaults held up best over scikit-learn's
    small tables (iris, wine, breast cancer; diabetes, friedman1), where the choice matters most.
    """

    prior: ClassVar[float] = 1.0
    tasks: ClassVar[tuple[Task, ...]] = ()  # what it can be trained on
    assumes: ClassVar[str] = ""  # the distribution of the target, in words
    from_logits: ClassVar[bool] = False  # whether it makes probabilities of the output itself
    standardised: ClassVar[bool] = False  # whether numbers to predict are brought to mean 0 and spread 1 for it
    span: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # of targets that the distribution can give

    def __init_subclass__(cls) -> None:
        if cls.assumes:
            enter(LOSSES, "loss", cls)

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every prediction: one for each example, and for each position or number of it."""
        raise NotImplementedError

    def emphasis(self, target: Tensor, output: Tensor) -> Tensor | None:
        """How much each prediction counts, in the shape of `each`; None: all alike."""
        return None

    def weights_of_classes(self) -> tuple[float, ...] | None:
        """One for each class, where they are given."""
        return None

    def rows(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every example, shape (n,): the mean of its predictions."""
        each = self.each(output, target)
        return each if each.ndim == 1 else each.mean(tuple(range(1, each.ndim)))

    def shares(
        self, output: Tensor, target: Tensor, weights: Tensor | None = None, unit: Tensor | None = None
    ) -> Tensor:
        """The part of every example in the mean loss, shape (n,): as `rows`, or weighted.

        With weights w of examples (n,) or of classes the mean is sum(w loss) / sum(w). `unit` is the mean weight of all that
        is trained on: divided by it, instead of by that of the batch, a batch counts for as much as it weighs.
        """
        emphasis = self.emphasis(target, output)
        if emphasis is None:
            losses, w = self.rows(output, target), weights
        else:
            losses = self.each(output, target)
            w = emphasis if weights is None else emphasis * weights.reshape((-1, *[1] * (losses.ndim - 1)))
        if w is None:
            return losses
        share = w * losses / maximum(w.mean() if unit is None else unit, TINY)
        return share if share.ndim == 1 else share.mean(tuple(range(1, share.ndim)))

    def prediction(self, output: Tensor) -> Tensor:
        """The parameters of the assumed distribution, from the raw output."""
        return output

    def width(self, lowest: float) -> float:
        """What turns the negative log-likelihood into this loss, given the lowest validation loss so far."""
        return 1.0

    def check(self, targets: NDArray[Any]) -> None:
        """DataError for a number that the assumed distribution cannot give."""
        low, high = self.span
        wrong = np.flatnonzero(((targets < low) | (targets > high)).reshape(len(targets), -1).any(1))
        if len(wrong):
            raise DataError(
                f"{type(self).__name__} expects targets from {low:g} to {high:g}, found {targets[wrong[0]].ravel()[:4]} "
                f"in row {wrong[0]} (counted from 0): choose another loss"
            )

    def told(self) -> str:
        """Name and assumption, for people."""
        return f"{type(self).__name__} ({self.assumes})"

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": type(self).__name__, **as_plain(asdict(self))}


TINY = 1e-30  # instead of 0: a batch whose weights are all 0 has the loss 0, and moves nothing
KEEPING = ("reshape", "transpose")  # ops that leave every number as it is


def from_settings(plain: Mapping[str, Any]) -> Loss:
    """What `settings` described."""
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
    name = str(settings.pop("name"))
    if name not in LOSSES:
        raise UnknownName("loss", name, LOSSES)
    return LOSSES[name](**settings)


def refuse_probabilities(loss: Loss, output: Tensor) -> None:
    """A network that ends in a softmax or a sigmoid, before a loss that applies its own."""
    while output.op is not None and output.op.name in KEEPING:
        output = output.inputs[0]
    if loss.from_logits and output.op is not None and output.op.name in ("softmax", "sigmoid"):
        raise _gives_probabilities(loss, f"layer '{output.scope}'" if output.scope else "the network", output.op.name)


def refuse_probability_values(loss: Loss, values: NDArray[Any]) -> None:
    """What came out, before a loss that makes probabilities: a layer of the user's own may end in a softmax, too."""
    if look_like_probabilities(values):
        raise _gives_probabilities(loss, "the network", "they lie in [0, 1] and add up to 1")


def _gives_probabilities(loss: Loss, who: str, sign: str) -> SettingError:
    return SettingError(
        f"{who} gives probabilities ({sign}), but {type(loss).__name__} expects logits and makes probabilities of them "
        "itself: leave that last step out; the trained model's predict_proba has it"
    )


def look_like_probabilities(output: NDArray[Any]) -> bool:
    """Whether all outputs lie in [0, 1] and those of each prediction add up to 1: no logits do that by chance."""
    several = output.ndim > 1 and output.shape[-1] > 1 and output.size > 0
    return bool(
        several and output.min() >= 0 and output.max() <= 1 and np.allclose(output.sum(-1), 1, rtol=0, atol=1e-4)
    )


@dataclass(frozen=True)
class OfClasses(Loss):
    """Base of losses that choose one of C classes.   output (n, ..., C), target (n, ...) of codes: one choice for each
    example, or for each position of it (the pixels of an image, the steps of a sequence).

    `weights`, one for each class, makes rare classes count more: the mean is sum(w loss) / sum(w).
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classes",)
    weights: tuple[float, ...] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.weights is None:
            return
        try:
            weights = tuple(float(w) for w in self.weights)
        except (TypeError, ValueError):
            weights = ()
        fine = any(weights) and all(0 <= w < math.inf for w in weights)
        expected = "one finite number of at least 0 for each class, not all 0, or None"
        require(type(self).__name__, "weights", self.weights, fine, expected)
        object.__setattr__(self, "weights", weights)  # the dataclass is frozen, and an array may be given

    def check_codes(self, codes: NDArray[Any], classes: int) -> None:
        """DataError for a target that is none of the class codes; it names the row."""
        # One pass: a step is quick, too.
        if codes.dtype == np.int64 and np.maximum.reduce(codes.view(np.uint64), axis=None, initial=0) < classes:
            return
        wrong = np.argwhere((codes < 0) | (codes >= classes))
        if len(wrong):
            found, row = codes[tuple(wrong[0])], wrong[0][0]
            raise DataError(f"expected class codes 0 to {classes - 1}, found {found} in row {row} (counted from 0)")

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        refuse_probabilities(self, output)
        if output.shape[:-1] != target.shape:
            raise ShapeError(
                f"the network gives {output.shape[1:]} for each example, but there is one class code for each of "
                f"{target.shape[1:]}: expected {(*target.shape[1:], output.shape[-1])}, the scores of the classes last"
            )
        if target.ndim == 1:
            return self.choices(output, target)
        flat = self.choices(output.reshape((-1, output.shape[-1])), target.reshape(-1))
        return flat.reshape((-1, *target.shape[1:]))

    def weights_of_classes(self) -> tuple[float, ...] | None:
        return self.weights

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every choice.   output (n, C), target (n,)."""
        raise NotImplementedError

    def emphasis(self, target: Tensor, output: Tensor) -> Tensor | None:
        if self.weights is None:
            return None
        if len(self.weights) != output.shape[-1]:
            raise ShapeError(f"{len(self.weights)} class weights were given for {output.shape[-1]} classes")
        return take(np.asarray(self.weights, output.dtype), target, axis=0)


@dataclass(frozen=True)
class CrossEntropy(OfClasses):
    """-ln p[class] with p = softmax(output): a categorical distribution.

    With `smoothing` s the target is 1 - s + s / C at the class and s / C elsewhere (Szegedy et al. (2016), section 7).
    """

    assumes: ClassVar[str] = "a categorical distribution"
    from_logits: ClassVar[bool] = True
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("CrossEntropy", "smoothing", self.smoothing, 0 <= self.smoothing < 1, "a number in the range [0, 1)")

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        loss = cross_entropy(output, target)
        if not self.smoothing:
            return loss
        return (1 - self.smoothing) * loss - self.smoothing * log_softmax(output).mean(-1)

    def prediction(self, output: Tensor) -> Tensor:
        return softmax(output)


@dataclass(frozen=True)
class Focal(OfClasses):
    """-(1 - p)^gamma ln p, p the class's probability: sure rows count less.   Source: Lin et al. (2017), eq. 4."""

    assumes: ClassVar[str] = "a categorical distribution, sure examples counting less"
    from_logits: ClassVar[bool] = True
    gamma: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("Focal", "gamma", self.gamma, self.gamma >= 0, "a number in the range [0, inf)")

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        loss = cross_entropy(output, target)
        return maximum(-expm1(-loss), TINY) ** self.gamma * loss  # where p is 1, a gamma below 1 has no derivative

    def prediction(self, output: Tensor) -> Tensor:
        return softmax(output)


@dataclass(frozen=True)
class Hinge(OfClasses):
    """Sum over the wrong classes j of max(0, z[j] - z[class] + margin): the multi-class SVM, of scores.

    Source: Weston and Watkins (1999); CS231n, lecture 3.
    """

    assumes: ClassVar[str] = "scores with a margin, no distribution"
    margin: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("Hinge", "margin", self.margin, self.margin > 0, "a number in the range (0, inf)")

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        right = one_hot(target, c=output.shape[-1], dtype=output.dtype.name)
        of_class = (output * right).sum(-1, keepdims=True)
        return relu((output - of_class + self.margin) * (1 - right)).sum(-1)


@dataclass(frozen=True)
class OfNumbers(Loss):
    """Base of losses that compare each number with its target.   output and target (n, ...)."""

    tasks: ClassVar[tuple[Task, ...]] = ("numbers",)

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        refuse_probabilities(self, output)
        if output.shape != target.shape:
            raise ShapeError(
                f"the network gives {output.shape[1:]} for each example, but the numbers to predict are {target.shape[1:]}"
            )
        return self.errors(output, target)

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of every number."""
        raise NotImplementedError


@dataclass(frozen=True)
class SquaredError(OfNumbers):
    """(output - target)^2: a Gaussian of fixed width."""

    prior: ClassVar[float] = 30.0
    assumes: ClassVar[str] = "a Gaussian distribution"
    standardised: ClassVar[bool] = True

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return square(output - target)

    def width(self, lowest: float) -> float:
        """2 sigma^2: -ln of a Gaussian is error^2 / (2 sigma^2), and sigma^2 is what the network cannot explain."""
        return 2 * lowest


@dataclass(frozen=True)
class AbsoluteError(OfNumbers):
    """|output - target|: a Laplace distribution of fixed width; predicts medians."""

    prior: ClassVar[float] = 30.0
    assumes: ClassVar[str] = "a Laplace distribution"
    standardised: ClassVar[bool] = True

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return abs(output - target)

    def width(self, lowest: float) -> float:
        """b: -ln of a Laplace distribution is |error| / b, and b is the mean absolute error that remains."""
        return lowest


@dataclass(frozen=True)
class Huber(OfNumbers):
    """e^2 / 2 for |e| <= delta, delta (|e| - delta / 2) beyond: squared near, absolute far.   Source: Huber (1964)."""

    prior: ClassVar[float] = 30.0
    assumes: ClassVar[str] = "a Gaussian distribution with the tails of a Laplace"
    standardised: ClassVar[bool] = True
    delta: float = 1.0

    def __post_init__(self) -> None:
        require("Huber", "delta", self.delta, self.delta > 0, "a number in the range (0, inf)")

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        error = abs(output - target)
        return where(error <= self.delta, 0.5 * square(error), self.delta * (error - 0.5 * self.delta))

    def width(self, lowest: float) -> float:
        """As for a Gaussian: half its squared error remains."""
        return 2 * lowest


@dataclass(frozen=True)
class BinaryCrossEntropy(OfNumbers):
    """-t ln p - (1 - t) ln(1 - p) with p = sigmoid(output): a Bernoulli distribution for each number, targets in [0, 1].

    As softplus(z) - t z it is exact at any size of the logits z.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("labels", "numbers")
    assumes: ClassVar[str] = "a Bernoulli distribution for each"
    from_logits: ClassVar[bool] = True
    span: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return softplus(output) - output * target

    def prediction(self, output: Tensor) -> Tensor:
        return sigmoid(output)


@dataclass(frozen=True)
class Poisson(OfNumbers):
    """e^z - t z: counts t of a Poisson distribution with mean e^z, without the constant ln t!."""

    assumes: ClassVar[str] = "a Poisson distribution"
    span: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return exp(output) - output * target

    def prediction(self, output: Tensor) -> Tensor:
        return exp(output)


BY_TASK: Mapping[Task, Loss] = {"classes": CrossEntropy(), "labels": BinaryCrossEntropy(), "numbers": SquaredError()}
