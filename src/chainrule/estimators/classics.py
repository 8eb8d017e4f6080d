"""Perceptron, Adaline and Madaline as estimators: the rules are those of `chainrule.classics`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import classics
from ..data import Standardise
from ..errors import DataError
from .base import SEEDS

Array = NDArray[Any]
Own = TypeVar("Own", bound="Classic")
OURS = ("standardise", "random_state")  # parameters that are not the rule's


@dataclass(eq=False, repr=False)
class Classic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What the three share.

    lr            step size
    epochs        passes over the rows at most
    standardise   whether features are brought to mean 0 and spread 1 first: the rules ask for |x|^2 that is not large
    random_state  of the order of the rows, and of first weights that are drawn

    After fit: unit_, what `chainrule.classics` has learned; classes_, n_iter_, n_features_in_.
    """

    KIND: ClassVar[Callable[..., Any]]
    lr: float = 1.0
    epochs: int = 100
    standardise: bool = True
    random_state: int | np.random.RandomState | None = None

    def fit(self: Own, X: Any, y: Any) -> Own:
        """Learn the labels y (n,) of the rows of X, one row at a time; each call begins anew."""
        x, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"expected at least two classes in y to tell apart, found 1 class: {self.classes_[0]!r}")
        self.preparation_ = Standardise.fit(x) if self.standardise else None
        settings = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in OURS}
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        self.unit_ = type(self).KIND(**settings, seed=seed).fit(self._prepared(x), codes)
        self.n_iter_ = len(self.unit_.history_)
        return self

    def decision_function(self, X: Any) -> Array:
        """The sums before the step: (n,) for two classes, else (n, classes)."""
        check_is_fitted(self, "unit_")
        nets: Array = self.unit_.nets(self._prepared(validate_data(self, X, reset=False)))
        return nets[:, 0] if nets.shape[1] == 1 else nets

    def _prepared(self, x: Array) -> Array:
        return x if self.preparation_ is None else self.preparation_.apply(x.astype(np.float32))

    def predict(self, X: Any) -> Array:
        """The class of every row, (n,)."""
        nets = self.decision_function(X)
        codes = (nets > 0).astype(np.int64) if nets.ndim == 1 else nets.argmax(axis=1)
        return np.asarray(self.classes_[codes])


@dataclass(eq=False, repr=False)
class Perceptron(Classic):
    """Rosenblatt's perceptron (1957) as an estimator.   See `chainrule.classics.Perceptron`."""

    KIND: ClassVar[Callable[..., Any]] = classics.Perceptron


@dataclass(eq=False, repr=False)
class Adaline(Classic):
    """Widrow and Hoff's Adaline (1960) as an estimator.   See `chainrule.classics.Adaline`."""

    KIND: ClassVar[Callable[..., Any]] = classics.Adaline
    lr: float = classics.Adaline.lr
    epochs: int = classics.Adaline.epochs
    decay: float = classics.Adaline.decay


@dataclass(eq=False, repr=False)
class Madaline(Classic):
    """Madaline, rule II (1988), as an estimator: layers of units without gradients.   See `chainrule.classics.Madaline`."""

    KIND: ClassVar[Callable[..., Any]] = classics.Madaline
    epochs: int = classics.Madaline.epochs
    hidden: tuple[int, ...] = classics.Madaline.hidden
    together: int = classics.Madaline.together
    stuck: int = classics.Madaline.stuck
