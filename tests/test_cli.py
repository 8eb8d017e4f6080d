"""The command: its main job, and every misuse a sentence with exit code 2."""

from __future__ import annotations

import csv
import gzip
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli

import chainrule as cr
from chainrule.data import write_idx

WriteCsv = Callable[..., Path]
TABLE: list[list[Any]] = [["a", "colour", "kind"]] + [
    [i / 10, ["red", "blue"][i % 2], "xy"[i // 20]] for i in range(40)
]
QUICK = ("--epochs", "2", "--quiet")


def refused(cli: Cli, *words: Any) -> str:
    """The sentence of a command that must fail as a user's mistake does, leaving no run behind."""
    before = sorted(Path.cwd().rglob("*"))
    done = cli(*words)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert sorted(Path.cwd().rglob("*")) == before
    last: str = done.output.strip().splitlines()[-1]
    return last


def test_train_show_predict_report(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", "digits", "--net", "conv4-3 bn relu pool2 flatten dense10", *QUICK)
    assert done.exit_code == 0, done.output
    assert re.search(r"^test +359 +[\d.]+ +\d+\.\d%$", done.output, re.MULTILINE)
    assert "recorded in runs/digits-1" in done.output
    shown = cli("show", "runs/digits-1").output
    assert re.search(r"^conv2d1 +Conv2d\(units=4\) +8x8x4 +40 +2,304 +3x3$", shown, re.MULTILINE)
    assert shown == cli("show", "runs/digits-1/checkpoints/best.safetensors").output
    digits = cr.data.load("digits")
    np.savez(tmp_path / "new.npz", x=digits.x[:5])
    rows = list(csv.reader(cli("predict", "runs/digits-1", "new.npz").output.splitlines()))
    assert rows[0] == ["index", "predicted", "probability"]
    assert [int(r[1]) for r in rows[1:]] == cr.Run("runs/digits-1").model.predict(digits.x[:5]).tolist()
    assert cli("report", "runs/digits-1").output.strip() == "written: runs/digits-1/report.html"
    again = cli("train", "digits", "--net", "flatten dense10", *QUICK).output
    assert {*re.findall(r"runs/digits-\d", again)} == {"runs/digits-2"}
    assert "what is wrong:  chainrule diagnose runs/digits-2" in again  # two epochs are too few
    assert "too_few_epochs" in cli("diagnose", "runs/digits-2").output


def test_a_table_with_text_and_its_predictions(cli: Cli, write_csv: WriteCsv) -> None:
    write_csv("t.csv", TABLE)
    done = cli("train", "t.csv", "--target", "kind", "--epochs", "60", "--lr", "0.03", "--quiet")
    assert done.exit_code == 0, done.output
    assert re.search(r"^colour +category +2 categories: blue, red$", done.output, re.MULTILINE)
    write_csv("new.csv", [["colour", "extra", "a"], ["red", "?", 0.1], ["blue", "?", 3.9]])
    rows = list(csv.reader(cli("predict", "runs/t-1", "new.csv").output.splitlines()))
    assert [r[:2] for r in rows] == [["line", "predicted"], ["2", "x"], ["3", "y"]]
    assert cli("predict", "runs/t-1", "new.csv", "--output", "out.csv").exit_code == 0
    assert "nothing is overwritten" in refused(cli, "predict", "runs/t-1", "new.csv", "--output", "out.csv")
    write_csv("bad.csv", [["colour", "a"], ["green", 0.1]])
    sentence = refused(cli, "predict", "runs/t-1", "bad.csv")
    assert all(part in sentence for part in ("bad.csv", "line 2", "column 'colour'", "green", "blue", "red"))


def test_numbers(cli: Cli, write_csv: WriteCsv) -> None:
    write_csv("t.csv", [["a", "price"], *([i, 2.5 * i + 0.5] for i in range(50))])
    done = cli(
        "train",
        "t.csv",
        "--target",
        "price",
        "--net",
        "dense1",
        "--optimizer",
        "sgd",
        "--lr",
        "0.1",
        "--momentum",
        "0.9",
        "--l2",
        "0",
        "--epochs",
        "50",
    )
    assert done.exit_code == 0, done.output
    scores = re.search(r"^test +10 +(\S+) +(\S+)", done.output, re.MULTILINE)
    assert scores is not None
    assert float(scores.group(2)) > 0.999
    write_csv("new.csv", [["a"], [10]])
    header, row = csv.reader(cli("predict", "runs/t-1", "new.csv").output.splitlines())
    assert header == ["line", "price"]
    assert float(row[1]) == pytest.approx(25.5, abs=1)


def test_a_network_from_a_python_file(cli: Cli, tmp_path: Path) -> None:
    code = """
        from dataclasses import dataclass
        import chainrule as cr
        @dataclass(frozen=True)
        class Double(cr.Layer):
            def forward(self, x, p, ctx):
                return x * 2
        net = cr.Sequential(cr.Flatten(), Double(), cr.Dense(10))
    """
    (tmp_path / "net.py").write_text("\n".join(line[8:] for line in code.splitlines()))
    done = cli("train", "digits", "--net", "net.py", *QUICK)
    assert done.exit_code == 0, done.output
    assert "Double()" in cli("show", "runs/digits-1", "--net", "net.py").output
    for name, text, sentence in (
        ("a.py", "x = 1", "should define `net`.*found nothing of that name"),
        ("b.py", "net = 3", "found int"),
        ("c.py", "1 / 0", "running it failed: ZeroDivisionError"),
    ):
        (tmp_path / name).write_text(text)
        assert re.search(sentence, refused(cli, "train", "digits", "--net", name))
    assert "no such file" in refused(cli, "train", "digits", "--net", "none.py")


def cells(change: Callable[[list[list[Any]]], None]) -> list[list[Any]]:
    rows = [list(row) for row in TABLE]
    change(rows)
    return rows


def put(line: int, column: int, value: str) -> list[list[Any]]:
    return cells(lambda rows: rows[line - 1].__setitem__(column, value))


@pytest.mark.parametrize(
    ("rows", "words", "parts"),
    [
        (TABLE, ("--target", "kinds"), ("t.csv", "'kinds'", "a, colour, kind")),
        (TABLE, (), ("t.csv", "target", "a, colour, kind")),
        (put(7, 0, "nan"), ("--target", "kind"), ("t.csv, line 7, column 'a'", "nan")),
        (put(9, 0, "abc"), ("--target", "kind"), ("t.csv, line 9, column 'a'", "expected a number, found 'abc'")),
        (put(9, 0, ""), ("--target", "kind"), ("t.csv, line 9, column 'a'",)),
        (cells(lambda rows: rows[4].pop()), ("--target", "kind"), ("t.csv, line 5", "3", "2")),
        ([], ("--target", "kind"), ("t.csv", "empty")),
        (TABLE[:1], ("--target", "kind"), ("t.csv",)),
        (TABLE[:2], ("--target", "kind"), ("t.csv", "1")),
        (TABLE[:9], ("--target", "kind"), ("t.csv", "'x'")),
        (TABLE, ("--target", "kind", "--net", "dense8 rellu dense2"), ("'rellu'", "did you mean 'relu'")),
        (TABLE, ("--target", "kind", "--net", "dense8 relu dense3"), ("(3,)", "2 classes", "'dense2'")),
        (TABLE, ("--target", "kind", "--net", "conv8-3 flatten dense2"), ("layer 'conv2d1'", "(h, w, c)", "(3,)")),
        (TABLE, ("--target", "kind", "--momentum", "0.9"), ("--optimizer sgd",)),
        (TABLE, ("--target", "kind", "--lr", "-1"), ("'lr'", "(0, inf)", "-1")),
        (TABLE, ("--target", "kind", "--test", "1.5"), ("'test'", "1.5")),
        (TABLE, ("--target", "kind", "--epochs", "many"), ("'--epochs'", "many")),
        (TABLE, ("--target", "kind", "--folder", "t.csv"), ("t.csv", "nothing is overwritten")),
        (TABLE, ("--target", "kind", "--folder", "t.csv/run"), ("t.csv/run", "cannot be written", "Not a directory")),
    ],
)
def test_misuse_of_tables(cli: Cli, write_csv: WriteCsv, rows: Any, words: Any, parts: Any) -> None:
    file = write_csv("t.csv", rows)
    before = file.read_bytes()
    sentence = refused(cli, "train", "t.csv", *words)
    assert [part for part in parts if part not in sentence] == [], sentence
    assert file.read_bytes() == before


def idx_pair(folder: Path, change: Callable[[bytes], bytes] = bytes) -> Path:
    """MNIST's names and format, gzipped, holding the digits."""
    digits = cr.data.load("digits")
    for name, array in (("images-idx3", digits.x[..., 0]), ("labels-idx1", digits.y)):
        write_idx(folder / "raw", array.astype(np.uint8))
        content = (folder / "raw").read_bytes()
        with gzip.open(folder / f"train-{name}-ubyte.gz", "wb") as out:
            out.write(change(content) if name == "images-idx3" else content)
        (folder / "raw").unlink()
    return folder / "train-images-idx3-ubyte.gz"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda content: b"\x01" + content[1:], "begins with 00 00"),
        (lambda content: content[:5000], "bytes"),
        (lambda content: content[:4] + b"\x7f\xff\xff\xff" + content[8:], "bytes"),
        (lambda content: content + b"more", "bytes"),
    ],
)
def test_misuse_of_idx(cli: Cli, tmp_path: Path, change: Any, part: str) -> None:
    file = idx_pair(tmp_path, change)
    sentence = refused(cli, "train", file)
    assert file.name in sentence
    assert part in sentence


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("train", "digit"), "did you mean 'digits'"),
        (("train", "none.csv"), "none.csv"),
        (("show", "none"), "none: there is no such run folder or model file"),
        (("report", "."), "not a run folder"),
        (("predict", "none", "none.csv"), "none"),
        (("trane", "digits"), "trane"),
    ],
)
def test_what_is_not_there(cli: Cli, words: Any, part: str) -> None:
    assert part in refused(cli, *words)


