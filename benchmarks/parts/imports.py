"""How long an import takes, each in a new interpreter, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ..measure import ROOT, Options
from ..table import as_ms, as_range

MODULES = ("numpy", "chainrule", "sklearn.neural_network", "onnxruntime", "torch", "jax")
CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def measure(options: Options) -> dict[str, Any]:
    """Milliseconds by module, after one import each that fills the system's cache of files."""
    modules = [m for m in MODULES if options.wants("onnxruntime" if m.startswith("onnx") else m) or m == "numpy"]
    print("imports ...", flush=True)
    ready = [module for module in modules if seconds(module) is not None]
    found: dict[str, list[float]] = {module: [] for module in ready}
    for _ in range(options.repeats):
        for module in ready:
            found[module].append((seconds(module) or 0.0) * 1e3)
    return found


def seconds(module: str) -> float | None:
    """Of one import; None, and a line, where it fails."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"  {module}: left out: {done.stderr.strip().splitlines()[-1]}", flush=True)
        return None
    return float(done.stdout)


def show(found: Mapping[str, Any]) -> str:
    """One line."""
    told = [f"{module} {as_ms(statistics.median(ms))} ({as_range(ms)})" for module, ms in found.items()]
    return "import, ms: " + ", ".join(told)
