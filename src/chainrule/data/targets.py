"""What is to be predicted -> class codes, yes/no labels or numbers; the dtype says which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError, require
from .arrays import cell, finite, plain, some

Task: TypeAlias = Literal["classes", "labels", "numbers"]
TaskChoice: TypeAlias = Literal["auto", "classes", "labels", "numbers"]  # what `load` may be told
Label: TypeAlias = int | str
TASKS: dict[str, Task] = {"i": "classes", "b": "labels", "f": "numbers"}  # by the kind of y's dtype
NAMES = (str, bool, int)  # what a class may be called; a truth value is an int too
SEVERAL = (
    "for one-hot labels give y.argmax(axis=1), for several yes/no labels per row y.astype(bool), for several numbers per "
    "row floats, for one class per position say which classes there are: classes=range(10)"
)


def targets(y: ArrayLike, classes: Sequence[Label] = ()) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """float32 numbers (n, k); int64 codes (n,) or (n, ...) and their classes; or bool labels (n, k) and their names.

    With `classes` whole numbers are codes already, over any number of axes, and text is looked up.
    """
    array, classes = plain(y, "y"), named(classes)
    if array.dtype.kind == "b" and array.ndim == 2:
        return labels(array, classes)
    if classes:
        return (encoded(array, classes) if array.dtype.kind == "U" else codes(array, len(classes))), classes
    if array.dtype.kind == "f":
        return numbers(array), ()
    found, inverse = np.unique(one_class_each(array), return_inverse=True)
    return inverse.astype(np.int64), tuple(found.tolist())


def labels(array: NDArray[np.bool_], names: tuple[Label, ...] = ()) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """Yes or no for each of k labels, and the names of the labels: "0", "1", ... if none are given."""
    count = array.shape[1]
    if not count or (names and len(names) != count):
        wanted = len(names) or "at least 1"
        raise DataError(f"expected {wanted} columns of yes/no labels in y, found the shape {array.shape}")
    return np.ascontiguousarray(array), names or numbered(count)


def numbered(count: int) -> tuple[Label, ...]:
    """What labels are called that were given no names."""
    return tuple(str(i) for i in range(count))


def named(classes: Sequence[Label]) -> tuple[Label, ...]:
    """The names of classes as Python's own: text, whole numbers or truth values, all of one kind, each once."""
    names: tuple[Any, ...] = tuple(name.item() if isinstance(name, np.generic) else name for name in classes)
    kinds = {next((kind for kind in NAMES if isinstance(name, kind)), type(name)): name for name in names}
    if len(kinds) > 1 or not kinds.keys() <= set(NAMES):
        raise DataError(
            f"expected classes that are all text or all whole numbers, found {some([*map(repr, kinds.values())])}"
        )
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DataError(f"expected every class once in classes, found {twice!r} again")
    return names


def names_of(target: str, targets: Sequence[str], y: NDArray[Any]) -> tuple[str, tuple[str, ...]]:
    """What is predicted, as it is shown, and its names one by one."""
    names = (targets,) if isinstance(targets, str) else tuple(targets) or ((target,) if target else ())
    shown = ", ".join(names)
    require("Dataset", "targets", targets, target in ("", shown), f"the names that 'target' shows, {target!r}")
    if len(names) > 1 and y.dtype.kind == "f" and len(names) != y.shape[1]:
        raise DataError(f"expected a name for each of the {y.shape[1]} columns of y in targets, found {len(names)}")
    return shown, names


