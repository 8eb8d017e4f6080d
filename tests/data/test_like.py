"""Rows to predict: whatever a program holds becomes rows like those of the training, or a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.data import Column, Rows, like, load_like, rows_like
from chainrule.errors import DataError, ShapeError

IMAGE = (4, 3, 1)
COLUMNS = (Column("size", "number"), Column("colour", "category", ("blue", "red")))
KINDS = st.sampled_from(["?", "u1", "i2", "i8", "u8", "f2", "f4", ">f4", "f8"])
SHAPES = st.sampled_from([(3,), (1,), (4, 2), (5, 1), IMAGE, (4, 3, 2), (2, 2, 2, 1)])


@given(data=st.data(), kind=KINDS, shape=SHAPES, count=st.integers(0, 4), channel=st.booleans(), as_list=st.booleans())
def test_arrays_become_float32_of_the_trainings_shape(
    data: Any, kind: str, shape: tuple[int, ...], count: int, channel: bool, as_list: bool
) -> None:
    given_shape = (count, *(shape if channel or shape[-1] != 1 else shape[:-1]))
    finite = {"allow_nan": False, "allow_infinity": False} if "f" in kind else {}
    elements = hnp.from_dtype(np.dtype(kind), **finite).filter(lambda v: abs(float(v)) < 3e38)  # type: ignore[arg-type]
    x = data.draw(hnp.arrays(kind, given_shape, elements=elements))
    found = rows_like(x.tolist() if as_list and count and kind != "f2" else x, (), shape)
    assert isinstance(found, np.ndarray)
    assert (found.dtype.name, found.shape) == ("float32", (count, *shape))
    np.testing.assert_array_equal(found, x.astype(np.float32).reshape(count, *shape))


def test_an_array_that_fits_is_not_copied() -> None:
    x = np.ones((2, *IMAGE), np.float32)
    assert rows_like(x, (), IMAGE) is x
    assert np.shares_memory(np.asarray(rows_like(x[..., 0], (), IMAGE)), x)


@pytest.mark.parametrize(
    ("x", "shape", "sentence"),
    [
        (
            np.zeros((3, 5)),
            (8, 8, 1),
            "expected rows of 8 x 8 x 1 values, shape (n, 8 x 8 x 1), found (3, 5); one row al",
        ),
        (np.zeros((8, 8)), (8, 8, 1), "found (8, 8); one row alone is x[None]"),
        (np.zeros((8, 8, 1)), (8, 8, 1), "found (8, 8, 1); one row alone is x[None]"),
        (np.zeros(3), (3,), "expected rows of 3 values, shape (n, 3), found (3,); one row alone is x[None]"),
        (3.0, (1,), "found ()"),
        ([], (2,), "found (0,)"),
        (Rows(np.zeros((2, 4))), (3,), "expected rows of 3 values, shape (n, 3), found (2, 4)"),
    ],
)
def test_another_shape(x: Any, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ShapeError) as caught:
        rows_like(x, (), shape)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ([[1, 2], [3]], "expected rows of one length in x"),
        ([[1, None]], "expected numbers in x, found Python objects"),
        ([["a", "b"]], "expected numbers in x, found dtype <U1"),
        ([[1j, 2]], "expected numbers in x, found dtype complex128"),
        (np.zeros((1, 2), "M8[s]"), "expected numbers in x, found dtype datetime64"),
        ([[1, 2], [3, np.inf]], "found inf in row 1, column 1 (counted from 0)"),
        ([[1, 2], [1e39, 3]], "within float32's range in x, found 1e+39 in row 1, column 0"),
        (
            [[1, np.nan]],
            'found nan in row 0, column 1 (counted from 0); only a model that was trained with missing="fill"',
        ),
    ],
)
def test_what_cannot_be_predicted(x: Any, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_like(x, (), (2,))
    assert sentence in str(caught.value)


def test_missing_values_are_let_through_where_training_had_them() -> None:
    for x in ([[1, np.nan]], Rows(np.array([[1, np.nan]]))):
        np.testing.assert_array_equal(np.asarray(rows_like(x, (), (2,), "fill")), np.array([[1, np.nan]], np.float32))
    with pytest.raises(DataError, match="found inf in row 0, column 0"):
        rows_like([[np.inf, np.nan]], (), (2,), "fill")
    lazy = rows_like(Rows(np.array([[1, np.nan]]), missing=True), (), (2,))
    with pytest.raises(DataError, match="found nan in row 0, column 1"):
        lazy[:]


@pytest.mark.parametrize(("shape", "signals"), [((4, 3), True), (IMAGE, False)])
def test_what_is_not_in_memory_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], signals: bool
) -> None:
    """Memory maps, rows, and small types that would be large as float32."""
    values = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.save(tmp_path / "x.npy", values)
    monkeypatch.setattr(like, "LARGE", 20)
    for x in (values, Rows(values), Rows(values, signals=signals), np.load(tmp_path / "x.npy", "r")):
        found = rows_like(x, (), shape)
        assert isinstance(found, Rows)
        np.testing.assert_array_equal(found[1:], values[1:].reshape(1, *shape))
    assert isinstance(rows_like(values.astype(np.float32), (), shape), np.ndarray)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_dataframe_is_matched_by_name(frame: Any) -> None:
    found = rows_like(frame({"extra": [0, 0], "colour": ["red", "blue"], "size": [1.5, 2]}), COLUMNS, (3,))
    np.testing.assert_array_equal(found, np.array([[1.5, 0, 1], [2, 1, 0]], np.float32))
    with pytest.raises(
        DataError, match=r"DataFrame: expected the columns of the training, missing: colour; the file ha"
    ):
        rows_like(frame({"size": [1.5, 2]}), COLUMNS, (3,))
    with pytest.raises(DataError, match=r"row 1 \(counted from 0\): expected one of the known .*blue, red.*'pink'"):
        rows_like(frame({"size": [1.5, 2], "colour": ["red", "pink"]}), COLUMNS, (3,))


def test_arrays_for_a_model_of_columns_are_taken_by_place() -> None:
    assert np.asarray(rows_like([[2, 0, 1]], COLUMNS, (3,))).tolist() == [[2, 0, 1]]
    with pytest.raises(
        ShapeError, match=r"\(n, 3\), found \(1, 2\); .*; or give a DataFrame with the columns 'size', 'col"
    ):
        rows_like([[2, 0]], COLUMNS, (3,))
    nameless = rows_like(pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}), (), (2,))
    assert np.asarray(nameless).tolist() == [[1, 0.5], [2, 1]]


# ------------------------------------------------------------------------------------------ files


def test_arrays_of_a_file_may_have_gaps_where_training_had_them(tmp_path: Path) -> None:
    x = np.array([[1, np.nan]])
    np.savez(tmp_path / "new.npz", x=x)
    np.save(tmp_path / "new.npy", x)
    for name in ("new.npz", "new.npy"):
        found = load_like(tmp_path / name, (), missing="fill")
        np.testing.assert_array_equal(np.asarray(found.x), x.astype(np.float32))
        with pytest.raises(DataError, match="found nan in row 0, column 1"):
            load_like(tmp_path / name, ()).x[:]
