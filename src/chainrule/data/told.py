"""A dataset in words: one line, and a table of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .arrays import some

if TYPE_CHECKING:
    from .dataset import Dataset

ITEMS = {3: "signal", 4: "image"}  # what a row is called, by the number of axes of x


def described(data: Dataset) -> str:
    """`1,797 images 8x8x1, 10 classes (0 1 2 ...)`."""
    weighted = "" if data.weights is None else ", weighted"
    if data.x.ndim == 2:
        return f"{counted(len(data), 'row')}, {counted(data.x.shape[1], 'feature')}, {aim(data)}{weighted}"
    item = ITEMS.get(data.x.ndim, "row")
    return f"{counted(len(data), item)} {size(data.x.shape[1:])}, {aim(data)}{weighted}"


def aim(data: Dataset) -> str:
    """What is predicted; classes of a single row are named, for they stay in training."""
    if data.task == "numbers":
        return f"{numbers_called(data)} {span(data.y)}"
    if data.task == "labels":
        mean = f"{data.y.sum() / len(data):.3g} a row on average"
        return f"{counted(len(data.classes), 'label')} ({some(data.classes, 3, ' ')}), {mean}"
    classes = f"{counted(len(data.classes), 'class', 'classes')} ({some(data.classes, 3, ' ')})"
    if not data.one_class_each:
        return f"{classes}, one for each of {size(data.y.shape[1:])} positions"
    lone = [data.classes[code] for code in np.flatnonzero(np.bincount(data.y) == 1)]
    return classes + (f"; with a single row: {some(lone, 3)}" if lone else "")


def numbers_called(data: Dataset) -> str:
    """`target 'price'`, or the shape of what has no name."""
    if data.y.ndim > 2:
        return f"targets {size(data.y.shape[1:])}"
    called = "targets" if data.y.shape[1] > 1 else "target"
    return f"{called} {some([*map(repr, data.targets)], 3)}" if data.targets else called


def table_of_types(data: Dataset) -> str:
    """Name, kind and values of every column and of the target; empty when x was not made from a table."""
    if not data.columns:
        return ""
    starts = np.cumsum([0] + [column.width for column in data.columns])
    rows = [("column", "kind", "values")]
    for column, start in zip(data.columns, starts, strict=False):
        cells = np.asarray(data.x)[:, start : start + column.width]
        told = span(cells) if column.kind == "number" else listed(column.categories, "categories")
        rows.append((column.name, column.kind, told + gaps(cells, column.kind == "number")))
    wide = [max(len(row[i]) for row in [*rows, *target_rows(data)]) for i in (0, 1)]
    return "\n".join(
        f"{name:<{wide[0]}}  {kind:<{wide[1]}}  {told}" for name, kind, told in [*rows, *target_rows(data)]
    )


def target_rows(data: Dataset) -> list[tuple[str, str, str]]:
    """A line for every column that is predicted."""
    if data.task == "classes":
        return [(data.target, "target", listed(data.classes, "classes"))]
    if data.task == "labels":
        yes = data.y.sum(axis=0)
        return [
            (str(name), "target", f"yes in {counted(int(n), 'row')}") for name, n in zip(data.classes, yes, strict=True)
        ]
    count = data.y.shape[1]
    names = data.targets if len(data.targets) == count else [f"{data.target}_{i}" for i in range(count)]
    return [(name, "target", span(data.y[:, i])) for i, name in enumerate(names)]


def gaps(cells: NDArray[Any], number: bool) -> str:
    """How many cells of a column are missing."""
    count = int((np.isnan(cells[:, 0]) if number else ~cells.any(axis=1)).sum())
    return f", {count:,} missing" if count else ""


def size(shape: Sequence[int]) -> str:
    """`8x8x1`."""
    return "x".join(map(str, shape))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 row`, `1,797 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def span(values: NDArray[Any]) -> str:
    """The smallest and the largest."""
    return f"from {np.nanmin(values):g} to {np.nanmax(values):g}"


def listed(items: Sequence[object], kind: str) -> str:
    """How many, and the first few."""
    return f"{len(items)} {kind}: {some(items, 8)}"
