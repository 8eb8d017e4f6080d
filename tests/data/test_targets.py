"""What is predicted: classes of rows and of positions, yes/no labels, numbers of any shape; and what each row counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.data import Dataset
from chainrule.data.targets import codes
from chainrule.errors import DataError

TABLE = np.arange(12.0).reshape(4, 3)
IMAGES = np.zeros((4, 2, 3))
MASKS = np.array([0, 7, 7, 0, 3, 3] * 4).reshape(4, 2, 3)


@pytest.mark.parametrize(
    ("x", "y", "classes", "task", "shape", "names"),
    [
        (IMAGES, MASKS, (), "classes", (4, 2, 3), (0, 3, 7)),
        (IMAGES, MASKS[..., None], (), "classes", (4, 2, 3), (0, 3, 7)),
        (IMAGES, MASKS > 3, (), "classes", (4, 2, 3), (False, True)),
        (IMAGES, MASKS, range(8), "classes", (4, 2, 3), tuple(range(8))),
        (TABLE, MASKS[:, 0] // 4, range(2), "classes", (4, 3), (0, 1)),
        (TABLE, [[0], [1], [1], [0]], range(2), "classes", (4, 1), (0, 1)),
        (TABLE, TABLE > 4, (), "labels", (4, 3), ("0", "1", "2")),
        (TABLE, TABLE > 4, ("a", "b", "c"), "labels", (4, 3), ("a", "b", "c")),
        (TABLE, TABLE[:, :1] > 4, (), "labels", (4, 1), ("0",)),
        (TABLE, TABLE[:, 0] > 4, (), "classes", (4,), (False, True)),
        (TABLE, TABLE, (), "numbers", (4, 3), ()),
        (TABLE, TABLE[:, 0], (), "numbers", (4, 1), ()),
        (IMAGES, IMAGES, (), "numbers", (4, 2, 3, 1), ()),
        (IMAGES, IMAGES[..., None], (), "numbers", (4, 2, 3, 1), ()),
        (TABLE, IMAGES, (), "numbers", (4, 2, 3), ()),
    ],
)
def test_the_task_is_read_from_y(x: Any, y: Any, classes: Any, task: str, shape: tuple[int, ...], names: Any) -> None:
    data = Dataset.of(x, y, classes=classes)
    assert (data.task, data.y.shape, data.classes) == (task, shape, names)
    assert data.y.dtype == {"classes": np.int64, "labels": np.bool_, "numbers": np.float32}[task]
    given = np.asarray(y).reshape(shape)
    np.testing.assert_array_equal(np.array(names)[data.y] if task == "classes" else data.y, given)
    part = data.take([2, 0])
    assert (part.task, part.classes) == (task, names)
    np.testing.assert_array_equal(part.y, data.y[[2, 0]])


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        (TABLE, TABLE > 4, "4 rows, 3 features, 3 labels (0 1 2), 1.75 a row on average"),
        (IMAGES, MASKS, "4 images 2x3x1, 3 classes (0 3 7), one for each of 2x3 positions"),
        (IMAGES, IMAGES + np.arange(3), "4 images 2x3x1, targets 2x3x1 from 0 to 2"),
    ],
)
def test_other_tasks_are_told_in_a_line(x: Any, y: Any, told: str) -> None:
    assert Dataset.of(x, y).describe() == told


def test_signals_and_weights_are_told() -> None:
    data = Dataset.of(IMAGES, [0, 1, 1, 0], signals=True, weights=[1, 2, 3, 4])
    assert data.describe() == "4 signals 2x3, 2 classes (0 1), weighted"
    assert (data.feature_names, data.is_image) == ((), False)
    assert Dataset.of(np.zeros((4, 2, 2, 2, 1)), [0, 1, 1, 0]).describe() == "4 rows 2x2x2x1, 2 classes (0 1)"


@given(weights=hnp.arrays(np.float64, 4, elements=st.floats(0, 1e30)), index=st.lists(st.integers(0, 3), min_size=1))
def test_weights_go_with_their_rows(weights: np.ndarray, index: list[int]) -> None:
    data = Dataset.of(TABLE, [0, 1, 1, 0], weights=weights)
    part = data.take(index)
    assert part.weights is not None
    assert part.weights.dtype == np.float32
    np.testing.assert_array_equal(part.weights, weights.astype(np.float32)[index])
    if not weights.any():
        with pytest.raises(DataError, match="expected a weight above 0"):
            data.check_learnable()


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1, 2, 3], r"expected one weight per row, numbers of shape \(4,\), found dtype int64, shape \(3,\)"),
        ([[1]] * 4, r"expected one weight per row"),
        (["a"] * 4, "found dtype <U1"),
        ([1, 0, -0.5, 1], r"expected finite weights of at least 0, found -0.5 in row 2 \(counted from 0\)"),
        ([1, np.nan, 1, 1], "found nan in row 1"),
        ([1, 1, 1, np.inf], "found inf in row 3"),
        ([1, 1e300, 1, 1], r"found 1e\+300 in row 1 \(counted from 0\); float32 holds numbers below 3.4e38"),
    ],
)
def test_weights_that_do_not_fit(weights: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset.of(TABLE, [0, 1, 1, 0], weights=weights)


@pytest.mark.parametrize(
    ("y", "classes", "sentence"),
    [
        ([[True, False, True]] * 4, (), "every row has the labels 0, 2"),
        ([[False, False]] * 4, (), "every row has the labels none"),
        ([[0, 1, 2]] * 4, range(3), "every row has the target 0, 1, 2"),
        (np.zeros((4, 2, 2), int), (), "every row has the same target"),
    ],
)
def test_nothing_to_learn(y: Any, classes: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset.of(TABLE, y, classes=classes).check_learnable()


def test_names_of_labels_are_as_many_as_labels() -> None:
    with pytest.raises(DataError, match=r"expected 2 columns of yes/no labels in y, found the shape \(4, 3\)"):
        Dataset.of(TABLE, TABLE > 4, classes=("a", "b"))


# ------------------------------------------------------------------------------------------ rows from elsewhere


VARIED = np.where(np.arange(4)[:, None, None] == 0, 0, MASKS)


@pytest.mark.parametrize(
    ("y", "classes", "other", "found"),
    [
        (VARIED, (), np.full((1, 2, 3), 7), np.full((1, 2, 3), 2)),
        (VARIED[:, 0] // 4, range(2), [[1, 0, 0]], [[1, 0, 0]]),
        (TABLE > 4, "abc", [[True, True, False]], [[True, True, False]]),
        (TABLE, (), [[1, 2, 3]], [[1.0, 2.0, 3.0]]),
        (IMAGES + VARIED, (), np.ones((1, 2, 3), int), np.ones((1, 2, 3, 1))),
    ],
    ids=["pixels", "steps", "labels", "numbers", "image"],
)
def test_other_rows_get_the_targets_of_training(y: Any, classes: Any, other: Any, found: Any) -> None:
    data = Dataset.of(IMAGES, y, classes=classes)
    for rows in (
        (IMAGES[:1], other),
        Dataset.of(IMAGES[:1], found if data.task != "classes" else other, classes=classes),
    ):
        parts = data.split(rows, 0.25, seed=0)
        assert parts.validation is not None
        assert (parts.validation.task, parts.validation.classes) == (data.task, data.classes)
        assert parts.validation.y.dtype == data.y.dtype
        np.testing.assert_array_equal(parts.validation.y, found)


@pytest.mark.parametrize(
    ("y", "other", "sentence"),
    [
        (TABLE > 4, [0], r"validation rows: expected truth values of shape \(rows, 3\) in y, found classes"),
        (TABLE > 4, [[True, False]], r"expected y of shape \(rows, 3\), found \(1, 2\)"),
        (VARIED, np.full((1, 2, 3), 5), r"expected the classes of the training rows \(0, 3, 7\), found 5"),
        (VARIED, np.full((1, 3, 3), 7), r"expected y of shape \(rows, 2, 3\), found \(1, 3, 3\)"),
    ],
)
def test_other_targets_that_do_not_fit(y: Any, other: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset.of(IMAGES, y).split((IMAGES[:1], other), None, 0)


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ((1, "a"), "expected classes that are all text or all whole numbers, found 1, 'a'"),
        ((True, 2), "found True, 2"),
        ((0.5, 1.5), "found 1.5"),
        ((None, "a"), "found None, 'a'"),
        (("a", "b", "a"), "expected every class once in classes, found 'a' again"),
    ],
)
def test_classes_that_do_not_fit(classes: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset.of(TABLE, [0, 1, 1, 0], classes=classes)


def test_classes_are_pythons_own() -> None:
    for names, kind in ((np.arange(2), int), (np.array(["a", "b"]), str), ((False, True), bool)):
        data = Dataset(TABLE, np.array([0, 1, 1, 0]), names)  # type: ignore[arg-type]
        assert (data.classes, [type(name) for name in data.classes]) == (tuple(names), [kind] * 2)


def test_labels_beyond_64_bits() -> None:
    with pytest.raises(
        DataError, match=r"whole numbers below 2\^63 as labels in y, found 9223372036854775808 in row 1"
    ):
        Dataset.of(TABLE, np.array([1, 2**63, 1, 1], np.uint64))
    assert Dataset.of(TABLE, np.array([1, 2**63 - 1, 1, 1], np.uint64)).classes == (1, 2**63 - 1)


def test_codes_are_checked_by_row() -> None:
    found = codes(np.array([0, 2, 1], np.uint8), 3)
    assert (found.dtype.name, found.tolist()) == ("int64", [0, 2, 1])
    with pytest.raises(DataError, match=r"expected class codes 0 to 2 in y, found 3 in row 5 \(counted from 0\)"):
        codes(np.array([0, 1, 2, 0, 1, 3]), 3)
