"""CSV and TSV: a header line of column names, then one row a line, UTF-8, commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..table import Table, is_number
from .files import contents

QUOTED = re.compile(r'"[^"]*"')


def read(path: Path) -> Table:
    """All cells as text. DataError: no header, a row of another length, broken quotes, text that is not UTF-8."""
    text = decoded(contents(path), path)
    rows, lines = [], []
    for line, row in records(text, delimiter(path, text), path):
        rows.append(row)
        lines.append(line)
    if not rows:
        raise DataError("the file is empty", path)
    header = names(rows.pop(0), path, lines.pop(0))
    if not rows:
        raise DataError("expected rows below the header line, found none", path)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise DataError(f"expected {len(header)} cells as in the header, found {len(row)}", path, line)
    return Table(str(path), dict(zip(header, zip(*rows, strict=True), strict=True)), np.array(lines, np.int64))


def decoded(raw: bytes, path: Path) -> str:
    """UTF-8, with or without the byte order mark that spreadsheets write."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = raw.count(b"\n", 0, failure.start) + 1
        what = f"expected text in UTF-8, found the byte {raw[failure.start]:#04x}; save the file as UTF-8"
        raise DataError(what, path, line) from None


def delimiter(path: Path, text: str) -> str:
    """A tab in a .tsv; else the most frequent of comma, semicolon and tab in the header line, outside quotes."""
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return "\t"
    header = QUOTED.sub("", text.lstrip("\r\n").partition("\n")[0])
    return max(",;\t", key=header.count)


def records(text: str, mark: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line each record begins on and its cells; blank lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as failure:
        raise DataError(f"expected cells separated by {mark!r}, and quotes in pairs ({failure})", path, line) from None


def names(header: list[str], path: Path, line: int) -> tuple[str, ...]:
    """Column names: present, text, each once."""
    found = tuple(cell.strip() for cell in header)
    if all(map(is_number, found)):
        raise DataError(f"expected a header line with column names, found only numbers ({found[0]} ...)", path, line)
    if "" in found:
        what = f"expected a name for every column, found none for column {found.index('') + 1}"
        raise DataError(f"{what}; name it (pandas writes its row index so: save with index=False)", path, line)
    name, times = Counter(found).most_common(1)[0]
    if times > 1:
        raise DataError(f"expected every column name once, found this one {times} times; rename", path, line, name)
    return found
