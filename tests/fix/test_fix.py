"""cr.fix from end to end: what helps is found and proven, what does not is said."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli

import chainrule as cr
from chainrule.diagnose.finding import Cure, Finding
from chainrule.errors import ChainruleError
from chainrule.fix import origin
from chainrule.loss import Loss

NET = "dense16 relu dense3"


def finding(rule: str, *cures: Cure) -> Finding:
    return Finding(rule, "error", "it was seen", "It matters", cures or ("look at it",))


def blobs(n: int = 300, spread: float = 0.8) -> tuple[Any, Any]:
    """Three clouds that overlap a little."""
    y = np.arange(n) % 3
    return np.random.default_rng(0).normal(size=(n, 2)) * spread + np.array([[0, 0], [3, 0], [0, 3]])[y], y


@pytest.fixture
def csv_run(write_csv: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> cr.Run:
    """A table whose training learns nothing: its rate is far too high."""
    x, y = blobs()
    write_csv("flowers.csv", [["a", "b", "kind"], *([*map(float, row), "xyz"[c]] for row, c in zip(x, y, strict=True))])
    monkeypatch.chdir(tmp_path)
    data = cr.data.load("flowers.csv", target="kind")
    return cr.train(NET, data, optimizer=cr.SGD(300.0), epochs=10, progress=False)


SICK = [
    finding("lr_too_high", Cure("lr", 1e-3), Cure("batch_norm")),
    finding("too_small", Cure("wider", 2), Cure("no_batch_norm")),
]


def find(monkeypatch: pytest.MonkeyPatch, found: Sequence[Finding]) -> None:
    """What the diagnosis finds, whatever the run."""
    monkeypatch.setattr(cr.Run, "findings", property(lambda run: list(found)))


def test_the_cure_is_found_written_and_run(csv_run: cr.Run, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    find(monkeypatch, SICK)
    fixed = cr.fix(csv_run, progress=False)
    assert fixed.chosen[0] == Cure("lr", 1e-3)
    best, *_, last = fixed.ranking
    assert (best.cure, best.verdict, last.verdict) == (Cure("lr", 1e-3), "gains", "changes nothing")
    assert best.gain.mean > 0.2
    assert best.after - best.before == pytest.approx(best.gain.mean)
    assert csv_run.result is not None
    better = fixed.train("better", progress=False)
    assert better.result is not None
    assert better.result["scores"]["test"]["accuracy"] > csv_run.result["scores"]["test"]["accuracy"] + 0.2
    # the script and the command train the very same
    assert fixed.script == csv_run.folder / "cured.py"
    run = runpy.run_path(str(fixed.script))["cured"](cr.data.load("flowers.csv", target="kind"), folder="by-script")
    assert run.checkpoint("best").read_bytes() == better.checkpoint("best").read_bytes()
    assert fixed.command.startswith("chainrule train ")
    assert cli(*shlex.split(fixed.command)[1:], "--folder", "by-command", "--quiet").exit_code == 0
    by_command = cr.Run("by-command")
    assert by_command.checkpoint("best").read_bytes() == better.checkpoint("best").read_bytes()
    # and as a program
    monkeypatch.setenv("PYTHONPATH", str(Path(cr.__file__).parents[1]))
    done = subprocess.run([sys.executable, fixed.script], capture_output=True, text=True, check=True)
    assert "recorded in" in done.stdout


def test_a_folder_is_as_good_as_the_run_that_trained(csv_run: cr.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    find(monkeypatch, SICK[:1])
    from_run, from_folder = (cr.fix(run, seeds=2, progress=False) for run in (csv_run, csv_run.folder))
    assert str(from_run) == str(from_folder)
    assert sorted(p.name for p in csv_run.folder.glob("*.py")) == ["cured.py"]  # the same text is not written twice
    (csv_run.folder / "cured.py").write_text("# changed")
    again = cr.fix(csv_run.folder, seeds=2, progress=False)
    assert again.script == csv_run.folder / "cured-2.py"


@pytest.mark.parametrize("loss", [cr.Huber(0.5), None], ids=["given", "default"])
def test_a_folder_says_which_loss_was_given(loss: Loss | None, tmp_path: Path) -> None:
    x, y = blobs(100)
    data = (x, y * 1.0)
    run = cr.train("dense4 relu dense1", data, loss=loss, epochs=2, folder=tmp_path / "r", progress=False)
    of_folder = origin.case_of(cr.Run(run.folder), data)[0]
    assert (of_folder["loss"], of_folder["l2"]) == (loss, origin.case_of(run, None)[0]["l2"])


def test_the_command(csv_run: cr.Run, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    find(monkeypatch, SICK)
    done = cli("fix", csv_run.folder, "--seeds", "2", "--quiet")
    assert done.exit_code == 0, done.output
    assert re.search(r"^cure +balanced accuracy before +after +gain +loss +seeds +verdict$", done.output, re.MULTILINE)
    assert re.search(
        r"^multiply the learning rate by 0.001 +0\.\d+ +0\.\d+ +\+0\.\d+ ± 0\.\d+ .* gains$", done.output, re.MULTILINE
    )
    assert "what helps: multiply the learning rate by 0.001" in done.output
    assert "train with it:  chainrule train" in done.output
    Path("moved").mkdir()
    Path("flowers.csv").rename("moved/flowers.csv")
    done = cli("fix", csv_run.folder, "--quiet")
    assert (done.exit_code, "there is no such file" in done.output) == (2, True)
    assert cli("fix", csv_run.folder, "--data", "moved/flowers.csv", "--seeds", "2", "--quiet").exit_code == 0


def test_where_nothing_helps_it_says_so(tmp_path: Path) -> None:
    run = cr.train(NET, blobs(90, spread=0.3), epochs=40, folder=tmp_path / "r", progress=False)
    fixed = cr.fix(run, findings=[], seeds=2, progress=False)
    assert fixed.chosen == ()
    assert "the run has no finding: tried are the usual suspects" in str(fixed)
    assert "nothing helped beyond its spread. Tried: " in str(fixed)
    assert fixed.script is None
    assert sorted(p.name for p in run.folder.glob("*.py")) == []
    advice = cr.fix(run, findings=[finding("label_noise")], seeds=2, most=20, progress=False)
    assert "no finding of the run has a cure that can be tried" in str(advice)


def test_what_only_helps_together_is_added(tmp_path: Path) -> None:
    """A prior that holds everything at 0, and a rate at which nothing is learned: either cure alone is not the whole."""
    x, y = blobs()
    run = cr.train(NET, (x, y), optimizer=cr.Adam(0.002), l2=3e3, epochs=10, folder=tmp_path / "r", progress=False)
    fixed = cr.fix(
        run, findings=[finding("l2_too_strong", Cure("l2")), finding("lr_too_low", Cure("lr", 10))], progress=False
    )
    assert fixed.chosen[0] == Cure("l2")
    assert [trial.beside for trial in fixed.added] == [(Cure("l2"),)] * len(fixed.added) != []


@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_other_tasks(kind: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = x @ np.array([[1.0], [2.0], [-1.0]]) if kind == "numbers" else np.stack([x[:, 0] > 0, x[:, 1] + x[:, 2] > 0], 1)
    net = f"dense8 relu dense{y.shape[1]}"
    run = cr.train(net, (x, y), optimizer=cr.Adam(1e-6), epochs=20, folder=tmp_path / "r", progress=False)
    fixed = cr.fix(run, findings=[finding("lr_too_low", Cure("lr", 0.1), Cure("lr", 1e4))], progress=False)
    assert fixed.chosen == (Cure("lr", 1e4),)
    assert fixed.measure == {"numbers": "r2", "labels": "f1"}[kind]


def test_a_cure_that_does_not_fit_is_told(tmp_path: Path) -> None:
    run = cr.train(cr.Sequential(cr.Reshape(1, 2), cr.Flatten(), cr.Dense(3)), blobs(90), epochs=2, folder=tmp_path / "r", progress=False)  # fmt: skip
    rivals = [finding("x", Cure("batch_size", 0), Cure("epochs", 2))]
    fixed = cr.fix(run, findings=rivals, seeds=2, progress=False)
    broken = next(trial for trial in fixed.ranking if trial.cure.name == "batch_size")
    assert broken.verdict == "does not fit"
    assert "The 'batch_size' parameter of train must be an int of at least 1" in str(fixed)


def test_arrays_must_be_given_again_and_be_the_same(tmp_path: Path) -> None:
    x, y = blobs(90)
    folder = tmp_path / "r"
    cr.train(NET, (x, y), epochs=1, folder=folder, progress=False)
    rivals = [finding("too_few_epochs", Cure("epochs", 20))]
    for data, sentence in (
        (None, r"trained on arrays, which its folder does not hold: give them, cr.fix\(run, data=\(x, y\)\)"),
        ((x + 0.01, y), "the data are not those of the run.*other values"),
        ((x[:60], y[:60]), "expected 90 rows, 2 features, .* found 60 rows"),
    ):
        with pytest.raises(ChainruleError, match=sentence):
            cr.fix(folder, data=data, findings=rivals, progress=False)
    fixed = cr.fix(folder, data=(x, y), findings=rivals, seeds=2, progress=False)
    assert fixed.chosen == (Cure("epochs", 20),)
    assert fixed.command == f"python {folder / 'cured.py'}"
    done = subprocess.run([sys.executable, folder / "cured.py"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(Path(cr.__file__).parents[1])})  # fmt: skip
    assert "import this script and call cured(data)" in done.stderr
    run = runpy.run_path(str(folder / "cured.py"))["cured"]((x, y), folder=tmp_path / "c")
    assert run.about["settings"]["epochs"] == 20


def test_a_run_folder_that_does_not_say_enough(tmp_path: Path) -> None:
    with pytest.raises(ChainruleError, match=r"not a run folder: there is no run.json"):
        cr.fix(tmp_path, findings=[])
    x, y = blobs(30)
    start = {"dense1/w": np.zeros((2, 16), np.float32)}
    run = cr.train(NET, (x, y), epochs=1, start=start, folder=tmp_path / "started", progress=False)
    with pytest.raises(ChainruleError, match=r"began from arrays that were given \(dense1/w\)"):
        cr.fix(run.folder, data=(x, y), findings=[])
    run = cr.train(NET, (x, y), epochs=1, validation=(x, y), folder=tmp_path / "given", progress=False)
    _, notes = origin.case_of(cr.Run(run.folder), (x, y))
    assert notes == [
        "the validation rows were given apart and are not in the run's folder: here a tenth of the training rows is drawn"
    ]
    text = (run.folder / "run.json").read_text()
    (run.folder / "run.json").write_text(text.replace('"optimizer"', '"driver"'))
    with pytest.raises(ChainruleError, match=r"run.json does not say 'optimizer'"):
        cr.fix(run.folder, data=(x, y), findings=[])
    (run.folder / "run.json").write_text(text[:100])
    with pytest.raises(ChainruleError, match=r"run.json: cannot be read"):
        cr.fix(run.folder, data=(x, y), findings=[])
    (run.folder / "run.json").write_text(text.replace('"name": "Adam"', '"name": "Mine"'))
    with pytest.raises(ChainruleError, match=r"uses the optimiser 'Mine', which is not defined here.*--net FILE.py"):
        cr.fix(run.folder, data=(x, y), findings=[])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"seeds": 1}, "The 'seeds' parameter of fix must be an int of at least 2"),
        ({"most": 0}, "The 'most' parameter of fix must be an int of at least 1"),
        ({"findings": [finding("x", Cure("reluu"))]}, "there is no cure 'reluu'; did you mean 'relu'"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit(settings: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    run = cr.train(NET, blobs(30), epochs=1, folder=tmp_path / "r", progress=False)
    with pytest.raises(ChainruleError, match=sentence):
        cr.fix(run, **{"findings": [], **settings})


OWN = """
from dataclasses import dataclass
import chainrule as cr
@dataclass(frozen=True)
class Soft(cr.Layer):
    def forward(self, x, p, ctx):
        return cr.softmax(x)
