"""Standardisation: fitted on the training part only, kept with the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

CHUNK = 1 << 20  # values in float64 at a time


@dataclass(frozen=True, eq=False)
class Standardise:
    """x' = (x - mean) / std, per feature of a table (n, features), per channel of images (n, h, w, c).

    mean and std are taken over all axes but the last, shape (features,) or (c,), float32. The standard deviation is the
    population's (divided by the count); it is 1 where a feature never changes, so such a feature becomes 0.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def fit(cls, x: NDArray[np.float32]) -> Standardise:
        """Mean first, squared distances from it second (no cancellation), both in float64."""
        rows = x.reshape(-1, x.shape[-1])
        chunk = max(1, CHUNK // rows.shape[1])
        parts = [rows[i : i + chunk] for i in range(0, len(rows), chunk)]
        mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts) / len(rows)
        squares = sum(((part - mean) ** 2).sum(axis=0) for part in parts)
        std = np.sqrt(squares / len(rows)).astype(np.float32)
        # Compared exactly: rounding in the mean gives a constant feature a tiny standard deviation, not 0.
        still = (rows.min(axis=0) == rows.max(axis=0)) | (std == 0)
        return cls(np.asarray(mean, dtype=np.float32), np.where(still, np.float32(1), std))

    def apply(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(x - mean) / std."""
        return (self._fitting(x) - self.mean) / self.std

    def invert(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """z * std + mean: back to the units of the file."""
        return self._fitting(z) * self.std + self.mean

    def _fitting(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32; a single column would broadcast against many means without a word, so the last axis is compared."""
        array = np.asarray(x, dtype=np.float32)
        if array.shape[-1:] != self.mean.shape:
            raise DataError(
                f"expected {len(self.mean)} features or channels on the last axis, as in training, "
                f"found the shape {array.shape}"
            )
        return array
