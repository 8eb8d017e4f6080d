"""NPZ: several NumPy arrays in one file, as `np.savez("data.npz", x=x, y=y)` writes it."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..arrays import some
from .files import opened

PAIRS = (("x", "y"), ("X", "y"), ("data", "target"), ("images", "labels"), ("x_train", "y_train"))
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, KeyError, MemoryError, NotImplementedError)


def read(path: Path, labels: bool) -> tuple[NDArray[Any], ...]:
    """(x, y) by the first pair of names in PAIRS that is there; without `labels` (x,), which may be the only array.

    Of a file with x_train, y_train, x_test and y_test the training arrays are read and the test arrays left alone; hand
    those over as test=(x_test, y_test). Arrays of Python objects are refused: they are pickles, which can run code.
    """
    stream = opened(path)
    if not zipfile.is_zipfile(stream):
        raise DataError("expected an .npz file (a zip of NumPy arrays), found something else or a part of one", path)
    stream.seek(0)
    try:
        with np.load(stream, allow_pickle=False) as file:
            return tuple(np.asarray(file[key]) for key in chosen(list(file.files), labels, path))
    except DataError:
        raise
    except BROKEN as failure:
        raise DataError(f"expected NumPy arrays in a sound .npz file ({failure})", path) from None


def chosen(keys: list[str], labels: bool, path: Path) -> tuple[str, ...]:
    """The names to read."""
    for pair in PAIRS:
        wanted = pair if labels else pair[:1]
        if set(wanted) <= set(keys):
            return wanted
    if not labels and len(keys) == 1:
        return (keys[0],)
    pairs = ", ".join(" and ".join(pair) for pair in PAIRS)
    raise DataError(f"expected the arrays {pairs}; the file holds {some(keys) or 'none'}", path)
