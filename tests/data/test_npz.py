"""NPZ: which arrays are read, what they become, and which files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import load, load_like
from chainrule.data.formats.npz import PAIRS
from chainrule.errors import DataError

X = np.arange(12, dtype=np.float64).reshape(4, 3)
Y = np.array([7, 3, 7, 5])


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_of_names(tmp_path: Path, pair: tuple[str, str]) -> None:
    path = save(tmp_path, **{pair[0]: X, pair[1]: Y, "something_else": np.zeros(2)})
    data = load(path)
    np.testing.assert_array_equal(data.x, X.astype(np.float32))
    assert (data.classes, data.y.tolist(), data.name) == ((3, 5, 7), [2, 0, 2, 1], "data")
    np.testing.assert_array_equal(load_like(path, ()).x, data.x)


def test_test_arrays_are_left_alone(tmp_path: Path) -> None:
    assert len(load(save(tmp_path, x_train=X, y_train=Y, x_test=X[:1], y_test=Y[:1]))) == 4


def test_the_only_array_is_what_to_predict(tmp_path: Path) -> None:
    np.testing.assert_array_equal(load_like(save(tmp_path, rows=X), ()).x, X)


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (Y, "auto", (3, 5, 7)),
        (Y, "numbers", ()),
        (Y.astype(float), "auto", ()),
        (Y.astype(float), "classes", (3, 5, 7)),
        (np.array(["b", "a", "b", "b"]), "auto", ("a", "b")),
        (np.array(["b", "a", "b", "b"]), "classes", ("a", "b")),
        (np.array([True, False, True, True]), "auto", (False, True)),
    ],
)
def test_classes_or_numbers(tmp_path: Path, y: np.ndarray, task: Any, classes: tuple[object, ...]) -> None:
    data = load(save(tmp_path, x=X, y=y), task=task)
    assert data.classes == classes
    values = np.array(classes)[data.y] if classes else data.y[:, 0]
    np.testing.assert_array_equal(values, y)


@pytest.mark.parametrize(
    ("arrays", "task", "sentence"),
    [
        ({"a": X, "b": Y}, "auto", "expected the arrays x and y, X and y, data and target, .*; the file holds a, b"),
        ({"x": X}, "auto", "the file holds x"),
        ({}, "auto", "the file holds none|found something else"),
        ({"x": X, "y": Y[:3]}, "auto", "expected one target per row, found 4 rows in x and 3 in y"),
        ({"x": X * np.nan, "y": Y}, "auto", "found nan in row 0, column 0"),
        (
            {"x": X, "y": np.array(["a", "b", "c", "d"])},
            "numbers",
            "expected numbers in y for task='numbers', found dtype",
        ),
        ({"x": X, "y": Y + 0.5}, "classes", "expected whole numbers in y for task='classes', found fractions"),
        ({"x": X, "y": np.zeros(4, int)}, "auto", "every row has the class 0"),
        ({"x": X[:1], "y": Y[:1]}, "auto", "expected at least 2 rows to learn from, found 1"),
        ({"x": np.array([{}, {}]), "y": Y[:2]}, "auto", "expected NumPy arrays in a sound .npz file"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, Any], task: Any, sentence: str) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(DataError, match=sentence) as caught:
        load(path, task=task)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 and no more"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz: (the file is empty|expected an \.npz file)"):
        load(path)


def test_a_single_array_is_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", X)
    with pytest.raises(DataError, match=r"data\.npz: expected an \.npz file"):
        load((tmp_path / "data.npy").rename(tmp_path / "data.npz"))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    with pytest.raises(DataError, match=r"sound \.npz file"):
        load(save(tmp_path, x=np.array([Bomb(), 1], object), y=Y[:2]))
    assert not (tmp_path / "ran").exists()


def test_damage_anywhere_is_found_or_harmless(tmp_path: Path) -> None:
    good = save(tmp_path, x=X, y=Y).read_bytes()
    wanted, path = load(tmp_path / "data.npz"), tmp_path / "damaged.npz"
    flipped = [good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :] for place in range(len(good))]
    sentences = []
    for content in [good[:length] for length in range(len(good))] + flipped:
        path.write_bytes(content)
        try:
            data = load(path)
        except DataError as error:
            sentences.append(str(error))
        else:
            np.testing.assert_array_equal(data.x, wanted.x)
            np.testing.assert_array_equal(data.y, wanted.y)
    assert all(sentence.startswith(f"{path}: ") for sentence in sentences)
    assert len(sentences) > 1.5 * len(good)
