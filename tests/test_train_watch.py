"""A training that is watched: the same bits as one that nobody watches, stopped where it is lost, each finding told once."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule import trainer
from chainrule.diagnose import Finding
from chainrule.engine import native
from chainrule.exchange import safetensors
from chainrule.graph import Tensor
from chainrule.layers import Context
from chainrule.watch import watcher
from chainrule.watch.feed import Feed

Array = NDArray[Any]
needs_native = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
ENGINES = ["reference", pytest.param("native", marks=needs_native)]
RNG = np.random.default_rng(0)  # of the cases only: a test whose data hang on the tests before it tells nothing


def classes(rows: int = 90, features: int = 4, count: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(rows)
    y = rng.integers(0, count, rows)
    return rng.normal(size=(count, features))[y] + rng.normal(size=(rows, features)), y


def images(rows: int = 30, channels: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(rows)
    return rng.normal(size=(rows, 5, 5, channels)), rng.integers(0, 3, rows)


def numbers(rows: int = 90, features: int = 4) -> tuple[Array, Array]:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, features))
    return x, x.sum(1) + 0.1 * rng.normal(size=rows)


@dataclass(frozen=True)
class OfFloat32(cr.Layer):
    """A layer of the user's own that will have nothing but float32, and says so in its own way."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        if x.dtype != np.float32:
            raise ValueError(f"float32 only, found {x.dtype}")
        return cr.ops.relu(x)


