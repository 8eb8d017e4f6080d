"""CIFAR-10 and CIFAR-100, binary version (A. Krizhevsky, 2009; https://www.cs.toronto.edu/~kriz/cifar.html).

A record of CIFAR-10:   1 byte label 0-9,                        3,072 bytes image
A record of CIFAR-100:  1 byte coarse label 0-19, 1 byte fine label 0-99, 3,072 bytes image
An image is 1,024 bytes of red, then green, then blue, each 32 rows of 32 pixels. There is no header.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .files import contents

SIDE, PLANES = 32, 3
IMAGE = PLANES * SIDE * SIDE


@dataclass(frozen=True)
class Kind:
    """One of the two: how many labels stand before an image, and how many values the last of them, the one used, has."""

    name: str
    labels: int
    most: tuple[int, ...]
    names: str  # the file beside it with the names of the classes

    @property
    def record(self) -> int:
        return self.labels + IMAGE


TEN = Kind("CIFAR-10", 1, (10,), "batches.meta.txt")
HUNDRED = Kind("CIFAR-100", 2, (20, 100), "fine_label_names.txt")
BATCHES = "data_batch_*.bin"


def is_folder(path: Path) -> bool:
    """Whether it holds training files by the names of the original archives."""
    return any(path.glob(BATCHES)) or (path / "train.bin").is_file()


def read_folder(path: Path, labels: bool) -> tuple[NDArray[Any], ...]:
    """All of data_batch_1.bin to data_batch_5.bin, as one, or train.bin; test_batch.bin and test.bin are left alone."""
    files = sorted(path.glob(BATCHES)) or [path / "train.bin"]
    parts = [read(file, labels) for file in files]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def read(path: Path, labels: bool) -> tuple[NDArray[Any], ...]:
    """(images (n, 32, 32, 3), classes (n,)), values 0 to 255; classes by name where the file with the names is there.

    Of CIFAR-100 the fine labels. DataError unless the file is whole records with labels in their range.
    """
    raw = contents(path)
    kind = kind_of(path, len(raw))
    records = np.frombuffer(raw, np.uint8).reshape(-1, kind.record)
    codes = checked(records[:, : kind.labels], kind, path)
    images = records[:, kind.labels :].reshape(-1, PLANES, SIDE, SIDE).transpose(0, 2, 3, 1)
    return (np.ascontiguousarray(images), named(codes, kind, path)) if labels else (np.ascontiguousarray(images),)


def kind_of(path: Path, size: int) -> Kind:
    """By the file's name; under another name by its size."""
    name = path.name.removesuffix(".gz")
    fits = [kind for kind in (TEN, HUNDRED) if size % kind.record == 0]
    wanted = {"data": TEN, "test_": TEN, "train": HUNDRED, "test.": HUNDRED}
    said = [kind for begin, kind in wanted.items() if name.startswith(begin)]
    chosen = [kind for kind in said or fits if kind in fits]
    if not chosen:
        kinds = said or [TEN, HUNDRED]
        expected = " or ".join(f"{kind.record:,} bytes ({kind.name})" for kind in kinds)
        rest = ", ".join(f"{size % kind.record:,}" for kind in kinds)
        raise DataError(f"expected records of {expected}, found {size:,} bytes, which leaves {rest} over", path)
    return chosen[0]


def checked(labels: NDArray[np.uint8], kind: Kind, path: Path) -> NDArray[np.int64]:
    """The last label of every record, each in its range."""
    for place, most in enumerate(kind.most):
        bad = np.flatnonzero(labels[:, place] >= most)
        if len(bad):
            what = f"expected labels 0 to {most - 1} of {kind.name}, found {labels[bad[0], place]}"
            raise DataError(f"{what} in record {bad[0]} (counted from 0); is this file something else?", path)
    return labels[:, -1].astype(np.int64)


def named(codes: NDArray[np.int64], kind: Kind, path: Path) -> NDArray[Any]:
    """The names of the classes, or their numbers where no file with the names stands beside it."""
    beside = path.with_name(kind.names)
    if not beside.is_file():
        return codes
    names = [line for line in contents(beside).decode("utf-8", "replace").split("\n") if line.strip()]
    if len(names) != kind.most[-1]:
        raise DataError(f"expected {kind.most[-1]} names, one a line, found {len(names)}", beside)
    return np.array([name.strip() for name in names])[codes]
