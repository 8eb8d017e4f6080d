"""What the steps of a training are fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False, slots=True)
class Batches:
    """Steps on rows that are picked by their numbers.

    rows     by input, all rows there are
    order    (steps, batch), the numbers of the rows of each step
    numbers  by input, one for all steps or (steps,)
    """

    rows: Mapping[str, NDArray[Any]]
    order: NDArray[np.int64]
    numbers: Mapping[str, Any]

    def feeds(self, step: int) -> dict[str, NDArray[Any]]:
        """What one of the steps is fed."""
        rows = {name: array[self.order[step]] for name, array in self.rows.items()}
        return rows | {name: value[step].item() if np.ndim(value) else value for name, value in self.numbers.items()}
