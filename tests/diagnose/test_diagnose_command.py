"""`chainrule diagnose`, on runs that are healthy, sick, torn, or none at all: sentences and exit codes, never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import chainrule as cr
from chainrule.diagnose.rule import EARLY
from chainrule.errors import RunError

Cli = Callable[..., Result]
MISTAKE = 2  # the exit code of what the user can set right


def trained(folder: Path, **given: Any) -> cr.Run:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 4))
    settings = {"net": "dense16 relu dense1", "data": (x, np.sin(x[:, 0]) + x[:, 1]), "epochs": 40}
    return cr.train(**{**settings, **given}, folder=folder, progress=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a healthy run, a sick one, one that diverged and one that is too short."""
    folder = tmp_path_factory.mktemp("runs")
    trained(folder / "healthy")
    trained(folder / "sick", start={"dense1/w": np.full((4, 16), 0.1)}, optimizer=cr.SGD(1e-6), epochs=3)
    trained(folder / "diverged", optimizer=cr.SGD(1e6))
    trained(folder / "short", epochs=1, batch_size=200)
    return folder


@pytest.fixture
def torn(runs: Path, tmp_path: Path) -> Path:
    """A copy of the sick run, to be torn."""
    shutil.copytree(runs / "sick", tmp_path / "torn")
    return tmp_path / "torn"


def said(result: Result, code: int = 0) -> str:
    """All that was said; with a mistake, one sentence on standard error alone."""
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if code:
        assert result.stdout == ""
        assert result.stderr.startswith("chainrule: ")
        assert result.stderr.count("\n") == 1
    else:
        assert result.stderr == ""
    return result.output


def test_a_healthy_run(cli: Cli, runs: Path) -> None:
    text = said(cli("diagnose", runs / "healthy"))
    assert [finding for finding in cr.diagnose(runs / "healthy") if finding.severity != "note"] == []
    assert "error:" not in text
    assert "warning:" not in text


def test_a_run_in_which_nothing_is_found(cli: Cli, torn: Path) -> None:
    for name in ("facts.json", "probes.jsonl", "result.json", "metrics.jsonl"):
        (torn / name).unlink()
    assert said(cli("diagnose", torn)) == f"{torn}: nothing was found wrong\n"


@pytest.mark.parametrize("name", ["sick", "diverged"])
def test_a_sick_run(cli: Cli, runs: Path, name: str) -> None:
    """All findings in their order, each with what was seen, why, every cure, and the source."""
    text = said(cli("diagnose", runs / name))
    findings = cr.diagnose(runs / name)
    assert text.startswith(f"{runs / name}: {len(findings)} found\n\n")
    heads = [line for line in text.splitlines() if line.startswith(("error: ", "warning: ", "note: "))]
    assert [head.split(": ")[1].split(" at ")[0] for head in heads] == [finding.rule for finding in findings]
    for finding in findings:
        for word, what in (("saw", finding.saw), ("why", finding.why), ("from", finding.source)):
            assert f"{word:<5} {what}\n" in text
        assert all(f"try   {what}\n" in text for what in finding.do)
    assert ("units_equal" if name == "sick" else "not_finite") in [finding.rule for finding in findings]


def test_a_run_that_is_too_short(cli: Cli, runs: Path) -> None:
    assert "note: too_short at training, step 3\n      saw   the training made 3 steps (limit 10)" in said(
        cli("diagnose", runs / "short")
    )


# --- what is no run

FOREIGN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "not there": (lambda at: None, "not a run folder: there is no run.json in it"),
    "empty": (lambda at: at.mkdir(), "not a run folder: there is no run.json in it"),
    "a file": (lambda at: at.write_text("x"), "not a run folder: there is no run.json in it"),
    "somebody else's": (lambda at: (at / "a").mkdir(parents=True), "not a run folder: there is no run.json in it"),
    "run.json is a folder": (lambda at: (at / "run.json").mkdir(parents=True), "there is no run.json in it"),
    "run.json is empty": (lambda at: _only(at, ""), "run.json: cannot be read"),
    "run.json is torn": (lambda at: _only(at, '{"format": "chainr'), "run.json: cannot be read"),
    "run.json is a list": (lambda at: _only(at, "[]"), "run.json: expected a JSON object, found list"),
    "run.json is no text": (lambda at: _only(at, b"\x89PNG\xff"), "run.json: cannot be read"),
}


