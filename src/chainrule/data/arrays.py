"""Whatever a user holds -> checked arrays of numbers in float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError

ROW_AXES = {2: "column {}", 3: "step {}, column {}", 4: "pixel ({}, {}), channel {}"}
CHUNK = 1 << 20  # values looked at at a time, so that a check needs no second array as large as the first
FILL = 'have missing values (NaN) filled with --missing fill (missing="fill")'


def plain(values: ArrayLike, name: str) -> NDArray[Any]:
    """A NumPy array that holds no Python objects; a column of Python strings, as pandas keeps it, becomes text."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(f"expected rows of one length in {name}, found rows of different lengths") from None
    if array.dtype.kind == "O" and array.size and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.dtype.kind == "O":
        raise DataError(
            f"expected numbers in {name}, found Python objects (dtype object); "
            "turn text and missing values into numbers first"
        )
    return array


def features(x: ArrayLike, *, missing: bool = False, signals: bool = False) -> NDArray[np.float32]:
    """(n, features), (n, h, w), (n, h, w, c) or more axes -> float32.

    (n, h, w) gets one channel, unless they are `signals` (n, length, channels). `missing` lets NaN through.
    """
    array = numeric(plain(x, "x"))
    return finite(with_channel(array, signals), "x", missing=missing)


def of_numbers(x: Any) -> Any:
    """Refuse x of text, complex numbers or dates; only its dtype is looked at."""
    dtype = np.dtype(x.dtype)
    if dtype.kind not in "biuf":
        raise DataError(f"expected numbers in x, found dtype {dtype}")
    return x


def numeric(x: Any) -> Any:
    """Refuse x that holds no numbers, no rows or no features; only dtype and shape are looked at."""
    shape = tuple(x.shape)
    of_numbers(x)
    if len(shape) < 2:
        raise DataError(
            "expected x as (rows, features), (rows, height, width) or (rows, height, width, channels), "
            f"found the shape {shape}{'; write x[:, None] for one feature' if len(shape) == 1 else ''}"
        )
    if 0 in shape:
        raise DataError(f"x is empty: its shape is {shape}")
    return x


def with_channel(array: NDArray[Any], signals: bool) -> NDArray[Any]:
    """Grey images (n, h, w) get their one channel."""
    return array[..., None] if array.ndim == 3 and not signals else array


def finite(
    array: NDArray[Any], name: str, *, missing: bool = False, rows: NDArray[np.int64] | None = None, advice: str = FILL
) -> NDArray[np.float32]:
    """float32, or a sentence that names the first row and column that float32 cannot hold.

    `missing` lets NaN through; `rows` are the numbers by which a sentence calls the rows; `advice` is for NaN in x.
    """
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype=np.float32)
    if array.dtype.kind == "f" and (bad := first_bad(cast, missing)) is not None:
        place = tuple(int(i) for i in np.unravel_index(bad, array.shape))
        row, value = place[0] if rows is None else int(rows[place[0]]), array[place]
        raise DataError(
            f"expected finite numbers within float32's range in {name}, found {value} "
            f"in row {row}, {cell(place[1:])} (counted from 0){f'; {advice}' if np.isnan(value) and name == 'x' else ''}"
        )
    return cast


def first_bad(values: NDArray[np.float32], missing: bool) -> int | None:
    """The place, in C order, of the first value that is infinite, or NaN unless that is `missing`."""
    flat = values.reshape(-1)
    for start in range(0, flat.size, CHUNK):
        part = flat[start : start + CHUNK]
        good = ~np.isinf(part) if missing else np.isfinite(part)
        if not good.all():
            return start + int(good.argmin())
    return None


def cell(place: Sequence[int]) -> str:
    """Where in its row a value stands."""
    return ROW_AXES.get(len(place) + 1, f"position {tuple(place)}").format(*place)


class Brief:
    """A value as a sentence quotes it: of arrays and lists only what they are, and how large."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        value, kind = self.value, type(self.value).__name__
        if isinstance(value, list | tuple):
            return f"{kind} of {len(value)} ({some([Brief(item) for item in value], 3)})"
        shape = getattr(value, "shape", None)
        text = repr(value) if shape is None else f"{kind} of shape {shape}"
        return text if len(text) <= 60 else f"{text[:57]}..."


def some(items: Sequence[object], most: int = 12, join: str = ", ") -> str:
    """The first few of many: `a, b, c, ...`."""
    return join.join([str(item) for item in items[:most]] + ["..."] * (len(items) > most))
