"""The drop-in estimators against scikit-learn's own: the same way down, from the same seed."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from chainrule import estimators as ours
from chainrule.errors import DataError
from chainrule.estimators import mlp

Array = NDArray[Any]
rng = np.random.default_rng(0)
X = rng.normal(size=(330, 6))
W = rng.normal(size=(6, 3))
NUMBERS = np.tanh(X @ W) + 0.1 * rng.normal(size=(330, 3))
WEIGHTS = rng.integers(0, 3, 330).astype(float)
TARGETS: dict[str, tuple[str, Array]] = {
    "two classes": ("MLPClassifier", np.array(["no", "yes"])[(NUMBERS[:, 0] > 0).astype(int)]),
    "classes": ("MLPClassifier", NUMBERS.argmax(1) + 5),
    "labels": ("MLPClassifier", (NUMBERS > 0).astype(int)),
    "a number": ("MLPRegressor", NUMBERS[:, 0]),
    "numbers": ("MLPRegressor", NUMBERS),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "no nesterov": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.05},
    "inverse scaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.3,
        "tol": 0.05,
        "n_iter_no_change": 1,
    },
    "deep tanh": {"activation": "tanh", "hidden_layer_sizes": (9, 7)},
    "logistic": {"activation": "logistic"},
    "linear": {"activation": "identity", "hidden_layer_sizes": ()},
    "strong alpha": {"alpha": 5.0},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "one batch": {"batch_size": 330},
    "in order": {"shuffle": False, "batch_size": 100},
    "adam's own": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def pair(kind: str, **settings: Any) -> tuple[Any, Any]:
    """Theirs and ours with the same settings."""
    usual = {"hidden_layer_sizes": (16,), "max_iter": 12, "random_state": 3, **settings}
    return getattr(theirs, kind)(**usual), getattr(ours, kind)(**usual)


def assert_alike(a: Any, b: Any, rows: Any = X, loose: float = 1.0) -> None:
    """Weights, losses, iterations and predictions."""
    assert (a.n_iter_, a.t_, a.n_layers_, a.n_outputs_, a.out_activation_) == (
        b.n_iter_, b.t_, b.n_layers_, b.n_outputs_, b.out_activation_,
    )  # fmt: skip
    for mine, other in zip([*b.coefs_, *b.intercepts_], [*a.coefs_, *a.intercepts_], strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
        assert mine == pytest.approx(other, rel=2e-3 * loose, abs=2e-4 * loose)
    assert b.loss_curve_ == pytest.approx(a.loss_curve_, rel=2e-3, abs=1e-5)
    if hasattr(a, "predict_proba"):
        assert b.predict_proba(rows) == pytest.approx(a.predict_proba(rows), abs=1e-3 * loose)
        assert np.mean(b.predict(rows) == a.predict(rows)) > 0.98
    else:
        assert b.predict(rows) == pytest.approx(a.predict(rows), abs=2e-3 * loose)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SETTINGS)
def test_it_goes_the_same_way(name: str, target: str, weighted: bool) -> None:
    kind, y = TARGETS[target]
    a, b = pair(kind, **SETTINGS[name])
    for estimator in (a, b):
        estimator.fit(X, y, **({"sample_weight": WEIGHTS} if weighted else {}))
    assert_alike(a, b)
    if SETTINGS[name].get("early_stopping"):
        assert b.validation_scores_ == pytest.approx(a.validation_scores_, abs=5e-3)


def test_poisson() -> None:
    a, b = pair("MLPRegressor", loss="poisson")
    y = rng.poisson(np.exp(NUMBERS[:, 0])).astype(float)
    assert_alike(a.fit(X, y), b.fit(X, y))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("target", ["classes", "numbers"])
def test_partial_fit_remembers_the_solver(target: str, solver: str) -> None:
    kind, y = TARGETS[target]
    a, b = pair(kind, solver=solver)
    for i, part in enumerate((slice(0, 200), slice(200, 330), slice(0, 150))):
        first = {"classes": np.unique(y)} if kind == "MLPClassifier" and not i else {}
        a.partial_fit(X[part], y[part], **first)
        b.partial_fit(X[part], y[part], **first)
        b = pickle.loads(pickle.dumps(b))
        assert_alike(a, b)


def test_warm_start() -> None:
    kind, y = TARGETS["a number"]
    a, b = pair(kind, warm_start=True)
    for _ in range(2):
        assert_alike(a.fit(X, y), b.fit(X, y))


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix])
def test_sparse(form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, y = TARGETS["classes"]
    rows = form(X * (X > 0))
    a, b = pair(kind)
    assert_alike(a.fit(rows, y), b.fit(rows, y), rows)
    monkeypatch.setattr(mlp, "MOST", 10)  # too large as an array: scikit-learn's own loop
    same = clone(b).fit(rows, y)
    assert (same.coefs_[0] == a.coefs_[0]).all()


def test_float32_stays_float32() -> None:
    kind, y = TARGETS["a number"]
    _, b = pair(kind)
    assert {w.dtype for w in b.fit(X.astype(np.float32), y.astype(np.float32)).coefs_} == {np.dtype(np.float32)}


def test_scikit_learns_loop_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is not public: if it changes, this says so."""

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("scikit-learn's own loop ran")

    monkeypatch.setattr(theirs.MLPClassifier.__mro__[2], "_fit_stochastic", fail)
    kind, y = TARGETS["classes"]
    a, b = pair(kind)
    with pytest.raises(AssertionError, match="own loop"):
        a.fit(X, y)
    b.fit(X, y)


