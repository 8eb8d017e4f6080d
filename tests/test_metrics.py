"""Every metric against scikit-learn's, on random predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from chainrule import metrics


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Any, Any]:
    """Probabilities (n, c), often tied, and codes of which some classes may be missing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, c = draw(st.integers(1, 40)), draw(st.integers(2, 8))
    scores = np.round(rng.random((n, c)), draw(st.sampled_from([1, 8]))) + 1e-3
    return scores / scores.sum(1, keepdims=True), rng.integers(0, c, n)


@given(predictions())
@settings(max_examples=100, deadline=None)
def test_of_classes(case: tuple[Any, Any]) -> None:
    probabilities, true = case
    predicted, classes = probabilities.argmax(1), np.arange(probabilities.shape[1])
    assert metrics.accuracy(probabilities, true) == pytest.approx(theirs.accuracy_score(true, predicted))
    matrix = metrics.confusion(predicted, true, len(classes))
    np.testing.assert_array_equal(matrix, theirs.confusion_matrix(true, predicted, labels=classes))
    each = theirs.precision_recall_fscore_support(true, predicted, labels=classes, zero_division=0)
    for ours, expected in zip((metrics.precision, metrics.recall, metrics.f1), each, strict=False):
        np.testing.assert_allclose(ours(matrix), expected, atol=1e-12)
    union = theirs.jaccard_score(true, predicted, labels=classes, average=None, zero_division=0)
    np.testing.assert_allclose(metrics.iou(matrix), union, atol=1e-12)
    occurring = sorted({*true, *predicted})
    assert metrics.mean_f1(probabilities, true) == pytest.approx(each[2][occurring].mean())
    assert metrics.mean_iou(probabilities, true) == pytest.approx(union[occurring].mean())


@given(predictions())
@settings(max_examples=100, deadline=None)
def test_area_under_the_curve(case: tuple[Any, Any]) -> None:
    probabilities, codes = case
    true = codes == 0
    if true.all() or not true.any():
        assert np.isnan(metrics.auc(probabilities[:, 0], true))
    else:
        assert metrics.auc(probabilities[:, 0], true) == pytest.approx(theirs.roc_auc_score(true, probabilities[:, 0]))
    found = [metrics.auc(p, codes == c) for c, p in enumerate(probabilities.T)]
    known = [value for value in found if not np.isnan(value)]
    assert metrics.mean_auc(probabilities, codes) == pytest.approx(np.mean(known) if known else np.nan, nan_ok=True)


def test_top_k() -> None:
    rng = np.random.default_rng(0)
    probabilities, true = rng.random((200, 9)), rng.integers(0, 9, 200)
    for k in (1, 2, 5):
        expected = theirs.top_k_accuracy_score(true, probabilities, k=k, labels=np.arange(9))
        assert metrics.top_k(probabilities, true, k) == pytest.approx(expected)


def test_ties_are_broken_as_the_most_probable_class_is() -> None:
    rng = np.random.default_rng(1)
    tied, true = np.round(rng.random((300, 8)), 1), rng.integers(0, 8, 300)
    assert metrics.top_k(tied, true, 1) == metrics.accuracy(tied, true)
    alike, each = np.full((8, 8), 0.125), np.arange(8)
    assert metrics.top_k(alike, each, 5) == 5 / 8
    assert metrics.top_k(np.full((8, 8), np.nan), each, 5) == 0


def test_of_labels() -> None:
    rng = np.random.default_rng(0)
    probabilities, true = rng.random((50, 4)), rng.random((50, 4)) < 0.3
    expected = theirs.f1_score(true, probabilities >= 0.5, average="macro")
    assert metrics.label_f1(probabilities, true) == pytest.approx(expected)
    assert metrics.label_accuracy(probabilities, true) == pytest.approx(np.mean((probabilities >= 0.5) == true))
    assert metrics.mean_auc(probabilities, true) == pytest.approx(theirs.roc_auc_score(true, probabilities))
    nobody = np.zeros((5, 2), bool)
    assert metrics.label_f1(np.zeros((5, 2)), nobody) == 1.0
    assert np.isnan(metrics.mean_auc(np.zeros((5, 2)), nobody))


def test_of_positions() -> None:
    """Every position is a choice of its own, whatever the shape."""
    rng = np.random.default_rng(0)
    probabilities, true = rng.random((6, 5, 4, 3)), rng.integers(0, 3, (6, 5, 4))
    flat = probabilities.reshape(-1, 3), true.ravel()
    assert metrics.score("classes", probabilities, true) == pytest.approx(
        {"iou": metrics.mean_iou(*flat), "accuracy": metrics.accuracy(*flat)}
    )


def test_of_numbers() -> None:
    rng = np.random.default_rng(0)
    predicted, true = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    assert metrics.mse(predicted, true) == pytest.approx(theirs.mean_squared_error(true, predicted))
    assert metrics.rmse(predicted, true) == pytest.approx(np.sqrt(theirs.mean_squared_error(true, predicted)))
    assert metrics.mae(predicted, true) == pytest.approx(theirs.mean_absolute_error(true, predicted))
    assert metrics.r2(predicted, true) == pytest.approx(theirs.r2_score(true, predicted))


def test_what_says_nothing_is_left_out() -> None:
    probabilities, true = np.full((4, 3), 1 / 3), np.zeros(4, int)
    assert list(metrics.score_at_the_end("classes", probabilities, true)) == ["f1"]  # few classes, all rows of one
    many = np.full((4, 6), 1 / 6), np.array([0, 1, 2, 3])
    assert list(metrics.score_at_the_end("classes", *many)) == ["top5", "f1", "auc"]
