"""Typed columns -> a `Table`: a pandas or polars DataFrame, or what a typed file holds. Neither package is imported."""

from __future__ import annotations

import math
import numbers
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..table import Table

NAME = "DataFrame"  # in place of a file's name
NOTHING = ("NAType", "NaTType", "NoneType")  # types of pandas' and Python's "nothing here"


def is_frame(source: object) -> bool:
    """Whether it is a DataFrame, by what it can do."""
    return hasattr(source, "columns") and hasattr(source, "dtypes")


def read(frame: Any) -> Table:
    """The columns of a DataFrame; its index is left alone, and rows are counted from 0."""
    names = list(frame.columns)
    once([str(name) for name in names], NAME)
    columns = ((str(name), frame[name]) for name in names)
    return typed(NAME, ((name, c.to_numpy(), str(c.dtype) == "category") for name, c in columns))


def typed(file: str, columns: Iterable[tuple[str, NDArray[Any], bool]]) -> Table:
    """A table of columns that know their type, each with its name and whether its values are categories."""
    cells: dict[str, Sequence[str]] = {}
    types: dict[str, str] = {}
    for name, values, category in columns:
        types[name], cells[name] = column(values, category)
    count = min(map(len, cells.values()), default=0)
    if not count:
        raise DataError("expected columns with rows, found none", file)
    known = {(n, gaps): c.values for n, c in cells.items() if isinstance(c, Numbers) for gaps in (False, True)}
    return Table(file, cells, np.arange(count, dtype=np.int64), dict(known), types)


class Numbers(Sequence[str]):
    """The cells of a column that is numbers already: text only where a sentence quotes one."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        return [as_text(v) for v in self.values[row]] if isinstance(row, slice) else as_text(self.values[row])


def as_text(value: float) -> str:
    """As a CSV would write it: `3`, `0.1`, nothing for NaN."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value == np.rint(value) and abs(value) < 2**53 else repr(float(value))


def column(values: NDArray[Any], category: bool) -> tuple[str, Sequence[str]]:
    """What a column is, and its cells. Truth values are categories, as they are in a CSV."""
    if category or values.dtype.kind in "bUT":
        return "category", words(values.tolist())
    if values.dtype.kind in "iuf":
        return "number", Numbers(values.astype(np.float64))
    if values.dtype.kind != "O":
        return str(values.dtype), [""] * len(values)
    return of_objects(values.tolist())


def of_objects(values: list[Any]) -> tuple[str, Sequence[str]]:
    """By what the filled cells are: all text, all truth values or all numbers."""
    filled = [value for value in values if not is_nothing(value)]
    for kinds in (str, bool | np.bool_):
        if all(isinstance(value, kinds) for value in filled):
            return "category", words(values)
    if all(isinstance(value, numbers.Number) and not isinstance(value, bool | complex) for value in filled):
        return "number", Numbers(np.array([np.nan if is_nothing(v) else float(v) for v in values]))
    found = Counter(type(value).__name__ for value in filled)
    return f"values of type {' and '.join(sorted(found))}", [""] * len(values)


def words(values: list[Any]) -> list[str]:
    """Cells as text, empty where nothing stands."""
    return ["" if is_nothing(v) else as_text(v) if isinstance(v, float) else str(v) for v in values]


def is_nothing(value: object) -> bool:
    """None, NaN, and pandas' own."""
    return type(value).__name__ in NOTHING or (isinstance(value, float) and math.isnan(value))


def once(names: Sequence[str], file: str) -> None:
    """Refuse columns that share a name."""
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise DataError(f"expected every column name once, found this one {times} times; rename", file, None, name)
