"""Whatever a user holds -> checked arrays: float32 features, class codes or float32 numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError

Label = int | str
ROW_AXES = {2: "column {}", 4: "pixel ({}, {}), channel {}"}


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


def features(x: ArrayLike) -> NDArray[np.float32]:
    """(n, features), (n, h, w) or (n, h, w, c) -> float32, (n, h, w) with one channel added."""
    array = plain(x, "x")
    if array.dtype.kind not in "biuf":
        raise DataError(f"expected numbers in x, found dtype {array.dtype}")
    if array.ndim not in (2, 3, 4):
        raise DataError(
            "expected x as (rows, features), (rows, height, width) or (rows, height, width, channels), "
            f"found the shape {array.shape}{'; write x[:, None] for one feature' if array.ndim == 1 else ''}"
        )
    if array.size == 0:
        raise DataError(f"x is empty: its shape is {array.shape}")
    return finite(array[..., None] if array.ndim == 3 else array, "x")


def finite(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """float32, or a sentence that names the first row and column that float32 cannot hold."""
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype=np.float32)
    good = np.isfinite(cast)
    if not good.all():
        row, *rest = (int(i) for i in np.argwhere(~good)[0])
        raise DataError(
            f"expected finite numbers within float32's range in {name}, found {array[row, *rest]} "
            f"in row {row}, {ROW_AXES[array.ndim].format(*rest)} (counted from 0)"
        )
    return cast


def targets(y: ArrayLike, classes: tuple[Label, ...] = ()) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """Numbers as float32 (n, k), or class codes as int64 (n,) with their labels; codes stay when `classes` is given."""
    array = plain(y, "y")
    if classes:
        return codes(array, len(classes)), classes
    if array.dtype.kind == "f":
        return numbers(array), ()
    labels, inverse = np.unique(one_per_row(array), return_inverse=True)
    return inverse.astype(np.int64), tuple(labels.tolist())


def numbers(array: NDArray[Any]) -> NDArray[np.float32]:
    """float32 (n, k) from (n,) or (n, k)."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"expected numbers in y, found dtype {array.dtype}")
    if array.ndim not in (1, 2):
        raise DataError(f"expected y as (rows,) or (rows, outputs), found the shape {array.shape}")
    return finite(array[:, None] if array.ndim == 1 else array, "y")


def one_per_row(array: NDArray[Any]) -> NDArray[Any]:
    """Labels as (n,), from (n,) or (n, 1)."""
    if array.dtype.kind not in "biuU":
        raise DataError(f"expected whole numbers, truth values or text as labels in y, found dtype {array.dtype}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"expected one label per row in y, found the shape {array.shape}; "
            "for one-hot labels give y.argmax(axis=1), for several numbers per row give floats"
        )
    return array


def codes(array: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Class codes, each in 0..count-1."""
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(f"expected one class code per row in y, found dtype {array.dtype}, shape {array.shape}")
    if array.size and not (array.min() >= 0 and array.max() < count):
        raise DataError(f"expected class codes 0 to {count - 1} in y, found {array.min()} to {array.max()}")
    return array.astype(np.int64)


def encoded(y: ArrayLike, classes: Sequence[Label]) -> NDArray[np.int64]:
    """Labels -> the codes they have in `classes`; an unknown label is an error that lists the known ones."""
    found, inverse = np.unique(one_per_row(plain(y, "y")), return_inverse=True)
    known = {label: code for code, label in enumerate(classes)}
    for label in found.tolist():
        if label not in known:
            raise DataError(f"expected the classes of the training rows ({some(classes)}), found {label!r}")
    return np.array([known[label] for label in found.tolist()], dtype=np.int64)[inverse]


def for_task(y: NDArray[Any], task: str) -> NDArray[Any]:
    """Labels of a file, with the dtype that makes them classes or numbers, as `task` asks."""
    if task == "auto" or (task == "classes" and y.dtype.kind != "f"):
        return y
    if y.dtype.kind not in "biuf":
        raise DataError(f"expected numbers in y for task='numbers', found dtype {y.dtype}")
    if task == "numbers":
        return y.astype(np.float64)
    if not are_whole(y):
        raise DataError("expected whole numbers in y for task='classes', found fractions; give whole numbers or text")
    return y.astype(np.int64)


def are_whole(values: NDArray[Any]) -> bool:
    """Whether all are whole numbers, small enough to be exact in float64."""
    return bool(((values == np.rint(values)) & (np.abs(values) < 2**53)).all())


def some(items: Sequence[object], most: int = 12, join: str = ", ") -> str:
    """The first few of many: `a, b, c, ...`."""
    return join.join([str(item) for item in items[:most]] + ["..."] * (len(items) > most))
