"""CIFAR-10 and -100, binary: records as the page of the data set describes them, and every way a file can lie."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import load, load_like
from chainrule.errors import DataError, SettingError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def record(labels: list[int], image: np.ndarray) -> bytes:
    """Written pixel by pixel from the description, so that the reader's reshaping has an independent twin."""
    planes = [image[row, column, colour] for colour in range(3) for row in range(32) for column in range(32)]
    return bytes(labels) + bytes(planes)


def write(folder: Path, name: str, labels: list[list[int]]) -> Path:
    data = b"".join(map(record, labels, IMAGES))
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["data_batch_1.bin", "test_batch.bin", "mine.bin", "data_batch_1.bin.gz"])
def test_cifar_10(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, [[3], [0], [9], [3]])
    data = load(path)
    assert (data.classes, data.y.tolist(), data.x.shape) == ((0, 3, 9), [1, 0, 2, 1], (4, 32, 32, 3))
    np.testing.assert_array_equal(np.asarray(data.x), IMAGES.astype(np.float32))
    np.testing.assert_array_equal(np.asarray(load_like(path, ()).x), data.x)
    (tmp_path / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n")
    assert load(path).classes == ("airplane", "cat", "truck")


@pytest.mark.parametrize("name", ["train.bin", "test.bin", "mine.bin"])
def test_cifar_100_has_fine_labels(tmp_path: Path, name: str) -> None:
    data = load(write(tmp_path, name, [[19, 7], [0, 99], [1, 0], [2, 7]]))
    assert (data.classes, data.y.tolist()) == ((0, 7, 99), [1, 2, 0, 1])
    np.testing.assert_array_equal(np.asarray(data.x), IMAGES.astype(np.float32))
    (tmp_path / "fine_label_names.txt").write_text("\n".join(f"name{i:02}" for i in range(100)))
    assert load(tmp_path / name).classes == ("name00", "name07", "name99")


def test_a_folder_is_its_training_batches(tmp_path: Path) -> None:
    for number in range(5, 0, -1):
        write(tmp_path, f"data_batch_{number}.bin", [[number], [0], [9], [number]])
    write(tmp_path, "test_batch.bin", [[8]] * 4)
    data = load(tmp_path)
    assert (len(data), data.classes, data.name) == (20, (0, 1, 2, 3, 4, 5, 9), tmp_path.name)
    assert [data.classes[code] for code in data.y[::4]] == [1, 2, 3, 4, 5]
    assert len(load_like(tmp_path, ())) == 20


def test_a_folder_of_cifar_100(tmp_path: Path) -> None:
    write(tmp_path, "train.bin", [[19, 7], [0, 99], [1, 0], [2, 7]])
    assert load(tmp_path).classes == (0, 7, 99)


@pytest.mark.parametrize(
    ("name", "labels", "change", "sentence"),
    [
        ("data_batch_1.bin", [[3], [4]], lambda raw: raw[:-1], "expected records of 3,073 bytes (CIFAR-10), found 6,145 bytes, which leaves 3,072 over"),
        ("train.bin", [[3], [4]], lambda raw: raw, "expected records of 3,074 bytes (CIFAR-100), found 6,146 bytes, which leaves 3,072 over"),
        ("mine.bin", [[3], [4]], lambda raw: raw + b"x", "expected records of 3,073 bytes (CIFAR-10) or 3,074 bytes (CIFAR-100), found 6,147 bytes"),
        ("mine.bin", [[3], [4]], lambda raw: b"", "the file is empty"),
        ("test_batch.bin", [[3], [10]], lambda raw: raw, "expected labels 0 to 9 of CIFAR-10, found 10 in record 1 (counted from 0)"),
        ("test.bin", [[20, 3], [0, 0]], lambda raw: raw, "expected labels 0 to 19 of CIFAR-100, found 20 in record 0"),
        ("test.bin", [[2, 3], [0, 100]], lambda raw: raw, "expected labels 0 to 99 of CIFAR-100, found 100 in record 1"),
        ("data_batch_2.bin", [[3], [3]], lambda raw: raw, "every row has the class 3"),
    ],
)  # fmt: skip
def test_files_that_lie(tmp_path: Path, name: str, labels: list[list[int]], change: object, sentence: str) -> None:
    assert callable(change)
    path = write(tmp_path, name, labels)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert sentence in str(caught.value)


def test_names_are_as_many_as_classes(tmp_path: Path) -> None:
    path = write(tmp_path, "test_batch.bin", [[3], [0], [9], [3]])
    (tmp_path / "batches.meta.txt").write_text("airplane\nbird\n")
    with pytest.raises(DataError, match=r"batches\.meta\.txt: expected 10 names, one a line, found 2"):
        load(path)


def test_settings_that_say_nothing_about_it(tmp_path: Path) -> None:
    path = write(tmp_path, "test_batch.bin", [[3], [0], [9], [3]])
    with pytest.raises(SettingError, match=r"test_batch\.bin: 'size' is a setting for images, but this holds arrays"):
        load(path, size=(8, 8))
