"""IDX, the format of MNIST (Y. LeCun, C. Cortes, C. Burges): images in one file, their labels in another.

bytes 0-1   zero
byte  2     type of the elements, see TYPES
byte  3     number of axes d
d times     size of an axis, 4 bytes
rest        the elements, last axis fastest                    all numbers big-endian
"""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError
from .files import opened, take

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
MOST_AXES = 64  # NumPy's own limit


def read(path: Path, labels: bool) -> tuple[NDArray[Any], ...]:
    """(images, labels), the labels from the file beside it that `labels_beside` finds; without `labels` (images,)."""
    return tuple(map(read_idx, (path, labels_beside(path)) if labels else (path,)))


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """One array, values as in the file; gzip is seen through. DataError unless every byte is accounted for."""
    path = Path(path)
    file = opened(path)
    magic = take(file, 4, path)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= MOST_AXES:
        known = "00 00, a type from 08 to 0e, the number of axes"
        raise DataError(f"expected an IDX file, which begins with {known}; found {magic.hex(' ')}", path)
    dtype = np.dtype(f">{TYPES[magic[2]]}")
    sizes = take(file, 4 * magic[3], path)
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"the file is cut off within its header of {magic[3]} axes", path)
    shape = struct.unpack(f">{magic[3]}I", sizes)
    promised = math.prod(shape) * dtype.itemsize
    data = take(file, promised + 1, path)
    if len(data) != promised or not data:
        found = "more" if len(data) > promised else f"only {len(data):,}"
        raise DataError(f"expected {promised:,} bytes of elements for the shape {shape}, found {found}", path)
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write one array, gzipped when the name ends in .gz.

    The dtype is one of uint8, int8, int16, int32, float32, float64; nothing that exists is overwritten. DataError.
    """
    path, values = Path(path), np.asarray(array)
    kinds = {kind: code for code, kind in TYPES.items()}
    if (kind := values.dtype.str[1:]) not in kinds or values.ndim == 0:
        known = ", ".join(str(np.dtype(kind)) for kind in kinds)
        raise DataError(f"expected an array of one of {known}, found {values.dtype}, shape {values.shape}", path)
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, kinds[kind], values.ndim, *values.shape)
    data = head + values.astype(f">{kind}").tobytes()
    try:
        with path.open("xb") as file:
            file.write(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as failure:
        raise DataError(f"cannot be written: {failure.strerror}", path) from None


def labels_beside(path: Path) -> Path:
    """train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte.gz, images.idx -> labels.idx, gzipped or not."""
    if "images" not in path.name:
        raise DataError("expected 'images' in the file's name, to find the labels file beside it by its name", path)
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels"))
    bare = name.removesuffix(".gz")
    wanted = [path.with_name(n) for n in dict.fromkeys((name, bare, f"{bare}.gz"))]
    for candidate in wanted:
        if candidate.is_file():
            return candidate
    raise DataError(f"expected its labels beside it, looked for {' and '.join(p.name for p in wanted)}", path)
