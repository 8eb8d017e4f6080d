"""load: a file becomes a Dataset; load_like: a file becomes features, encoded as in training."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, SettingError, nearest, require
from . import arrays, table
from .dataset import Column, Dataset
from .formats import SHIPPED, reader
from .table import Table


@dataclass(frozen=True, eq=False)
class Features:
    """Rows to predict: x as in `Dataset`, the line or index of each row, and the text of the target column, if the file
    has it (else empty)."""

    x: NDArray[np.float32]
    where: NDArray[np.int64]
    answers: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)


def load(
    source: str | os.PathLike[str],
    *,
    target: str | None = None,
    ignore: Sequence[str] = (),
    task: Literal["auto", "classes", "numbers"] = "auto",
) -> Dataset:
    """A dataset from a file, or by the name of one that is shipped ("digits": 1,797 images 8x8x1, values 0 to 16).

    source  .csv, .tsv (also .gz): a header line, then one row a line. `target` names the column to predict; the columns
            in `ignore` are left out. A column is of numbers when at least half of its filled cells are numbers, else of
            categories, one-hot encoded; see `Dataset.types`.
            .npz: arrays x and y, X and y, data and target, images and labels, or x_train and y_train (x_test and y_test
            are left alone). .idx, and MNIST's own names (also .gz): images, with the labels in the file beside them.
    task    "classes" or "numbers" says what the target is; "auto": text is classes; in a table whole numbers are when
            there are at most 20 distinct ones, fewer than half the rows; in arrays whole numbers are.

    DataError names file, line and column; SettingError for a wrong `task`, or `target` where there are no columns.
    """
    require("load", "task", task, task in ("auto", "classes", "numbers"), "'auto', 'classes' or 'numbers'")
    path = located(source)
    with naming(path):
        found = reader(path)(path, True)
        if isinstance(found, Table):
            data = table.dataset(found, target, ignore, task, stem(path))
        elif target is not None or ignore:
            raise SettingError(f"{path}: target and ignore name columns of a table, but this file holds arrays")
        else:
            x, y = found
            data = Dataset.of(x, arrays.for_task(y, task), name=stem(path))
        data.check_learnable()
    return data


def load_like(source: str | os.PathLike[str], columns: tuple[Column, ...], *, target: str = "") -> Features:
    """Rows to predict, encoded by the columns of a training table, matched by name in any order.

    Further columns of the file are not read, but for the target's, when it is there. Arrays and images (columns empty)
    are taken without their labels. DataError for a missing column, a category that training did not have, and all that
    `load` refuses.
    """
    path = located(source)
    with naming(path):
        found = reader(path)(path, False)
        if not isinstance(found, Table):
            x = arrays.features(found[0])
            return Features(x, np.arange(len(x), dtype=np.int64))
        if not columns:
            raise DataError("expected an .npz or .idx file: the training data was arrays, without named columns")
        if missing := [column.name for column in columns if column.name not in found.cells]:
            held = arrays.some(list(found.cells), 40)
            raise DataError(f"expected the columns of the training, missing: {', '.join(missing)}; the file has {held}")
        return Features(table.encode(found, columns), found.lines, found.cells.get(target, ()))


def located(source: str | os.PathLike[str]) -> Path:
    """The path of a shipped dataset or of a file that is there."""
    if source in SHIPPED:
        return SHIPPED[str(source)]
    path = Path(source).expanduser()
    if path.is_dir():
        raise DataError("expected a file, found a folder", path)
    if not path.exists():
        beside = [file.name for file in path.parent.glob("*") if file.is_file()]
        near = nearest(path.name, [*SHIPPED, *beside])
        raise DataError(f"there is no such file{near if near.startswith('; did you mean') else ''}", path)
    return path


def stem(path: Path) -> str:
    """The file's name without its suffix and `.gz`."""
    return Path(path.name.removesuffix(".gz")).stem


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A DataError from arrays does not know its file: add it."""
    try:
        yield
    except DataError as error:
        if error.file is not None:
            raise
        raise DataError(str(error), path) from None
