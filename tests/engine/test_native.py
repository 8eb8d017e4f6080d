"""The compiled module. An install without it is legal: there, what needs it is skipped, and the rest says so."""

from __future__ import annotations

import ast
import importlib.util
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chainrule.engine import native
from chainrule.errors import EngineError, SettingError

compiled = pytest.mark.skipif(not native.available(), reason="this install has no compiled module")
CPUINFO = Path("/proc/cpuinfo")
CALLS = [native.cpu_features, native.threads, native.paths, native.path, lambda: native.peak_gflops(1)]
AVX512 = {"avx512f", "avx512vl", "avx512bw", "avx512dq"}


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An install without the compiled module."""
    monkeypatch.setitem(sys.modules, native.EXTENSION, None)


@pytest.mark.usefixtures("missing")
class TestMissing:
    def test_sentence(self) -> None:
        reason = native.missing_reason()
        assert not native.available()
        assert reason is not None
        for part in ("no C++20 compiler was found", "CHAINRULE_NO_NATIVE", "apt install g++", "--no-cache-dir"):
            assert part in reason

    def test_report_says_why(self) -> None:
        report = native.describe()
        assert report == native.NativeReport(native.missing_reason())
        assert report.about == native.missing_reason()

    @pytest.mark.parametrize("call", CALLS)
    def test_use_raises(self, call: Callable[[], object]) -> None:
        with pytest.raises(EngineError, match=r"apt install g\+\+"):
            call()


def test_this_install_is_one_or_the_other() -> None:
    built = importlib.util.find_spec(native.EXTENSION) is not None
    assert native.missing_reason() == (None if built else native.NOT_BUILT)


def test_an_extension_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_ext.py").write_text("raise ImportError('libstdc++.so.6: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(native, "EXTENSION", "broken_ext")
    assert "does not load (libstdc++.so.6: cannot open shared object file)" in str(native.missing_reason())


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = f"import sys, chainrule.engine.native; sys.exit('{native.EXTENSION}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def signatures(owner: object) -> set[str]:
    """What nanobind wrote down for the functions of a module, the methods and properties of a class."""
    return {
        signature.replace("def (", f"def {name}(")
        for name, member in vars(owner).items()
        for signature, *_ in getattr(getattr(member, "fget", member), "__nb_signature__", ())
    }


@compiled
class TestCompiled:
    def test_features_are_named_once(self) -> None:
        features = native.cpu_features()
        assert features
        assert len(set(features)) == len(features)

    @pytest.mark.skipif(platform.machine() != "x86_64" or not CPUINFO.exists(), reason="reads the flags of x86 Linux")
    def test_features_are_those_linux_lists(self) -> None:
        flags = next(line for line in CPUINFO.read_text().splitlines() if line.startswith("flags")).split()
        asked = {"sse2", "avx", "avx2", "fma", "avx512_vnni", *AVX512}
        assert set(native.cpu_features()) == asked.intersection(flags)

    def test_threads(self) -> None:
        expected = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
        assert native.threads() == expected

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has affinity masks here")
    def test_threads_follow_the_affinity_mask(self) -> None:
        before = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {min(before)})
            assert native.threads() == 1
        finally:
            os.sched_setaffinity(0, before)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has affinity masks here")
    def test_measuring_leaves_the_affinity_mask_alone(self) -> None:
        before = os.sched_getaffinity(0)
        native.peak_gflops(native.threads())
        assert os.sched_getaffinity(0) == before

    def test_paths_fit_the_features(self) -> None:
        features, usable = set(native.cpu_features()), native.paths()
        assert ("avx512" in usable) == (features >= {"avx2", "fma", *AVX512})
        assert ("avx2" in usable) == (features >= {"avx2", "fma"})
        assert ("neon" in usable) == ("neon" in features)

    def test_best_path_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CHAINRULE_CPU", raising=False)
        assert native.path() == native.paths()[0]

    @pytest.mark.parametrize("path", native.paths() if native.available() else ())
    def test_every_path_measures(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAINRULE_CPU", path)
        assert native.path() == path
        # No core does 1,000 GFLOP/s: more would mean that the compiler dropped the work.
        assert 0 < native.peak_gflops(1) < 1000

    @pytest.mark.parametrize("path", ["avx1024", "AVX2", "avx512" if platform.machine() == "aarch64" else "neon"])
    def test_path_that_cannot_run_here(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAINRULE_CPU", path)
        with pytest.raises(SettingError, match=rf"CHAINRULE_CPU must .*{native.paths()[-1]}\. Got '{path}' instead"):
            native.path()

    @pytest.mark.parametrize("threads", [0, -1, 1 << 20])
    def test_threads_out_of_range(self, threads: int) -> None:
        with pytest.raises(SettingError, match=rf"in the range \[1, {native.threads()}\]\. Got {threads} instead"):
            native.peak_gflops(threads)

    def test_stub_is_what_the_extension_has(self) -> None:
        stub = ast.parse(Path(native.__file__).with_name("_ext.pyi").read_text())
        functions = [node for node in ast.walk(stub) if isinstance(node, ast.FunctionDef)]
        written = {f"def {f.name}({ast.unparse(f.args)}) -> {ast.unparse(f.returns or f)}" for f in functions}
        extension = importlib.import_module(native.EXTENSION)
        assert written == signatures(extension) | signatures(extension.Program) | signatures(extension.Steps)

    def test_extension_checks_its_arguments(self) -> None:
        extension = importlib.import_module(native.EXTENSION)
        with pytest.raises(ValueError, match="no path 'sse9'"):
            extension.peak_gflops("sse9", 1)
        with pytest.raises(ValueError, match="at least 1, got 0"):
            extension.peak_gflops(native.path(), 0)

    def test_report(self) -> None:
        report = native.describe()
        assert report.missing is None
        assert report.features == native.cpu_features()
        assert (report.path, report.threads) == (native.path(), native.threads())
        assert min(report.peak_one, report.peak_all) > 0
        assert max(report.peak_one, report.peak_all / report.threads) < 1000
        assert report.about.startswith(f"{report.path}, {report.threads} thread")

    def test_gil_is_released(self) -> None:
        ticks = 0
        worker = threading.Thread(target=native.peak_gflops, args=(1,))
        worker.start()
        while worker.is_alive():
            time.sleep(0.001)
            ticks += 1
        assert ticks > 5  # with the GIL held, this thread sleeps through the measurement: one tick or two
