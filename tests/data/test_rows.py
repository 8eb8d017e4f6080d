"""Rows: read when asked for, the same values as the array they stand for; a Dataset of a memory map is never read whole."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Dataset, Rows
from chainrule.errors import DataError, PositionError, SettingError

VALUES = np.arange(60, dtype=np.float64).reshape(10, 6)


class Counting:
    """A source that remembers what was asked of it, and like HDF5 takes row numbers only in ascending order."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.read: list[int] = []

    def __getitem__(self, rows: Any) -> np.ndarray:
        assert isinstance(rows, slice) or (np.diff(rows) > 0).all()
        found: np.ndarray = self.values[rows]
        self.read += [len(found)]
        return found


def mapped(folder: Path, values: np.ndarray) -> np.ndarray:
    np.save(folder / "x.npy", values)
    source: np.ndarray = np.load(folder / "x.npy", mmap_mode="r")
    return source


KEYS = st.one_of(
    st.lists(st.integers(-10, 9), max_size=12).map(lambda rows: np.array(rows, np.int64)),
    st.lists(st.booleans(), min_size=10, max_size=10).map(np.array),
    st.builds(slice, *[st.one_of(st.none(), st.integers(-12, 12))] * 2, st.sampled_from([None, 1, 2, -1, -3])),
    st.integers(-10, 9),
)


@given(key=KEYS, again=KEYS, kind=st.sampled_from(["f8", "f4", ">f4", "u1", "i2", "?"]))
def test_rows_read_as_the_array_they_stand_for(key: Any, again: Any, kind: str) -> None:
    values = VALUES.astype(kind)
    rows = Rows(Counting(values))
    wanted = values.astype(np.float32)[key]
    found = rows[key]
    assert (found.dtype, found.flags.c_contiguous) == (np.dtype("f4"), True)
    np.testing.assert_array_equal(found, wanted)
    order = np.arange(10)[::-1]
    np.testing.assert_array_equal(rows.take(order)[again], values.astype(np.float32)[order][again])
    np.testing.assert_array_equal(np.asarray(rows.take(order).take(order[:4])), values[:4].astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "signals", "wanted"),
    [
        ((9, 4, 5), False, (9, 4, 5, 1)),
        ((9, 4, 5), True, (9, 4, 5)),
        ((9, 4, 5, 3), False, (9, 4, 5, 3)),
        ((9, 2), False, (9, 2)),
    ],
)
def test_grey_images_get_their_channel(shape: tuple[int, ...], signals: bool, wanted: tuple[int, ...]) -> None:
    rows = Rows(np.zeros(shape, np.uint8), signals=signals)
    assert (rows.shape, rows.ndim, len(rows), rows.dtype) == (wanted, len(wanted), 9, np.dtype("f4"))
    assert rows[2:4].shape == (2, *wanted[1:])
    assert rows[3].shape == wanted[1:]
    assert np.asarray(rows).shape == wanted


def test_taking_reads_nothing() -> None:
    source = Counting(VALUES)
    data = Dataset(Rows(source), np.arange(10) % 2, weights=np.arange(10, dtype=np.float32))
    parts = data.split(0.2, 0.2, seed=1)
    assert source.read == []
    assert isinstance(parts.train.x, Rows)
    assert parts.train.weights is not None
    np.testing.assert_array_equal(parts.train.x[:3], VALUES[parts.train.where[:3]])
    np.testing.assert_array_equal(parts.train.weights, parts.train.where)
    assert sum(source.read) == 3


def test_a_memory_map_stays_on_the_disk(tmp_path: Path) -> None:
    images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    source = mapped(tmp_path, images)
    for data in (Dataset(source, np.array([0, 1])), Dataset.of(source, [0, 1])):
        assert isinstance(data.x, Rows)
        assert data.describe() == "2 images 3x4x1, 2 classes (0 1); with a single row: 0, 1"
        assert repr(data.x) == "<Rows (2, 3, 4, 1) of memmap uint8>"
        np.testing.assert_array_equal(data.x[[1]], images[1:, ..., None])
    signals = Dataset.of(source, [0, 1], signals=True)
    assert (signals.x.shape, signals.take([1]).x.shape) == ((2, 3, 4), (1, 3, 4))


def test_a_large_map_takes_little_memory(tmp_path: Path) -> None:
    """400 MB in the file, and a few for the rows that are asked for: made, split, told and read."""
    source = np.memmap(tmp_path / "x.bin", np.float32, "w+", shape=(1000, 100_000))
    source[:, 0] = np.arange(1000)
    tracemalloc.start()
    try:
        parts = Dataset(source, np.arange(1000) % 2).split(0.1, 0.2, seed=0)
        assert parts.train.describe() == "700 rows, 100,000 features, 2 classes (0 1)"
        for rows in (slice(0, 4), [5, 2, 600], np.arange(700) > 695):
            np.testing.assert_array_equal(parts.train.x[rows][:, 0], parts.train.where[rows])
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_what_cannot_be_learned_from_is_named_by_its_row_when_read() -> None:
    values = VALUES.copy()
    values[7, 2] = np.nan
    values[8, 1] = np.inf
    rows = Rows(values)
    assert rows[:7].shape == (7, 6)
    with pytest.raises(DataError, match=r"in x, found nan in row 7, column 2 .*--missing fill \(missing=\"fill\"\)"):
        rows[[1, 7, 3]]
    with pytest.raises(DataError, match=r"in x, found nan in row 7, column 2"):
        rows.take([9, 7]).take([1])[:]
    filled = Dataset(rows, np.arange(10) % 2, missing="fill")
    assert np.isnan(filled.x[7][2])
    assert np.isnan(filled.take([7, 0]).x[0][2])
    with pytest.raises(DataError, match=r"found inf in row 8, column 1 \(counted from 0\)$"):
        filled.x[5:]


@pytest.mark.parametrize("key", [10, -11, [0, 10], [0.5], "a", (0, 1), np.zeros((2, 2), int), [True, False], None])
def test_keys_that_pick_no_rows(key: Any) -> None:
    with pytest.raises(PositionError, match=r"outside the 10 rows|rows are picked by a slice"):
        Rows(VALUES)[key]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.array([["a"]]), "expected numbers in x, found dtype <U1"),
        (np.zeros(3), r"found the shape \(3,\); write x\[:, None\] for one feature"),
        (np.zeros((0, 3)), r"x is empty: its shape is \(0, 3\)"),
        ([[1, 2]], "rows by number as an array has, found list; a Dataset takes lists as they are"),
        (None, "found NoneType"),
    ],
)
def test_sources_that_hold_no_rows(source: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Rows(source)


def test_rows_are_never_an_array_without_a_copy() -> None:
    assert np.array(Rows(VALUES), np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="always a copy"):
        np.array(Rows(VALUES), copy=False)


def test_a_wrong_rule_for_missing_values() -> None:
    with pytest.raises(SettingError, match="The 'missing' parameter of Dataset must be 'refuse' or 'fill'"):
        Dataset(VALUES, np.arange(10) % 2, missing="mean")  # type: ignore[arg-type]
