"""What the classics share: labels as targets, the loop over rows one at a time, and the history of every epoch."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data import arrays
from ..errors import DataError, NoValueError, SettingError, is_whole, require, require_number, require_seed
from ..philox import permutation

Floats = NDArray[np.float64]
Own = TypeVar("Own", bound="Classic")


@dataclass(frozen=True, eq=False)
class Epoch:
    """One pass over the rows: at how many of them the output was wrong when its turn came, the mean squared error then, and
    the weights and biases after the pass (arrays; of a Madaline one per layer). The error is that of the nets against the
    targets, of a perceptron that of its outputs."""

    mistakes: int
    error: float
    weights: Any
    bias: Any


@dataclass(eq=False, kw_only=True)
class Classic:
    """Base of all: units that learn from one row at a time. Settings are fields; what was learned ends in `_`.

    lr      step size, greater than 0
    epochs  passes over the rows at most
    seed    of the order of the rows in every epoch, and of first weights that are drawn

    Two classes: one unit, on for the second label (in sorted order). More: one unit for each, the largest net wins.

    classes_   the labels, sorted        weights_, bias_   w (features, units) and b (units,)
    history_   an `Epoch` for each pass  converged_        whether a whole pass was without a mistake
    """

    LOW: ClassVar[float] = 0.0  # the target of a unit that should be off; on is 1
    lr: float = 1.0
    epochs: int = 100
    seed: int = 0

    def fit(self: Own, x: ArrayLike, y: ArrayLike) -> Own:
        """Learn the labels y (n,), any two values or more, from x (n, features) or images; begins anew at every call.

        DataError for rows that are no finite numbers, lengths that differ, a single class; SettingError for settings out
        of range, or an lr with which the weights grow without end.
        """
        self._check()
        rows, labels = rows_of(x), _labels(y)
        if len(rows) != len(labels):
            raise DataError(f"expected one label per row, found {len(rows):,} rows in x and {len(labels):,} in y")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        _require_classes(self.classes_)
        self.history_: list[Epoch] = []
        self.converged_ = False
        targets = self._targets(codes)
        self._start(rows.shape[1], targets.shape[1])
        for epoch in range(self.epochs):
            self._pass(rows, targets, epoch)
            if self._done(epoch):
                break
        return self

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The label of every row, shape (n,)."""
        nets = self.nets(x)
        codes = nets[:, 0] > 0 if nets.shape[1] == 1 else nets.argmax(axis=1)
        return np.asarray(self.classes_[codes.astype(np.int64)])

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """The share of rows whose label is predicted; DataError for a label that `fit` did not see."""
        predicted, labels = self.predict(x), _labels(y)
        if len(predicted) != len(labels):
            raise DataError(f"expected one label per row, found {len(predicted):,} rows in x and {len(labels):,} in y")
        if unknown := [label for label in np.unique(labels).tolist() if label not in self.classes_.tolist()]:
            raise DataError(
                f"expected the classes of fit ({arrays.some(self.classes_.tolist())}), found {unknown[0]!r}"
            )
        return float(np.mean(predicted == labels))

    def nets(self, x: ArrayLike) -> Floats:
        """The sums before the step, x w + b of the last layer, shape (n, units)."""
        if not hasattr(self, "weights_"):
            raise NoValueError(f"the {type(self).__name__} has learned nothing yet: call fit(x, y) first")
        rows = rows_of(x)
        if rows.shape[1] != self._features:
            raise DataError(f"expected {self._features} features, as in fit, found {rows.shape[1]}")
        return self._nets(rows)

    def at(self: Own, epoch: int) -> Own:
        """The same as it was after that epoch (0 is the first; -1 the last): for pictures of how it learned."""
        known = getattr(self, "history_", [])
        there = is_whole(epoch, -len(known)) and epoch < len(known)
        require("at", "epoch", epoch, there, f"one of the {len(known)} epochs of the history")
        then = copy.copy(self)
        then.weights_, then.bias_ = known[epoch].weights, known[epoch].bias
        return then

    def _check(self) -> None:
        """The settings, all of them: a constructor only stores."""
        owner = type(self).__name__
        require_number(owner, "lr", self.lr, "(0, inf)")
        require(owner, "epochs", self.epochs, is_whole(self.epochs, 1), "an int of at least 1")
        require_seed(owner, self.seed)

    def _targets(self, codes: NDArray[np.int64]) -> Floats:
        """1 for the unit of the row's class, LOW for the others, shape (n, units)."""
        count = len(self.classes_)
        on = codes[:, None] == (1 if count == 2 else np.arange(count))
        return np.where(on, 1.0, self.LOW)

    def _start(self, features: int, units: int) -> None:
        """The weights before the first row: zeros."""
        self._features = features
        self.weights_: Any = np.zeros((features, units))
        self.bias_: Any = np.zeros(units)

    def _pass(self, rows: Floats, targets: Floats, epoch: int) -> None:
        """Every row once, in this epoch's order, and a line of history."""
        mistakes, squares = 0, 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for i in permutation(self.seed, type(self).__name__, epoch, len(rows)):
                wrong, square = self._learn(rows[i], targets[i])
                mistakes, squares = mistakes + wrong, squares + square
        if not np.isfinite(squares):
            raise SettingError(self._diverged(rows, epoch))
        w, b = copy.deepcopy((self.weights_, self.bias_))
        self.history_.append(Epoch(mistakes, squares / targets.size, w, b))
        self.converged_ = mistakes == 0

    def _diverged(self, rows: Floats, epoch: int) -> str:
        length = float(np.square(rows).sum(axis=1).max() + 1)
        return (
            f"the weights of {type(self).__name__} grew without end in epoch {epoch}: lr {self.lr:g} is too large for rows "
            f"x whose |x|^2 + 1 reaches {length:.3g}; standardise x, or take an lr well below {2 / length:.2g}"
        )

    def _done(self, epoch: int) -> bool:
        """Whether to stop after this epoch."""
        return self.converged_

    def _learn(self, x: Floats, target: Floats) -> tuple[bool, float]:
        """Look at one row and move the weights; whether its output was wrong, and its squared error, before the move."""
        raise NotImplementedError

    def _nets(self, rows: Floats) -> Floats:
        return np.asarray(rows @ self.weights_ + self.bias_)


def rows_of(x: ArrayLike) -> Floats:
    """x as float64 (n, features); an image is one long row."""
    arrays.features(x)  # its sentences: shape, emptiness, the first value that is no finite number
    rows = np.asarray(x, dtype=np.float64)
    return rows.reshape(len(rows), -1)


def _labels(y: ArrayLike) -> NDArray[Any]:
    """One label per row; numbers with fractions only where they are two values."""
    labels = arrays.plain(y, "y")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "biufU":
        raise DataError(f"expected one label per row in y, found the shape {labels.shape} of dtype {labels.dtype}")
    if labels.dtype.kind == "f":
        _require_few(labels)
    return labels


def _require_few(labels: NDArray[Any]) -> None:
    if not np.isfinite(labels).all():
        row = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise DataError(f"expected finite labels in y, found {labels[row]} in row {row} (counted from 0)")
    if len(np.unique(labels)) > 2 and (labels != np.rint(labels)).any():
        raise DataError("expected labels in y, found numbers with fractions; give whole numbers or text")


def _require_classes(classes: NDArray[Any]) -> None:
    if len(classes) < 2:
        found = f"only {classes[0].item()!r}" if len(classes) else "no row"
        raise DataError(f"expected at least two classes in y to tell apart, found {found}")
