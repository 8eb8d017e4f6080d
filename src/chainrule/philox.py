"""Counter-based random numbers: a number is a function of (seed, stream, step, position), never of hidden state.

Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The counter is
(position / 4, step, 0, 0), the key (seed, stream); four words come out for each counter. So shuffles, dropout masks and
initial weights are the same on every engine, for any number of threads, and after a resume.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def stream_of(name: str) -> int:
    """The stream of a draw, from its name: CRC-32 of the UTF-8 text."""
    return zlib.crc32(name.encode())


def block(xp: Any, counter: tuple[Any, ...], key: tuple[Any, Any]) -> Any:
    """Four random 32-bit words as uint64 on a last axis, for counters of four words and a key of two that broadcast."""

    def u(value: Any) -> Any:
        return xp.asarray(value, dtype=xp.uint64)

    low, half = u(WORD), u(32)
    c0, c1, c2, c3 = (u(word) & low for word in counter)
    k0, k1 = (u(word) & low for word in key)
    for _ in range(ROUNDS):
        p0, p1 = c0 * u(MULTIPLIERS[0]), c2 * u(MULTIPLIERS[1])
        c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & low, (p0 >> half) ^ c3 ^ k1, p0 & low
        k0, k1 = (k0 + u(WEYL[0])) & low, (k1 + u(WEYL[1])) & low
    return xp.stack(xp.broadcast_arrays(c0, c1, c2, c3), axis=-1)


def words(xp: Any, seed: Any, stream: int, step: Any, count: int) -> Any:
    """`count` random 32-bit words as uint64, shape (count,); `seed` and `step` are integers below 2^32."""
    positions = xp.arange(-(-count // 4), dtype=xp.uint64)
    return xp.reshape(block(xp, (positions, step, 0, 0), (seed, stream)), (-1,))[:count]


def uniform(xp: Any, seed: Any, stream: int, step: Any, shape: tuple[int, ...]) -> Any:
    """float32 in [0, 1): the top 24 bits of each word times 2^-24, exact in float32."""
    top = words(xp, seed, stream, step, math.prod(shape)) >> xp.asarray(8, dtype=xp.uint64)
    return xp.reshape(xp.astype(top, xp.float32) * xp.asarray(2.0**-24, dtype=xp.float32), shape)


def permutation(seed: int, stream: str, step: int, count: int) -> NDArray[np.int64]:
    """A shuffle of 0..count-1: the order that sorts `count` random words."""
    return np.argsort(words(np, seed, stream_of(stream), step, count), kind="stable").astype(np.int64)


def normal(seed: int, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Standard normal numbers in float64, by Box and Muller from two uniform streams; host only."""
    radius, angle = (
        uniform(np, seed, stream_of(f"{name}/{part}"), 0, shape).astype(np.float64) for part in ("radius", "angle")
    )
    numbers: NDArray[np.float64] = np.sqrt(-2.0 * np.log1p(-radius)) * np.cos(2.0 * np.pi * angle)
    return numbers
