"""A table: cells by column, as text or typed, and its columns as numbers or as texts; every gap has its sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, nearest
from .arrays import FILL, some

# How tables write "nothing here"; in a column of numbers they get the advice for missing values.
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
IGNORE = "leave the column out with --ignore {0!r} (ignore=[{0!r}])"


@dataclass(frozen=True, eq=False)
class Table:
    """Cells as text, by column name, every column as long as `lines`: the line in the file of each row.

    A typed table says of every column what it is: "number" (its values stand in `memo`, NaN where a cell is empty),
    "category", or the name of a type that is neither. Its `lines` are row numbers from 0.
    """

    file: str
    cells: Mapping[str, Sequence[str]]
    lines: NDArray[np.int64]
    memo: dict[tuple[str, bool], NDArray[np.float64] | None] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Literal["line", "index"]:
        """What `lines` counts."""
        return "index" if self.types else "line"

    def parsed(self, name: str, gaps: bool = False) -> NDArray[np.float64] | None:
        """A column as numbers, or None when a cell is none; with `gaps` what writes "nothing here" is NaN.

        Done once, for it is much of the time of `load`.
        """
        if (name, gaps) not in self.memo:
            cells = self.cells[name]
            if gaps:
                cells = ["nan" if is_gap(cell) else cell for cell in cells]
            try:
                self.memo[name, gaps] = None if "_" in "".join(cells) else np.array([float(cell) for cell in cells])
            except ValueError:
                self.memo[name, gaps] = None
        return self.memo[name, gaps]

    def error(self, what: str, row: int | None = None, column: str | None = None) -> DataError:
        """A sentence that says where in the file."""
        if row is None or not self.types:
            return DataError(what, self.file, None if row is None else int(self.lines[row]), column)
        return DataError(f"row {self.lines[row]} (counted from 0): {what}", self.file, None, column)

    def require(self, name: str) -> None:
        """Refuse a column that is not there: lists all, suggests the nearest."""
        if name not in self.cells:
            near = nearest(name, self.cells)
            hint = near if near.startswith("; did you mean") else ""
            raise self.error(f"there is no column '{name}'; the columns are: {some(list(self.cells), 40)}{hint}")


def texts(table: Table, name: str, advice: str = "", gaps: bool = False) -> list[str]:
    """The cells without the space around them; none of them empty, unless there may be `gaps`."""
    usable(table, name, advice)
    found = [cell.strip() for cell in table.cells[name]]
    if "" in found and not gaps:
        raise table.error(f"found an empty cell; {remedy('', name, advice)}", found.index(""), name)
    return found


def numbers(table: Table, name: str, advice: str = "", gaps: bool = False) -> NDArray[np.float64]:
    """The cells as numbers that float32 can hold; NaN where nothing stands, if there may be `gaps`."""
    usable(table, name, advice)
    cells = table.cells[name]
    if (values := table.parsed(name, gaps)) is None:
        expected, row = "a number", [is_number(cell) or (gaps and is_gap(cell)) for cell in cells].index(False)
    else:
        with np.errstate(over="ignore"):
            good = np.isfinite(values.astype(np.float32)) | (gaps & np.isnan(values))
        if good.all():
            return values
        expected, row = "a finite number (below 3.4e38)", int(good.argmin())
    what = f"expected {expected}, found {shown(cells[row])}"
    raise table.error(f"{what}; {remedy(cells[row], name, advice)}", row, name)


def usable(table: Table, name: str, advice: str = "") -> None:
    """Refuse a typed column that holds neither numbers nor text: dates, lists."""
    if (kind := table.types.get(name, "number")) not in ("number", "category"):
        what = f"expected numbers, text or truth values, found {kind}"
        raise table.error(f"{what}; {advice.format(name)}" if advice else what, column=name)


def codes_of(
    table: Table, name: str, found: Sequence[str], known: Sequence[str], gaps: bool = False
) -> NDArray[np.int64]:
    """The place of each text among the known ones; -1 for an empty one, if there may be `gaps`."""
    code = {text: place for place, text in enumerate(known)}
    codes = np.array([code.get(text, -1) for text in found], np.int64)
    for row in np.flatnonzero(codes < 0).tolist():
        if not (gaps and found[row] == ""):
            raise table.error(
                f"expected one of the known categories ({some(known)}), found {shown(found[row])}", row, name
            )
    return codes


def is_number(cell: str) -> bool:
    """Whether a cell parses as a number. `1_000` does in Python, not in a table."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_gap(cell: str) -> bool:
    """Whether a cell says that nothing stands here."""
    return cell.strip().lower() in MISSING


def is_numeric(table: Table, name: str, gaps: bool = False) -> bool:
    """A column is of numbers when its type says so; without a type, when at least half of its filled cells parse as one."""
    if table.types:
        return table.types[name] == "number"
    if table.parsed(name) is not None:
        return True
    filled = [cell for cell in table.cells[name] if cell.strip() and not (gaps and is_gap(cell))]
    return 2 * sum(map(is_number, filled)) >= len(filled) > 0


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
    fix = "fill it in or remove the row" if is_gap(cell) else "correct it or remove the row"
    fill = f", {FILL}" if advice and is_gap(cell) else ""
    return f"{fix}{fill}, or {advice.format(name)}" if advice else fix


def shown(cell: str) -> str:
    """A cell as a message quotes it."""
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}...") if cell.strip() else "an empty cell"
