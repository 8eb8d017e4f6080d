"""What was measured on: processor, its measured peak, versions."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import chainrule as cr
from chainrule.engine import native

LOOK, ALONE = 0.3, 0.08  # seconds of a look at the load, and the share of others that is let pass
LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "onnxruntime", "scikit-learn")


def peak(threads: int) -> float:
    """The measured multiply-add rate of so many threads in GFLOP/s; 0 without the compiled module."""
    return native.peak_gflops(threads) if native.available() else 0.0


def processor() -> str:
    """The processor's own name where the system tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def describe(threads: int) -> dict[str, Any]:
    """Machine, versions and date, as plain data."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "usable": native.threads() if native.available() else os.cpu_count(),
        "path": native.path() if native.available() else "",
        "missing": native.missing_reason() or "",
        "peak_gflops": {str(n): round(peak(n), 1) for n in sorted({1, threads})},
        "threads": threads,
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "chainrule": cr.__version__,
        **{name: found for name in LIBRARIES if (found := installed(name))},
    }


def installed(name: str) -> str:
    """A library's version; empty where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


class Load:
    """What others did on this machine between its making and `others()`; children count as ours once they have ended."""

    def __init__(self) -> None:
        self.busy, self.all, self.ours = *ticks(), own()

    def others(self) -> float | None:
        """The share of all processors' time that went to other processes; None where the system does not say."""
        busy, everything = ticks()
        seconds = (busy - self.busy) / os.sysconf("SC_CLK_TCK") - (own() - self.ours)
        whole = (everything - self.all) / os.sysconf("SC_CLK_TCK")
        return max(0.0, seconds / whole) if whole else None


def quiet(patience: float) -> None:
    """Wait until others leave the machine alone for a moment, at most so many seconds."""
    end = time.perf_counter() + patience
    while time.perf_counter() < end:
        load = Load()
        time.sleep(LOOK)
        if (load.others() or 0.0) < ALONE:
            return


def ticks() -> tuple[int, int]:
    """Clock ticks of all processors since the start: in which something ran (or another guest did), and all."""
    file = Path("/proc/stat")
    if not file.exists():
        return 0, 0
    user, nice, system, idle, waiting, *more = map(int, file.read_text().splitlines()[0].split()[1:9])
    busy = user + nice + system + sum(more)
    return busy, busy + idle + waiting


def own() -> float:
    """Seconds of processor that this process and its ended children took."""
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in of)
