"""The arrays that a step of training moves, by path, and where their next values go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class States(dict[str, NDArray[Any]]):
    """The present arrays, as a dict. An engine may overwrite them, or write their successors into `spare` and `swap`.

    The arrays given are copied, so nothing of the caller's changes. After a step the arrays before it are those in `spare`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__({path: np.array(array, order="C") for path, array in arrays.items()})
        self.spare: dict[str, NDArray[Any]] = {}
        self.turn = 0

    def beside(self, path: str) -> NDArray[Any]:
        """Memory of the same size for the successor of an array."""
        if path not in self.spare:
            self.spare[path] = np.empty_like(self[path])
        return self.spare[path]

    def swap(self) -> None:
        """What was written beside becomes present."""
        for path, array in self.spare.items():
            self.spare[path], self[path] = self[path], array
        self.turn = 1 - self.turn

    def put(self, path: str, array: NDArray[Any]) -> None:
        """Give one of the present arrays other values."""
        if self[path].flags.writeable:
            self[path][...] = array
        else:
            self[path] = np.array(array, self[path].dtype)

    def frozen(self) -> dict[str, NDArray[Any]]:
        """Copies that nothing changes; a path that is given another array moves the present one, too."""
        return _Copies(self)


class _Copies(dict[str, NDArray[Any]]):
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
        self._states.put(path, array)
        super().__setitem__(path, array)
