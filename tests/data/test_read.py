"""Finding the file and its format."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chainrule.data import load, load_like, write_idx
from chainrule.data.formats import FOLDERS, FORMATS
from chainrule.errors import DataError, SettingError


@pytest.mark.parametrize("read", [load, lambda source: load_like(source, ())], ids=["load", "load_like"])
def test_what_is_no_file(tmp_path: Path, read: object) -> None:
    assert callable(read)
    (tmp_path / "iris.csv").touch()
    with pytest.raises(DataError, match=r"irs\.csv: there is no such file; did you mean 'iris\.csv'\?$"):
        read(tmp_path / "irs.csv")
    with pytest.raises(DataError, match=r"nowhere: there is no such file$"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"there is no such file$"):
        read(tmp_path / "no folder" / "iris.npz")
    with pytest.raises(
        DataError, match=r"expected a folder with x.npy and y.npy, CIFAR's .*, or a folder of images for each class"
    ):
        read(tmp_path)
    with pytest.raises(DataError, match=r"iris\.csv: the file is empty"):
        read(tmp_path / "iris.csv")


def test_a_misspelt_name_of_a_shipped_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="digit: there is no such file; did you mean 'digits'"):
        load("digit")


@pytest.mark.parametrize(
    ("name", "found"), [("data.xls", ".xls"), ("data.txt.gz", ".txt"), ("data", "data"), (".csv.gz", ".csv")]
)
def test_an_unknown_suffix(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / name).write_text("a,y\n1,2\n")
    with pytest.raises(DataError) as caught:
        load(tmp_path / name, target="y")
    assert f"expected a file that ends in {', '.join(FORMATS)} (gzipped: .csv.gz), found '{found}'" in str(caught.value)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "data.csv").write_text("a,y\n1,2\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"data\.csv: cannot be read: Permission denied"):
        load(tmp_path / "data.csv", target="y")


@pytest.mark.parametrize("source", [None, 3, np.zeros((2, 2)), ["digits"], pa.table({"a": [1]})])
def test_what_is_no_source(source: Any) -> None:
    with pytest.raises(SettingError, match="The 'source' parameter of load must be a path, the name of a shipped data"):
        load(source, target="a")


# ------------------------------------------------------------------------------------------ a sample of every format

X, Y = np.arange(24, dtype=np.uint8).reshape(4, 6), np.array([0, 1, 1, 0], np.uint8)
RECORDS = np.concatenate([Y[:, None], np.zeros((4, 3072), np.uint8)], axis=1).tobytes()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=X, y=Y)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": np.tile(X[:, 0], 2), "y": np.tile(Y, 2)}), file)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def idx(folder: Path, array: np.ndarray) -> bytes:
    write_idx(folder / "sample", array)
    content = (folder / "sample").read_bytes()
    (folder / "sample").unlink()
    return content


TABLE = b"a,y\n1,0\n2,1\n3,1\n4,0\n7,0\n"
# For every format: the files of a sample, the first of which is loaded (or their folder), and how many bytes to cut off.
SAMPLES: dict[str, tuple[Any, int]] = {
    ".csv": (lambda folder: {"t.csv": TABLE}, len(TABLE) - 4),
    ".tsv": (lambda folder: {"t.tsv": TABLE.replace(b",", b"\t")}, len(TABLE) - 4),
    ".parquet": (lambda folder: {"t.parquet": parquet()}, 1),
    ".npz": (lambda folder: {"t.npz": npz()}, 1),
    ".npy": (lambda folder: {"x.npy": npy(X), "y.npy": npy(Y)}, 1),
    ".idx": (lambda folder: {"images.idx": idx(folder, X), "labels.idx": idx(folder, Y)}, 1),
    ".bin": (lambda folder: {"test_batch.bin": RECORDS}, 1),
    "x.npy and y.npy": (lambda folder: {"x.npy": npy(X), "y.npy": npy(Y)}, 1),
    "CIFAR's data_batch_1.bin, ... or train.bin": (lambda folder: {"data_batch_1.bin": RECORDS}, 1),
}


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES) == {*FORMATS, *FOLDERS}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sound_sample_is_read_and_a_broken_one_named(tmp_path: Path, kind: str) -> None:
    make, cut = SAMPLES[kind]
    files = make(tmp_path)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    first = tmp_path / next(iter(files))
    place = first if kind in FORMATS else tmp_path
    options: dict[str, Any] = {"target": "y"} if "t." in first.name and kind != ".npz" else {}
    assert load(place, **options).classes == (0, 1)
    first.write_bytes(files[first.name][:-cut])
    with pytest.raises(DataError) as caught:
        load(place, **options)
    assert str(caught.value).startswith(str(first))
