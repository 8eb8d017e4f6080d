"""NPY: memory-mapped pairs, and chunks that are written once; a failure leaves nothing behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Rows, from_chunks, load, load_like
from chainrule.data.formats import npy
from chainrule.data.formats.npz import PAIRS
from chainrule.errors import DataError

X = np.arange(40, dtype=np.float64).reshape(8, 5)
Y = np.array([3, 7] * 4)


def chunks(x: np.ndarray, y: np.ndarray, cuts: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield from zip(np.split(x, cuts), np.split(y, cuts), strict=True)


def source_of(x: Any) -> Any:
    assert isinstance(x, Rows)
    assert isinstance(x.source, np.memmap)
    return x.source


@pytest.mark.parametrize(("x_name", "y_name"), PAIRS)
def test_a_pair_of_files_is_mapped(tmp_path: Path, x_name: str, y_name: str) -> None:
    np.save(tmp_path / f"{x_name}.npy", X)
    np.save(tmp_path / f"{y_name}.npy", Y)
    for place in (tmp_path / f"{x_name}.npy", tmp_path):
        data = load(place)
        assert source_of(data.x).dtype == np.float64
        np.testing.assert_array_equal(np.asarray(data.x), X)
        assert (data.classes, data.y.tolist(), data.name) == ((3, 7), [0, 1] * 4, place.stem)
        np.testing.assert_array_equal(np.asarray(load_like(place, ()).x), X)
    assert load(tmp_path, task="numbers").task == "numbers"
    assert load(tmp_path, classes=range(8)).y.tolist() == [3, 7] * 4


def test_signals(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((8, 4, 3), np.float32))
    np.save(tmp_path / "y.npy", Y)
    assert (load(tmp_path).x.shape, load(tmp_path, signals=True).x.shape) == ((8, 4, 3, 1), (8, 4, 3))
    assert load_like(tmp_path / "x.npy", ()).x.shape == (8, 4, 3, 1)
    assert load_like(tmp_path / "x.npy", (), shape=(4, 3)).x.shape == (8, 4, 3)


def test_any_name_will_do_for_rows_to_predict(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", X)
    assert load_like(tmp_path / "new.npy", ()).x.shape == (8, 5)
    with pytest.raises(DataError, match=r"new\.npy: expected a name that says where its targets are: x\.npy beside y"):
        load(tmp_path / "new.npy")
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match=r"x\.npy: expected its targets beside it, looked for y\.npy"):
        load(tmp_path / "x.npy")


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, X)
    np.save(tmp_path / "y.npy", Y)
    good = path.read_bytes()
    np.save(path, np.array([{}, 1], object))
    pickled = path.read_bytes()
    broken = [b"", b"not numpy", good[:7], good[:60], good[:-1], b"X" + good[1:], good.replace(b"<f8", b"<q9"), pickled]
    for content in broken:
        path.write_bytes(content)
        for read in (load, lambda place: load_like(place, ())):
            with pytest.raises(DataError) as caught:
                read(path)
            assert str(caught.value).startswith(f"{path}: expected a sound .npy file")
    (tmp_path / "both.npz").write_bytes(b"")
    np.savez(tmp_path / "both.npz", x=X)
    (tmp_path / "both.npz").rename(path)
    with pytest.raises(DataError, match=r"x\.npy: expected an \.npy file, found an \.npz file"):
        load(path)


# ------------------------------------------------------------------------------------------ chunks


@given(
    cuts=st.lists(st.integers(1, 7), unique=True).map(sorted),
    kind=st.sampled_from(["f8", "f4", "f2", "i8", "u1", "i2", "?", ">f4"]),
    axes=st.sampled_from([(5,), (5, 1), (1, 5), (5, 1, 1)]),
)
def test_chunks_come_back_as_one(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], kind: str, axes: tuple[int, ...]
) -> None:
    folder = tmp_path_factory.mktemp("chunks") / "new" / "folder"
    x = X.reshape(8, *axes).astype(kind)
    data = from_chunks(chunks(x, Y, cuts), folder, name="mine")
    assert sorted(path.name for path in folder.iterdir()) == ["x.npy", "y.npy"]
    assert source_of(data.x).dtype == (np.dtype(kind) if kind in ("u1", "i2", "?") else np.float32)
    whole = x.astype(np.float32).reshape(data.x.shape)
    np.testing.assert_array_equal(np.asarray(data.x), whole)
    np.testing.assert_array_equal(np.load(folder / "x.npy"), x.astype(np.float32))
    assert (data.classes, data.y.tolist(), data.name) == ((3, 7), [0, 1] * 4, "mine")
    again = load(folder)
    np.testing.assert_array_equal(np.asarray(again.x), whole)
    assert again.y.tolist() == data.y.tolist()


def test_texts_of_any_length_and_codes() -> None:
    data = from_chunks([(X[:2], ["a", "b"]), (X[2:4], ["longer", "b"])])
    assert data.classes == ("a", "b", "longer")
    steps = from_chunks([(X[:2], [[0, 1], [1, 2]])], classes=range(3))
    assert steps.y.tolist() == [[0, 1], [1, 2]]


def test_a_temporary_folder_goes_with_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = from_chunks(chunks(X, Y, [3]))
    part = data.take([0, 5])
    del data
    gc.collect()
    assert len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(np.asarray(part.x), X[[0, 5]])
    del part
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def breaking() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield X, Y
    raise RuntimeError("the sensor is gone")


BAD: dict[str, tuple[Any, str]] = {
    "none": ([], "expected chunks of (x, y), found none"),
    "an array": ([(X, Y), X], "expected chunks of (x, y), found ndarray as chunk 1 (counted from 0)"),
    "other rows": ([(X, Y), (X[:, :4], Y)], "chunk 1 (counted from 0): expected x of shape (rows, 5) as before, found (8, 4)"),
    "another type": ([(X.astype("u1"), Y), (X, Y)], "chunk 1 (counted from 0): expected x of uint8 as before, found float64"),
    "lengths": ([(X, Y), (X, Y[:3])], "chunk 1 (counted from 0): expected one target per row, found x (8, 5) and y (3,)"),
    "text": ([(X, Y), ([["a"]], [1])], "chunk 1 (counted from 0): expected numbers in x, found dtype <U1"),
    "empty": ([(X, Y), (X[:0], Y[:0])], "chunk 1 (counted from 0): x is empty: its shape is (0, 5)"),
    "infinite": ([(X, Y), (np.where(X == 11, np.inf, X), Y)], "in x, found inf in row 10, column 1 (counted from 0)"),
    "targets": ([(X, Y), (X, ["a"] * 8)], "expected y alike in all chunks, found numbers, text"),
    "shapes": ([(X, Y), (X, np.zeros((8, 2), int))], "expected y alike in all chunks, found (), (2,)"),
    "several": ([(X, np.zeros((8, 2), int))], "expected one label per row in y, found the shape (8, 2)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("named", [True, False])
def test_bad_chunks_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, named: bool) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made, sentence = BAD[case]
    with pytest.raises(DataError) as caught:
        from_chunks(made, tmp_path / "new" if named else None)
    assert sentence in str(caught.value)
    assert (named and case == "several") or list(tmp_path.iterdir()) == []


def test_a_generator_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the sensor is gone"):
        from_chunks(breaking(), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RuntimeError):
        from_chunks(breaking(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("mine")
    with pytest.raises(DataError, match=r"x\.npy exist already, and nothing is overwritten: choose another folder"):
        from_chunks(chunks(X, Y, []), tmp_path)
    assert (tmp_path / "x.npy").read_text() == "mine"


WRITES = 7  # header, three chunks, header; header and values of y


@pytest.mark.parametrize("call", range(WRITES + 1))
def test_a_full_disk_at_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """The n-th write fails, for every n until none is left to fail."""
    real, count = Path.open, [0]

    def opened(self: Path, *args: Any, **options: Any) -> Any:
        file = real(self, *args, **options)
        if self.suffix == npy.PART:
            return Failing(file, count, call)
        return file

    monkeypatch.setattr(Path, "open", opened)
    if call >= WRITES:
        assert len(from_chunks(chunks(X, Y, [2, 5]), tmp_path / "new")) == 8
        assert count[0] == WRITES
        return
    with pytest.raises(DataError) as caught:
        from_chunks(chunks(X, Y, [2, 5]), tmp_path / "new")
    assert str(caught.value) == f"{tmp_path / 'new'}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


class Failing:
    """A file whose n-th write finds the disk full."""

    def __init__(self, file: Any, count: list[int], call: int) -> None:
        self.file, self.count, self.call = file, count, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: Any) -> Any:
        self.count[0] += 1
        if self.count[0] == self.call + 1:
            raise OSError(28, "No space left on device")
        return self.file.write(data)
