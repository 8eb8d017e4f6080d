"""Finding the file and its format."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.data import load, load_like
from chainrule.data.formats import FORMATS
from chainrule.errors import DataError


@pytest.mark.parametrize("read", [load, lambda source: load_like(source, ())], ids=["load", "load_like"])
def test_what_is_no_file(tmp_path: Path, read: object) -> None:
    assert callable(read)
    (tmp_path / "iris.csv").touch()
    with pytest.raises(DataError, match=r"irs\.csv: there is no such file; did you mean 'iris\.csv'\?$"):
        read(tmp_path / "irs.csv")
    with pytest.raises(DataError, match=r"nowhere: there is no such file$"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"there is no such file$"):
        read(tmp_path / "no folder" / "iris.npz")
    with pytest.raises(DataError, match="expected a file, found a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"iris\.csv: the file is empty"):
        read(tmp_path / "iris.csv")


def test_a_misspelt_name_of_a_shipped_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="digit: there is no such file; did you mean 'digits'"):
        load("digit")


@pytest.mark.parametrize(
    ("name", "found"), [("data.xls", ".xls"), ("data.txt.gz", ".txt"), ("data", "data"), (".csv.gz", ".csv")]
)
def test_an_unknown_suffix(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / name).write_text("a,y\n1,2\n")
    with pytest.raises(DataError) as caught:
        load(tmp_path / name, target="y")
    assert f"expected a file that ends in {', '.join(FORMATS)} (gzipped: .csv.gz), found '{found}'" in str(caught.value)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "data.csv").write_text("a,y\n1,2\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"data\.csv: cannot be read: Permission denied"):
        load(tmp_path / "data.csv", target="y")
