"""How long things take, roughly, and what follows: into how many tasks a segment is cut, how many rows go through at a time.

Rough is enough, but it must not depend on the number of threads: the cuts decide in which order sums are added up.
"""

from __future__ import annotations

import math

from .schedule import Segment, Unit

MOST_TASKS = 16
TASK_NS = 3_500
ROWS_WORTH = (
    (1 << 20, 64),
    (1 << 17, 32),
    (0, 8),
)  # weights of so many bytes, and the rows that a task of them is worth
CHUNK_BYTES = 192 * 1024  # of scratch, so that a task's values stay in the second cache
TABLE_CHUNK_BYTES = 4 << 20  # products want many rows at a time


def tasks_of(segment: Segment) -> int:
    """Into how many tasks the rows are cut: by the work alone, never by the number of threads."""
    if any(unit.value.op in ("merge_moments", "host", "colmax", "colmin") for unit in segment.units):
        return 1  # the parts of sums are added up when they are loaded; there is no such load of the largest
    wanted = int(min(MOST_TASKS, sum(work_ns(unit) for unit in segment.units) / TASK_NS))
    most = segment.rows // max(rows_worth(unit) for unit in segment.units)
    return max(1, min(wanted if wanted < 3 else wanted // 2 * 2, most))


def rows_worth(unit: Unit) -> int:
    """How many rows a task should have at least: each reads all the weights, from the caches if they fit."""
    if unit.value.op != "gemm":
        return 1
    size = 4 * unit.value.attrs["k"] * unit.value.attrs["n"]
    return next(rows for least, rows in ROWS_WORTH if size >= least)


def chunk_of(segment: Segment, row_bytes: int) -> int:
    """How many rows of a task go through its units at a time, where all would be too many for the second cache."""
    limit = CHUNK_BYTES if segment.units[0].is_image else TABLE_CHUNK_BYTES
    rows = max(1, limit // row_bytes) if row_bytes else 0
    return rows if rows < -(-segment.rows // segment.tasks) else 0


def work_ns(unit: Unit) -> float:
    """Roughly how long a unit takes on one thread."""
    each = 0.4 if unit.is_loop else 0.25
    return multiply_adds(unit) / 40 + max(unit.value.size, math.prod(unit.domain)) * each


def multiply_adds(unit: Unit) -> int:
    """Of products and convolutions."""
    value = unit.value
    if value.op == "gemm":
        return value.size * int(value.attrs["k"])
    if value.op in ("conv", "conv_kernel"):
        _, _, c, o, oh, ow, kh, kw = value.attrs["geometry"][:8]
        return int(value.inputs[0].shape[0] * c * o * oh * ow * kh * kw)
    return 0
