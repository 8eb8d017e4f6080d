"""The safetensors files against the project's own package, and broken ones."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy as theirs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open

from chainrule.errors import ModelError
from chainrule.exchange import safetensors as ours

dtypes = st.sampled_from(sorted(ours.DTYPES.values()))
arrays = dtypes.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))


@given(st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda n: n != "__metadata__"), arrays, max_size=4))
def test_round_trip_and_their_reader(tmp_path_factory: Any, named: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("s") / "m.safetensors"
    ours.save(file, named, {"about": "é"})
    for found in (ours.load(file)[0], theirs.load_file(file)):
        assert found.keys() == named.keys()
        for name, array in named.items():
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
            assert found[name].tobytes() == array.tobytes()
    with safe_open(file, "numpy") as opened:
        assert opened.metadata() == {"about": "é"} == ours.load(file)[1]


def test_reading_a_file_of_theirs(tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    theirs.save_file({"x": x}, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(ours.load(tmp_path / "m.safetensors")[0]["x"], x)


def test_truncated_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    ours.save(file, {"x": np.ones(3, np.float32)}, {"a": "b"})
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"m\.safetensors"):
            ours.load(file)


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}},
        {"x": {"dtype": "F32", "shape": [-2, -1], "data_offsets": [0, 8]}},
        {"x": {"dtype": "F31", "shape": [2], "data_offsets": [0, 8]}},
        {"x": {"shape": [2], "data_offsets": [0, 8]}},
        {"x": 3},
        [1, 2],
    ],
)
def test_headers_that_lie(tmp_path: Path, header: Any) -> None:
    text = json.dumps(header).encode()
    file = tmp_path / "m.safetensors"
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(ModelError, match="broken safetensors file"):
        ours.load(file)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.safetensors"
    ours.save(file, {"x": np.ones(3, np.float32)}, {})
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ours.save(file, {"x": np.zeros(9, np.float32)}, {})
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
