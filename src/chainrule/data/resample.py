"""Images read at other places than their pixels: what moves, turns and zooms them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]
Coordinates: TypeAlias = tuple[NDArray[Any], NDArray[Any]]  # rows and columns that broadcast to (n, h, w)
BLOCK = 1 << 13  # pixels at a time: their coordinates and neighbours stay in the processor's cache


def sampled(image: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any], fill: str) -> NDArray[Any]:
    """image (n, h, w, ...) at those rows and columns, in pixels from the first: (n, h, w, ...), of the same dtype.

    Between pixels, numbers are interpolated bilinearly, codes (whole numbers) taken from the nearest pixel. Outside, the
    image goes on with the pixels of its edge (fill "edge") or with zeros ("zero").
    """
    n, h, w = image.shape[:3]
    size, result = max(1, BLOCK // (h * w)), np.empty_like(image)
    rows, columns = (np.broadcast_to(at, (n, *at.shape[1:])) for at in (rows, columns))
    for block in (slice(i, i + size) for i in range(0, n, size)):
        result[block] = _sampled(image[block], rows[block], columns[block], border=int(fill == "zero"))
    return result


def _sampled(image: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any], border: int) -> NDArray[Any]:
    """Within a border of so many zeros."""
    frame = ((0, 0), (border, border), (border, border), *((0, 0),) * (image.ndim - 3))
    padded = np.pad(image, frame) if border else image
    down, across = (
        np.clip(at + border, 0, size - 1) for at, size in zip((rows, columns), padded.shape[1:3], strict=True)
    )
    if image.dtype.kind in "iu":
        down, across = np.rint(down), np.rint(across)
    if image.dtype.kind in "iu" or down.dtype.kind == "i":
        return _taken(padded, _index(padded, down, across))
    return _between_pixels(padded, down, across)


def _between_pixels(image: Float32, rows: Float32, columns: Float32) -> Float32:
    """The four pixels around a place, each weighed by how near it is."""
    h, w = image.shape[1:3]
    top, left = (np.clip(np.floor(at), 0, max(size - 2, 0)) for at, size in ((rows, h), (columns, w)))
    below, right = w * (h > 1), int(w > 1)  # how far the neighbours are in memory; none beside a lone row or column
    index, down, across = _index(image, top, left), rows - top, columns - left
    # A channel after the other: NumPy is slow where a weight meets a last axis of three.
    planes = np.moveaxis(image.reshape(-1, image.shape[3]), -1, 0).copy()
    upper, lower = (
        _mixed(np.take(planes, at, axis=1), np.take(planes, at + right, axis=1), across)
        for at in (index, index + below)
    )
    return np.moveaxis(_mixed(upper, lower, down), 0, -1)


def _index(image: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.intp]:
    """Where those pixels are among all of the batch."""
    n, h, w = image.shape[:3]
    first = (np.arange(n) * (h * w))[:, None, None]
    index: NDArray[np.intp] = first + rows.astype(np.intp) * w + columns.astype(np.intp)
    return index


def _taken(image: NDArray[Any], index: NDArray[np.intp]) -> NDArray[Any]:
    """np.take is fast on contiguous numbers of one axis, less so on rows of numbers, and far less without `clip`."""
    rest = image.shape[3:]
    flat = image.reshape(-1) if rest in ((), (1,)) else image.reshape(-1, *rest)
    return np.take(flat, index, axis=0, mode="clip").reshape(*index.shape, *rest)


def _mixed(a: Float32, b: Float32, share: Float32) -> Float32:
    """a (1 - share) + b share, exact at both ends, in their memory."""
    a *= 1 - share
    b *= share
    b += a
    return b
