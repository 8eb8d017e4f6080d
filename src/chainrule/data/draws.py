"""Random numbers for rows: they depend on the row's number, not on its place in a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..philox import block, stream_of

Float32: TypeAlias = NDArray[np.float32]
# (name of the draw, shape (n, ...)) -> numbers in [0, 1)
Uniform: TypeAlias = Callable[[str, tuple[int, ...]], Float32]
BLOCK = 1 << 15  # numbers at a time: what makes them stays in the processor's cache


def draws_of_rows(seed: int, name: str, epoch: int, rows: NDArray[np.int64]) -> Uniform:
    """`uniform(draw, shape)` whose numbers for a row depend on its number in `rows`, not on its place in the batch."""

    def uniform(draw: str, shape: tuple[int, ...]) -> Float32:
        count, stream = math.prod(shape[1:]), stream_of(f"{name}/{draw}")
        size, drawn = max(1, BLOCK // count), np.empty((len(rows), count), np.float32)
        for part in (slice(i, i + size) for i in range(0, len(rows), size)):
            drawn[part] = _words(seed, stream, epoch, rows[part], count) >> np.uint64(8)
        drawn *= np.float32(2.0**-24)
        return drawn.reshape(shape)

    return uniform


def _words(seed: int, stream: int, epoch: int, rows: NDArray[np.int64], count: int) -> NDArray[np.uint64]:
    """`count` random 32-bit words for each row, which is the counter's third word."""
    positions = np.arange(-(-count // 4))
    words: NDArray[np.uint64] = block(np, (positions, epoch, rows[:, None], 0), (seed, stream))
    return words.reshape(len(rows), -1)[:, :count]


def normal(shape: tuple[int, ...], uniform: Uniform) -> Float32:
    """Standard normal numbers, two from two uniform ones (Box and Muller)."""
    count = math.prod(shape[1:])
    radius, angle = uniform("noise", (shape[0], 2, -(-count // 2))).swapaxes(0, 1)
    radius, angle = np.sqrt(-2 * np.log1p(-radius)), angle * np.float32(2 * np.pi)
    both: Float32 = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return both[:, :count].reshape(shape)
