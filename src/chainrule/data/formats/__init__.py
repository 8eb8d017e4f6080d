"""One file per format, one row per suffix. To add a format: a file here, a row in FORMATS.

A reader takes a path and whether labels are wanted. It returns a `Table` (cells as text), or arrays: (x, y), or (x,)
without labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...errors import DataError
from ..table import Table
from . import csv, idx, npz

Reader = Callable[[Path, bool], Table | tuple[NDArray[Any], ...]]

FORMATS: dict[str, Reader] = {
    ".csv": lambda path, labels: csv.read(path),
    ".tsv": lambda path, labels: csv.read(path),
    ".npz": npz.read,
    ".idx": idx.read,
}
SHIPPED = {"digits": Path(__file__).with_name("digits.npz")}


def reader(path: Path) -> Reader:
    """By suffix, `.gz` aside; MNIST's own names, such as train-images-idx3-ubyte, count as .idx."""
    name = path.name.lower().removesuffix(".gz")
    suffix = ".idx" if re.search(r"[.-]idx\d(-[a-z]+)?$", name) else Path(name).suffix
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise DataError(f"expected a file that ends in {known} (gzipped: .csv.gz), found '{suffix or name}'", path)
    return FORMATS[suffix]
