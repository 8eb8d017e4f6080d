"""Dataset: plain arrays in, checked arrays out, told in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from chainrule.data import Dataset, load
from chainrule.errors import DataError, SettingError

X = [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("shape", "wanted"), [((3, 2), (3, 2)), ((3, 4, 5), (3, 4, 5, 1)), ((3, 4, 5, 2), (3, 4, 5, 2))]
)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", ">f4", "float64"])
def test_x_becomes_float32_with_channels_last(shape: tuple[int, ...], wanted: tuple[int, ...], dtype: str) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    data = Dataset.of(x, [0, 1, 0])
    assert isinstance(data.x, np.ndarray)
    assert (data.x.shape, data.x.dtype.name, data.x.flags.c_contiguous) == (wanted, "float32", True)
    np.testing.assert_array_equal(data.x.reshape(shape), x)
    assert data.is_image == (len(shape) > 2)


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        ([5, -1, 5], (-1, 5), [1, 0, 1]),
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([True, False, True], (False, True), [1, 0, 1]),
        (np.array(["b", "a", "b"], object), ("a", "b"), [1, 0, 1]),
        (np.array([[9], [3], [9]], np.uint8), (3, 9), [1, 0, 1]),
    ],
    ids=["int", "text", "bool", "object text", "one column"],
)
def test_labels_become_codes(y: ArrayLike, classes: tuple[Any, ...], codes: list[int]) -> None:
    data = Dataset.of(X, y)
    assert (data.classes, data.y.tolist(), data.y.dtype.name, data.task) == (classes, codes, "int64", "classes")
    assert [type(label) for label in data.classes] == [type(label) for label in classes]


@pytest.mark.parametrize("y", [[0.5, 1.0, 2.0], [[0.5, 1.0], [1.0, 0.0], [2.0, 0.0]]], ids=["one", "two"])
def test_floats_stay_numbers(y: list[Any]) -> None:
    data = Dataset.of(X, y)
    assert (data.classes, data.y.dtype.name, data.y.ndim, data.task) == ((), "float32", 2, "numbers")
    np.testing.assert_array_equal(data.y.squeeze(), np.array(y, np.float32))


def test_the_constructor_does_the_same_as_of() -> None:
    one, other = Dataset(np.array(X), np.array(["b", "a", "b"])), Dataset.of(X, ["b", "a", "b"])
    np.testing.assert_array_equal(one.x, other.x)
    assert (one.classes, one.y.tolist(), one.where.tolist()) == (other.classes, other.y.tolist(), [0, 1, 2])


def test_codes_stay_when_classes_are_given() -> None:
    data = Dataset(np.array(X), np.array([2, 0, 0]), ("a", "b", "c"))
    assert (data.classes, data.y.tolist()) == (("a", "b", "c"), [2, 0, 0])
    named = Dataset(np.array(X), np.array(["c", "a", "a"]), ("a", "b", "c"))
    assert (named.classes, named.y.tolist()) == (("a", "b", "c"), [2, 0, 0])
    assert Dataset.of(X, [[0, 1], [2, 0], [1, 1]], classes=range(3)).y.tolist() == [[0, 1], [2, 0], [1, 1]]


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ([0, 1, 3], r"expected class codes 0 to 2 in y, found 3 in row 2 \(counted from 0\)"),
        ([0, -1, 3], r"expected class codes 0 to 2 in y, found -1 in row 1 \(counted from 0\)"),
        ([[0, 1], [1, 7], [9, 2]], r"class codes 0 to 2 in y, found 7 in row 1, column 1 \(counted from 0\)"),
        (np.full((3, 2, 2), 4), r"found 4 in row 0, step 0, column 0 \(counted from 0\)"),
        ([0.0, 1.0, 2.0], r"expected one class code per row in y .*, whole numbers, found dtype float64, shape \(3,\)"),
        (["a", "b", "z"], r"expected the classes of the training rows \(a, b, c\), found 'z'"),
    ],
)
def test_codes_outside_the_classes_are_named(y: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset(np.array(X), np.array(y), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (X, [0, 1], "expected one target per row, found 3 rows in x and 2 in y"),
        ([1, 2, 3], [0, 1, 0], r"found the shape \(3,\); write x\[:, None\] for one feature"),
        (np.zeros((0, 4)), [], r"x is empty: its shape is \(0, 4\)"),
        (np.zeros((3, 0)), [0, 1, 0], r"x is empty: its shape is \(3, 0\)"),
        ([[1, 2], [3]], [0, 1], "expected rows of one length in x, found rows of different lengths"),
        ([[1, None], [3, 4]], [0, 1], "expected numbers in x, found Python objects"),
        ([["a", "b"], ["c", "d"]], [0, 1], "expected numbers in x, found dtype <U1"),
        ([[1, 2], [3, 4j]], [0, 1], "expected numbers in x, found dtype complex128"),
        ([[1, 2], [3, np.nan]], [0, 1], "in x, found nan in row 1, column 1"),
        ([[1, 2], [-np.inf, 4]], [0, 1], "in x, found -inf in row 1, column 0"),
        ([[1, 2], [3, 1e39]], [0, 1], r"within float32's range in x, found 1e\+39 in row 1, column 1"),
        (np.where(np.arange(8).reshape(2, 2, 2) == 6, np.nan, 0), [0, 1], r"row 1, pixel \(1, 0\), channel 0"),
        (X, [0.5, np.nan, 1.0], "in y, found nan in row 1, column 0"),
        (X, [[1, 0], [0, 1], [1, 0]], r"found the shape \(3, 2\); for one-hot labels give y.argmax\(axis=1\)"),
        (X, [1j, 2, 3], "labels in y, found dtype complex128"),
        (X, np.array(["a", None, 3], object), "expected numbers in y, found Python objects"),
        (X, np.zeros((3, 0)), r"expected y as \(rows,\), .* or \(rows, ...\), found the shape \(3, 0\)"),
        (X, np.zeros((3, 0), bool), r"expected at least 1 columns of yes/no labels in y, found the shape \(3, 0\)"),
        (X, [[1, 0], [0, 1], [1, 0]], r"y.astype\(bool\), for several numbers .*: classes=range\(10\)"),
        (X, 3, r"expected one label per row in y, found the shape \(\)"),
    ],
)
def test_what_does_not_fit_is_refused(x: ArrayLike, y: ArrayLike, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset.of(x, y)


def test_taking_rows_keeps_their_origin() -> None:
    data = Dataset.of(X, ["b", "a", "b"], name="few")
    for index in ([2, 0], np.array([2, 0]), slice(None, None, -2)):
        rows = data.take(index)
        assert (np.asarray(rows.x).tolist(), rows.y.tolist(), rows.where.tolist()) == ([[5, 6], [1, 2]], [1, 1], [2, 0])
        assert (rows.classes, rows.name, len(rows)) == (("a", "b"), "few", 2)
    assert data.take(np.array([False, True, False])).where.tolist() == [1]
    assert np.asarray(data.take(1).x).tolist() == [[3, 4]]
    assert data.take([2, 1]).take([1]).where.tolist() == [1]
    with pytest.raises(IndexError):
        data.take([3])


def test_what_cannot_be_learned() -> None:
    with pytest.raises(DataError, match="expected at least 2 rows to learn from, found 1"):
        Dataset.of(X[:1], [1]).check_learnable()
    with pytest.raises(DataError, match="every row has the class 'a'"):
        Dataset.of(X, ["a", "a", "a"]).check_learnable()
    with pytest.raises(DataError, match=r"every row has the target 1\.5, 2\.0"):
        Dataset.of(X, [[1.5, 2.0]] * 3).check_learnable()
    Dataset.of(X, [[1.5, 2.0], [1.5, 2.0], [1.5, 2.5]]).check_learnable()


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        (np.zeros((1200, 8, 8)), np.arange(1200) % 10, "1,200 images 8x8x1, 10 classes (0 1 2 ...)"),
        (np.zeros((6, 4)), ["setosa", "virginica"] * 3, "6 rows, 4 features, 2 classes (setosa virginica)"),
        (np.zeros((6, 1)), [25.0, 346.0] * 3, "6 rows, 1 feature, target from 25 to 346"),
        (np.zeros((2, 1)), [[0.5, 1], [2, 3]], "2 rows, 1 feature, targets from 0.5 to 3"),
        (np.zeros((3, 1)), ["a", "b", "a"], "3 rows, 1 feature, 2 classes (a b); with a single row: b"),
    ],
)
def test_it_is_told_in_a_line(x: ArrayLike, y: ArrayLike, told: str) -> None:
    data = Dataset.of(x, y, name="mine")
    assert data.describe() == told
    assert repr(data) == f"<Dataset 'mine': {told}>"


def test_types_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("height,colour,price\n1,red,10.5\n2.5,blue,20\n-3,red,5\n")
    data = load(path, target="price")
    assert data.describe() == "3 rows, 3 features, target 'price' from 5 to 20"
    assert data.types().splitlines() == [
        "column  kind      values",
        "height  number    from -3 to 2.5",
        "colour  category  2 categories: blue, red",
        "price   target    from 5 to 20",
    ]
    assert load(path, target="colour").types().splitlines()[-1] == "colour  target  2 classes: blue, red"
    assert Dataset.of(X, [0, 1, 0]).types() == ""


def test_features_of_arrays_get_names() -> None:
    assert Dataset.of(X, [0, 1, 0]).feature_names == ("x0", "x1")
    assert Dataset.of(np.zeros((3, 2, 2)), [0, 1, 0]).feature_names == ()


def test_what_the_place_of_a_row_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,price\n1,10.5\n2.5,20\n-3,5\n")
    data = load(path, target="price")
    assert (data.place, data.take([1]).place, data.take([1]).where.tolist()) == ("line", "line", [3])
    assert data.split(0.4, None, 0).train.place == "line"
    frame = load(pd.read_csv(path), target="price")
    assert (frame.place, frame.where.tolist()) == ("index", [0, 1, 2])
    assert Dataset.of(X, [0, 1, 0]).place == "index"
    held = data.split(frame, None, 0).validation
    assert held is not None
    assert held.place == "index"
    with pytest.raises(SettingError, match="The 'place' parameter of Dataset must be 'line' or 'index'"):
        Dataset(np.array(X), np.array([0, 1, 0]), place="row")  # type: ignore[arg-type]
