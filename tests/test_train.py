"""Training from Python: what is learned, what is recorded, what is repeatable."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.choices import default_epochs
from chainrule.errors import DataError, RunError, SettingError, ShapeError
from chainrule.exchange import safetensors
from chainrule.graph import Graph
from chainrule.interrupt import Interrupt
from chainrule.loss import BY_TASK
from chainrule.network import declared_arrays, initial_arrays, training_graph
from chainrule.optim import Optimizer

rng = np.random.default_rng(0)
SMALL = "conv8-3 bn relu pool2 flatten dropout0.2 dense10"


def blobs(n: int = 90) -> tuple[Any, Any]:
    """Three clouds, far apart."""
    y = np.arange(n) % 3
    return rng.normal(size=(n, 2)) * 0.3 + np.array([[0, 0], [3, 0], [0, 3]])[y], y


def files_of(run: cr.Run) -> dict[str, bytes]:
    return {which: run.checkpoint(which).read_bytes() for which in ("best", "last")}


def test_a_network_learns_and_everything_is_recorded(tmp_path: Path) -> None:
    run = cr.train(
        "dense8 relu dense3", blobs(), epochs=30, optimizer=cr.Adam(0.03), folder=tmp_path / "r", progress=False
    )
    assert run.result is not None
    assert run.result["scores"]["test"]["accuracy"] == 1
    assert run.result["rows"] == {"train": 63, "validation": 9, "test": 18}
    assert np.sum(run.result["confusion"]) == 18
    assert [row["epoch"] for row in run.metrics] == list(range(1, 31))
    assert run.metrics[-1]["train/loss"] < run.metrics[0]["train/loss"]
    assert run.about["settings"]["seed"] == 0
    assert run.about["versions"]["numpy"] == np.__version__
    losses = [w["loss"] for w in run.result["wrong"]]
    assert losses == sorted(losses, reverse=True)


def test_one_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    digits = cr.data.load("digits").take(np.arange(300))
    runs = [
        cr.train(SMALL, digits, epochs=2, seed=seed, folder=tmp_path / name, progress=False)
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert files_of(runs[0]) == files_of(runs[1])
    assert files_of(runs[0])["last"] != files_of(runs[2])["last"]
    without_time = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.metrics] for run in runs]
    assert without_time[0] == without_time[1]


def test_a_saved_model_predicts_the_same_in_another_process(tmp_path: Path) -> None:
    x, y = blobs()
    names = np.array(["left", "right", "top"])[y]
    model = cr.train("dense8 bn relu dense3", (x, names), epochs=5, folder=tmp_path / "r", progress=False).model
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", x)
    code = "import chainrule as cr, numpy as np; m = cr.load_model('m.safetensors'); print(m.predict_proba(np.load('x.npy')).tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == model.predict_proba(x).tobytes().hex()
    assert set(model.predict(x)) <= {"left", "right", "top"}
    np.testing.assert_allclose(model.predict_proba(x).sum(1), 1, rtol=1e-5)


def test_numbers_are_predicted_in_their_own_unit(tmp_path: Path) -> None:
    x = rng.uniform(-1, 1, (200, 2))
    y = 1e4 + 500 * x[:, 0] - 300 * x[:, 1]
    run = cr.train("dense1", (x, y), epochs=60, l2=0, optimizer=cr.Adam(0.03), folder=tmp_path / "r", progress=False)
    assert run.result is not None
    assert run.result["scores"]["test"]["r2"] > 0.999
    assert run.model.predict(x).shape == (200, 1)
    assert abs(run.model.predict(x).mean() - y.mean()) < 20
    with pytest.raises(SettingError, match="this one predicts numbers"):
        run.model.predict_proba(x)


def test_predictions_come_in_chunks_of_any_size(tmp_path: Path) -> None:
    model = cr.train("dense4 bn tanh dense3", blobs(), epochs=2, folder=tmp_path / "r", progress=False).model
    x = rng.normal(size=(1100, 2))
    whole = model(x)
    np.testing.assert_allclose(
        whole[[0, 700, 1099]], np.concatenate([model(x[i : i + 1]) for i in (0, 700, 1099)]), rtol=1e-5
    )
    assert model(x[:0]).shape == (0, 3)
    with pytest.raises(
        ShapeError, match=r"expected rows of 2 values, shape \(n, 2\), found \(5,\); one row alone is x\[None\]"
    ):
        model(np.zeros(5))


def gradient_step(optimizer: Optimizer, l2: float) -> tuple[Graph, Any]:
    net = cr.Sequential(cr.Dense(2))
    arrays = initial_arrays(declared_arrays(net, (4, 3)), optimizer.slots, 0)
    graph = training_graph(net, BY_TASK["numbers"], optimizer, (4, 3), (4, 2), np.dtype("float32"))
    x, y = rng.normal(size=(4, 3)).astype("f"), rng.normal(size=(4, 2)).astype("f")
    feeds = {
        **arrays,
        "x": x,
        "y": y,
        "seed": np.int64(0),
        "step": np.int64(0),
        "lr": np.float32(0.1),
        "l2": np.float32(l2),
    }
    return graph, feeds


def test_a_step_is_the_textbooks_gradient_descent() -> None:
    graph, feeds = gradient_step(cr.SGD(0.1), 0.5)
    out = cr.engine.plan(graph)(feeds)
    x, y, w, b = (feeds[k].astype(float) for k in ("x", "y", "dense1/w", "dense1/b"))
    error = x @ w + b - y
    assert float(out["loss"]) == pytest.approx(np.mean(error**2), rel=1e-6)
    np.testing.assert_allclose(out["dense1/w"], w - 0.1 * (x.T @ error * 2 / 8 + 0.5 * w), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(out["dense1/b"], b - 0.1 * error.sum(0) * 2 / 8, rtol=1e-5, atol=1e-6)


def test_gradients_are_found_by_name() -> None:
    graph, feeds = gradient_step(cr.Adam(), 0)
    _, kept = cr.engine.plan(graph, keep=["grad/dense1/w", "dense1/out"]).run(feeds)
    error = feeds["x"] @ feeds["dense1/w"] + feeds["dense1/b"] - feeds["y"]
    np.testing.assert_allclose(kept["grad/dense1/w"], feeds["x"].T @ error * 2 / 8, rtol=1e-4, atol=1e-6)


def test_a_single_layer_is_a_network(tmp_path: Path) -> None:
    run = cr.train(cr.Dense(3), blobs(), epochs=20, optimizer=cr.SGD(0.5, 0.9), folder=tmp_path / "r", progress=False)
    assert run.result is not None
    assert run.result["scores"]["test"]["accuracy"] == 1
    assert "dense" in run.model.summary()


def test_a_diverging_training_ends_and_says_so(tmp_path: Path) -> None:
    x = rng.normal(size=(100, 2)) * 1e3
    with np.errstate(all="ignore"):
        run = cr.train(
            "dense8 dense1", (x, x[:, 0]), epochs=50, optimizer=cr.SGD(1e6), folder=tmp_path / "r", progress=False
        )
    assert run.result is not None
    assert run.result["status"] == "diverged"
    assert "above 3 times its start" in run.summary()
    assert all(
        np.isfinite(a).all() for which in ("best", "last") for a in safetensors.load(run.checkpoint(which))[0].values()
    )


def test_without_held_out_parts_the_last_epoch_is_kept(tmp_path: Path) -> None:
    run = cr.train("dense3", blobs(), epochs=3, validation=None, test=None, folder=tmp_path / "r", progress=False)
    assert run.result is not None
    assert (run.result["best_epoch"], run.result["judged"], list(run.result["scores"])) == (3, "train", ["train"])


def test_parts_may_be_given(tmp_path: Path) -> None:
    run = cr.train(
        "dense3", blobs(), epochs=2, validation=blobs(30), test=blobs(60), folder=tmp_path / "r", progress=False
    )
    assert run.about["data"]["rows"] == {"train": 90, "validation": 30, "test": 60}


@pytest.mark.parametrize(("rows", "size", "epochs"), [(100_000, 32, 20), (1258, 32, 51), (10, 32, 500), (309, 32, 222)])
def test_default_epochs(rows: int, size: int, epochs: int) -> None:
    assert default_epochs(rows, size) == epochs


@pytest.mark.parametrize(
    ("net", "settings", "error", "sentence"),
    [
        ("dense4", {}, ShapeError, r"gives \(4,\) for each example, but the target has 3 classes.*'dense3'"),
        (
            "conv4-3",
            {},
            ShapeError,
            r"layer 'conv2d1', Conv2d\(units=4\), on an input of \(2,\) per example: expected images",
        ),
        ("dense3", {"epochs": 0}, SettingError, "The 'epochs' parameter of train"),
        ("dense3", {"batch_size": 0}, SettingError, "The 'batch_size' parameter of train"),
        ("dense3", {"l2": -1.0}, SettingError, "The 'l2' parameter of train"),
        ("dense3", {"seed": -1}, SettingError, "The 'seed' parameter of train"),
        ("dense3", {"validation": 0.7, "test": 0.5}, SettingError, r"validation \+ test"),
        ("dense3", {"engine": "gpu"}, cr.ChainruleError, "there is no engine"),
    ],
)
def test_settings_that_do_not_fit_leave_no_folder(
    tmp_path: Path, net: str, settings: Any, error: Any, sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        cr.train(net, blobs(), folder=tmp_path / "r", progress=False, **settings)
    assert not (tmp_path / "r").exists()


def test_data_that_does_not_fit() -> None:
    with pytest.raises(DataError, match=r"data as a tuple is \(x, y\); found 3 parts"):
        cr.train(None, (1, 2, 3))  # type: ignore[arg-type]


def test_a_folder_with_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(RunError, match="nothing is overwritten"):
        cr.train("dense3", blobs(), folder=tmp_path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


class FaultAt:
    """Let the n-th call of a function fail as a full disk does, the ones before it and after it work."""

    def __init__(self, real: Any, at: int) -> None:
        self.real, self.left = real, at

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.real(*args, **kwargs)


def failure(folder: Path) -> str:
    """What a short training complains about, if it does."""
    try:
        cr.train("dense3", blobs(30), epochs=1, folder=folder, progress=False)
    except RunError as problem:
        return str(problem)
    return ""


def test_a_disk_that_is_full_at_any_write_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The 1st, 2nd, 3rd ... write fails until none is left that could: never a traceback, never half a checkpoint."""
    real, at = os.fsync, 0
    while True:
        at += 1
        fault = FaultAt(real, at)
        monkeypatch.setattr(os, "fsync", fault)
        folder = tmp_path / str(at)
        problem = failure(folder)
        if problem:
            assert "cannot be written (No space left on device)" in problem
            assert not list(folder.rglob("*.part"))
            for file in folder.rglob("*.safetensors"):
                safetensors.load(file)
            if at <= 4:  # run.json, both first checkpoints and the first facts: nothing was trained for nothing
                assert not folder.exists()
        else:
            break
    assert at == 9  # run.json, twice both checkpoints and the facts, result.json; the ninth try found no write to fail


