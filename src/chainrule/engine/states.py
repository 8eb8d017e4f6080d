"""The arrays that a step of training moves, by path, and where their next values go."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


class States(Arrays):
    """The present arrays, as a dict. An engine overwrites them, or writes their successors into `spare` and swaps.

    The arrays given are copied, so nothing of the caller's changes. After a step the arrays before it are those in `spare`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__({path: np.array(array, order="C") for path, array in arrays.items()})
        self.spare: Arrays = {}
        self.doubled: Arrays = {}  # those of the present that have a place for their successor
        self.turn = 0
        self.version = 0  # of the arrays' places

    def arrange(self, beside: Set[str]) -> None:
        """From now on these arrays have a place for their successor, and no others."""
        if self.spare.keys() != beside:
            self.spare = {path: np.empty_like(self[path]) for path in beside}
            self.doubled = {path: self[path] for path in beside}
            self.turn, self.version = 0, self.version + 1

    def at(self, turn: int) -> tuple[Arrays, Arrays]:
        """The arrays that are present at a turn, and the places for their successors."""
        return (self, self.spare) if turn == self.turn else ({**self, **self.spare}, self)

    def swap(self, steps: int = 1) -> None:
        """What was written beside becomes present, as often as there were steps."""
        if steps % 2:
            super().update(self.spare)
            self.spare, self.doubled = self.doubled, self.spare
            self.turn = 1 - self.turn

    def frozen(self) -> Arrays:
        """Copies that nothing changes; a path that is given another array moves the present one, too."""
        return _Copies(self)


class _Copies(Arrays):
    def __init__(self, states: States) -> None:
        super().__init__({path: array.copy() for path, array in states.items()})
        self._states = states
        for array in self.values():
            array.setflags(write=False)

    def update(self, *arrays: Any, **more: Any) -> None:
        """As of a dict, by way of the states."""
        for path, array in dict(*arrays, **more).items():
            self[path] = array

    def __setitem__(self, path: str, array: NDArray[Any]) -> None:
        self._states[path][...] = array
        super().__setitem__(path, array)
