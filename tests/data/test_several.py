"""Several targets in a table: numbers, or yes/no labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import Dataset, load, load_like
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


def test_names_that_hold_a_comma(tmp_path: Path) -> None:
    """One target whose name looks like two, and two that look like three."""
    (tmp_path / "c.csv").write_text('a,"size, in cm",mass\n1,10.5,2.5\n2,11.5,3.5\n3,12,4\n')
    one = load(tmp_path / "c.csv", target="size, in cm", ignore="mass")
    assert (one.target, one.targets) == ("size, in cm", ("size, in cm",))
    assert one.describe() == "3 rows, 1 feature, target 'size, in cm' from 10.5 to 12"
    two = load(tmp_path / "c.csv", target=["size, in cm", "mass"])
    assert (two.target, two.targets) == ("size, in cm, mass", ("size, in cm", "mass"))
    assert two.describe() == "3 rows, 1 feature, targets 'size, in cm', 'mass' from 2.5 to 12"
    assert [line.split("  ")[0] for line in two.types().splitlines()[2:]] == ["size, in cm", "mass"]
    assert two.take([0, 2]).targets == two.targets
    assert two.split(two.take([1]), None, 0).validation.targets == two.targets  # type: ignore[union-attr]


def test_names_of_targets_fit() -> None:
    x, y = np.zeros((3, 1), np.float32), np.arange(6.0).reshape(3, 2)
    assert Dataset(x, y, target="speed").targets == ("speed",)
    assert Dataset(x, y, targets=("u", "v")).target == "u, v"
    assert Dataset(x, y).targets == ()
    assert Dataset(x, y, targets="speed").targets == ("speed",)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="The 'targets' parameter of Dataset must be the names that 'target' shows"):
        Dataset(x, y, target="speed", targets=("u", "v"))
    with pytest.raises(DataError, match="expected a name for each of the 2 columns of y in targets, found 3"):
        Dataset(x, y, targets=("u", "v", "w"))