def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    code = "import chainrule as cr; cr.train('flatten dense16 tanh dense10', 'digits', epochs=100000, folder='r', progress=False)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    log = tmp_path / "r" / "metrics.jsonl"
    while not log.exists() or not log.read_text():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    run = cr.Run(tmp_path / "r")
    assert run.result is not None
    assert run.result["status"] == "interrupted"
    assert run.result["scores"]["test"]["accuracy"] > 0.2
    assert run.model.predict(cr.data.load("digits").x[:3]).shape == (3,)


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_inside_of_an_inner_training_is_told_to_the_outer_one() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Interrupt() as outer:
            with Interrupt() as inner:
                assert not inner.wished
                signal.raise_signal(signal.SIGINT)
            assert inner.wished
            assert outer.wished
            with pytest.raises(KeyboardInterrupt):  # the second one is for all of them
                signal.raise_signal(signal.SIGINT)
        with Interrupt() as later:
            signal.raise_signal(signal.SIGINT)
            assert later.wished
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_is_read_without_an_engine(tmp_path: Path) -> None:
    run = cr.train("dense3", blobs(), epochs=2, folder=tmp_path / "r", progress=False)
    with (run.folder / "metrics.jsonl").open("a") as torn:
        torn.write('{"epoch": 3, "tra')
    assert len(cr.Run(run.folder).metrics) == 2
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[2]); import types; package = types.ModuleType('chainrule'); "
        "package.__path__ = [sys.argv[2] + '/chainrule']; sys.modules['chainrule'] = package; "
        "from chainrule.run import Run; run = Run(sys.argv[1]); assert run.result['status'] == 'finished'; "
        "print(json.dumps([len(run.metrics), 'chainrule.engine' in sys.modules]))"
    )
    root = Path(cr.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code, run.folder, root], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [2, False]


@pytest.mark.parametrize("content", ["", "{", "[1]", "\xff"])
def test_broken_run_folders(tmp_path: Path, content: str) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        cr.Run(tmp_path)
    (tmp_path / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(RunError, match=r"run\.json"):
        print(cr.Run(tmp_path).about)


def test_loss_is_what_it_should_be_before_learning(tmp_path: Path) -> None:
    """With an output layer of zeros the first loss of C classes is ln C (CS231n, lecture 6, the sanity check)."""
    net = cr.Sequential(cr.Dense(3, init=cr.init.zeros))
    run = cr.train(net, blobs(), epochs=1, batch_size=63, folder=tmp_path / "r", progress=False)
    assert run.metrics[0]["train/loss"] == pytest.approx(math.log(3), rel=1e-6)