net = cr.Sequential(cr.Dense(16), Soft(), cr.Dense(16), Soft(), cr.Dense(3))
"""


def test_layers_of_ones_own(csv_run: cr.Run, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(OWN)
    words = (
        "train",
        "flowers.csv",
        "--target",
        "kind",
        "--net",
        "mine.py",
        "--epochs",
        "10",
        "--folder",
        "own",
        "--quiet",
    )
    assert cli(*words).exit_code == 0
    find(monkeypatch, [finding("hidden_softmax", Cure("relu"), Cure("init"))])
    done = cli("fix", "own", "--net", "mine.py", "--seeds", "2", "--quiet")
    assert done.exit_code == 0, done.output
    assert "what helps: put relu in place of the activations" in done.output
    assert "--net 'dense16 relu dense16 relu dense3' --epochs 10" in done.output
    env = {**os.environ, "PYTHONPATH": str(Path(cr.__file__).parents[1])}
    ran = subprocess.run([sys.executable, "own/cured.py"], capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stderr
    net = str(runpy.run_path("own/cured.py")["net"])
    assert (net.count("relu"), net.count("Soft")) == (2, 0)
    # where one of them stays, the script finds it
    find(monkeypatch, [finding("too_few_epochs", Cure("epochs", 30))])
    assert cli("fix", "own", "--net", "mine.py", "--seeds", "2", "--quiet").exit_code == 0
    text = Path("own/cured-2.py").read_text()
    assert f"sys.path.insert(0, {str(Path.cwd())!r})\nfrom mine import Soft\n" in text
    assert "net = cr.Sequential(cr.Dense(units=16), Soft()" in text
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert "Soft()" in str(runpy.run_path("own/cured-2.py")["net"])


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_it_with_the_ranking_so_far_and_leaves_nothing_behind(csv_run: cr.Run, tmp_path: Path) -> None:
    code = f"""
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs begin without
        import chainrule as cr
        from chainrule.diagnose.finding import Cure, Finding
        from chainrule.cli import command
        cures = (Cure("lr", 1e-3), *(Cure("wider", 20 + i) for i in range(1000)))
        cr.Run.findings = property(lambda run: [Finding("x", "error", "s", "w", cures)])
        print("begin", flush=True)
        command(["fix", {str(csv_run.folder)!r}])
    """
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(Path(cr.__file__).parents[1])}
    script = "\n".join(line[8:] for line in code.splitlines())
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        try:
            told, _ = process.communicate(timeout=60)
        finally:
            process.kill()  # else a failure would wait for it
    assert process.returncode == 130
    assert "stopped by Ctrl-C; this is what was found until then" in told
    assert "multiply the learning rate by 0.001" in told
    assert list(temporary.iterdir()) == []
