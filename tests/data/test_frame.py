"""DataFrames and Parquet: columns that know their type become the same dataset, whoever wrote them."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chainrule.data import Column, load, load_like
from chainrule.errors import DataError, MissingExtra, SettingError

CELLS: dict[str, list[Any]] = {
    "age": [31, 42, 25, 38],
    "weight": [70.5, 82.25, 61.0, 90.0],
    "colour": ["red", "blue", "red", "green"],
    "member": [True, False, False, True],
    "kind": ["rose", "iris", "rose", "iris"],
}
GAPS = {
    **CELLS,
    "age": [31, None, 25, 38],
    "weight": [70.5, 82.25, None, 90.0],
    "colour": ["red", None, "red", "green"],
}
COLUMNS = (
    Column("age", "number"),
    Column("weight", "number"),
    Column("colour", "category", ("blue", "green", "red")),
    Column("member", "category", ("False", "True")),
)
X = [[31, 70.5, 0, 0, 1, 0, 1], [42, 82.25, 1, 0, 0, 1, 0], [25, 61, 0, 0, 1, 1, 0], [38, 90, 0, 1, 0, 0, 1]]


def parquet(cells: dict[str, list[Any]], folder: Path, **types: Any) -> Path:
    table = pa.table({name: pa.array(values, types.get(name)) for name, values in cells.items()})
    pq.write_table(table, folder / "t.parquet")
    return folder / "t.parquet"


def csv(cells: dict[str, list[Any]], folder: Path) -> Path:
    pd.DataFrame(cells).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


MAKERS: dict[str, Any] = {
    "pandas": lambda cells, folder: pd.DataFrame(cells, index=range(7, 11)),
    "pandas nullable": lambda cells, folder: pd.DataFrame(cells).convert_dtypes(),
    "pandas objects": lambda cells, folder: pd.DataFrame(cells, dtype=object),
    "pandas categories": lambda cells, folder: pd.DataFrame(cells).astype({"colour": "category", "kind": "category"}),
    "polars": lambda cells, folder: pl.DataFrame(cells),
    "polars categories": lambda cells, folder: pl.DataFrame(cells).cast({"colour": pl.Categorical}),
    "parquet": parquet,
    "parquet dictionary": lambda cells, folder: parquet(cells, folder, colour=pa.dictionary(pa.int8(), pa.string())),
    "parquet decimal": lambda cells, folder: parquet(
        {**cells, "age": [v if v is None else Decimal(v) for v in cells["age"]]}, folder
    ),
    "csv": csv,
}


@pytest.mark.parametrize("maker", MAKERS)
def test_the_same_data_set_from_whatever_holds_it(tmp_path: Path, maker: str) -> None:
    source = MAKERS[maker](CELLS, tmp_path)
    data = load(source, target="kind")
    assert (data.columns, data.classes, data.y.tolist()) == (COLUMNS, ("iris", "rose"), [1, 0, 1, 0])
    np.testing.assert_array_equal(np.asarray(data.x), np.array(X, np.float32))
    assert data.where.tolist() == ([2, 3, 4, 5] if maker == "csv" else [0, 1, 2, 3])
    assert data.name == ("t" if isinstance(source, Path) else "data")
    new = load_like(source, data.columns, target="kind")
    np.testing.assert_array_equal(np.asarray(new.x), np.asarray(data.x))
    assert new.answers == ("rose", "iris", "rose", "iris")
    assert load_like(source, data.columns, target="age").answers == ("31", "42", "25", "38")
    assert load_like(source, data.columns, target="weight").answers[1] == "82.25"


@pytest.mark.parametrize("maker", MAKERS)
def test_gaps_are_missing_values(tmp_path: Path, maker: str) -> None:
    source = MAKERS[maker](GAPS, tmp_path)
    data = load(source, target="kind", missing="fill")
    wanted = np.array(
        [[31, 70.5, 0, 1, 0, 1], [np.nan, 82.25, 0, 0, 1, 0], [25, np.nan, 0, 1, 1, 0], [38, 90, 1, 0, 0, 1]]
    )
    np.testing.assert_array_equal(np.asarray(data.x), wanted.astype(np.float32))
    assert all(column.missing for column in data.columns)
    place = "line 3, column 'age'" if maker == "csv" else "column 'age': row 1 (counted from 0)"
    with pytest.raises(DataError) as caught:
        load(source, target="kind", ignore=["colour"])
    sentence = str(caught.value)
    assert f"{place}: expected a" in sentence
    assert (
        "found an empty cell; fill it in or remove the row, have missing values (NaN) filled with --missing" in sentence
    )
    with pytest.raises(DataError, match=r"'colour'.* found an empty cell; fill it in or remove the row$"):
        load(source, target="colour", missing="fill")


FRAME = pd.DataFrame(CELLS)


@pytest.mark.parametrize(
    ("frame", "options", "sentence"),
    [
        (
            FRAME.assign(day=pd.Timestamp("2026-01-01")),
            {},
            "DataFrame, column 'day': expected numbers, text or truth values, found datetime64",
        ),
        (
            FRAME.assign(mix=[1, "a", 2, 3]),
            {},
            "column 'mix': expected numbers, text or truth values, found values of type int and str; leave the column out",
        ),
        (
            FRAME.assign(age=[[1], [2], [3], [4]]),
            {},
            "column 'age': expected numbers, text or truth values, found values of type list",
        ),
        (
            FRAME.assign(age=[1, 2, np.inf, 4]),
            {},
            "column 'age': row 2 (counted from 0): expected a finite number (below 3.4e38), found 'inf'",
        ),
        (FRAME.assign(age=None), {"missing": "fill"}, "DataFrame, column 'age': expected at least one filled cell"),
        (
            FRAME.rename(columns={"age": "weight"}),
            {},
            "DataFrame, column 'weight': expected every column name once, found this one 2 times",
        ),
        (FRAME[:0], {}, "DataFrame: expected columns with rows, found none"),
        (FRAME[[]], {}, "DataFrame: expected columns with rows, found none"),
        (FRAME[:1], {}, "DataFrame: expected at least 2 rows to learn from"),
        (FRAME, {"target": "sort"}, "DataFrame: there is no column 'sort'; the columns are: age"),
    ],
)
def test_frames_that_do_not_fit(frame: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        load(frame, **{"target": "kind", **options})
    assert sentence in str(caught.value)


def test_columns_left_out_may_hold_anything() -> None:
    frame = FRAME.assign(day=datetime.date(2026, 1, 1), objects=[[], {}, None, 1])
    assert load(frame, target="kind", ignore=["day", "objects"]).columns == COLUMNS


def test_numbers_by_their_type_are_features_and_targets() -> None:
    frame = pd.DataFrame(
        {1: ["1", "2", "1", "2"], "a": [1, 2, 3, 4], "y": [0.5, 1, 2, 3], "z": [True, False, True, True]}
    )
    data = load(frame, target=["y", "a"], ignore=["z"])
    assert data.columns == (Column("1", "category", ("1", "2")),)
    assert data.y.tolist() == [[0.5, 1], [1, 2], [2, 3], [3, 4]]
    assert load(frame, target="z", task="labels").y.tolist() == [[True], [False], [True], [True]]
    assert load(frame, target="z").classes == ("False", "True")
    assert load(pd.DataFrame({"a": [1, 2] * 4, "y": [0, 1] * 4}), target="y").classes == (0, 1)


def test_settings_for_other_sources() -> None:
    with pytest.raises(SettingError, match="DataFrame: 'size' is a setting for images, but this holds a table"):
        load(FRAME, target="kind", size=(8, 8))


# ------------------------------------------------------------------------------------------ broken files


def test_broken_parquet_files(tmp_path: Path) -> None:
    good = parquet(CELLS, tmp_path).read_bytes()
    path = tmp_path / "broken.parquet"
    broken = [b"", b"not parquet at all", good[:-1], good[: len(good) // 2], b"X" + good[1:-4] + b"XXXX"]
    broken.append(good[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            load(path, target="kind")
        assert str(caught.value).startswith(f"{path}: expected a sound Parquet file (")


def test_parquet_without_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.parquet: expected columns with rows, found none"):
        load(parquet({"a": [], "y": []}, tmp_path), target="y")


def test_pyarrow_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(CELLS, tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r'reading a Parquet file needs .* pip install "chainrule\[parquet\]"'):
        load(path, target="kind")
