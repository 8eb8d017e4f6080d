"""Splits: disjoint, complete, of every class alike, the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Column, Dataset, load
from chainrule.data.split import stratified
from chainrule.errors import DataError, SettingError

SHARES = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))


@given(codes=st.lists(st.integers(0, 6), min_size=1, max_size=300), shares=SHARES, seed=st.integers(0, 2**32 - 1))
def test_stratified_parts(codes: list[int], shares: tuple[float, float], seed: int) -> None:
    classes = np.array(codes)
    parts = stratified(classes, shares, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(codes)))
    assert all((np.diff(part) > 0).all() for part in parts)
    for size, *held in np.array([np.bincount(c, minlength=7) for c in (classes, *(classes[p] for p in parts))]).T:
        assert size == 0 or held[0] >= 1
        for count, share in zip(held, (1 - sum(shares), *shares), strict=True):
            assert abs(count - share * size) < 1 + 1e-6


@given(size=st.integers(2, 10), classes=st.integers(1, 40), share=st.sampled_from([0.1, 0.15, 0.2, 0.25]))
def test_small_classes_even_out(size: int, classes: int, share: float) -> None:
    """Rounding each class for itself would leave 20 classes of 2 rows without any test row."""
    codes = np.repeat(np.arange(classes), size)
    for part in stratified(codes, (share, share), 0)[1:]:
        assert abs(len(part) - share * len(codes)) <= 1.5


# Written down once: another order on another machine, or after a change, would make old runs unrepeatable.
FIXED = [[0, 1, 2, 5, 6, 9], [8, 10, 11], [3, 4, 7]]


def test_the_same_seed_gives_the_same_rows_on_every_machine() -> None:
    parts = stratified(np.arange(12) % 2, (0.25, 0.25), 3)
    assert [part.tolist() for part in parts] == FIXED
    again = stratified(np.arange(12) % 2, (0.25, 0.25), 4)
    assert [part.tolist() for part in again] != FIXED


def test_parts_of_digits() -> None:
    digits = load("digits")
    parts = digits.split(0.15, 0.15, seed=0)
    assert parts.validation is not None
    assert parts.test is not None
    held = (parts.train, parts.validation, parts.test)
    assert [len(part) for part in held] == pytest.approx([0.7 * 1797, 0.15 * 1797, 0.15 * 1797], abs=1)
    np.testing.assert_array_equal(np.sort(np.concatenate([part.where for part in held])), np.arange(1797))
    for part in held:
        np.testing.assert_array_equal(part.x, digits.x[part.where])
        np.testing.assert_array_equal(part.y, digits.y[part.where])
        assert (part.classes, part.name) == (digits.classes, "digits")


def some_rows(rows: int, seed: int = 0) -> Dataset:
    return Dataset.of(np.random.default_rng(seed).normal(size=(rows, 3)), np.arange(rows) % 3)


def test_numbers_are_split_at_random() -> None:
    data = Dataset.of(np.arange(100.0)[:, None], np.arange(100.0))
    parts = data.split(0.2, 0.3, seed=1)
    assert parts.validation is not None
    assert parts.test is not None
    assert [len(p) for p in (parts.train, parts.validation, parts.test)] == [50, 20, 30]
    assert parts.test.where.tolist() != list(range(70, 100))
    assert abs(parts.test.y.mean() - 49.5) < 15


def test_none_and_zero_mean_no_part() -> None:
    for nothing in (None, 0, 0.0):
        parts = some_rows(9).split(nothing, nothing, seed=0)
        assert (len(parts.train), parts.validation, parts.test) == (9, None, None)


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan"), True, "0.1", [0.1], (np.zeros(3),)])
@pytest.mark.parametrize("name", ["validation", "test"])
def test_bad_shares(share: Any, name: str) -> None:
    with pytest.raises(SettingError, match=rf"The '{name}' parameter of split must be a share in the range \[0, 1\)"):
        some_rows(9).split(**{"seed": 0, name: share})


def test_shares_leave_rows_to_train_on() -> None:
    with pytest.raises(SettingError, match=r"The 'validation \+ test' parameter of split must be below 1.* Got 1.0"):
        some_rows(9).split(0.5, 0.5, 0)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", None])
def test_bad_seeds(seed: Any) -> None:
    with pytest.raises(SettingError, match="The 'seed' parameter of split"):
        some_rows(9).split(0.5, None, seed)


def test_a_part_that_would_be_empty() -> None:
    with pytest.raises(
        DataError, match=r"a test share of 0\.01 of 9 rows leaves no row for the test part; give a larger"
    ):
        some_rows(9).split(0.3, 0.01, 0)


def test_what_cannot_be_learned_is_not_split() -> None:
    with pytest.raises(DataError, match="every row has the class 4"):
        Dataset.of([[1], [2]], [4, 4]).split(0.5, None, 0)
    with pytest.raises(DataError, match="expected at least 2 rows"):
        Dataset.of([[1]], [4]).split(None, None, 0)


# ------------------------------------------------------------------------------------------ rows from elsewhere


def test_other_rows_get_the_codes_of_training() -> None:
    data = Dataset.of([[1], [2], [3]], ["a", "b", "c"])
    parts = data.split(([[4], [5]], ["c", "b"]), Dataset.of([[6]], ["c"], name="more"), seed=0)
    assert parts.validation is not None
    assert parts.test is not None
    assert (len(parts.train), parts.validation.y.tolist(), parts.test.y.tolist()) == (3, [2, 1], [2])
    assert parts.validation.classes == parts.test.classes == ("a", "b", "c")
    assert (parts.validation.where.tolist(), parts.test.name) == ([0, 1], "more")


def test_whole_numbers_serve_as_numbers() -> None:
    parts = Dataset.of([[1], [2]], [0.5, 1.5]).split(([[4]], [3]), None, 0)
    assert parts.validation is not None
    assert (parts.validation.task, parts.validation.y.tolist()) == ("numbers", [[3.0]])


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (([[1, 2]], ["a"]), r"test rows: expected x of shape \(rows, 1\), found \(1, 2\)"),
        (([[1]], ["z"]), r"test rows: expected the classes of the training rows \(a, b\), found 'z'"),
        (([[1]], [0]), r"test rows: expected the classes of the training rows \(a, b\), found 0"),
        (([[1]], [0.5]), "test rows: expected whole numbers, truth values or text as labels in y, found dtype float32"),
        (([[np.nan]], ["a"]), "test rows: expected finite numbers"),
        (([[1]], ["a", "b"]), "test rows: expected one target per row"),
    ],
)
def test_other_rows_that_do_not_fit(other: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Dataset.of([[1], [2]], ["a", "b"]).split(None, other, 0)


def test_other_numbers_that_do_not_fit() -> None:
    data = Dataset.of([[1], [2]], [0.5, 1.5])
    with pytest.raises(DataError, match=r"validation rows: expected y of shape \(rows, 1\), found \(1, 2\)"):
        data.split(([[1]], [[0.5, 2.5]]), None, 0)
    with pytest.raises(DataError, match="validation rows: expected numbers in y, found dtype <U1"):
        data.split(([[1]], ["a"]), None, 0)


def test_other_tables_need_the_same_columns() -> None:
    def table(*categories: str) -> Dataset:
        return Dataset(
            np.eye(2, dtype=np.float32), np.array([0, 1]), (0, 1), (Column("c", "category", categories),), "y"
        )

    assert table("u", "v").split(table("u", "v"), None, 0).validation is not None
    with pytest.raises(DataError, match="expected the columns and categories of the training rows"):
        table("u", "v").split(table("u", "w"), None, 0)
