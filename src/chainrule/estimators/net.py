"""NetClassifier and NetRegressor: any network as an estimator of scikit-learn, trained by `cr.train`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ..errors import DataError, SettingError
from .base import Net

Array = NDArray[Any]
Own = TypeVar("Own", bound="NetClassifier")
OwnRegressor = TypeVar("OwnRegressor", bound="NetRegressor")
Kind = TypeVar("Kind", bound=type)
SETTINGS = """
    hidden        units of the hidden layers, each followed by a ReLU: (64, 64); an output is added
    layers        the hidden layers as a notation ("dense64 bn relu dropout0.2") or a layer; an output is added
    net           the whole network, with its output. Of these three at most one; without any a small CNN for images (X of
                  3 or 4 axes), two layers of 64 for tables
    loss          default: cross-entropy for classes, binary cross-entropy for labels, squared error for numbers
    optimizer     default cr.Adam(0.003);  lr: its rate, easily searched for;  schedule: default cr.Cosine()
    epochs        passes over the rows; default about 2,000 steps, at least 20 and at most 500 passes
    batch_size    rows of a step
    l2, l1        precision of a Gaussian prior on the weights (default 1 for classes, 30 for numbers), inverse scale of a
                  Laplace prior
    prepare       what is done to the inputs, as in cr.train: "standardise" is the default
    augment       changes to training images, as in cr.train: "shift1 rotate10"
    missing       "refuse" NaN and empty cells, or "fill" them with the mean of the rows learned from
    validation    a share of the rows, or (X, y): the epoch with the lowest loss on them is kept. Default: None
    patience      epochs without a new lowest validation loss after which training ends
    warm_start    whether a further fit begins with the weights of the last
    random_state  of the first weights, the order of the rows, dropout and the validation share
    engine        "auto", "native" or "reference"
    folder        where each fit leaves a run folder, by number, for `chainrule report`; default: nowhere
    progress      whether to show a bar
    watch         whether to look for what is wrong: what is found is a warning, FindingWarning, and in findings_

    After fit: model_ (a cr.Model), n_iter_, loss_curve_ and validation_curve_ by epoch, history_ (all that was measured
    of each epoch), findings_, run_ (the run's folder, or None), n_features_in_, feature_names_in_.

    A DataFrame may hold text, which becomes one feature for each category; a sparse X is made dense.
"""


def _told(kind: Kind) -> Kind:
    """With the settings in its docstring."""
    kind.__doc__ = inspect.cleandoc(kind.__doc__ or "") + "\n" + SETTINGS
    return kind


@_told
@dataclass(eq=False, repr=False)
class NetClassifier(ClassifierMixin, Net):  # type: ignore[misc]
    """A network that tells classes apart (y of any labels), or labels of which each row may have several (y of 0 and 1,
    (n, k)); an estimator of scikit-learn.

        cr.NetClassifier(hidden=(64, 64)).fit(X, y).predict(X)

    class_weight  "balanced", or {class: weight}
    """

    class_weight: Literal["balanced"] | Mapping[Any, float] | None = field(default=None, kw_only=True)

    def partial_fit(
        self: Own, X: Any, y: Any, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Own:
        """One pass over these rows. The first call must name all `classes`; what the inputs are prepared by is fitted on
        its rows."""
        known = hasattr(self, "model_")
        if not known and classes is None:
            raise SettingError("classes must be passed on the first call to partial_fit: all that will ever be seen")
        return self._pass(self._dataset(X, y, sample_weight, known, classes))

    def predict(self, X: Any) -> Array:
        """The class of every row (n,), or its labels, 0 and 1 (n, k)."""
        rows = self._rows(X)
        output: Array = self.model_.outputs(rows)["prediction"]
        return (output >= 0.5).astype(int) if self._several else np.asarray(self.classes_[np.argmax(output, axis=-1)])

    def predict_proba(self, X: Any) -> Array:
        """The probability of every class, (n, classes), or label, (n, k)."""
        rows = self._rows(X)
        probabilities: Array = self.model_.predict_proba(rows).astype(np.float64)
        return probabilities if self._several else probabilities / probabilities.sum(-1, keepdims=True)

    def predict_log_proba(self, X: Any) -> Array:
        """Its logarithm."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def _targets(self, y: Any, known: bool, classes: Any = None) -> tuple[Array, tuple[Any, ...]]:
        y = check_array(y, ensure_2d=False, allow_nd=True, accept_sparse=True, dtype=None, input_name="y")
        check_classification_targets(y)
        several = type_of_target(y) == "multilabel-indicator"
        if several:
            labels = np.asarray(y.toarray() if hasattr(y, "toarray") else y).astype(bool)
            found = np.arange(labels.shape[1])
        else:
            labels = column_or_1d(y, warn=True)
            found = np.unique(labels if classes is None else classes)
        if not known:
            self.classes_, self._several = found, several
        if several:
            return labels, tuple(map(str, self.classes_))
        codes = np.minimum(np.searchsorted(self.classes_, labels), len(self.classes_) - 1)
        unknown = labels[self.classes_[codes] != labels]
        if len(unknown):
            raise DataError(f"`y` has classes not in those of the first fit, {self.classes_.tolist()}: {unknown[0]!r}")
        return codes.astype(np.int64), _names(self.classes_)

    def _class_weight(self) -> Any:
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        names = dict(zip(self.classes_.tolist(), _names(self.classes_), strict=True))
        return {names.get(label, label): weight for label, weight in self.class_weight.items()}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@_told
@dataclass(eq=False, repr=False)
class NetRegressor(RegressorMixin, Net):  # type: ignore[misc]
    """A network that predicts numbers: y (n,) or several for each row, (n, k); an estimator of scikit-learn.

    cr.NetRegressor(layers="dense64 relu dropout0.2").fit(X, y).predict(X)
    """

    def partial_fit(self: OwnRegressor, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> OwnRegressor:
        """One pass over these rows; what the inputs are prepared by is fitted on those of the first call."""
        return self._pass(self._dataset(X, y, sample_weight, hasattr(self, "model_")))

    def predict(self, X: Any) -> Array:
        """The numbers, in the unit and the shape of y."""
        rows = self._rows(X)
        found: Array = self.model_.predict(rows).astype(np.float64)
        return found[:, 0] if self._flat else found

    def _targets(self, y: Any, known: bool, classes: Any = None) -> tuple[Array, tuple[Any, ...]]:
        y = check_array(y, ensure_2d=False, allow_nd=True, dtype="numeric", input_name="y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not known:
            self._flat = y.ndim == 1
        return y.astype(np.float64), ()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _names(classes: Array) -> tuple[Any, ...]:
    """What chainrule calls them: text and whole numbers as they are, others as text."""
    plain = classes.tolist()
    whole = classes.dtype.kind in "iu"
    return tuple(plain if whole else map(str, plain))