@dataclass(frozen=True)
class Turns(cr.Layer):
    """Python's own control flow, by the number of rows."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        for _ in range(2 if x.shape[0] > 20 else 1):
            x = 0.9 * x
        return x


@dataclass
class Case:
    """What is trained, and how."""

    net: Any
    data: Any
    given: dict[str, Any] = field(default_factory=dict)


ONCE_IN_A_WHILE = np.where(np.arange(90) % 9, 0.0, 1.0).astype(np.float32)
X, Y = numbers()
CASES: dict[str, Case] = {
    "mlp": Case("dense8 relu dense3", classes()),
    "conv, batch norm and dropout": Case("conv4-3 bn relu pool2 flatten dropout0.5 dense3", images()),
    "rnn": Case("rnn4 dense3", cr.Dataset.of(RNG.normal(size=(40, 5, 2)), RNG.integers(0, 3, 40), signals=True)),
    "sequences of one step": Case(
        "gru4 dense3", cr.Dataset.of(RNG.normal(size=(40, 1, 2)), RNG.integers(0, 3, 40), signals=True)
    ),
    "codes": Case("embed9-4 lstm4 dense3", (RNG.integers(0, 9, (40, 5)), RNG.integers(0, 3, 40))),
    "augmentation": Case("conv4-3 bn relu flatten dense3", images(), {"augment": "flip shift1"}),
    "weights": Case("dense8 relu dense3", cr.Dataset.of(*classes(), weights=RNG.random(90))),
    "most weights are 0": Case(
        "dense8 relu dense3", cr.Dataset.of(*classes(), weights=ONCE_IN_A_WHILE), {"batch_size": 2}
    ),
    "class weights": Case("dense8 relu dense3", classes(), {"class_weight": "balanced"}),
    "poisson": Case("dense4 tanh dense1", (X, RNG.poisson(3, 90).astype(float)), {"loss": cr.Poisson()}),
    "segmentation": Case("conv4-3 relu conv3-1", (images(20, 2)[0], RNG.integers(0, 3, (20, 5, 5)))),
    "an image to predict": Case("conv4-3 relu conv1-1", (images(20)[0],) * 2),
    "labels, one never true": Case("dense4 relu dense2", (X, np.stack([X[:, 0] > 0, np.zeros(90, bool)], 1))),
    "without validation": Case("dense8 bn relu dense3", classes(), {"validation": None}),
    "a batch larger than the data": Case("dense8 bn relu dropout0.2 dense3", classes(), {"batch_size": 1000}),
    "one batch an epoch": Case("dense8 relu dense3", classes(90), {"batch_size": 63, "epochs": 20}),
    "many steps": Case("dense4 tanh dense1", numbers(500), {"batch_size": 4, "optimizer": cr.SGD(0.01, momentum=0.9)}),
    "priors": Case("dense8 relu dense1", numbers(), {"l1": 0.1, "l2": 10.0, "schedule": cr.OneCycle()}),
    "1 feature, 1 hidden unit": Case("dense1 relu dense3", classes(features=1)),
    "two rows": Case("dense4 relu dense1", (X[:2], Y[:2]), {"validation": None, "test": None}),
    "a column of zeros": Case("dense4 relu dense3", (np.concatenate([X, 0 * X], 1), classes()[1])),
    "whole numbers beyond float32": Case(
        "dense4 relu dense3", (RNG.integers(2**40, 2**53, (60, 3)), np.arange(60) % 3)
    ),
    "targets of 1e37": Case("dense4 relu dense1", (X, 1e37 * Y)),
    "a class of one row": Case("dense4 relu dense2", (X, np.arange(90) == 5)),
    "images of one pixel": Case("conv4-1 relu flatten dense3", (RNG.normal(size=(40, 1, 1, 1)), np.arange(40) % 3)),
    "missing values": Case(
        "dense4 relu dense3",
        cr.Dataset.of(np.where(RNG.random((90, 4)) < [0.1, 0.9, 1, 0], np.nan, X), np.arange(90) % 3, missing="fill"),
    ),
    "a graph": Case(
        cr.Net(a=cr.Dense(4), b=(cr.Dense(4), "x"), both=("sum", "a", "b"), last=cr.Dense(3)), classes(), {"epochs": 2}
    ),
    "float32 alone": Case(cr.Sequential(cr.Dense(4), OfFloat32(), cr.Dense(3)), classes()),
    "control flow": Case(cr.Sequential(cr.Dense(4), Turns(), cr.Dense(3)), classes()),
    "it diverges at once": Case("dense4 relu dense1", numbers(), {"optimizer": cr.SGD(1e6)}),
    "a rate beyond float32": Case("dense4 relu dense1", numbers(), {"optimizer": cr.SGD(1e38)}),
    "a start beyond float32": Case("dense4 relu dense1", numbers(), {"start": {"dense1/w": np.full((4, 4), 2e38)}}),
}
# Those that are trained in NumPy, too, which is slower.
ON_NUMPY = ("mlp", "weights", "rnn", "missing values", "it diverges at once", "a start beyond float32")


def trained(case: Case, folder: Path, watch: bool, engine: str = "auto", **given: Any) -> cr.Run:
    settings = {"epochs": 2, "progress": False, **case.given, **given}
    return cr.train(case.net, case.data, folder=folder, watch=watch, engine=engine, **settings)


def told(run: cr.Run) -> Any:
    """All numbers of a run but for the time it took; as text, for NaN is not itself."""
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in run.metrics]
    result = {name: value for name, value in (run.result or {}).items() if name != "seconds"}
    return json.dumps([rows, result])


def bits(run: cr.Run) -> list[bytes]:
    return [run.checkpoint(which).read_bytes() for which in ("best", "last")]


BOTH = [(name, "auto") for name in CASES] + [(name, "reference") for name in ON_NUMPY if native.available()]


@pytest.mark.parametrize(("name", "engine"), BOTH, ids=lambda word: word)
def test_a_watched_training_is_the_training_that_nobody_watched(
    name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.watch.after.LEAST", 20)  # steps of a fork: they are tested in watch/test_forks.py
    watched, alone = (trained(CASES[name], tmp_path / str(watch), watch, engine) for watch in (True, False))
    assert told(watched) == told(alone)
    assert bits(watched) == bits(alone)
    assert (watched.facts != {}, alone.facts, alone.probes) == (True, {}, [])
    assert watched.probes
    json.dumps(watched.facts, allow_nan=False)
    assert all(isinstance(finding, Finding) for finding in watched.findings)


@pytest.mark.parametrize("moment", [0.0, 1e9])
def test_how_many_steps_are_made_at_once_changes_no_digit(
    moment: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock decides it; as slow, and as fast, as can be."""
    case = Case("dense4 tanh dense1", numbers(1500), {"batch_size": 4, "epochs": 2})
    usual = trained(case, tmp_path / "usual", True)
    monkeypatch.setattr(trainer, "MOMENT", moment)
    other = trained(case, tmp_path / "other", True)
    assert told(usual) == told(other)
    assert bits(usual) == bits(other)
    assert usual.probes == other.probes


# --- lost trainings


