"""Parquet: columns with types, as pandas, polars and databases write them; read by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...errors import DataError, need
from ..table import Table
from .frame import once, typed


def read(path: Path) -> Table:
    """All columns. Dictionaries and text are categories, and so are truth values; null is an empty cell."""
    parquet = need("pyarrow.parquet", "parquet", "reading a Parquet file")
    arrow = need("pyarrow", "parquet", "reading a Parquet file")
    try:
        with path.open("rb") as file:
            found = parquet.ParquetFile(file).read()
    except (arrow.ArrowException, OSError, ValueError) as failure:
        reason = str(failure).partition("\n")[0]
        raise DataError(f"expected a sound Parquet file ({reason})", path) from None
    once(found.column_names, str(path))
    return typed(str(path), columns(found, arrow))


def columns(found: Any, arrow: Any) -> Iterator[tuple[str, NDArray[Any], bool]]:
    """Name, values and whether they are categories, of every column."""
    for name in found.column_names:
        column = found[name]
        dictionary = arrow.types.is_dictionary(column.type)
        if dictionary:
            column = column.cast(column.type.value_type)
        yield name, column.to_numpy(), dictionary