def test_lbfgs_is_scikit_learns() -> None:
    kind, y = TARGETS["classes"]
    a, b = pair(kind, solver="lbfgs", max_iter=30)
    assert (a.fit(X, y).coefs_[0] == b.fit(X, y).coefs_[0]).all()


def test_the_same_seed_gives_the_same_bits_also_from_a_kept_step_and_in_threads() -> None:
    kind, y = TARGETS["classes"]
    with ThreadPoolExecutor(4) as pool:
        fits = list(pool.map(lambda seed: pair(kind, random_state=seed % 2)[1].fit(X, y), range(8)))
    for seed, fit in enumerate(fits):
        assert all((w == v).all() for w, v in zip(fit.coefs_, fits[seed % 2].coefs_, strict=True))
    assert (fits[0].coefs_[0] != fits[1].coefs_[0]).any()


def test_few_steps_are_kept_and_none_of_much_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "_ready", {})
    kind, y = TARGETS["a number"]
    for units in range(1, mlp.READY + 4):
        pair(kind, hidden_layer_sizes=(units,), max_iter=1)[1].fit(X, y)
    assert len(mlp._ready) == mlp.READY
    monkeypatch.setattr(mlp, "_ready", {})
    monkeypatch.setattr(mlp, "KEPT", 100)
    pair(kind, max_iter=1)[1].fit(X, y)
    assert not mlp._ready


def test_what_diverges_says_what_to_do() -> None:
    kind, y = TARGETS["numbers"]
    _, b = pair(kind, solver="sgd", learning_rate_init=1e6)
    with pytest.raises(
        DataError, match=r"the loss of iteration 1 is no finite number: bring X .* or lower learning_rate_init"
    ):
        b.fit(X * 1e4, y)


def test_a_validation_part_too_small() -> None:
    kind, y = TARGETS["a number"]
    _, b = pair(kind, early_stopping=True, validation_fraction=0.001)
    with pytest.raises(DataError, match="the validation set is too small, 1 rows: increase validation_fraction"):
        b.fit(X, y)
    with pytest.raises(DataError, match="partial_fit does not support early_stopping"):
        pair(kind, early_stopping=True)[1].partial_fit(X, y)


def test_ctrl_c_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, y = TARGETS["a number"]
    epochs = mlp.Descent.epoch

    def interrupted(descent: Any, random: Any) -> float:
        if descent.mlp.n_iter_ == 3:
            raise KeyboardInterrupt
        return epochs(descent, random)

    monkeypatch.setattr(mlp.Descent, "epoch", interrupted)
    _, b = pair(kind)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        b.fit(X, y)
    assert (b.n_iter_, len(b.loss_curve_)) == (3, 3)
    assert b.predict(X).shape == (330,)


def test_a_grid_search_over_it() -> None:
    kind, y = TARGETS["classes"]
    grid = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8, 4)]}
    a, b = (GridSearchCV(estimator, grid, cv=3).fit(X, y) for estimator in pair(kind))
    assert b.cv_results_["mean_test_score"] == pytest.approx(a.cv_results_["mean_test_score"], abs=0.01)