def numbers(array: NDArray[Any]) -> NDArray[np.float32]:
    """float32 (n, k) from (n,) or (n, k); more axes stay as they are: an image to predict, a number for every step."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"expected numbers in y, found dtype {array.dtype}")
    if array.ndim == 0 or 0 in array.shape[1:]:
        raise DataError(f"expected y as (rows,), (rows, outputs) or (rows, ...), found the shape {array.shape}")
    return finite(array[:, None] if array.ndim == 1 else array, "y")


def one_class_each(array: NDArray[Any]) -> NDArray[Any]:
    """Classes as (n,), from (n,) or (n, 1); or of every pixel as (n, h, w), from (n, h, w) or (n, h, w, 1)."""
    array = discrete(array)
    if array.ndim in (2, 4) and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (1, 3):
        raise DataError(f"expected one label per row in y, found the shape {array.shape}; {SEVERAL}")
    return array


def discrete(array: NDArray[Any]) -> NDArray[Any]:
    """Refuse what cannot be the name of a class."""
    if array.dtype == np.uint64 and array.size and (most := array.max()) >= 2**63:
        place = tuple(int(i) for i in np.unravel_index(int(array.argmax()), array.shape))
        raise DataError(
            f"expected whole numbers below 2^63 as labels in y, found {most} in row {place[0]} (counted from 0)"
        )
    if array.dtype.kind not in "biuU":
        raise DataError(f"expected whole numbers, truth values or text as labels in y, found dtype {array.dtype}")
    return array


def codes(array: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Class codes, each in 0..count-1: of every row (n,), or of every position (n, ...)."""
    if array.ndim == 0 or array.dtype.kind not in "iu":
        raise DataError(
            "expected one class code per row in y (or one per position), whole numbers, "
            f"found dtype {array.dtype}, shape {array.shape}"
        )
    if array.size and not (array.min() >= 0 and array.max() < count):
        place = tuple(int(i) for i in np.argwhere((array < 0) | (array >= count))[0])
        inside = f", {cell(place[1:])}" if len(place) > 1 else ""
        raise DataError(
            f"expected class codes 0 to {count - 1} in y, found {array[place]} in row {place[0]}{inside} "
            "(counted from 0)"
        )
    return array.astype(np.int64, copy=False)


def encoded(y: ArrayLike, classes: Sequence[Label]) -> NDArray[np.int64]:
    """Labels -> the codes they have in `classes`; an unknown label is an error that lists the known ones."""
    found, inverse = np.unique(discrete(plain(y, "y")), return_inverse=True)
    known = {label: code for code, label in enumerate(classes)}
    for label in found.tolist():
        if label not in known:
            raise DataError(f"expected the classes of the training rows ({some(classes)}), found {label!r}")
    return np.array([known[label] for label in found.tolist()], dtype=np.int64)[inverse]


def for_task(y: NDArray[Any], task: str) -> NDArray[Any]:
    """Labels of a file, with the dtype that makes them classes, labels or numbers, as `task` asks."""
    if task == "auto" or (task == "classes" and y.dtype.kind != "f"):
        return y
    if y.dtype.kind not in "biuf":
        raise DataError(f"expected numbers in y for task='{task}', found dtype {y.dtype}")
    if task == "numbers":
        return y.astype(np.float64)
    if task == "labels":
        return yes_no(y)
    if not are_whole(y):
        raise DataError("expected whole numbers in y for task='classes', found fractions; give whole numbers or text")
    return y.astype(np.int64)


def yes_no(y: NDArray[Any]) -> NDArray[np.bool_]:
    """0 and 1 -> False and True, (n, k)."""
    if not ((y == 0) | (y == 1)).all():
        raise DataError(f"expected 0 or 1 in y for task='labels', found values from {y.min()} to {y.max()}")
    return y.astype(bool).reshape(len(y), -1)


def are_whole(values: NDArray[Any]) -> bool:
    """Whether all are whole numbers, small enough to be exact in float64."""
    return bool(((values == np.rint(values)) & (np.abs(values) < 2**53)).all())


def weights_of(weights: ArrayLike | None, count: int) -> NDArray[np.float32] | None:
    """What each row counts, float32 (n,): finite, not negative."""
    if weights is None:
        return None
    array = plain(weights, "weights")
    if array.dtype.kind not in "biuf" or array.shape != (count,):
        raise DataError(
            f"expected one weight per row, numbers of shape ({count},), found dtype {array.dtype}, shape {array.shape}"
        )
    with np.errstate(over="ignore"):
        cast = array.astype(np.float32)
    bad = ~(np.isfinite(cast) & (cast >= 0))
    if bad.any():
        row = int(bad.argmax())
        limit = "; float32 holds numbers below 3.4e38" if np.isfinite(array[row]) and array[row] > 0 else ""
        raise DataError(
            f"expected finite weights of at least 0, found {array[row]} in row {row} (counted from 0){limit}"
        )
    return cast
