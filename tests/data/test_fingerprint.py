"""Where data came from, and whether they are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import fingerprint as room
from chainrule.data.fingerprint import fingerprint

WriteCsv = Callable[..., Path]
X, Y = np.arange(12, dtype=np.float32).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])


def test_a_file_is_remembered_with_what_it_was_read_with(
    write_csv: WriteCsv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv("t.csv", [["a", "b", "y"], *([i, i % 3 or "", i % 2] for i in range(12))])
    monkeypatch.chdir(tmp_path)
    data = cr.data.load("t.csv", target="y", ignore=["a"], missing="fill")
    assert data.source == {"source": str(tmp_path / "t.csv"), "target": "y", "ignore": ["a"], "missing": "fill"}
    again = cr.data.load(**data.source)
    assert fingerprint(again) == fingerprint(data)
    assert data.take(slice(3)).source is None  # no longer what the file gives
    assert cr.data.load("digits").source == {"source": "digits"}
    assert cr.Dataset(X, Y).source is None


@pytest.mark.parametrize(
    "other",
    [
        cr.Dataset(X + np.eye(6, 2, dtype=np.float32) * 1e-3, Y),
        cr.Dataset(X, 1 - Y),
        cr.Dataset(X, Y, classes=("a", "b")),
        cr.Dataset(X, Y, weights=np.array([1, 1, 1, 1, 1, 2], np.float32)),
        cr.Dataset(X[:, ::-1], Y),
        cr.Dataset(X[:5], Y[:5]),
    ],
    ids=["x", "y", "classes", "weights", "columns", "rows"],
)
def test_a_fingerprint_differs_with_any_value(other: cr.Dataset) -> None:
    assert fingerprint(other) != fingerprint(cr.Dataset(X, Y))
    assert fingerprint(cr.Dataset(X.copy(), Y.copy())) == fingerprint(cr.Dataset(X, Y))


def test_of_large_data_a_part_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted:
        shape, dtype, read = (1000, 4), np.dtype(np.float32), 0

        def __getitem__(self, rows: Any) -> Any:
            self.read += len(np.arange(1000)[rows])
            return np.zeros((len(np.arange(1000)[rows]), 4), np.float32)

    source = Counted()
    data = cr.Dataset.of(cr.data.Rows(source), np.arange(1000) % 2)
    monkeypatch.setattr(room, "MOST", 1600)
    fingerprint(data)
    assert source.read == 100
