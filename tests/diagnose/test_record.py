"""Records of runs that are not whole: what is missing is no fault, and what is no run is refused."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from by_hand import BY_HAND

import chainrule as cr
from chainrule.diagnose import RULES, Record
from chainrule.errors import RunError
from chainrule.run import Run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that has something wrong with it from its start to its end."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    cr.train(
        "flatten dense8 sigmoid dense10", "digits", optimizer=cr.SGD(1e-4), epochs=4, folder=folder, progress=False
    )
    assert [finding.rule for finding in cr.diagnose(folder)]
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (None, "", "not a run folder: there is no run.json in it"),
        ("notes.txt", "hello", "not a run folder: there is no run.json in it"),
        ("run.json", "[1, 2]", r"run\.json: expected a JSON object, found list"),
        ("run.json", "{", r"run\.json: cannot be read"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, name: str | None, content: str, sentence: str) -> None:
    if name:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=sentence):
        cr.diagnose(tmp_path)


def test_a_run_without_anything_has_nothing_wrong_with_it(tmp_path: Path) -> None:
    """run.json alone, as it is before the first step: no rule takes what is missing for a fault."""
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    record = Record(Run(tmp_path))
    assert [name for name, find in RULES.items() if list(find(record))] == []
    assert (record.status, record.steps, record.task) == (None, 0, "classes")
    assert math.isnan(record.remaining)
    assert math.isnan(record.number("start", "loss"))
    assert cr.diagnose(tmp_path) == []


def test_while_it_trains_only_what_holds_from_the_start_is_told(run: Path) -> None:
    late = {"flat", "lr_too_low", "too_small", "too_few_epochs"} & {f.rule for f in cr.diagnose(run)}
    assert late
    (run / "result.json").unlink()
    facts = json.loads((run / "facts.json").read_text(encoding="utf-8"))
    (run / "facts.json").write_text(json.dumps({k: v for k, v in facts.items() if k != "ended"}), encoding="utf-8")
    assert Record(Run(run)).status is None
    assert {f.rule for f in cr.diagnose(run)} & late == set()


def test_a_torn_last_line_is_no_epoch(run: Path) -> None:
    before = Record(Run(run))
    for name in ("metrics.jsonl", "probes.jsonl"):
        with (run / name).open("a", encoding="utf-8") as file:
            file.write('{"epoch": 5, "step": 99999, "train/lo')
    after = Record(Run(run))
    assert (after.steps, len(after.train), len(after.probes)) == (before.steps, 4, len(before.probes))
    assert cr.diagnose(run) == cr.diagnose(before_run := Run(run)) == before_run.findings


def test_a_line_in_the_middle_that_is_torn_is_a_sentence(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join([lines[0][:9] + "\n", *lines[1:]]), encoding="utf-8")
    with pytest.raises(RunError, match=r"metrics\.jsonl: a line is not JSON"):
        cr.diagnose(run)


def test_a_run_of_an_older_version_is_judged_by_what_it_has(run: Path) -> None:
    """No facts.json, no probes.jsonl, settings that were not recorded then: no rule that needs them speaks."""
    (run / "facts.json").unlink()
    (run / "probes.jsonl").unlink(missing_ok=True)
    about = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for name in ("shuffle", "loss", "l1", "batch_size"):
        about["settings"].pop(name, None)
    (run / "run.json").write_text(json.dumps(about), encoding="utf-8")
    record = Record(Run(run))
    assert (record.status, len(record.train)) == ("finished", 4)
    assert cr.diagnose(run) == []
    assert cr.Run(run).report().exists()


def test_a_run_that_is_too_short_says_so(tmp_path: Path) -> None:
    run = BY_HAND["too_short"].train(tmp_path / "r")
    (found,) = [found for found in run.findings if found.rule == "too_short"]
    assert found.saw == f"the training made {Record(run).steps} steps (limit 10)"
    assert {"flat", "plateau", "oscillates"} & {found.rule for found in run.findings} == set()
