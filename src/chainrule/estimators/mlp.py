"""scikit-learn's MLPClassifier and MLPRegressor, trained by chainrule's engine: change the import, keep the program.

The classes are scikit-learn's own, with its constructor, its checks of the input, its way of predicting and of stopping, and
its solver lbfgs. What is replaced is the loop of the solvers sgd and adam. First weights and the order of the rows come
from `random_state` as scikit-learn draws them, so that both walk the same way, but for the rounding of float32.

Where scikit-learn's loop stays: sparse X that would be too large as an array.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import xlogy
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from ..errors import DataError
from ..graph import Tensor
from ..layers import Dense, Layer, ReLU, Sequential, Sigmoid, Tanh
from ..loss import BinaryCrossEntropy, CrossEntropy, Loss, Poisson, SquaredError, Task
from ..ops import expm1, sqrt
from ..optim import Adam, Optimizer, State
from ..step import ONLY_LOSS, Step

Array = NDArray[Any]
ACTIVATIONS: Mapping[str, Callable[[], Layer] | None] = {
    "identity": None,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
}
MOST = 250_000_000  # numbers of a sparse X that becomes an array: 1 GB
READY = 8  # steps that are kept for the next fit of the same kind, as in cross-validation: to plan one takes 20 ms
KEPT = 10_000_000  # numbers of the rows that such a step may hold on to
_ready: dict[Any, Step] = {}


@dataclass(frozen=True)
class Multiple(Loss):
    """Another loss times a number: scikit-learn adds up over outputs where chainrule takes the mean."""

    tasks: ClassVar[tuple[Task, ...]] = ("numbers",)
    of: Loss
    times: float

    def each(self, output: Tensor, target: Tensor) -> Tensor:
        return self.times * self.of.each(output, target)


@dataclass(frozen=True)
class Momentum(Optimizer, listed=False):
    """v' = m v - lr g;  p' = p + v', or with Nesterov p' = p + m v' - lr g: the rate of every step stays in v."""

    momentum: float = 0.9
    nesterov: bool = True

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",)

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        velocity = self.momentum * s["velocity"] - lr * g
        return p + (self.momentum * velocity - lr * g if self.nesterov else velocity), {"velocity": velocity}


@dataclass(frozen=True)
class AdamHat(Adam, listed=False):
    """Adam with eps beside sqrt(v'), before the correction of the bias.   Source: Kingma and Ba (2015), end of section 2."""

    def update(self, p: Tensor, g: Tensor, s: Mapping[str, Tensor], t: Tensor, lr: Tensor) -> tuple[Tensor, State]:
        m = s["m"] + (1 - self.b1) * (g - s["m"])
        v = s["v"] + (1 - self.b2) * (g * g - s["v"])
        c1, c2 = (-expm1(t * math.log(b)) for b in (self.b1, self.b2))
        return p - lr * sqrt(c2) / c1 * m / (sqrt(v) + self.eps), {"m": m, "v": v}


class Fast:
    """What both estimators get before scikit-learn's class in the order of their bases: its stochastic loop, anew."""

    def _fit_stochastic(self: Any, x: Any, y: Array, sample_weight: Array | None, *rest: Any) -> None:
        incremental = bool(rest[-1])
        if sparse.issparse(x) and math.prod(x.shape) > MOST:
            super()._fit_stochastic(x, y, sample_weight, *rest)  # type: ignore[misc]
            return
        if self.early_stopping and incremental:
            raise DataError("partial_fit does not support early_stopping=True: there is no validation part in one pass")
        held: tuple[Any, ...] = (None, None, None)
        if self.early_stopping:
            x, y, sample_weight, *held = self._parted(x, y, sample_weight)
        rows = x.toarray() if sparse.issparse(x) else x
        descent = Descent(self, rows, y, sample_weight, getattr(self, "_memory", None) if incremental else None)
        try:
            self._iterate(descent, held, incremental)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        descent.give()
        self._memory = descent.leave()
        if self.early_stopping:
            self.coefs_, self.intercepts_ = self._best_coefs, self._best_intercepts

    def _iterate(self: Any, descent: Descent, held: tuple[Any, ...], once: bool) -> None:
        """One pass over the rows, or as many as it takes until the loss, or the validation score, stands still."""
        self.n_iter_ = 0
        while self.n_iter_ < self.max_iter:
            self.loss_ = descent.epoch(self._random_state if self.shuffle else None)
            self.n_iter_ += 1
            self.t_ += descent.count
            self.loss_curve_.append(self.loss_)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
            if self.early_stopping:
                descent.give()
            self._update_no_improvement_count(self.early_stopping, *held)
            descent.slow(self.t_)
            if self._no_improvement_count > self.n_iter_no_change:
                if descent.ends(self.verbose):
                    return
                self._no_improvement_count = 0
            if once:
                return
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=5,
        )

    def _parted(self: Any, x: Any, y: Array, weights: Array | None) -> Iterator[Any]:
        """What to learn from, x, y and weights, and what to stop by, as scikit-learn draws them."""
        classifies = hasattr(self, "_label_binarizer")
        given = [x, y] if weights is None else [x, y, weights]
        parted = train_test_split(
            *given,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=y if classifies and self.n_outputs_ == 1 else None,
        )
        parted += [None, None] if weights is None else []
        if parted[1].shape[0] < 2:
            raise DataError(
                f"the validation set is too small, {parted[1].shape[0]} rows: increase validation_fraction or give more rows"
            )
        if classifies:
            parted[3] = self._label_binarizer.inverse_transform(parted[3])
        return iter(parted[0::2] + parted[1::2])


