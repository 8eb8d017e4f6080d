"""scikit-learn's own checks of an estimator: all that its MLPs pass, and none declared to fail.

    python tests/estimators/test_checks.py      every estimator with its defaults, counted; a few minutes

The tests train shorter where the defaults take long.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import pytest
from sklearn import neural_network
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from chainrule import estimators
from chainrule.errors import FindingWarning

QUICK: dict[str, dict[str, Any]] = {
    "NetClassifier": {"epochs": 50, "lr": 0.02, "watch": False},
    "NetRegressor": {"epochs": 50, "lr": 0.02, "watch": False},
    "Madaline": {"epochs": 5},
    "Perceptron": {"epochs": 20},
    "Adaline": {"epochs": 10},
}
CHECKS = [
    pytest.param(estimator, check, id=f"{name}-{number}-{getattr(check, 'func', check).__name__}")
    for name in estimators.__all__
    for number, (estimator, check) in enumerate(
        estimator_checks_generator(getattr(estimators, name)(**QUICK.get(name, {})))
    )
]


@pytest.mark.filterwarnings("ignore::chainrule.errors.FindingWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_check_estimator(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_as_many_as_of_scikit_learns_own(kind: str) -> None:
    theirs = {_name(check) for _, check in estimator_checks_generator(getattr(neural_network, f"MLP{kind}")())}
    for name in (f"MLP{kind}", f"Net{kind}"):
        assert theirs <= {_name(check) for _, check in estimator_checks_generator(getattr(estimators, name)())}


def _name(check: Any) -> str:
    return str(getattr(check, "func", check).__name__)


if __name__ == "__main__":
    warnings.simplefilter("ignore", FindingWarning)
    for name in estimators.__all__:
        found = check_estimator(getattr(estimators, name)(), on_fail=None, on_skip=None)
        print(name, dict(Counter(check["status"] for check in found)))
        for check in found:
            if check["status"] != "passed":
                print("   ", check["status"], check["check_name"], str(check["exception"])[:100])
