"""Rows that are read when they are asked for: data that is larger than memory, or decoded from files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..errors import DataError, PositionError
from . import arrays

CHUNK = 1 << 22  # values converted at a time when everything is asked for
LARGE = 1 << 28  # bytes as float32 from which on a format is not decoded as a whole


class Source(Protocol):
    """What rows can be read from: a memory map, an HDF5 or Zarr array, a folder of images."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, rows: Any, /) -> Any: ...


class Rows:
    """x of a Dataset that stays where it is: `rows[i:j]`, `rows[numbers]`, `rows[mask]` give float32 arrays.

        x = cr.data.Rows(np.load("x.npy", mmap_mode="r"))     # a Dataset does this to a memory map by itself
        cr.Dataset(x, y)

    source   anything with `shape`, `dtype` and rows by slice and by ascending row numbers; values of any number type
    index    which of its rows these are, int64 (n,); None for all. `take` makes a further choice without reading
    missing  whether NaN may be among the values
    signals  whether (n, a, b) are signals (n, length, channels); else images (n, h, w), which get one channel

    Values are checked as they are read: DataError names the row of the source that holds NaN or infinity, or text.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self, source: Source, index: NDArray[np.int64] | None = None, *, missing: bool = False, signals: bool = False
    ) -> None:
        self.source: Source = arrays.numeric(_source(source))
        self.index, self.missing, self.signals = index, missing, signals
        grey = len(source.shape) == 3 and not signals
        count = source.shape[0] if index is None else len(index)
        self.shape: tuple[int, ...] = (count, *map(int, source.shape[1:]), *((1,) if grey else ()))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<Rows {self.shape} of {type(self.source).__name__} {np.dtype(self.source.dtype)}>"

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        """The rows of a slice, of row numbers or of a mask, read now; of a single number its row without the first axis."""
        if isinstance(key, int | np.integer):
            only: NDArray[np.float32] = self[np.array([key])][0]
            return only
        numbers = self._numbers(key)
        found = arrays.with_channel(_read(self.source, numbers), self.signals)
        named = np.arange(numbers.start, numbers.stop) if isinstance(numbers, slice) else numbers
        return arrays.finite(found, "x", missing=self.missing, rows=named)

    def take(self, index: Any) -> Rows:
        """A choice of these rows, in the order of `index` (row numbers, a slice or a mask); nothing is read."""
        numbers = self._numbers(index)
        if isinstance(numbers, slice):
            numbers = np.arange(numbers.start, numbers.stop, dtype=np.int64)
        return Rows(self.source, numbers, missing=self.missing, signals=self.signals)

    def checked_for(self, *, missing: bool, signals: bool) -> Rows:
        """The same rows under other rules for missing values and for the channel axis."""
        return Rows(self.source, self.index, missing=missing, signals=signals or self.signals)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """All of them, in memory."""
        if copy is False:
            raise ValueError("Rows are read anew each time: an array of them is always a copy")
        out = np.empty(self.shape, np.float32)
        step = max(1, CHUNK // max(1, int(np.prod(self.shape[1:]))))
        for start in range(0, len(self), step):
            out[start : start + step] = self[start : start + step]
        return out if dtype is None else out.astype(dtype, copy=False)

    def _numbers(self, key: Any) -> slice | NDArray[np.int64]:
        """The rows of the source: a slice of step 1, or their numbers."""
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if self.index is None and step == 1:
                return slice(start, max(start, stop))
            key = np.arange(start, stop, step, dtype=np.int64)
        chosen = self._in_range(key)
        return chosen if self.index is None else self.index[chosen]

    def _in_range(self, asked: Any) -> NDArray[np.int64]:
        """Row numbers from 0, of a mask or of numbers that may count from the end."""
        key = np.asarray(asked)
        if key.dtype.kind == "b" and key.shape == (len(self),):
            return np.flatnonzero(key)
        if isinstance(asked, tuple) or key.ndim != 1 or (key.size and key.dtype.kind not in "iu"):
            raise PositionError(
                f"rows are picked by a slice, by row numbers or by a mask of {len(self):,} truth values; "
                f"found dtype {key.dtype}, shape {key.shape}"
            )
        out = key[(key < -len(self)) | (key >= len(self))]
        if out.size:
            raise PositionError(f"row {out[0]} is outside the {len(self):,} rows")
        numbers = key.astype(np.int64)
        return np.where(numbers < 0, numbers + len(self), numbers)


def kept(x: ArrayLike | Rows, *, missing: bool = False, signals: bool = False) -> NDArray[np.float32] | Rows:
    """x of a Dataset: a memory map and Rows stay on the disk, all else becomes a checked array."""
    if isinstance(x, Rows):
        return x.checked_for(missing=missing, signals=signals)
    if isinstance(x, np.memmap):
        return Rows(x, missing=missing, signals=signals)
    return arrays.features(x, missing=missing, signals=signals)


def _source(given: Any) -> Source:
    """Refuse what rows cannot be read from, such as a list."""
    if any(not hasattr(given, name) for name in ("shape", "dtype", "__getitem__")):
        raise DataError(
            "expected rows of an array, or of what has `shape`, `dtype` and rows by number as an array has, "
            f"found {type(given).__name__}; a Dataset takes lists as they are"
        )
    source: Source = given
    return source


def _read(source: Source, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
    """Rows in any order, with repeats; a file is read forwards, each row once."""
    if isinstance(rows, slice):
        return np.asarray(source[rows])
    ascending, place = np.unique(rows, return_inverse=True)
    if _touching(ascending):
        found = np.asarray(source[int(ascending[0]) : int(ascending[-1]) + 1])
    else:
        found = np.asarray(source[ascending])
    return found if np.array_equal(place, np.arange(len(ascending))) else found[place]


def _touching(ascending: Sequence[int] | NDArray[np.int64]) -> bool:
    """Whether ascending numbers leave none out."""
    return len(ascending) > 0 and int(ascending[-1]) - int(ascending[0]) == len(ascending) - 1
