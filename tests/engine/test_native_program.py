"""Programs of the native engine, written by hand: how they run, what is refused, threads and forks."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_code import ARENA, ARRAYS, PATHS, Array, at, code, copies, copy_ints, every_kind, instruction, run, segment

from chainrule.engine.native import _ext

NUMBERS = st.one_of(
    st.integers(-3, 40), st.sampled_from([64, 1000, 4096, 1 << 20, 1 << 31, 1 << 46, (1 << 63) - 1, -(1 << 63)])
)


class TestRun:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        ("rows", "tasks", "chunk_rows"), [(13, 1, 0), (13, 4, 0), (13, 4, 2), (3, 8, 1), (100, 3, 7)]
    )
    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_rows_tasks_chunks_threads(self, path: str, rows: int, tasks: int, chunk_rows: int, threads: int) -> None:
        numbers, arrays = copies(rows, tasks, chunk_rows)
        program = _ext.Program(path, numbers)
        for i, array in enumerate(arrays):
            program.bind(i, array)
        for _ in range(50):
            arrays[1][:] = 0
            assert program.run(threads) is None
            np.testing.assert_array_equal(arrays[1], arrays[0])

    def test_properties(self) -> None:
        numbers, _ = copies(10, 4, stages=2)
        program = _ext.Program(PATHS[0], numbers)
        assert (program.arena_bytes, program.scratch_bytes, program.work) == (3 * 240, 304, [4, 4, 4, 4])

    def test_fault_is_the_first_of_the_program(self) -> None:
        labels, logits, out = np.arange(64, dtype=np.int64), np.zeros((64, 40), np.float32), np.zeros(64, np.float32)
        take = _ext.opcodes().index("take_column")
        loads, stores = _ext.loads(), _ext.stores()
        loop = [40, 1, 3, 2, 1, 0, 1, 0, loads.index("full"), 0, 0, 1, loads.index("column_int64"), 0, 0]
        loop += [take, 2, 0, 1, 0, 2, stores.index("column")]
        good = instruction("copy", copy_ints([64], [1], [1], unit=1), at(ARENA, 0, 4), at(ARRAYS, 0, 4))
        bad = instruction("loop", loop, at(ARRAYS, 0, 160), at(ARRAYS + 1, 0, 8), at(ARRAYS + 2, 0, 4))
        stages = [[segment(64, 4, 0, good)], [segment(64, 8, 3, bad)]]
        sizes = [(logits.nbytes, False), (labels.nbytes, False), (out.nbytes, True)]
        program = _ext.Program(PATHS[0], code(sizes, *stages, arena=256))
        arrays: list[Array] = [logits, labels, out]
        for i, array in enumerate(arrays):
            program.bind(i, array)
        for threads in (1, 2, 4) * 10:
            assert program.run(threads) == (1, 40, 40)
        labels[:] = 0
        assert program.run(2) is None

    def test_arrays_are_kept_alive(self) -> None:
        numbers, arrays = copies(1000, 2)
        program = _ext.Program(PATHS[0], numbers)
        program.bind(0, arrays[0].copy())
        program.bind(1, arrays[1])
        assert program.run(2) is None
        np.testing.assert_array_equal(arrays[1], arrays[0])


class TestRefused:
    def test_bind(self) -> None:
        numbers, arrays = copies(4, 1)
        program = _ext.Program(PATHS[0], numbers)
        with pytest.raises(ValueError, match="array 0 of the program is not bound"):
            program.run(1)
        with pytest.raises(ValueError, match="has 96 bytes, got 4"):
            program.bind(0, np.zeros(1, np.float32))
        with pytest.raises(ValueError, match="2 arrays, none of number 2"):
            program.bind(2, arrays[0])
        with pytest.raises(ValueError, match="multiple of 4"):
            program.bind(0, np.zeros(97, np.uint8)[1:])
        arrays[1].setflags(write=False)
        with pytest.raises((ValueError, BufferError)):
            program.bind(1, arrays[1])
        with pytest.raises((ValueError, BufferError)):
            program.bind(0, np.zeros((6, 4), np.float32).T)
        with pytest.raises(ValueError, match="at least 1, got 0"):
            program.run(0)

    def test_path(self) -> None:
        with pytest.raises(ValueError, match="no path 'sse9'"):
            _ext.Program("sse9", code([]))

    @pytest.mark.parametrize(
        ("numbers", "message"),
        [
            ([], "ends too early"),
            ([2], "another version"),
            ([1, 0, 0, 0, 1 << 40], "all that it counts"),
            ([1, 0, 0, 0, 0, 0], "goes on after its end"),
            ([1, -1, 0, 0, 0], "negative or absurd"),
            (code([], [segment(1, 1, 0, instruction("copy", copy_ints([1], [1], [1]), at(0), at(0)))]), r"instruction 0 \(copy\): operand 0 ends at byte 4 of space 0, which has 0"),
            (code([(4, False)], [segment(1, 1, 0, instruction("copy", copy_ints([1], [1], [1]), at(2), at(2)))]), "read only"),
            (code([(5, True)], [segment(1, 1, 0, instruction("copy", copy_ints([1], [1], [1]), at(2, 1), at(2)))]), "not aligned"),
        ],
    )  # fmt: skip
    def test_code(self, numbers: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            _ext.Program(PATHS[0], np.asarray(numbers, np.int64))

    @pytest.mark.parametrize(
        ("rows", "tasks", "chunk_rows"), [(13, 1, 0), (13, 4, 0), (13, 4, 2), (3, 8, 1), (100, 3, 7)]
    )
    def test_every_byte_of_every_operand_counts(self, rows: int, tasks: int, chunk_rows: int) -> None:
        numbers, _ = copies(rows, tasks, chunk_rows, stages=0)
        for place in (1, 4, 6):  # the arena and both arrays
            assert numbers[place] == rows * 24
            smaller = numbers.copy()
            smaller[place] -= 1
            with pytest.raises(ValueError, match="ends at byte"):
                _ext.Program(PATHS[0], smaller)


class TestFuzz:
    def test_the_program_runs(self) -> None:
        numbers, arrays = every_kind()
        assert run(PATHS[0], numbers, arrays, 2) is None

    @settings(max_examples=2000)
    @given(st.data())
    def test_a_mutated_program_is_refused_or_runs(self, data: st.DataObject) -> None:
        numbers, arrays = every_kind()
        for _ in range(data.draw(st.integers(1, 3))):
            place, value = data.draw(st.integers(0, len(numbers) - 1)), data.draw(NUMBERS)
            numbers[place] = value
        path = data.draw(st.sampled_from(PATHS))
        try:
            program = _ext.Program(path, numbers)
            for i, array in enumerate(arrays):
                program.bind(i, array)
            program.run(data.draw(st.integers(1, 3)))
        except (ValueError, MemoryError):
            pass

    @settings(max_examples=300)
    @given(st.lists(NUMBERS, max_size=60))
    def test_any_numbers(self, numbers: list[int]) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            _ext.Program(PATHS[0], np.array([1, *numbers, -1], np.int64))


def works(threads: int = 2) -> bool:
    numbers, arrays = copies(64, 16, 2, stages=20)
    program = _ext.Program(PATHS[0], numbers)
    for i, array in enumerate(arrays):
        program.bind(i, array)
    for _ in range(100):
        arrays[1][:] = 0
        program.run(threads)
        if not np.array_equal(arrays[0], arrays[1]):
            return False
    return True


class TestThreads:
    def test_eight_threads_with_programs_of_their_own(self) -> None:
        with ThreadPoolExecutor(8) as executor:
            assert all(executor.map(works, [1, 2, 3, 4, 1, 2, 3, 4]))

    def test_eight_threads_with_one_program(self) -> None:
        numbers, arrays = copies(64, 16, stages=20)
        program = _ext.Program(PATHS[0], numbers)

        def use(threads: int) -> None:
            for _ in range(100):
                for i, array in enumerate(arrays):
                    program.bind(i, array)
                assert program.run(threads) is None

        with ThreadPoolExecutor(8) as executor:
            list(executor.map(use, [1, 2, 3, 4, 1, 2, 3, 4]))
        np.testing.assert_array_equal(arrays[1], arrays[0])

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has affinity masks here")
    def test_two_threads_on_one_cpu(self) -> None:
        before = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {min(before)})
            assert works(2)
            assert works(8)
        finally:
            os.sched_setaffinity(0, before)
        assert works(2)

    def test_the_process_ends(self) -> None:
        """While the team sleeps, and while a thread of Python's still runs programs."""
        test = "import sys, threading, test_native_program as t; t.works(4)"
        for more in ("", "; threading.Thread(target=lambda: [t.works(2) for _ in range(9999)], daemon=True).start()"):
            assert (
                subprocess.run(
                    [sys.executable, "-c", test + more], cwd=os.path.dirname(__file__), check=False, timeout=60
                ).returncode
                == 0
            )


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # that is what is tested
class TestForks:
    def test_eight_children(self) -> None:
        assert works(2)
        with multiprocessing.get_context("fork").Pool(8) as children:
            assert all(children.map_async(works, [2] * 16, chunksize=1).get(120))
        assert works(2)

    def test_while_other_threads_run_the_same_program(self) -> None:
        numbers, arrays = copies(64, 16, stages=20)
        program = _ext.Program(PATHS[0], numbers)
        for i, array in enumerate(arrays):
            program.bind(i, array)
        ended = threading.Event()

        def keep_running() -> None:
            while not ended.is_set():
                program.run(2)

        runners = [threading.Thread(target=keep_running) for _ in range(2)]
        for runner in runners:
            runner.start()
        try:
            context = multiprocessing.get_context("fork")
            for _ in range(20):
                child = context.Process(target=program.run, args=(2,))
                child.start()
                child.join(60)
                assert child.exitcode == 0
        finally:
            ended.set()
            for runner in runners:
                runner.join()
