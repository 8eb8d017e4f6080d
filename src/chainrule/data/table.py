"""Table -> Dataset: which column is a number, which a category, which the target; and how each becomes features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, nearest
from .arrays import Label, are_whole, some
from .dataset import Column, Dataset

MOST_CATEGORIES = 100
MOST_INT_CLASSES = 20
# How tables write "nothing here"; in a column of numbers they get the advice for missing values.
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
IGNORE = "leave the column out with --ignore {0!r} (ignore=[{0!r}])"


@dataclass(frozen=True, eq=False)
class Table:
    """Cells as text, by column name, every column as long as `lines`: the line in the file of each row."""

    file: str
    cells: dict[str, tuple[str, ...]]
    lines: NDArray[np.int64]
    memo: dict[str, NDArray[np.float64] | None] = field(default_factory=dict)

    def parsed(self, name: str) -> NDArray[np.float64] | None:
        """A column as numbers, or None when a cell is none; done once, for it is much of the time of `load`."""
        if name not in self.memo:
            cells = self.cells[name]
            try:
                self.memo[name] = None if "_" in "".join(cells) else np.array([float(cell) for cell in cells])
            except ValueError:
                self.memo[name] = None
        return self.memo[name]

    def error(self, what: str, row: int | None = None, column: str | None = None) -> DataError:
        """A sentence that says where in the file."""
        return DataError(what, self.file, None if row is None else int(self.lines[row]), column)

    def require(self, name: str) -> None:
        """Refuse a column that is not there: lists all, suggests the nearest."""
        if name not in self.cells:
            near = nearest(name, self.cells)
            hint = near if near.startswith("; did you mean") else ""
            raise self.error(f"there is no column '{name}'; the columns are: {some(list(self.cells), 40)}{hint}")


def dataset(table: Table, target: str | None, ignore: Sequence[str], task: str, name: str) -> Dataset:
    """Guess the columns and encode them; see `load`."""
    ignored = {ignore} if isinstance(ignore, str) else set(ignore)
    if target is None:
        raise table.error(
            "say which column is to be predicted, with --target NAME (target=); "
            f"the columns are: {some(list(table.cells), 40)}"
        )
    for asked in (target, *sorted(ignored)):
        table.require(asked)
    if target in ignored:
        raise table.error(f"the column '{target}' is both the target and ignored; name it in one of the two")
    y, classes = answers(table, target, task)
    columns = tuple(guess(table, column) for column in table.cells if column not in {target, *ignored})
    if not columns:
        raise table.error(f"expected a column beside the target '{target}' to predict it from, found none")
    return Dataset(encode(table, columns, IGNORE), y, classes, columns, target, name, table.lines)


def guess(table: Table, name: str) -> Column:
    """The column as a feature: a number, or a category with all the texts it holds."""
    if is_numeric(table, name):
        return Column(name, "number")
    refuse_decimal_comma(table, name)
    categories = tuple(sorted(set(texts(table, name, IGNORE))))
    if len(categories) > MOST_CATEGORIES:
        what = f"expected at most {MOST_CATEGORIES} categories, found {len(categories):,} different texts"
        sample = f"({some(categories, 3)}), as names and ids have"
        raise table.error(f"{what} {sample}; {IGNORE.format(name)}", column=name)
    return Column(name, "category", categories)


def answers(table: Table, name: str, task: str) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """y and classes. Text is classes, and so are whole numbers with few distinct values; `task` overrules."""
    if task == "numbers" or (task == "auto" and is_numeric(table, name)):
        values = numbers(table, name)
        if task == "numbers" or not are_classes(values):
            return values[:, None], ()
    elif task == "auto":
        refuse_decimal_comma(table, name)
    if table.parsed(name) is not None and are_whole(values := numbers(table, name)):
        labels, codes = np.unique(values.astype(np.int64), return_inverse=True)
        return codes, tuple(labels.tolist())
    found = texts(table, name)
    classes = tuple(sorted(set(found)))
    return codes_of(table, name, found, classes), classes


def encode(table: Table, columns: Sequence[Column], advice: str = "") -> NDArray[np.float32]:
    """x (n, sum of the columns' widths): numbers as they are, categories one-hot."""
    x = np.zeros((len(table.lines), sum(column.width for column in columns)), np.float32)
    start = 0
    for column in columns:
        if column.kind == "number":
            x[:, start] = numbers(table, column.name, advice)
        else:
            found = texts(table, column.name, advice)
            x[np.arange(len(x)), start + codes_of(table, column.name, found, column.categories)] = 1
        start += column.width
    return x


def codes_of(table: Table, name: str, found: Sequence[str], known: Sequence[str]) -> NDArray[np.int64]:
    """The place of each text among the known ones."""
    code = {text: place for place, text in enumerate(known)}
    codes = np.array([code.get(text, -1) for text in found], np.int64)
    if codes.min() < 0:
        row = int(codes.argmin())
        raise table.error(f"expected one of the known categories ({some(known)}), found {shown(found[row])}", row, name)
    return codes


def texts(table: Table, name: str, advice: str = "") -> list[str]:
    """The cells without the space around them, none of them empty."""
    found = [cell.strip() for cell in table.cells[name]]
    if "" in found:
        raise table.error(f"found an empty cell; {remedy('', name, advice)}", found.index(""), name)
    return found


def numbers(table: Table, name: str, advice: str = "") -> NDArray[np.float64]:
    """The cells as numbers that float32 can hold."""
    cells = table.cells[name]
    if (values := table.parsed(name)) is None:
        expected, row = "a number", [is_number(cell) for cell in cells].index(False)
    else:
        with np.errstate(over="ignore"):
            good = np.isfinite(values.astype(np.float32))
        if good.all():
            return values
        expected, row = "a finite number (below 3.4e38)", int(good.argmin())
    what = f"expected {expected}, found {shown(cells[row])}"
    raise table.error(f"{what}; {remedy(cells[row], name, advice)}", row, name)


def is_number(cell: str) -> bool:
    """Whether a cell parses as a number. `1_000` does in Python, not in a table."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_numeric(table: Table, name: str) -> bool:
    """A column is of numbers when at least half of its filled cells parse as one."""
    if table.parsed(name) is not None:
        return True
    filled = [cell for cell in table.cells[name] if cell.strip()]
    return 2 * sum(map(is_number, filled)) >= len(filled) > 0


def are_classes(values: NDArray[np.float64]) -> bool:
    """Whole numbers that look like labels: few distinct ones, each for several rows on average."""
    distinct = len(np.unique(values))
    return are_whole(values) and distinct <= MOST_INT_CLASSES and 2 * distinct < len(values)


def refuse_decimal_comma(table: Table, name: str) -> None:
    """`1,5` would silently become a category."""
    cells = table.cells[name]
    commas = [row for row, cell in enumerate(cells) if DECIMAL_COMMA.fullmatch(cell)]
    if 2 * len(commas) >= sum(1 for cell in cells if cell.strip()) > 0:
        cell = cells[commas[0]].strip()
        what = f"expected a decimal point, found the decimal comma {shown(cell)}; write {cell.replace(',', '.')}"
        raise table.error(what, commas[0], name)


def remedy(cell: str, name: str, advice: str) -> str:
    """What to do about a cell that does not fit."""
    fix = "fill it in or remove the row" if cell.strip().lower() in MISSING else "correct it or remove the row"
    return f"{fix}, or {advice.format(name)}" if advice else fix


def shown(cell: str) -> str:
    """A cell as a message quotes it."""
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}...") if cell.strip() else "an empty cell"
