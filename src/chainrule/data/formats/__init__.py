"""One file per format, one row per suffix or kind of folder. To add a format: a file here, a row in FORMATS or FOLDERS.

A reader takes a path and whether labels are wanted. It returns a `Table`, or arrays: (x, y), or (x,) without labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ...errors import DataError
from ..rows import Rows
from ..table import Table
from . import cifar, csv, idx, images, npy, npz, parquet
from .npz import PAIRS

Arrays: TypeAlias = tuple[NDArray[Any] | Rows, ...]
Reader: TypeAlias = Callable[[Path, bool], Table | Arrays]

FORMATS: dict[str, Reader] = {
    ".csv": lambda path, labels: csv.read(path),
    ".tsv": lambda path, labels: csv.read(path),
    ".parquet": lambda path, labels: parquet.read(path),
    ".npz": npz.read,
    ".npy": npy.read,
    ".idx": idx.read,
    ".bin": cifar.read,
}
FOLDERS: dict[str, tuple[Callable[[Path], bool], Reader]] = {
    "x.npy and y.npy": (lambda path: any((path / f"{x}.npy").is_file() for x, _ in PAIRS), npy.read_folder),
    "CIFAR's data_batch_1.bin, ... or train.bin": (cifar.is_folder, cifar.read_folder),
}
SHIPPED = {"digits": Path(__file__).with_name("digits.npz")}


def reader(path: Path) -> Reader:
    """By suffix, `.gz` aside; MNIST's own names, such as train-images-idx3-ubyte, count as .idx; a folder by its files."""
    if path.is_dir():
        return folder_reader(path)
    name = path.name.lower().removesuffix(".gz")
    suffix = ".idx" if re.search(r"[.-]idx\d(-[a-z]+)?$", name) else Path(name).suffix
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise DataError(f"expected a file that ends in {known} (gzipped: .csv.gz), found '{suffix or name}'", path)
    return FORMATS[suffix]


def folder_reader(path: Path) -> Reader:
    """The first kind of folder that it is."""
    for is_one, read in FOLDERS.values():
        if is_one(path):
            return read
    raise DataError(f"expected a folder with {', '.join(FOLDERS)}, or a folder of images for each class", path)


def holds_images(path: Path) -> bool:
    """Whether it is a folder of images, and none of FOLDERS."""
    return path.is_dir() and not any(is_one(path) for is_one, _ in FOLDERS.values()) and images.is_folder(path)
