"""Estimators: citizens of scikit-learn.

`NetClassifier` and `NetRegressor` train any network; `MLPClassifier` and `MLPRegressor` are scikit-learn's own, trained by
chainrule's engine.
"""

from ..errors import need

need("sklearn", "sklearn", "an estimator")

from .mlp import MLPClassifier, MLPRegressor  # noqa: E402  (only with scikit-learn)
from .net import NetClassifier, NetRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "NetClassifier", "NetRegressor"]
