"""NetClassifier and NetRegressor as their users have them: tables, images, weights, validation, searches."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import chainrule as cr
from chainrule.errors import DataError, FindingWarning, SettingError
from chainrule.estimators import NetClassifier, NetRegressor

Array = NDArray[Any]
RNG = np.random.default_rng(0)
Y = np.arange(120) % 3
X = RNG.normal(size=(120, 2)) * 0.6 + np.array([[0, 0], [3, 0], [0, 3]])[Y]
NUMBERS = X @ np.array([1.0, -2.0]) + 5
FRAME = pd.DataFrame({"width": X[:, 0], "colour": np.array(["red", "green", "blue"])[Y]})
pytestmark = pytest.mark.filterwarnings("ignore::chainrule.errors.FindingWarning")


def classifier(**settings: Any) -> Any:
    return NetClassifier(**{"hidden": (16,), "lr": 0.02, "epochs": 30, "random_state": 0, **settings})


def regressor(**settings: Any) -> Any:
    return NetRegressor(**{"hidden": (16,), "lr": 0.02, "epochs": 60, "random_state": 0, **settings})


@pytest.mark.parametrize("labels", [np.array(["a", "b", "c"]), np.array([7, 1, 3]), np.array([0.5, 1.5, 2.5]),
                                    np.array(["x", "y", "z"], object)], ids=["text", "whole", "fractions", "objects"])  # fmt: skip
def test_classes_are_called_as_in_y(labels: Array) -> None:
    y = labels[Y]
    fitted = classifier().fit(X, np.rint(y * 2) if y.dtype.kind == "f" else y)
    assert fitted.score(X, np.rint(y * 2) if y.dtype.kind == "f" else y) > 0.9
    assert fitted.predict_proba(X).sum(1) == pytest.approx(np.ones(120))
    assert np.exp(fitted.predict_log_proba(X)) == pytest.approx(fitted.predict_proba(X))
    assert fitted.predict(X).dtype.kind == fitted.classes_.dtype.kind


def test_labels() -> None:
    y = np.stack([Y == 0, Y > 0, X[:, 0] > 0], 1).astype(int)
    fitted = classifier(epochs=60).fit(X, y)
    assert fitted.predict(X).shape == fitted.predict_proba(X).shape == (120, 3)
    assert fitted.score(X, y) > 0.8
    assert (classifier(epochs=60).fit(X, sparse.csr_array(y)).predict(X) == fitted.predict(X)).all()


def test_numbers_keep_their_unit_and_their_shape() -> None:
    assert regressor().fit(X, NUMBERS * 1000).score(X, NUMBERS * 1000) > 0.95
    several = regressor().fit(X, np.stack([NUMBERS, -NUMBERS], 1))
    assert several.predict(X[:5]).shape == (5, 2)


def test_a_frame_with_text_and_missing_cells() -> None:
    fitted = classifier().fit(FRAME, Y)
    assert fitted.score(FRAME, Y) == 1.0
    assert fitted.feature_names_in_.tolist() == ["width", "colour"]
    assert (fitted.predict(FRAME[::-1]) == fitted.predict(FRAME)[::-1]).all()
    with pytest.raises(
        DataError, match=r"column 'colour': row 1 .*known categories \(blue, green, red\), found 'pink'"
    ):
        fitted.predict(pd.DataFrame({"width": [0.0, 1.0], "colour": ["red", "pink"]}))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(FRAME.rename(columns={"width": "height"}))
    gaps = FRAME.copy()
    gaps.loc[3, "width"] = np.nan
    gaps.loc[4, "colour"] = None
    with pytest.raises(DataError, match=r"column 'colour': row 4 .*missing=\"fill\""):
        classifier().fit(gaps, Y)
    assert classifier(missing="fill").fit(gaps, Y).score(gaps, Y) > 0.9


def test_values_that_are_no_numbers_are_named() -> None:
    x = X.copy()
    x[3, 1] = np.nan
    with pytest.raises(DataError, match=r"found nan in row 3, column 1 .*missing=\"fill\""):
        classifier().fit(x, Y)
    assert classifier(missing="fill").fit(x, Y).predict(x).shape == (120,)
    with pytest.raises(DataError, match=r"found nan in row 3, column 1"):
        classifier().fit(X, Y).predict(x)


def test_images_get_a_small_cnn() -> None:
    data = cr.data.load("digits")
    fitted = NetClassifier(epochs=2, random_state=0).fit(data.x[:400], data.y[:400])
    assert any(type(layer).__name__ == "Conv2d" for _, layer in fitted.model_.net.layers)
    assert fitted.score(data.x[400:600], data.y[400:600]) > 0.7
    assert NetClassifier(hidden=8, epochs=1).fit(data.x[:99], data.y[:99]).predict(data.x[:5]).shape == (5,)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows_are_as_dense_ones(form: Any) -> None:
    dense = classifier().fit(X, Y)
    assert (classifier().fit(form(X), Y).predict_proba(form(X)) == dense.predict_proba(X)).all()


def test_layers_and_whole_networks() -> None:
    by_word = classifier(hidden=None, layers="dense16 bn relu dropout0.1").fit(X, Y)
    assert by_word.model_.net.layers[-1][1] == cr.Dense(3)
    whole = classifier(hidden=None, net=cr.Sequential(cr.Dense(8), cr.Tanh(), cr.Dense(3))).fit(X, Y)
    assert whole.score(X, Y) > 0.9
    assert len(classifier(hidden=()).fit(X, Y).model_.net.layers) == 1
    with pytest.raises(SettingError, match="hidden and layers both say what the network is"):
        classifier(layers="dense4").fit(X, Y)
    with pytest.raises(SettingError, match=r"The 'hidden' parameter of NetClassifier must be ints of at least 1"):
        classifier(hidden=(4, 0)).fit(X, Y)


def test_weights_are_copies() -> None:
    weights = RNG.integers(0, 4, 25)
    once = classifier().fit(X[:25], Y[:25], sample_weight=weights)
    often = classifier().fit(np.repeat(X[:25], weights, 0), np.repeat(Y[:25], weights))
    assert (once.predict_proba(X) == often.predict_proba(X)).all()
    with pytest.raises(DataError, match="expected a sample_weight that is non-zero"):
        classifier().fit(X, Y, sample_weight=np.zeros(120))


def test_class_weight() -> None:
    rare = np.array(["no", "yes"])[(Y == 0).astype(int) * (np.arange(120) < 30)]
    plain, balanced, given = (
        classifier(class_weight=weight, epochs=5).fit(X, rare).predict_proba(X)[:, 1].mean()
        for weight in (None, "balanced", {"yes": 50.0})
    )
    assert plain < balanced < given


def test_validation_and_patience() -> None:
    share = classifier(validation=0.3, patience=2, epochs=500, lr=0.1).fit(X, RNG.permutation(Y))
    assert len(share.validation_curve_) == share.n_iter_ == len(share.loss_curve_) < 500
    assert share.n_iter_ == int(np.argmin(share.validation_curve_)) + 3
    own = classifier(validation=(FRAME, Y), epochs=5).fit(FRAME, Y)
    assert len(own.validation_curve_) == 5
    with pytest.raises(SettingError, match="patience needs validation rows"):
        classifier(patience=2).fit(X, Y)
    with pytest.raises(DataError, match=r"expected validation as a share or \(X, y\), found 3 parts"):
        classifier(validation=(X, Y, Y)).fit(X, Y)
    with pytest.raises(DataError, match="classes not in those of the first fit"):
        classifier(validation=(X, Y + 1)).fit(X, Y)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_partial_fit_learns_pass_by_pass(make: Any) -> None:
    y = Y if make is classifier else NUMBERS
    first = {"classes": [0, 1, 2]} if make is classifier else {}
    fitted = make().partial_fit(X[:40], y[:40], **first)
    for _ in range(30):
        for part in (slice(0, 60), slice(60, 120)):
            fitted = pickle.loads(pickle.dumps(fitted)).partial_fit(X[part], y[part])
    assert fitted.score(X, y) > 0.9
    assert (fitted.n_iter_, len(fitted.loss_curve_)) == (61, 61)
    if make is classifier:
        with pytest.raises(SettingError, match="classes must be passed on the first call"):
            make().partial_fit(X, y)
        with pytest.raises(DataError, match=r"classes not in those of the first fit, \[0, 1, 2\]"):
            fitted.partial_fit(X, y + 5)


def test_warm_start_goes_on() -> None:
    warm = classifier(warm_start=True, epochs=3, random_state=0)
    first = warm.fit(X, Y).loss_curve_
    assert warm.fit(X, Y).loss_curve_[0] < first[0] / 1.5


def test_the_same_seed_gives_the_same_bits() -> None:
    one, other, third = (
        classifier(random_state=seed, layers="dense8 dropout0.5", hidden=None).fit(X, Y) for seed in (1, 1, 2)
    )
    assert (one.predict_proba(X) == other.predict_proba(X)).all()
    assert (one.predict_proba(X) != third.predict_proba(X)).any()


def test_clone_and_pickle_after_predicting() -> None:
    fitted = classifier().fit(X, Y)
    fitted.predict(X), fitted.predict(X.astype(np.float32)), fitted.predict(X.astype(np.float32))
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(X) == fitted.predict_proba(X)).all()
    assert clone(fitted).get_params() == fitted.get_params()
    assert "NetClassifier" in fitted._repr_html_()


def test_findings_are_warnings_and_a_folder_keeps_the_runs(tmp_path: Path) -> None:
    with pytest.warns(FindingWarning, match="shared_rows"):
        fitted = classifier(validation=(X[:30], Y[:30]), folder=tmp_path, epochs=3).fit(X, Y)
    assert fitted.findings_[0].rule == "shared_rows"
    assert fitted.run_ == str(tmp_path / "1")
    assert cr.Run(fitted.run_).metrics == fitted.history_
    assert classifier(folder=tmp_path, watch=False, epochs=1).fit(X, Y).run_ == str(tmp_path / "2")
    assert classifier(epochs=1).fit(X, Y).run_ is None


def test_fits_at_the_same_time_have_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        fits = list(pool.map(lambda _: classifier(folder=tmp_path, epochs=1, watch=False).fit(X, Y), range(6)))
    assert sorted(str(fitted.run_) for fitted in fits) == [str(tmp_path / str(number)) for number in range(1, 7)]
    assert all((fitted.predict_proba(X) == fits[0].predict_proba(X)).all() for fitted in fits)


def test_at_home_in_scikit_learn() -> None:
    search = GridSearchCV(classifier(epochs=5), {"hidden": [(4,), (8, 8)], "l2": [0.1, 100.0]}, cv=2).fit(X, Y)
    assert search.best_score_ > 0.8
    columns = ColumnTransformer([("numbers", StandardScaler(), ["width"]), ("text", OneHotEncoder(), ["colour"])])
    assert cross_val_score(make_pipeline(columns, classifier()), FRAME, Y, cv=3, n_jobs=2).mean() > 0.9


def test_scikit_learns_callbacks_see_every_epoch_and_may_end_it() -> None:
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 brought callbacks")
    seen: list[Any] = []

    class Seeing:
        def setup(self, estimator: Any, context: Any) -> None:
            seen.append("setup")

        def teardown(self, estimator: Any, context: Any) -> None:
            seen.append("teardown")

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
            pass

        def on_fit_task_end(
            self, estimator: Any, context: Any, *, metadata: Any = None, fitted_estimator: Any = None
        ) -> bool:
            if metadata:
                seen.append((metadata["epoch"], fitted_estimator.predict(X[:2]).shape))
            return bool(metadata) and metadata["epoch"] == 4

    fitted = classifier().set_callbacks(Seeing()).fit(X, Y)
    assert seen == ["setup", *((epoch, (2,)) for epoch in (1, 2, 3, 4)), "teardown"]
    assert fitted.n_iter_ == 4
