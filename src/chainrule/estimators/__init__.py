"""Estimators: citizens of scikit-learn.

`NetClassifier` and `NetRegressor` train any network; `MLPClassifier` and `MLPRegressor` are scikit-learn's own, trained by
chainrule's engine; `Perceptron`, `Adaline` and `Madaline` learn by the rules that came before gradients.
"""

from ..errors import need

need("sklearn", "sklearn", "an estimator")

from .classics import Adaline, Madaline, Perceptron  # noqa: E402  (only with scikit-learn)
from .mlp import MLPClassifier, MLPRegressor  # noqa: E402
from .net import NetClassifier, NetRegressor  # noqa: E402

__all__ = ["Adaline", "MLPClassifier", "MLPRegressor", "Madaline", "NetClassifier", "NetRegressor", "Perceptron"]
