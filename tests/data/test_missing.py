"""Missing values: refused with advice, or let through as NaN and as rows of zeros; never in the target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import Column, Dataset, load, load_like
from chainrule.errors import DataError, SettingError

GAPS = """size,colour,price
1,red,10
NA,,20
3,blue,30
nan,red,25
"""


def write(folder: Path, text: str, name: str = "gaps.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_gaps_are_let_through_when_they_shall_be_filled(tmp_path: Path) -> None:
    data = load(write(tmp_path, GAPS), target="price", missing="fill")
    assert data.columns == (Column("size", "number", (), True), Column("colour", "category", ("blue", "red"), True))
    wanted = [[1, 0, 1], [np.nan, 0, 0], [3, 1, 0], [np.nan, 0, 1]]
    np.testing.assert_array_equal(np.asarray(data.x), np.array(wanted, np.float32))
    assert data.missing == "fill"
    part = data.split(0.25, 0.25, seed=0).train
    assert part.missing == "fill"
    assert data.types().splitlines() == [
        "column  kind      values",
        "size    number    from 1 to 3, 2 missing",
        "colour  category  2 categories: blue, red, 1 missing",
        "price   target    from 10 to 30",
    ]


@pytest.mark.parametrize("column", ["size", "colour"])
def test_gaps_are_refused_with_advice(tmp_path: Path, column: str) -> None:
    others = [name for name in ("size", "colour") if name != column]
    with pytest.raises(DataError) as caught:
        load(write(tmp_path, GAPS), target="price", ignore=others)
    sentence = (
        f"gaps.csv, line 3, column '{column}': expected a number, found 'NA'; "
        if column == "size"
        else f"gaps.csv, line 3, column '{column}': found an empty cell; "
    )
    advice = (
        'fill it in or remove the row, have missing values (NaN) filled with --missing fill (missing="fill"), or leave'
    )
    assert sentence + advice in str(caught.value)


@pytest.mark.parametrize("missing", ["refuse", "fill"])
def test_a_missing_target_is_refused(tmp_path: Path, missing: Any) -> None:
    for text, sentence in (
        (
            "a,y\n1,2.5\n2,\n3,4\n",
            "line 3, column 'y': expected a number, found an empty cell; fill it in or remove the row",
        ),
        ("a,y\n1,u\n2,\n3,v\n", "line 3, column 'y': found an empty cell; fill it in or remove the row"),
    ):
        with pytest.raises(DataError) as caught:
            load(write(tmp_path, text), target="y", missing=missing)
        assert str(caught.value).endswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,y\n,1.5\n,2.5\n,4\n", "column 'a': expected at least one filled cell, found none; leave the column out"),
        ("a,y\nnan,1.5\nnan,2.5\nnan,4\n", "column 'a': expected at least one filled cell, found none; leave"),
        ("a,y\n1,1.5\ninf,2.5\n3,4\n", "line 3, column 'a': expected a finite number (below 3.4e38), found 'inf'"),
        ("a,y\n1,1.5\nx,2.5\n?,4\n3,4\n", "line 3, column 'a': expected a number, found 'x'; correct it"),
    ],
)
def test_what_cannot_be_filled(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        load(write(tmp_path, text), target="y", missing="fill")
    assert sentence in str(caught.value)


def test_a_column_with_more_gaps_than_numbers_is_of_numbers(tmp_path: Path) -> None:
    data = load(write(tmp_path, "a,y\nNA,1.5\n?,2.5\n3,4\n"), target="y", missing="fill")
    np.testing.assert_array_equal(np.asarray(data.x)[:, 0], np.array([np.nan, np.nan, 3], np.float32))


def test_gaps_in_rows_to_predict(tmp_path: Path) -> None:
    """Where training allowed them in a column, and only there."""
    data = load(write(tmp_path, GAPS), target="price", missing="fill")
    new = write(tmp_path, "size,colour\n,\n2,red\n", "new.csv")
    np.testing.assert_array_equal(
        np.asarray(load_like(new, data.columns).x), np.array([[np.nan, 0, 0], [2, 0, 1]], np.float32)
    )
    strict = tuple(Column(c.name, c.kind, c.categories) for c in data.columns)
    with pytest.raises(
        DataError, match=r"new\.csv, line 2, column 'size': expected a number, found an empty cell; fill"
    ):
        load_like(new, strict)
    with pytest.raises(DataError, match=r"line 3, column 'colour': expected one of the known .* found 'pink'"):
        load_like(write(tmp_path, "size,colour\n1,red\n2,pink\n", "pink.csv"), data.columns)


def test_rows_held_out_may_differ_in_having_gaps(tmp_path: Path) -> None:
    train = load(write(tmp_path, GAPS), target="price", missing="fill")
    held = load(write(tmp_path, GAPS.replace("NA,,", "2,blue,").replace("nan", "4"), "full.csv"), target="price")
    assert train.split(held, None, 0).validation is not None


def test_arrays_with_gaps(tmp_path: Path) -> None:
    x = np.array([[1, np.nan], [3, 4], [5, 6]])
    assert np.isnan(np.asarray(Dataset.of(x, [0.5, 1, 2], missing="fill").x)[0, 1])
    with pytest.raises(DataError, match=r'row 0, column 1 .*--missing fill \(missing="fill"\)'):
        Dataset.of(x, [0.5, 1, 2])
    with pytest.raises(DataError, match=r"found inf in row 2, column 0"):
        Dataset.of(np.where(x == 5, np.inf, x), [0.5, 1, 2], missing="fill")
    np.savez(tmp_path / "gaps.npz", x=x, y=[0.5, 1, 2])
    assert load(tmp_path / "gaps.npz", missing="fill").missing == "fill"
    with pytest.raises(SettingError, match="The 'missing' parameter of load must be 'refuse' or 'fill'"):
        load(tmp_path / "gaps.npz", missing="mean")  # type: ignore[arg-type]