def test_a_loss_three_times_its_start_ends_the_training(tmp_path: Path) -> None:
    """In its first epoch: what is kept are the arrays with which that began."""
    x, y = numbers(400)
    start = {"dense1/w": np.zeros((4, 1))}
    case = Case(
        "dense1", (x, y), {"optimizer": cr.SGD(0.9), "schedule": cr.Constant(), "start": start, "batch_size": 2}
    )
    run = trained(case, tmp_path / "run", True, epochs=4, l2=0.0)
    assert run.result is not None
    assert (run.result["status"], run.facts["ended"]["status"]) == ("diverged", "diverged")
    ended = run.facts["ended"]
    assert ended["loss"] > 3 * ended["start"]
    assert "bad" not in run.facts  # it is finite, only high
    assert len(run.metrics) == 1
    assert run.metrics[0]["step"] < 140
    assert "validation/loss" not in run.metrics[0]
    assert safetensors.load(run.checkpoint("last"))[1]["step"] == "0"
    np.testing.assert_array_equal(run.model.arrays["dense1/w"], np.zeros((4, 1)))
    assert "loss_rises" in [finding.rule for finding in run.findings]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_learned_before_a_training_is_lost_is_kept(engine: str, tmp_path: Path) -> None:
    """A rate that jumps in the third epoch: kept are the arrays with which that epoch began."""
    case = Case("dense8 relu dense1", numbers(100), {"optimizer": cr.SGD(0.01), "batch_size": 10, "epochs": 4})
    lost = trained(case, tmp_path / "lost", True, engine, schedule=Jump(0.5))
    short = trained(case, tmp_path / "short", True, engine, schedule=cr.Constant(), epochs=2)
    assert lost.result is not None
    assert (lost.result["status"], len(lost.metrics)) == ("diverged", 3)
    assert safetensors.load(lost.checkpoint("last"))[0].keys() == safetensors.load(short.checkpoint("last"))[0].keys()
    for which in ("last", "best"):
        one, other = (safetensors.load(run.checkpoint(which))[0] for run in (lost, short))
        for path, array in other.items():
            np.testing.assert_array_equal(one[path], array, err_msg=path)
    bad = lost.facts["bad"]
    assert bad["step"] == lost.metrics[-1]["step"] - 1 or bad["phase"] in ("backward", "update")
    assert 14 <= bad["step"] < lost.metrics[-1]["step"]
    assert "not_finite" in [finding.rule for finding in lost.findings]


@dataclass(frozen=True)
class Jump(cr.schedule.Schedule):
    """Factor 1 up to a share of the training, then 1e30."""

    at: float

    def factor(self, done: float, losses: Sequence[float] = ()) -> float:
        return 1.0 if done < self.at else 1e30


def test_a_replay_is_of_the_images_that_augmentation_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is replayed is what was trained on, step by step, to the bit."""
    fed: list[Array] = []
    replayed: list[Array] = []
    advance = trainer.Trainer._steps

    def noted(self: trainer.Trainer, order: NDArray[np.int64]) -> Any:
        fed.append(self._feed(order).rows["x"].copy())
        return advance(self, order)

    def replay(self: watcher.Watcher, feeds: Any) -> None:
        replayed.extend(feed.rows["x"].copy() for feed in feeds)

    monkeypatch.setattr(trainer.Trainer, "_steps", noted)
    monkeypatch.setattr(watcher.Watcher, "replay", replay)
    case = Case("flatten dense4 relu dense1", (images()[0], np.arange(30.0) % 7), {"augment": "shift2 flip"})
    run = trained(case, tmp_path / "run", True, optimizer=cr.SGD(0.01), schedule=Jump(0.5), batch_size=4, epochs=4)
    assert (run.result or {})["status"] == "diverged"
    assert 0 < len(replayed) < len(fed)
    for one, other in zip(fed[-len(replayed) :], replayed, strict=True):
        np.testing.assert_array_equal(one, other)


# --- what is told while it trains


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What stands on standard error, but for the progress bar."""
    return [line for line in capsys.readouterr().err.splitlines() if line.strip()]


SICK = Case(
    "dense8 relu dense8 relu dense3",
    classes(200),
    {"start": {"dense1/w": np.full((4, 8), 0.1)}, "optimizer": cr.SGD(1e-6), "epochs": 9, "prepare": "none"},
)


def test_each_finding_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(SICK, tmp_path / "run", True, progress=True)
    said = lines(capsys)
    found = [finding for finding in run.findings if finding.severity != "note"]
    assert len(said) == len({line.split(":")[1].split(",")[0] + line.split(":")[1] for line in said}) > 1
    assert {str(finding).split(":")[1] for finding in found} <= {line.split(":")[1] for line in said}
    assert all(line.startswith(("error: ", "warning: ")) for line in said)
    assert sum("units_equal" in line for line in said) == 1
    assert "units_equal" in said[0]  # before the first step


@pytest.mark.parametrize("given", [{"progress": False}, {"progress": True, "watch": False}])
def test_nothing_is_told_where_nobody_wants_it(
    given: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(SICK, tmp_path / "run", **{"watch": True, **given})
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "")


def test_a_healthy_training_is_told_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(5).normal(size=(600, 4))
    case = Case("dense16 relu dense1", (x, np.sin(x[:, 0]) + x[:, 1]), {"epochs": 40})
    assert [str(f) for f in trained(case, tmp_path / "run", True, progress=True).findings if f.severity != "note"] == []
    assert lines(capsys) == []


