"""What does not fit a training, or a model's file, is a sentence, before anything is written."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, ModelError
from chainrule.exchange import safetensors
from chainrule.train import NOT_SETTINGS

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"net": 5}, "The 'net' parameter of train must be a layer, a notation"),
    ({"net": cr.Dense}, "The 'net' parameter of train must be a layer, a notation"),
    ({"net": "dense3"}, r"the network gives \(3,\) for each example, but the target has 2 classes"),
    ({"loss": "mse"}, "The 'loss' parameter of train must be a Loss"),
    ({"loss": cr.CrossEntropy(weights=(1.0, 2.0, 3.0))}, "3 class weights were given for 2 classes"),
    ({"loss": cr.Focal(weights=(1.0,))}, "1 class weights were given for 2 classes"),
    ({"optimizer": "adam"}, "The 'optimizer' parameter of train must be such as"),
    ({"schedule": "cosine"}, "The 'schedule' parameter of train must be such as"),
    ({"epochs": 2.5}, "The 'epochs' parameter of train must be an int of at least 1"),
    ({"epochs": "3"}, "The 'epochs' parameter of train must be an int of at least 1"),
    ({"batch_size": 2.5}, "The 'batch_size' parameter of train must be an int of at least 1"),
    ({"batch_size": True}, "The 'batch_size' parameter of train must be an int of at least 1"),
    ({"l1": float("inf")}, r"The 'l1' parameter of train must be a number in the range \[0, inf\)"),
    ({"l2": "a"}, r"The 'l2' parameter of train must be a number in the range \[0, inf\)"),
    ({"seed": -1}, r"The 'seed' parameter of train must be an int in the range \[0, 2\*\*32\)"),
    ({"class_weight": {0: "a"}}, "The 'class_weight' parameter of train must be 'balanced'"),
    ({"class_weight": {7: 1.0}}, "there is no class '7'; there are: 0, 1"),
    ({"augment": 5}, "expected augmentations such as Flip"),
    ({"augment": cr.data.Flip}, "expected augmentations such as Flip"),
    ({"augment": "flip"}, "needs images"),
    ({"prepare": "pcaa"}, "there is no transform 'pcaa'; did you mean 'pca'"),
    ({"start": {"dense1/w": np.full((3, 2), np.nan)}}, "start: 'dense1/w' holds nan: expected finite numbers"),
    ({"start": {"dense1/w": [["a"]]}}, "start: 'dense1/w' should be numbers of"),
    ({"start": [1, 2]}, "The 'start' parameter of training must be arrays by path"),
]


@pytest.mark.parametrize(("settings", "sentence"), SETTINGS, ids=[str(s)[:40] for s, _ in SETTINGS])
def test_settings_that_do_not_fit(tmp_path: Path, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ChainruleError, match=sentence):
        cr.train(**{"net": "dense2", "data": (X, Y), "folder": tmp_path / "run", "progress": False, **settings})
    assert not (tmp_path / "run").exists()


DAMAGES: list[tuple[dict[str, Any], str]] = [
    ({"task": "foo"}, "there is no task 'foo'; there are: classes, labels, numbers"),
    ({"classes": json.dumps(["a"])}, r"the network gives \(2,\), but there are 1 classes"),
    ({"classes": None}, r"the network gives \(2,\), but there are 0 classes"),
    ({"net": None}, "the file's description of the model lacks 'net'"),
    ({"net": "{"}, "the file's description of the model does not fit"),
    ({"loss": json.dumps({"name": "Hubr"})}, "there is no loss 'Hubr'; did you mean 'Huber'"),
    ({"loss": json.dumps({"name": "CrossEntropy", "glow": 1})}, "does not fit: .*glow"),
    ({"columns": json.dumps([{"name": "a", "kind": "number"}])}, "lacks 'categories'"),
    ({"shape": "null"}, "the file's description of the model does not fit"),
    ({"positions": "3"}, "the file's description of the model does not fit"),
    ({"input": "glow"}, "there is no transform 'glow'"),
]


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES, ids=[str(d) for d, _ in DAMAGES])
def test_a_damaged_model_file(tmp_path: Path, damage: dict[str, Any], sentence: str) -> None:
    run = cr.train("dense2", (X, Y), epochs=1, folder=tmp_path / "run", progress=False)
    arrays, about = safetensors.load(run.checkpoint("best"))
    changed = {key: value for key, value in {**about, **damage}.items() if value is not None}
    safetensors.save(tmp_path / "damaged.safetensors", arrays, changed)
    with pytest.raises(ModelError, match=sentence) as caught:
        cr.load_model(tmp_path / "damaged.safetensors")
    assert "damaged.safetensors: " in str(caught.value)


def test_a_run_remembers_what_it_was_called_with(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    folder = tmp_path / "r"
    run = cr.train("dense2", (x, y), epochs=1, l2=3.0, shuffle=False, folder=folder, progress=False)
    asked = {*inspect.signature(cr.train).parameters} - {*NOT_SETTINGS}
    assert run.origin is not None
    assert {*run.origin} == asked
    assert (run.origin["net"], run.origin["l2"], run.origin["shuffle"], run.origin["loss"]) == (
        "dense2",
        3.0,
        False,
        None,
    )
    assert isinstance(run.origin["data"], cr.Dataset)
    assert cr.Run(folder).origin is None
    assert run.about["data"]["source"] is None
    assert len(run.about["data"]["fingerprint"]) == 16
