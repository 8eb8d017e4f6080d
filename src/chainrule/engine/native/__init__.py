"""The native engine: graphs as flat programs, run by the compiled module, which no other file imports.

A graph goes through `lower` (what the machine can do), `fuse` (what its kernels take), `schedule` (when), `emit` (where in
memory, and as numbers), and is `planned` then. `bound` puts it in memory, `training` moves states by it; `plan` is both.

The extension is built when chainrule is installed, where there is a C++20 compiler; all else runs without it. It is
loaded when first asked for, and nothing is measured before `peak_gflops` or `describe`.

A *path* is the set of kernels for one instruction set: `avx512`, `avx2`, `neon`, or `baseline`, which runs on every
CPU of its kind. The best one that this CPU can run is taken, unless the environment variable CHAINRULE_CPU names one.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import EngineError, SettingError, is_whole, require

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...graph import Graph
    from . import _ext  # noqa: TC004 - bound at run time by _load, which imports the submodule
    from .plan import NativePlan

_threads: int | None = None
EXTENSION = f"{__name__}._ext"
# --no-cache-dir: pip keeps the wheel it made without a compiler, and would install that one again.
REINSTALL = "`pip install --force-reinstall --no-deps --no-cache-dir --no-binary chainrule chainrule`"
NOT_BUILT = (
    "the compiled module is not there, because no C++20 compiler was found (or CHAINRULE_NO_NATIVE was set) when "
    f"chainrule was installed; install one (e.g. `apt install g++`) and reinstall: {REINSTALL}"
)


@dataclass(frozen=True)
class NativeReport:
    """What the compiled module found on this machine; where it is missing, `missing` says why and the rest is empty.

    `peak_one` and `peak_all` are float32 multiply-add rates in GFLOP/s, of one thread and of all `threads` together.
    """

    missing: str | None = None
    features: tuple[str, ...] = ()
    threads: int = 0
    path: str = ""
    peak_one: float = 0.0
    peak_all: float = 0.0

    @property
    def about(self) -> str:
        """The report in one line."""
        if self.missing:
            return self.missing
        count = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.path}, {count}, multiply-add peak {self.peak_one:.0f} GFLOP/s on one, {self.peak_all:.0f} on all"


def available() -> bool:
    """Whether the compiled module is there and loads."""
    return missing_reason() is None


def missing_reason() -> str | None:
    """Why the compiled module cannot be used and what to do, in one sentence; None where it can."""
    try:
        importlib.import_module(EXTENSION)
    except ModuleNotFoundError:
        return NOT_BUILT
    except ImportError as error:
        return f"the compiled module does not load ({error}); reinstall: {REINSTALL}"
    return None


def cpu_features() -> tuple[str, ...]:
    """The vector features of this CPU that programs may use, by Linux's names: `("sse2", "avx", "avx2", "fma")`."""
    _load()
    return tuple(_ext.cpu_features())


def threads() -> int:
    """The logical CPUs this process may run on: on Linux its affinity mask, elsewhere all of them."""
    _load()
    return _ext.threads()


def paths() -> tuple[str, ...]:
    """The paths that this build has and this CPU can run, best first."""
    _load()
    return tuple(_ext.paths())


def path() -> str:
    """The path in use. Raises SettingError when CHAINRULE_CPU names one that cannot run here."""
    usable = paths()
    chosen = os.environ.get("CHAINRULE_CPU") or usable[0]
    if chosen not in usable:
        raise SettingError(
            "The environment variable CHAINRULE_CPU must be unset or name a path that this machine can run: "
            f"{', '.join(usable)}. Got {chosen!r} instead."
        )
    return chosen


def plan(graph: Graph, keep: Collection[str] = (), hold: Collection[str] = ()) -> NativePlan:
    """A graph, ready to run on the native engine."""
    from .plan import NativePlan  # noqa: PLC0415 - most of the engine, not wanted before there is a graph

    _load()
    return NativePlan(graph, _ext, path(), keep, hold)


def set_threads(count: int | None) -> None:
    """How many threads the native engine works on, the calling one included; None: as many as there are CPUs for it.

    The results do not depend on it, not in one bit. Without a call it is what the environment variable
    CHAINRULE_THREADS says, else the number of CPUs that this process may run on.
    """
    global _threads  # noqa: PLW0603 - a setting of the process
    require(
        "set_threads",
        "count",
        count,
        count is None or (is_whole(count, 1) and count <= 1024),
        "an int in the range [1, 1024]",
    )
    _threads = count


def thread_count() -> int:
    """How many threads a program runs on."""
    global _threads  # noqa: PLW0603 - looked up once
    if _threads is None:
        _threads = _threads_of_environment() or threads()
    return _threads


def _threads_of_environment() -> int | None:
    text = os.environ.get("CHAINRULE_THREADS")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise SettingError(
            f"The environment variable CHAINRULE_THREADS must be unset or an int in the range [1, 1024]. "
            f"Got {text!r} instead."
        )
    return int(text)


def peak_gflops(threads: int) -> float:
    """Measured float32 multiply-add rate of `threads` threads together on `path()`, in GFLOP/s; takes 0.13 s.

    A multiply-add counts as two operations. It is the most this machine can do, a scale for everything else: a tile of
    accumulators in registers, no traffic to memory, the best of five windows of 20 ms. The GIL is released.
    """
    _load()
    most = _ext.threads()
    require("peak_gflops", "threads", threads, 1 <= threads <= most, f"an int in the range [1, {most}]")
    return _ext.peak_gflops(path(), threads)


def describe() -> NativeReport:
    """Everything above in one report, both peaks included; takes 0.26 s."""
    missing = missing_reason()
    if missing:
        return NativeReport(missing)
    count = threads()
    return NativeReport(None, cpu_features(), count, path(), peak_gflops(1), peak_gflops(count))


def _load() -> None:
    """Import the extension, which also binds `_ext` in this module, or raise EngineError saying why it is missing."""
    missing = missing_reason()
    if missing:
        raise EngineError(missing)
