"""Estimators: citizens of scikit-learn.

`MLPClassifier` and `MLPRegressor` are scikit-learn's, trained by chainrule's engine.
"""

from ..errors import need

need("sklearn", "sklearn", "an estimator")

from .mlp import MLPClassifier, MLPRegressor  # noqa: E402  (only with scikit-learn)

__all__ = ["MLPClassifier", "MLPRegressor"]
