"""Rows to predict, as the training had them: load_like from a file, rows_like from what a program holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ShapeError
from . import arrays, encode
from .dataset import Column, Missing, Place
from .formats import frame, images
from .read import Pictures, Source, located, naming, no_list, opened
from .rows import LARGE, Rows, kept
from .table import Table

ADVICE = 'only a model that was trained with missing="fill" takes missing values (NaN)'


@dataclass(frozen=True, eq=False)
class Features:
    """Rows to predict: x as in `Dataset`, the line or index of each row, and the text of the target column, if the file
    has it (else empty)."""

    x: NDArray[np.float32] | Rows
    where: NDArray[np.int64]
    answers: tuple[str, ...] = ()
    place: Place = "index"  # what `where` counts: lines of a file from 1, or rows from 0

    def __len__(self) -> int:
        return len(self.x)


def load_like(
    source: Source,
    columns: tuple[Column, ...],
    *,
    target: str = "",
    shape: Sequence[int] | None = None,
    missing: Missing = "refuse",
) -> Features:
    """Rows to predict, encoded by the columns of a training table, matched by name in any order.

    Further columns of the file are not read, but for the target's, when it is there. Arrays and images (columns empty)
    are taken without their labels, images also from a .csv with a column `file`; `shape`, that of one example in training,
    says what images are resized to, and that arrays of three axes are signals; `missing`, that of the training, whether
    NaN may be in arrays (the columns of a table say it themselves). DataError for a missing column, a category that
    training did not have, and all that `load` refuses.
    """
    place = frame.NAME if frame.is_frame(source) else located(source)
    with naming(place):
        found = opened(source, place, no_list if columns else images.names_files, labels=False)
        if isinstance(found, Table) and columns:
            return of_table(found, columns, target)
        if isinstance(found, Table):
            raise DataError(
                "expected arrays, as in .npz, .npy or .idx, or images: the training data had no named columns"
            )
        rows = found.rows(shape) if isinstance(found, Pictures) else found[0]
        x = kept(rows, missing=missing == "fill", signals=shape is not None and len(shape) == 2)
        if isinstance(found, Pictures) and found.table is not None:
            return Features(x, found.table.lines, place=found.table.place)
        return Features(x, np.arange(len(x), dtype=np.int64))


def of_table(found: Table, columns: Sequence[Column], target: str) -> Features:
    """The columns of the training, of a table that has them."""
    if missing := [column.name for column in columns if column.name not in found.cells]:
        held = arrays.some(list(found.cells), 40)
        raise DataError(f"expected the columns of the training, missing: {', '.join(missing)}; the file has {held}")
    return Features(encode.encode(found, columns), found.lines, tuple(found.cells.get(target, ())), found.place)


def frame_features(frame_: Any, missing: Missing = "refuse") -> tuple[NDArray[np.float32], tuple[Column, ...]]:
    """A DataFrame as the inputs of a `Dataset`: x, and the columns that `rows_like` encodes further rows by."""
    with naming(frame.NAME):
        table = frame.read(frame_)
        return encode.features(table, list(table.cells), missing == "fill")


def rows_like(
    x: Any, columns: Sequence[Column] = (), shape: tuple[int, ...] = (), missing: Missing = "refuse"
) -> NDArray[np.float32] | Rows:
    """Rows to predict, (n, *shape), float32: arrays, lists, `Rows` or a DataFrame, checked as those of the training were.

    columns  of the training's table: a DataFrame is matched to them by name; an array is taken to hold their features
    shape    of one example in training; one channel may be left out
    missing  "fill": NaN may be among the values

    Memory maps, and arrays that are large as float32 but are something else, become `Rows`. ShapeError for other shapes;
    DataError for values that are no numbers, or not finite, and for columns that do not fit.
    """
    if columns and frame.is_frame(x):
        with naming(frame.NAME):
            return of_table(frame.read(x), columns, "").x
    gaps = missing == "fill"
    if isinstance(x, Rows):
        lazy: Rows = _fitting(x.checked_for(missing=gaps, signals=len(shape) == 2), x, shape, columns)
        return lazy
    array = _fitting(arrays.of_numbers(arrays.plain(x, "x")), x, shape, columns)
    small = array.dtype == np.float32 or 4 * array.size <= LARGE
    if len(array) and (isinstance(array, np.memmap) or not small):
        return Rows(array, missing=gaps, signals=array.ndim == 3)
    return arrays.finite(array, "x", missing=gaps, advice=ADVICE)


def _fitting(rows: Any, given: Any, shape: tuple[int, ...], columns: Sequence[Column]) -> Any:
    """With their channel axis, or a sentence."""
    if rows.ndim == len(shape) and shape[-1:] == (1,) and not isinstance(rows, Rows):
        rows = rows[..., None]
    if rows.shape[1:] == shape and rows.ndim:
        return rows
    size = " x ".join(map(str, shape))
    names = arrays.some([repr(column.name) for column in columns], 4)
    table = f"; or give a DataFrame with the columns {names}" if columns else ""
    raise ShapeError(
        f"expected rows of {size} values, shape (n, {size}), found {np.shape(given)}; one row alone is x[None]{table}"
    )