class MLPClassifier(Fast, neural_network.MLPClassifier):  # type: ignore[misc]
    __doc__ = neural_network.MLPClassifier.__doc__


class MLPRegressor(Fast, neural_network.MLPRegressor):  # type: ignore[misc]
    __doc__ = neural_network.MLPRegressor.__doc__


class Descent:
    """The weights of one estimator on their way down: rows, batches, the rate, and the step that moves them."""

    def __init__(self, mlp: Any, x: Array, y: Array, weights: Array | None, memory: Memory | None) -> None:
        self.mlp, self.count, self.dtype = mlp, len(x), x.dtype
        self.size = _batch_size(mlp.batch_size, len(x))
        self.loss = _loss(mlp)
        rows = {"x": x.astype(np.float32), "y": _targets(self.loss, y)}
        rows |= {} if weights is None else {"weights": weights.astype(np.float32)}
        self.rows = _merged(rows) if self.size == self.count else rows
        self.order = np.arange(len(self.rows["x"]))
        self.shown, self.constant = _reported(mlp, y, weights)
        self.memory = memory or Memory(mlp.learning_rate_init)
        self.kind = (*map(np.shape, mlp.coefs_), mlp.activation, self.loss, _optimizer(mlp), self._first_shapes())
        self.step = _taken(self.kind) or self._made()
        given = {f"dense{i}/w": w for i, w in enumerate(mlp.coefs_, 1)}
        given |= {f"dense{i}/b": b for i, b in enumerate(mlp.intercepts_, 1)}
        start = {path: np.zeros_like(array) for path, array in self.step.arrays.items()} | self.memory.arrays
        self.step.arrays = start | {path: array.astype(np.float32) for path, array in given.items()}
        self.step.count = self.memory.steps
        self.squares = self._squares()

    def _first_shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return tuple((name, array[: self.size].shape) for name, array in self.rows.items())

    def _made(self) -> Step:
        """The step for networks and batches of this kind."""
        units = [len(b) for b in self.mlp.intercepts_]
        activation = ACTIVATIONS[self.mlp.activation]
        layers: list[Layer] = [Dense(units[0])]
        for count in units[1:]:
            layers += [*([activation()] if activation else []), Dense(count)]
        first: dict[str, Any] = {name: array[: self.size] for name, array in self.rows.items()}
        return Step(Sequential(*layers), **first, loss=self.loss, optimizer=_optimizer(self.mlp))

    def epoch(self, random: np.random.RandomState | None) -> float:
        """One pass over the rows, in an order that is drawn, if it is; the mean loss as scikit-learn reports it."""
        if random is not None and self.size < self.count:  # all rows at once have no order
            drawn = np.arange(self.count)
            random.shuffle(drawn)  # as sklearn.utils.shuffle does, which looks long at what it is given
            self.order = self.order[drawn]
        count = len(self.order)
        size = min(self.size, count)
        whole = count // size * size
        total, penalties = 0.0, 0.0
        for batch in (self.order[:whole].reshape(-1, size), self.order[None, whole:]):
            if batch.size:
                loss, weight = self._advance(batch)
                total += float(loss.sum()) * batch.shape[1] / count
                penalties += float((1 / weight).sum()) * batch.shape[1] / count
        before, self.squares = self.squares, self._squares()
        penalty = 0.25 * float(self.mlp.alpha) * (before + self.squares) * penalties
        return total * self.shown + self.constant + penalty

    def _advance(self, order: NDArray[np.int64]) -> tuple[Array, Array]:
        """Steps on these rows: the loss of each, and the weight of its batch, among whose rows alpha is shared."""
        weights = self.rows.get("weights")
        weight = np.full(len(order), float(order.shape[1])) if weights is None else weights[order].sum(1, np.float64)
        lr = self.memory.lr
        pull: Any = self.mlp.alpha / weight if weights is not None else self.mlp.alpha / order.shape[1]
        with np.errstate(all="ignore"):
            loss = self.step.advance(self.rows, order, lr, pull, wanted=ONLY_LOSS)["loss"].astype(np.float64)
        if not np.isfinite(loss[-1]):
            raise DataError(
                f"the loss of iteration {self.mlp.n_iter_ + 1} is no finite number: bring X (and the numbers to predict) to "
                f"mean 0 and spread 1, or lower learning_rate_init, which is {self.mlp.learning_rate_init:g}"
            )
        return loss, weight

    def _squares(self) -> float:
        if not self.mlp.alpha:
            return 0.0
        arrays = self.step.arrays
        return sum(float(np.vdot(arrays[path], arrays[path])) for path in arrays if _is_weight(path))

    def slow(self, seen: int) -> None:
        """The rate after an epoch, `seen` rows since the beginning."""
        if self.mlp.solver == "sgd" and self.mlp.learning_rate == "invscaling":
            self.memory.lr = self.mlp.learning_rate_init / (seen + 1) ** self.mlp.power_t

    def ends(self, told: bool) -> bool:
        """Whether to end where nothing gets better; an adaptive rate is lowered first."""
        if self.mlp.solver == "sgd" and self.mlp.learning_rate == "adaptive" and self.memory.lr > 1e-6:
            self.memory.lr /= 5
            if told:
                print(f"No better for {self.mlp.n_iter_no_change} epochs: learning rate set to {self.memory.lr:g}")
            return False
        if told:
            print(f"No better by tol={self.mlp.tol:g} for {self.mlp.n_iter_no_change} epochs: the end.")
        return True

    def give(self) -> None:
        """The weights so far, as scikit-learn keeps them."""
        arrays, count = self.step.arrays, len(self.mlp.coefs_)
        self.mlp.coefs_ = [arrays[f"dense{i}/w"].astype(self.dtype) for i in range(1, count + 1)]
        self.mlp.intercepts_ = [arrays[f"dense{i}/b"].astype(self.dtype) for i in range(1, count + 1)]

    def leave(self) -> Memory:
        """What a further pass begins with; the step is kept for the next estimator of its kind."""
        slots = {path: array for path, array in self.step.arrays.items() if path.startswith("~")}
        if self.rows["x"].size < KEPT:
            _ready[self.kind] = self.step
            for kind in list(_ready)[:-READY]:
                _ready.pop(kind, None)
        return Memory(self.memory.lr, self.step.count, slots)


