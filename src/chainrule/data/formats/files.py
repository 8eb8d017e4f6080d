"""Bytes of a file: gzip seen through, every failure a sentence."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from ...errors import DataError

GZIP = b"\x1f\x8b"
CHUNK = 1 << 20


def opened(path: Path) -> io.BufferedIOBase:
    """The file from its beginning, decompressed if it begins as gzip does, whatever its name."""
    try:
        raw = path.read_bytes()
    except OSError as failure:
        raise DataError(f"cannot be read: {failure.strerror}", path) from None
    if not raw:
        raise DataError("the file is empty", path)
    return gzip.GzipFile(fileobj=io.BytesIO(raw)) if raw.startswith(GZIP) else io.BytesIO(raw)


def contents(path: Path) -> bytes:
    """All its bytes."""
    return take(opened(path), None, path)


def take(file: io.BufferedIOBase, count: int | None, path: Path) -> bytes:
    """The next `count` bytes, or all; fewer where the file ends. Never asks for more memory than the file fills."""
    parts: list[bytes] = []
    left = float("inf") if count is None else count
    try:
        while left > 0 and (part := file.read(int(min(left, CHUNK)))):
            parts.append(part)
            left -= len(part)
    except (OSError, EOFError, zlib.error) as failure:
        raise DataError(f"the gzip data is damaged ({failure}); fetch or write the file again", path) from None
    return b"".join(parts)
