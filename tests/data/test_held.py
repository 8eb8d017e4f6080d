"""Rows held out that come from elsewhere: classes by name or by code, labels by name, all weights above 0 somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Dataset, load
from chainrule.errors import DataError, SettingError

X = np.arange(6, dtype=np.float32).reshape(3, 2)


def held(data: Dataset, rows: Any) -> Dataset:
    part = data.split(rows, None, 0).validation
    assert part is not None
    return part


@given(classes=st.permutations(range(3)), codes=st.permutations(range(3)), index=st.permutations(range(3)))
def test_codes_of_a_pair_are_codes_where_training_was_given_codes(
    classes: list[int], codes: list[int], index: list[int]
) -> None:
    data = Dataset(X, np.array(codes), tuple(classes))
    for train in (data, data.take(index), data.take(index).take([2, 1, 0])):
        assert train.coded
        assert held(train, (X, np.array(codes))).y.tolist() == codes
        assert held(train, (X, np.array(codes)[:, None])).y.tolist() == codes
        assert held(train, Dataset(X, np.array(codes), tuple(classes))).y.tolist() == codes
        turned = Dataset(X, 2 - np.array(codes), tuple(classes[::-1]))
        assert held(train, turned).y.tolist() == codes


@given(names=st.permutations([0, 1, 2]))
def test_whole_numbers_are_names_where_training_was_given_names(names: list[int]) -> None:
    data = Dataset(X, np.array([7, 8, 9]))
    assert not data.coded
    assert held(data, (X, np.array(names) + 7)).y.tolist() == names
    with pytest.raises(DataError, match=r"expected the classes of the training rows \(7, 8, 9\), found 0"):
        data.split((X, np.array(names)), None, 0)


def test_named_classes_take_codes_and_names() -> None:
    data = Dataset(X, np.array([0, 1, 0]), ("cat", "dog"))
    assert held(data, (X[:2], [1, 1])).y.tolist() == [1, 1]
    assert held(data, (X[:2], ["dog", "cat"])).y.tolist() == [1, 0]
    assert held(data, held(data, (X[:2], [1, 0]))).coded
    with pytest.raises(DataError, match=r"validation rows: expected class codes 0 to 1 in y, found 2 in row 1"):
        data.split((X[:2], [1, 2]), None, 0)
    with pytest.raises(DataError, match=r"expected the classes of the training rows \(cat, dog\), found 'fox'"):
        data.split((X[:2], ["cat", "fox"]), None, 0)


def test_a_tables_classes_are_names(tmp_path: Any) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,3\n2,5\n3,3\n4,5\n5,3\n")
    data = load(tmp_path / "t.csv", target="y")
    assert (data.classes, data.coded, data.take([0, 1]).coded) == ((3, 5), False, False)
    assert held(data, ([[9.0]], [5])).y.tolist() == [1]


LABELS = np.array([[True, False], [False, True], [True, True]])


def test_labels_are_matched_by_name() -> None:
    data = Dataset(X, LABELS, ("red", "round"))
    assert held(data, Dataset(X, LABELS[:, ::-1], ("round", "red"))).y.tolist() == LABELS.tolist()
    assert held(data, Dataset(X, LABELS)).y.tolist() == LABELS.tolist()
    assert held(data, (X, LABELS)).classes == ("red", "round")
    with pytest.raises(DataError, match=r"expected the labels of the training rows \(red, round\), found red, big"):
        data.split(Dataset(X, LABELS, ("red", "big")), None, 0)
    with pytest.raises(DataError, match=r"labels of the training rows \(0, 1\), found red, big"):
        Dataset(X, LABELS).split(Dataset(X, LABELS, ("red", "big")), None, 0)


def test_every_part_has_a_weight_above_0() -> None:
    weights = np.array([0, 0, 1], np.float32)
    data = Dataset.of(X, [0.5, 1, 2], weights=weights)
    assert data.split(None, None, 0).train.weights is not None
    refused = set()
    for seed in range(20):
        try:
            parts = data.split(0.4, None, seed)
        except DataError as error:
            refused.add(str(error).split(" rows")[0])
        else:
            assert all(part.weights.any() for part in (parts.train, parts.validation))  # type: ignore[union-attr]
    assert refused == {f"expected a weight above 0 among the {name}" for name in ("train", "validation")}
    with pytest.raises(
        DataError, match="above 0 among the test rows, but each of the 2 has the weight 0; leave such ro"
    ):
        data.split(None, Dataset.of(X[:2], [0.5, 1], weights=[0, 0]), 0)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([X.repeat(500, 0), np.zeros(1500)], r"list of 2 \(ndarray of shape \(1500, 2\), ndarray of shape \(1500,\)\)"),
        ((X, [0, 1], [2, 3]), r"tuple of 3 \(ndarray of shape \(3, 2\), list of 2 \(0, 1\), list of 2 \(2, 3\)\)"),
        (X, r"ndarray of shape \(3, 2\)"),
        ("a" * 100, "'a{56}\\.\\.\\."),
    ],
)
def test_what_is_no_part_is_told_briefly(asked: Any, told: str) -> None:
    with pytest.raises(SettingError, match=rf"must be a share .*, \(x, y\), a Dataset or None. Got {told} instead"):
        Dataset.of(X, [0, 1, 0]).split(asked, None, 0)
