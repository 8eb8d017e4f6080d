"""The benchmarks run: the shortest form of each part, without peers; their arithmetic is the network's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_quick_run_measures_and_saves(tmp_path: Path) -> None:
    """Steps and prediction of the smallest work, in processes, with the same losses; a table, JSON and a picture."""
    file = tmp_path / "found" / "quick.json"
    words = ["steps", "predict", "--quick", "--peers", "none", "--json", str(file)]
    command = [sys.executable, "-m", "benchmarks", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "losses of 5 steps agree" in done.stdout
    found = json.loads(file.read_text(encoding="utf-8"))
    assert {"processor", "date", "numpy", "chainrule"} <= found["machine"].keys()
    step = found["steps"]["small"]
    assert step["median"].keys() == {"chainrule", "chainrule-train"}
    assert all(ms > 0 for ms in step["median"].values())
    assert max(step["apart"].values()) < 1e-4
    assert found["predict"]["small x 1"]["median"]["chainrule-predict"] > 0
    assert (tmp_path / "found" / "quick-steps.svg").is_file()


def test_an_unknown_part_is_a_sentence() -> None:
    command = [sys.executable, "-m", "benchmarks", "speed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "expected some of steps, predict" in done.stderr


def test_arrays_and_arithmetic_are_those_of_chainrule() -> None:
    """Every work's parameters by path and shape, and its multiply-adds, as chainrule counts them."""
    code = """
import math
from benchmarks.works import WORKS
from chainrule.layers import Param, parse
from chainrule.layers.cost import multiply_adds
from chainrule.network import declared_arrays
for work in WORKS.values():
    net = parse(work.net)
    declared = declared_arrays(net, (2, *work.shape))
    ours = {path: array.shape for path, array in work.arrays().items()}
    assert ours == {path: spec.shape for path, spec in declared.items() if isinstance(spec, Param)}, work
    assert sum(part.multiply_adds for part in work.parts) == sum(multiply_adds(net, work.shape).values()), work
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