def test_a_foreign_file_is_no_model(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"not a model at all")
    assert "not a safetensors file" in refused(cli, "show", "m.safetensors")


def test_engines(cli: Cli) -> None:
    out = cli("engines").output
    assert re.search(r"^reference +ready", out, re.MULTILINE)
    assert re.search(r"^native +", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("missing", "words", "install"),
    [
        ("click", ("train", "digits"), 'pip install "chainrule[cli]"'),
        ("jinja2", ("report", "runs/digits-1"), 'pip install "chainrule[report]"'),
        ("matplotlib", ("report", "runs/digits-1"), 'pip install "chainrule[report]"'),
    ],
)
def test_an_extra_that_is_not_installed(cli: Cli, tmp_path: Path, missing: str, words: Any, install: str) -> None:
    assert cli("train", "digits", "--net", "flatten dense10", *QUICK).exit_code == 0
    code = f"import sys; sys.modules[{missing!r}] = None; from chainrule.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"'{missing}', which is not installed: {install}" in done.stderr


def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "chainrule",
        "train",
        "digits",
        "--net",
        "flatten dense8 tanh dense10",
        "--epochs",
        "100000",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "runs" / "digits-1" / "metrics.jsonl"
    while not log.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in out
    assert "Traceback" not in err


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere; tests/test_train.py fails each write"
)
def test_a_read_only_folder(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o555)
    assert "cannot be written (Permission denied)" in refused(cli, "train", "digits", "--folder", "shut/run")
