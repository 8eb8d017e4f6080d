"""Several targets in a table: numbers, or yes/no labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import load, load_like
from chainrule.errors import DataError, SettingError

ROWS = """a,length,width,red,round
1,10.5,3,yes,0
2,11,4,no,1
3,12,5,Yes,1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(ROWS)
    return tmp_path / "t.csv"


def test_several_numbers(path: Path) -> None:
    data = load(path, target=["length", "width"], ignore=["red", "round"])
    assert (data.task, data.target, data.y.tolist()) == ("numbers", "length, width", [[10.5, 3], [11, 4], [12, 5]])
    assert data.describe() == "3 rows, 1 feature, targets 'length', 'width' from 3 to 12"
    assert data.types().splitlines()[2:] == ["length  target  from 10.5 to 12", "width   target  from 3 to 5"]
    assert load_like(path, data.columns, target=data.target).answers == ()


def test_several_labels(path: Path) -> None:
    data = load(path, target=("red", "round"), ignore=["length", "width"])
    assert (data.task, data.classes, data.y.tolist()) == ("labels", ("red", "round"), [[1, 0], [0, 1], [1, 1]])
    assert data.describe() == "3 rows, 1 feature, 2 labels (red round), 1.33 a row on average"
    assert data.types().splitlines()[2:] == ["red     target  yes in 2 rows", "round   target  yes in 2 rows"]
    assert load(path, target=["length", "round"], ignore=["red"]).task == "numbers"


def test_the_task_overrules(path: Path) -> None:
    single = load(path, target="red", task="labels")
    assert (single.task, single.classes, single.y.tolist()) == ("labels", ("red",), [[True], [False], [True]])
    assert load(path, target=["round"], task="labels").classes == ("round",)
    assert load(path, target=["round"]).task == "numbers"  # two distinct numbers among three rows
    assert load(path, target="red").task == "classes"


@pytest.mark.parametrize(
    ("target", "options", "error", "sentence"),
    [
        (["length", "red"], {}, DataError, "t.csv, line 2, column 'red': expected a number, found 'yes'"),
        (["length", "wide"], {}, DataError, "there is no column 'wide'; the columns are: a, length"),
        (["length", "length"], {}, DataError, "the column 'length' is named twice as a target"),
        (["length", "red"], {"ignore": "red"}, DataError, "the column 'red' is both the target and ignored"),
        ([], {}, DataError, "say which column is to be predicted"),
        (
            ["red", "width"],
            {"task": "labels"},
            DataError,
            "line 2, column 'width': expected yes or no (1 or 0, true or ",
        ),
        (["red", "round"], {"task": "numbers"}, DataError, "column 'red': expected a number, found 'yes'"),
        (["red", "round"], {"task": "classes"}, SettingError, "several targets (red, round) are labels or numbers"),
    ],
)
def test_targets_that_do_not_fit(path: Path, target: Any, options: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        load(path, target=target, **options)
    assert sentence in str(caught.value)


def test_labels_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2)), y=[[0, 1], [1, 1], [0, 0]])
    assert load(tmp_path / "a.npz", task="labels").y.tolist() == [[False, True], [True, True], [False, False]]
    assert load(tmp_path / "a.npz", task="numbers").y.dtype == np.float32
    assert load(tmp_path / "a.npz", classes=["u", "v"]).task == "classes"
    with pytest.raises(DataError, match=r"a\.npz: expected one label per row in y, .* y\.astype\(bool\)"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 2)), y=[0, 1, 2])
    with pytest.raises(DataError, match="expected 0 or 1 in y for task='labels', found values from 0 to 2"):
        load(tmp_path / "b.npz", task="labels")
