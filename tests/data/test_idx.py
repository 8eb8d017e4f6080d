"""IDX: every type there and back; every way a file can lie, refused."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.data import load, load_like, write_idx
from chainrule.data.formats.idx import TYPES, read_idx
from chainrule.errors import DataError, SettingError

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([1, 0, 1, 2], np.uint8)


@given(
    array=st.sampled_from(sorted(TYPES.values())).flatmap(
        lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5))
    ),
    packed=st.booleans(),
)
def test_every_array_comes_back(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, packed: bool) -> None:
    path = tmp_path_factory.mktemp("idx") / ("array.idx" + ".gz" * packed)
    write_idx(path, array)
    back = read_idx(path)
    assert (back.dtype, back.dtype.isnative) == (array.dtype, True)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("magic", "element", "value"),
    [
        (0x08, b"\xfe", 254),
        (0x09, b"\xfe", -2),
        (0x0B, b"\x01\x02", 258),
        (0x0C, b"\x00\x01\x00\x02", 65538),
        (0x0D, b"\x3f\xc0\x00\x00", 1.5),
        (0x0E, b"\xc0\x04\x00\x00\x00\x00\x00\x00", -2.5),
    ],
)
def test_bytes_are_read_as_the_format_says(tmp_path: Path, magic: int, element: bytes, value: float) -> None:
    path = tmp_path / "one.idx"
    path.write_bytes(bytes([0, 0, magic, 2]) + b"\0\0\0\x01\0\0\0\x02" + element * 2)
    assert read_idx(path).tolist() == [[value, value]]


def pair(folder: Path, images: str, labels: str) -> Path:
    write_idx(folder / images, IMAGES)
    write_idx(folder / labels, LABELS)
    return folder / images


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
        ("images.idx", "labels.idx"),
        ("my-images.idx.gz", "my-labels.idx.gz"),
    ],
)
def test_labels_are_found_beside_the_images(tmp_path: Path, images: str, labels: str) -> None:
    data = load(pair(tmp_path, images, labels))
    assert (data.x.shape, data.x.dtype.name, data.classes, data.y.tolist()) == (
        (4, 2, 3, 1),
        "float32",
        (0, 1, 2),
        [1, 0, 1, 2],
    )
    np.testing.assert_array_equal(data.x[..., 0], IMAGES)
    assert data.where.tolist() == [0, 1, 2, 3]


def test_images_to_predict_need_no_labels(tmp_path: Path) -> None:
    write_idx(tmp_path / "new.idx", IMAGES)
    new = load_like(tmp_path / "new.idx", ())
    np.testing.assert_array_equal(new.x[..., 0], IMAGES)
    assert (new.where.tolist(), new.answers) == ([0, 1, 2, 3], ())


def test_missing_labels_say_what_was_looked_for(tmp_path: Path) -> None:
    write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES)
    with pytest.raises(DataError, match=r"looked for a-labels-idx1-ubyte and a-labels-idx1-ubyte\.gz"):
        load(tmp_path / "a-images-idx3-ubyte")
    write_idx(tmp_path / "pictures.idx", IMAGES)
    with pytest.raises(DataError, match=r"pictures\.idx: expected 'images' in the file's name"):
        load(tmp_path / "pictures.idx")


def test_as_many_labels_as_images(tmp_path: Path) -> None:
    write_idx(tmp_path / "images.idx", IMAGES)
    write_idx(tmp_path / "labels.idx", LABELS[:3])
    with pytest.raises(DataError, match=r"images\.idx: expected one target per row, found 4 rows in x and 3 in y"):
        load(tmp_path / "images.idx")


def test_columns_cannot_be_named(tmp_path: Path) -> None:
    path = pair(tmp_path, "images.idx", "labels.idx")
    with pytest.raises(SettingError, match=r"images\.idx: 'target' is a setting for a table, but this holds arrays"):
        load(path, target="y")


def header(kind: int, *shape: int) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)


BROKEN = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello, world", "expected an IDX file, which begins with 00 00, .*; found 68 65 6c 6c"),
    "wrong type": (header(0x0A, 2) + b"ab", "expected an IDX file.* found 00 00 0a 01"),
    "no axes": (header(0x08), "expected an IDX file.* found 00 00 08 00"),
    "more axes than arrays have": (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"a", "expected an IDX file"),
    "three bytes": (b"\0\0\x08", "expected an IDX file.* found 00 00 08"),
    "cut in the header": (header(0x08, 2, 3)[:-2], "cut off within its header of 2 axes"),
    "cut in the elements": (header(0x08, 2, 3) + b"abcde", r"expected 6 bytes .* shape \(2, 3\), found only 5"),
    "too many elements": (header(0x08, 2, 3) + b"abcdefg", r"expected 6 bytes .* shape \(2, 3\), found more"),
    "no elements": (header(0x08, 0, 3), r"expected 0 bytes .* shape \(0, 3\), found only 0"),
    "absurd size": (header(0x0E, *[2**32 - 1] * 3) + b"a" * 99, "found only 99"),
    "absurd size with an empty axis": (header(0x0E, 0, *[2**32 - 1] * 3), "found only 0"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_broken_files_are_refused(tmp_path: Path, case: str, packed: bool) -> None:
    content, sentence = BROKEN[case]
    path = tmp_path / "images.idx"
    path.write_bytes(gzip.compress(content) if packed and content else content)
    with pytest.raises(DataError, match=sentence) as caught:
        load_like(path, ())
    assert str(caught.value).startswith(f"{path}: ")


def test_an_absurd_size_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "images.idx"
    path.write_bytes(header(0x0E, 60_000, 1000, 1000) + b"a" * 1000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="found only 1,000"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_damage_anywhere_in_a_gzip_file_is_found(tmp_path: Path) -> None:
    whole = tmp_path / "whole.idx.gz"
    write_idx(whole, IMAGES)
    good, path = whole.read_bytes(), tmp_path / "part.idx.gz"
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(DataError, match=r"part\.idx\.gz"):
            read_idx(path)
    # Bytes 4 to 9 hold the time, a hint and the system of origin: they do not matter to the content.
    for place in set(range(len(good))) - set(range(4, 10)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        with pytest.raises(DataError, match=r"part\.idx\.gz"):
            read_idx(path)


@pytest.mark.parametrize(
    "array",
    [np.array([1, 2], np.int64), np.array(["a"]), np.array([True], np.bool_), np.uint8(3)],
    ids=["int64", "text", "bool", "scalar"],
)
def test_only_what_the_format_knows_is_written(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "out.idx"
    with pytest.raises(DataError, match="expected an array of one of uint8, int8, int16, int32, float32, float64"):
        write_idx(path, array)
    assert not path.exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.idx"
    path.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"out\.idx: cannot be written: File exists"):
        write_idx(path, IMAGES)
    assert path.read_bytes() == b"mine"
