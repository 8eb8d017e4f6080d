"""Table -> Dataset: which column is a number, which a category, which the target; and how each becomes features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SettingError
from .arrays import some
from .dataset import Column, Dataset, Missing
from .table import IGNORE, Table, codes_of, is_numeric, numbers, refuse_decimal_comma, shown, texts
from .targets import Label, are_whole

MOST_CATEGORIES = 100
MOST_INT_CLASSES = 20
YES, NO = {"1", "1.0", "true", "yes", "y", "t"}, {"0", "0.0", "false", "no", "n", "f"}


def dataset(
    table: Table, target: str | Sequence[str] | None, ignore: Sequence[str], task: str, name: str, missing: Missing
) -> Dataset:
    """Guess the columns and encode them; see `load`."""
    ignored = {ignore} if isinstance(ignore, str) else set(ignore)
    targets = [target] if isinstance(target, str) else list(target or ())
    check_names(table, targets, ignored)
    y, classes = answers(table, targets[0], task) if len(targets) == 1 else several(table, targets, task)
    fill = missing == "fill"
    used = [column for column in table.cells if column not in {*targets, *ignored}]
    if not used:
        raise table.error(f"expected a column beside the target '{', '.join(targets)}' to predict it from, found none")
    x, columns = features(table, used, fill)
    about: Any = {"where": table.lines, "place": table.place, "missing": missing}
    return Dataset(x, y, classes, columns, name=name, targets=tuple(targets), coded=False, **about)


def features(
    table: Table, names: Sequence[str], fill: bool, advice: str = IGNORE
) -> tuple[NDArray[np.float32], tuple[Column, ...]]:
    """x of these columns, and what each of them is."""
    columns = tuple(guess(table, name, fill) for name in names)
    return encode(table, columns, advice), columns


def check_names(table: Table, targets: Sequence[str], ignored: set[str]) -> None:
    """There is a target, and every column named is there, once."""
    if not targets:
        raise table.error(
            "say which column is to be predicted, with --target NAME (target=); "
            f"the columns are: {some(list(table.cells), 40)}"
        )
    for asked in (*targets, *sorted(ignored)):
        table.require(asked)
    if both := [target for target in targets if target in ignored]:
        raise table.error(f"the column '{both[0]}' is both the target and ignored; name it in one of the two")
    if twice := [target for target in targets if targets.count(target) > 1]:
        raise table.error(f"the column '{twice[0]}' is named twice as a target; name it once")


def guess(table: Table, name: str, fill: bool) -> Column:
    """The column as a feature: a number, or a category with all the texts it holds."""
    if is_numeric(table, name, fill):
        if fill and np.isnan(numbers(table, name, IGNORE, fill)).all():
            raise nothing_in(table, name)
        return Column(name, "number", missing=fill)
    refuse_decimal_comma(table, name)
    categories = tuple(sorted(set(texts(table, name, IGNORE, fill)) - {""}))
    if not categories:
        raise nothing_in(table, name)
    if len(categories) > MOST_CATEGORIES:
        what = f"expected at most {MOST_CATEGORIES} categories, found {len(categories):,} different texts"
        sample = f"({some(categories, 3)}), as names and ids have"
        raise table.error(f"{what} {sample}; {IGNORE.format(name)}", column=name)
    return Column(name, "category", categories, fill)


def nothing_in(table: Table, name: str) -> Exception:
    """Of a column without a filled cell."""
    return table.error(f"expected at least one filled cell, found none; {IGNORE.format(name)}", column=name)


def answers(table: Table, name: str, task: str) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """y and classes. Text is classes, and so are whole numbers with few distinct values; `task` overrules."""
    if task == "labels":
        return several(table, [name], task)
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


def several(table: Table, names: Sequence[str], task: str) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """y of several columns: labels where all say yes or no, else numbers (n, k)."""
    if task == "classes":
        raise SettingError(f"several targets ({some(names)}) are labels or numbers, not classes: give task='labels'")
    if task == "labels" or (task == "auto" and all(says_yes_or_no(table, name) for name in names)):
        return np.stack([yes(table, name) for name in names], axis=1), tuple(names)
    return np.stack([numbers(table, name) for name in names], axis=1), ()


def says_yes_or_no(table: Table, name: str) -> bool:
    """Whether all filled cells are words for yes and no."""
    return {cell.lower() for cell in map(str.strip, table.cells[name])} <= YES | NO


def yes(table: Table, name: str) -> NDArray[np.bool_]:
    """Yes or no for every row."""
    found = texts(table, name)
    for row, cell in enumerate(found):
        if cell.lower() not in YES | NO:
            raise table.error(f"expected yes or no (1 or 0, true or false), found {shown(cell)}", row, name)
    return np.array([cell.lower() in YES for cell in found])


def encode(table: Table, columns: Sequence[Column], advice: str = "") -> NDArray[np.float32]:
    """x (n, sum of the columns' widths): numbers as they are, categories one-hot.

    Where a column's cells may be missing, an empty one is NaN, or 0 in all features of a category.
    """
    x = np.zeros((len(table.lines), sum(column.width for column in columns)), np.float32)
    start = 0
    for column in columns:
        if column.kind == "number":
            x[:, start] = numbers(table, column.name, advice, column.missing)
        else:
            found = texts(table, column.name, advice, column.missing)
            codes = codes_of(table, column.name, found, column.categories, column.missing)
            filled = np.flatnonzero(codes >= 0)
            x[filled, start + codes[filled]] = 1
        start += column.width
    return x


def are_classes(values: NDArray[np.float64]) -> bool:
    """Whole numbers that look like labels: few distinct ones, each for several rows on average."""
    distinct = len(np.unique(values))
    return are_whole(values) and distinct <= MOST_INT_CLASSES and 2 * distinct < len(values)