# --- Ctrl-C


def test_ctrl_c_in_the_middle_leaves_a_run_that_can_be_diagnosed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = watcher.Watcher.look

    asked: list[bool] = []

    def pressed(self: watcher.Watcher, last: bool) -> Any:
        asked.append(last)
        if len(asked) == 2:
            signal.raise_signal(signal.SIGINT)
        return look(self, last)

    monkeypatch.setattr(watcher.Watcher, "look", pressed)
    run = trained(SICK, tmp_path / "run", True)
    assert (run.result or {})["status"] == run.facts["ended"]["status"] == "interrupted"
    assert len(run.metrics) == 3  # the epoch in which it was noticed ends after its step
    assert "trials" not in run.facts
    assert "units_equal" in [finding.rule for finding in cr.diagnose(run.folder)]


@pytest.mark.parametrize("where", ["before", "after"])
def test_ctrl_c_that_ends_it_at_once(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first step it leaves nothing, after the last what is written by then can be read."""

    def stop(*args: Any, **given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(watcher, where, stop)
    with pytest.raises(KeyboardInterrupt):
        trained(SICK, tmp_path / "run", True)
    if where == "before":
        assert not (tmp_path / "run").exists()
        return
    run = cr.Run(tmp_path / "run")
    assert (run.result, len(run.metrics)) == (None, 9)
    assert run.model.predict(np.zeros((2, 4))).shape == (2,)
    assert "units_equal" in [finding.rule for finding in run.findings]


# --- when a training is lost


def lost_after(losses: Any, start: float = 1.0, at_once: int = 1) -> int | None:
    """The step after which these losses end a training that began at `start`; None: they do not."""
    seen: Any = watcher.Watcher.__new__(watcher.Watcher)
    seen.facts, seen.recent, seen.loss_at_start = {}, np.zeros(0), start
    for i in range(0, len(losses), at_once):
        if after := seen.lost_after(np.asarray(losses[i : i + at_once], float)):
            return i + int(after)
    return None


@pytest.mark.parametrize("at_once", [1, 3, 16, 64, 1000])
def test_when_it_is_lost(at_once: int) -> None:
    """However many steps are made at once."""
    after = partial(lost_after, at_once=at_once)
    assert after([1.0] * 100) is None
    assert after([2.9] * 100) is None
    assert after([3.1] * 100) == 16
    assert after([3.1] * 15) is None
    assert after([1.0, np.nan]) == 2
    assert after([1.0, np.inf]) == 2
    assert after([1e9] * 100, start=np.inf) is None  # nobody watches
    assert after([1.0] * 50 + [5.0] * 50) == 58  # half of the last 16
    assert after([1.0] * 50 + [1e9] + [1.0] * 50) is None  # an outlier among the rows
    assert after([1.0] * 50 + [1e9] * 7 + [1.0] * 50) is None
    assert after([5.0] * 20 + [np.nan]) == 16


def test_heavy_tails_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets of which few are far away, and one seed in two was stopped: on a slow clock as on a fast one."""
    x = np.random.default_rng(0).normal(size=(2000, 4))
    case = Case("dense8 relu dense1", (x, np.exp(2.5 * np.random.default_rng(1).normal(size=2000))), {"batch_size": 4})
    for moment in (0.0, 1e9):
        monkeypatch.setattr(trainer, "MOMENT", moment)
        run = trained(case, tmp_path / str(moment), True)
        assert (run.result or {})["status"] == "finished"


def test_a_training_is_lost_at_the_same_step_on_every_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("dense8 relu dense1", numbers(1000), {"optimizer": cr.SGD(0.3), "batch_size": 4, "prepare": "none"})
    runs = []
    for moment in (0.0, 1e9):
        monkeypatch.setattr(trainer, "MOMENT", moment)
        runs.append(trained(case, tmp_path / str(moment), True, schedule=cr.Constant(), l2=0.0))
    one, other = runs
    assert (one.result or {})["status"] == "diverged"
    assert told(one) == told(other)
    assert one.facts["ended"] == other.facts["ended"]


def test_steps_one_by_one_are_lazy() -> None:
    """A feed's parts have the rates of their own steps."""
    feed = Feed({}, np.arange(6).reshape(3, 2), np.array([0.1, 0.2, 0.3]))
    assert [(one.order.tolist(), one.lr) for one in feed.single()] == [
        ([[0, 1]], 0.1),
        ([[2, 3]], 0.2),
        ([[4, 5]], 0.3),
    ]
    assert feed.part(1, 3).lr.tolist() == [0.2, 0.3]
