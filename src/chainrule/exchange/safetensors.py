"""The safetensors format: 8 bytes little-endian N, N bytes of JSON (name -> dtype, shape, data_offsets), raw data.

Format: the safetensors project, version 0.4 on. It holds numbers and text only: nothing in a file is ever executed. Written
here so that saving a model needs no package beside NumPy; checked in the tests against the project's own reader and writer.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

DTYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
HEADER_LIMIT = 100_000_000  # bytes; the limit of the project's own reader


def save(path: str | Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write a file whole or not at all: an existing one stays until the new one is complete."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts: list[bytes] = []
    offset = 0
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        little = np.asarray(array, array.dtype.newbyteorder("<"))
        parts.append(little.tobytes())
        end = offset + len(parts[-1])
        header[name] = {"dtype": NAMES[little.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_whole(Path(path), b"".join([len(text).to_bytes(8, "little"), text, *parts]))


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one move, so that neither a crash nor a full disk leaves half of it."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def load(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays and the text metadata of a file; a ModelError says what is wrong with a broken one."""
    content = _read(Path(path))
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > HEADER_LIMIT or 8 + length > len(content):
        raise ModelError(f"{path}: not a safetensors file: its header does not fit into {len(content)} bytes")
    try:
        header = json.loads(content[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        data = memoryview(content)[8 + length :]
        return {name: _array(entry, data) for name, entry in header.items()}, metadata
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ModelError(f"{path}: a broken safetensors file: {problem}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read: {problem.strerror or problem}") from None


def _array(entry: Mapping[str, Any], data: memoryview) -> NDArray[Any]:
    """One array; its offsets must lie inside the data and agree with its shape."""
    dtype = np.dtype(DTYPES[entry["dtype"]])
    shape, (start, end) = tuple(entry["shape"]), entry["data_offsets"]
    if (
        min(shape, default=0) < 0
        or not 0 <= start <= end <= len(data)
        or end - start != math.prod(shape) * dtype.itemsize
    ):
        raise ValueError(f"an array of {shape} at bytes {start} to {end} of {len(data)}")
    return np.frombuffer(data[start:end], dtype).reshape(shape).astype(dtype.newbyteorder("="))