def _only(at: Path, content: str | bytes) -> None:
    at.mkdir()
    (at / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_run(cli: Cli, tmp_path: Path, name: str) -> None:
    make, sentence = FOREIGN[name]
    make(tmp_path / "it")
    text = said(cli("diagnose", "it"), MISTAKE)
    assert sentence in text
    assert text.startswith(("chainrule: it: ", "chainrule: it/run.json: ", "chainrule: it\\run.json: "))
    with pytest.raises(RunError) as problem:
        cr.diagnose("it")
    assert f"chainrule: {problem.value}\n" == text


# --- runs that were cut off


def test_a_run_that_has_not_begun(cli: Cli, torn: Path) -> None:
    """run.json alone, as it is while the first facts are measured."""
    for file in torn.iterdir():
        if file.name != "run.json":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    assert "nothing was found wrong" in said(cli("diagnose", torn))


def test_a_run_that_was_cut_off_after_its_first_facts(cli: Cli, torn: Path) -> None:
    """What holds from the start is told; what needs an end is not."""
    for name in ("probes.jsonl", "result.json", "metrics.jsonl"):
        (torn / name).unlink()
    facts = json.loads((torn / "facts.json").read_text(encoding="utf-8"))
    kept = {name: facts[name] for name in ("inputs", "targets", "gains", "start", "overfit")}
    (torn / "facts.json").write_text(json.dumps(kept), encoding="utf-8")
    assert "units_equal" in said(cli("diagnose", torn))
    assert {finding.rule for finding in cr.diagnose(torn)} <= EARLY


@pytest.mark.parametrize("name", ["probes.jsonl", "metrics.jsonl"])
def test_a_last_line_that_is_torn(cli: Cli, torn: Path, name: str) -> None:
    before = said(cli("diagnose", torn))
    with (torn / name).open("a", encoding="utf-8") as file:
        file.write('{"step": 12, "dense1/me')
    assert said(cli("diagnose", torn)) == before


@pytest.mark.parametrize("name", ["probes.jsonl", "metrics.jsonl"])
def test_a_line_in_the_middle_that_is_torn(cli: Cli, torn: Path, name: str) -> None:
    lines = (torn / name).read_text(encoding="utf-8")
    (torn / name).write_text('{"step": 12, "dense1/me\n' + lines, encoding="utf-8")
    assert f"{name}: a line is not JSON" in said(cli("diagnose", torn), MISTAKE)


@pytest.mark.parametrize("name", ["facts.json", "result.json"])
@pytest.mark.parametrize(
    ("content", "sentence"), [('{"inputs": {"sca', "cannot be read"), ("", "cannot be read"), ("[1]", "found list")]
)
def test_facts_that_are_torn(cli: Cli, torn: Path, name: str, content: str, sentence: str) -> None:
    (torn / name).write_text(content, encoding="utf-8")
    text = said(cli("diagnose", torn), MISTAKE)
    assert f"{name}: " in text
    assert sentence in text


def test_checkpoints_are_not_asked_for(cli: Cli, torn: Path) -> None:
    before = said(cli("diagnose", torn))
    shutil.rmtree(torn / "checkpoints")
    assert said(cli("diagnose", torn)) == before


def test_a_run_that_was_moved_and_is_named_in_any_way(cli: Cli, runs: Path, torn: Path) -> None:
    found = [str(finding) for finding in cr.diagnose(runs / "sick")]
    assert [str(finding) for finding in cr.diagnose(str(torn))] == found
    assert [str(finding) for finding in cr.diagnose(cr.Run(torn))] == found
    assert [str(finding) for finding in cr.Run(torn).findings] == found
    os.symlink(torn, "linked") if os.name != "nt" else shutil.copytree(torn, "linked")
    assert f"linked: {len(found)} found" in said(cli("diagnose", "linked"))


def test_the_command_itself(tmp_path: Path, runs: Path) -> None:
    """As it is called: exit codes and streams, without the test's runner."""
    command = [sys.executable, "-m", "chainrule", "diagnose"]
    for words, code in ((["nowhere"], MISTAKE), ([str(runs / "short")], 0)):
        done = subprocess.run([*command, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert "Traceback" not in done.stderr
        assert bool(done.stderr) == bool(code) != bool(done.stdout)


def test_without_a_folder(cli: Cli) -> None:
    result = cli("diagnose")
    assert result.exit_code == MISTAKE
    assert "Missing argument 'RUN'" in result.output
