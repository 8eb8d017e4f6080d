"""What native/module.cpp and native/program_binding.cpp declare."""

from collections.abc import Sequence
from typing import Any

from numpy import float32, int64
from numpy.typing import NDArray

def cpu_features() -> list[str]: ...
def threads() -> int: ...
def paths() -> list[str]:
    """The paths that can run here, best first."""

def peak_gflops(path: str, threads: int) -> float:
    """GFLOP/s; ValueError for a path that cannot run here and for threads < 1."""

def finite(array: NDArray[float32]) -> bool:
    """Whether it holds neither NaN nor infinity. ValueError for an array with gaps."""

def kinds() -> list[str]:
    """What an instruction can compute; its number is the place in this list. So it is with the three below."""

def opcodes() -> list[str]: ...
def loads() -> list[str]: ...
def stores() -> list[str]: ...

class Program:
    """A program that has been checked. Its arrays are bound before it runs; it keeps them alive."""

    def __init__(self, path: str, code: NDArray[int64]) -> None:
        """ValueError for what is no program, or one that would leave its memory, and for a path that cannot run here."""

    def bind(self, index: int, array: NDArray[Any]) -> None:
        """Array `index` of the program. ValueError for another number of bytes, BufferError where it cannot be written."""

    def run(self, threads: int) -> tuple[int, int, int] | None:
        """Run once, without the GIL. (instruction, row, value) of the first fault, where there is one.

        Several Python threads take turns. Any number of threads gives the same bits. ValueError while an array is not
        bound, MemoryError where there is not enough for the arena, the scratch and the workspace of each thread.
        """

    @property
    def arena_bytes(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...
    @property
    def work(self) -> list[int]:
        """How many tasks each stage has."""

Fault = tuple[int, int, int]
Arrays = Sequence[NDArray[Any]]
Numbered = Sequence[tuple[int, NDArray[Any]]]
Turn = tuple[Sequence[Program], Sequence[tuple[NDArray[Any], NDArray[Any]]]]

class Steps:
    """Many steps of a training in one call.

    turns    what to run, of steps in turns: programs, and (from, to) of what is copied behind them
    fed      the arrays that a step is fed with, which its programs read
    results  the arrays that it makes, to be handed over
    """

    def __init__(self, turns: Sequence[Turn], fed: Arrays, results: Arrays) -> None: ...
    def run(
        self, threads: int, turn: int, order: NDArray[int64], rows: Numbered, numbers: Numbered, results: Arrays
    ) -> tuple[int, Fault | None]:
        """Run without the GIL; how many steps have ended, and the fault that ended them, where there was one.

        turn     of the first step
        order    (steps, batch): the numbers of the rows of each step
        rows     (index in `fed`, all rows): those of the step are gathered there
        numbers  (index in `fed`, one for each step)
        results  where those of all steps go, (steps, ...)

        Ends behind a step whose first result, if it is a float32, is not finite. ValueError for sizes that do not fit.
        """

    def once(self, threads: int, turn: int, below: int, *given: Any) -> float | None:
        """One step on arrays as they come, given as index in `fed`, array, index, array ...: the first result, a float32.

        below, if not 0, is what the last array, of int64, must be below, and at least 0. Where it is not, and where a
        program finds a fault, there is no result. ValueError for sizes that do not fit.
        """