@dataclass
class Memory:
    """What the solver knows beside the weights."""

    lr: float
    steps: int = 0
    arrays: dict[str, Array] = field(default_factory=dict)


def _taken(kind: Any) -> Step | None:
    """A step of that kind that is kept, for one user at a time."""
    return _ready.pop(kind, None)


def _batch_size(asked: int | str, count: int) -> int:
    if asked == "auto":
        return min(200, count)
    if int(asked) > count:
        warnings.warn(f"batch_size={asked} is more than the {count} rows: it is taken as {count}", stacklevel=7)
    return min(int(asked), count)


def _loss(mlp: Any) -> Loss:
    """Of the outputs' sum, as scikit-learn's gradients are; one class of several is a choice."""
    if mlp.out_activation_ == "softmax":
        return CrossEntropy()
    if mlp.out_activation_ == "logistic":
        return Multiple(BinaryCrossEntropy(), mlp.n_outputs_)
    return (
        Multiple(Poisson(), mlp.n_outputs_) if mlp.loss == "poisson" else Multiple(SquaredError(), mlp.n_outputs_ / 2)
    )


def _reported(mlp: Any, y: Array, weights: Array | None) -> tuple[float, float]:
    """What turns that loss into the one that is reported: a factor, and what is added."""
    if mlp.out_activation_ in ("softmax", "logistic"):
        return 1.0, 0.0
    known = xlogy(y, y) - y if mlp.loss == "poisson" else np.zeros_like(y)
    return 1 / mlp.n_outputs_, float(np.average(known.mean(1), weights=weights))


def _optimizer(mlp: Any) -> Optimizer:
    if mlp.solver == "sgd":
        return Momentum(1.0, momentum=mlp.momentum, nesterov=mlp.nesterovs_momentum)
    return AdamHat(1.0, b1=mlp.beta_1, b2=mlp.beta_2, eps=mlp.epsilon)


def _targets(loss: Loss, y: Array) -> Array:
    return np.argmax(y, axis=1) if isinstance(loss, CrossEntropy) else y.astype(np.float32)


def _merged(rows: Mapping[str, Array]) -> dict[str, Array]:
    """Equal rows as one that weighs as much as all, in an order of their own: of a batch that holds all rows neither
    copies nor order may matter, and so they do not, to the last bit."""
    count = len(rows["x"])
    weights = rows.get("weights", np.ones(count, np.float32))
    table = np.column_stack([rows["x"], rows["y"].reshape(count, -1)]).astype(np.float64)
    _, first, same = np.unique(table, axis=0, return_index=True, return_inverse=True)
    weight = np.bincount(same.ravel(), weights).astype(np.float32)
    first, weight = first[weight > 0], weight[weight > 0]
    merged = {"x": rows["x"][first], "y": rows["y"][first]}
    return merged if (weight == 1).all() else {**merged, "weights": weight}


def _is_weight(path: str) -> bool:
    return path.endswith("/w") and not path.startswith("~")
