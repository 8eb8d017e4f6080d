"""What native/module.cpp and native/program_binding.cpp declare."""

from typing import Any

from numpy import int64
from numpy.typing import NDArray

def cpu_features() -> list[str]: ...
def threads() -> int: ...
def paths() -> list[str]:
    """The paths that can run here, best first."""

def peak_gflops(path: str, threads: int) -> float:
    """GFLOP/s; ValueError for a path that cannot run here and for threads < 1."""

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
