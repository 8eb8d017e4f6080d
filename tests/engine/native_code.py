"""An assembler for programs of the native engine, and some programs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule.engine import native

if not native.available():
    pytest.skip("this install has no compiled module", allow_module_level=True)

from chainrule.engine.native import _ext  # after the look whether it is there

Ints: TypeAlias = Sequence[int]
Array: TypeAlias = NDArray[Any]
ARENA, SCRATCH, ARRAYS = 0, 1, 2
PATHS = _ext.paths()
KINDS = _ext.kinds()


def at(space: int, offset: int = 0, row_bytes: int = 0, task_bytes: int = 0) -> Ints:
    return [space, offset, row_bytes, task_bytes]


def instruction(kind: str, ints: Ints, *operands: Ints) -> Ints:
    return [KINDS.index(kind), len(ints), *ints, len(operands), *itertools.chain(*operands)]


def segment(rows: int, tasks: int, chunk_rows: int, *instructions: Ints) -> Ints:
    return [rows, tasks, chunk_rows, len(instructions), *itertools.chain(*instructions)]


def code(arrays: Sequence[tuple[int, bool]], *stages: Sequence[Ints], arena: int = 0, scratch: int = 0) -> Array:
    numbers = [1, arena, scratch, len(arrays), *itertools.chain(*arrays), len(stages)]
    for stage in stages:
        numbers += [len(stage), *itertools.chain(*stage)]
    return np.array(numbers, np.int64)


def run(path: str, numbers: Array, arrays: Sequence[Array], threads: int = 1) -> tuple[int, int, int] | None:
    program = _ext.Program(path, numbers)
    for i, array in enumerate(arrays):
        program.bind(i, array)
    return program.run(threads)


def copy_ints(
    sizes: Ints, src: Ints, dst: Ints, *, size: int = 4, unit: int = 0, fill: int = 0, origins: Ints = (0, 0)
) -> Ints:
    return [size, unit, fill, *origins, len(sizes), *sizes, *src, *dst]


def strides(array: Array) -> list[int]:
    return [stride // array.itemsize for stride in array.strides]


def copies(rows: int, tasks: int, chunk_rows: int = 0, stages: int = 3) -> tuple[Array, list[Array]]:
    """array 0 -> scratch -> arena, arena -> arena, ..., arena -> array 1; and two arrays for it."""
    row = 24
    move = copy_ints([rows, 6], [6, 1], [6, 1], unit=1)
    through = [
        instruction("copy", move, at(SCRATCH, 64, row), at(ARRAYS, 0, row)),
        instruction("copy", move, at(ARENA, 0, row), at(SCRATCH, 64, row)),
    ]
    shift = [
        instruction("copy", move, at(ARENA, (i + 1) * rows * row, row), at(ARENA, i * rows * row, row))
        for i in range(stages)
    ]
    last = instruction("copy", move, at(ARRAYS + 1, 0, row), at(ARENA, stages * rows * row, row))
    numbers = code(
        [(rows * row, False), (rows * row, True)],
        *([segment(rows, tasks, chunk_rows, *part)] for part in [through, *([one] for one in shift), [last]]),
        arena=(stages + 1) * rows * row,
        scratch=64 + row * rows,
    )
    return numbers, [
        np.random.default_rng(1).normal(size=(rows, 6)).astype(np.float32),
        np.zeros((rows, 6), np.float32),
    ]


def every_kind() -> tuple[Array, list[Array]]:
    """A program with an instruction of every kind, all of whose memory is used."""
    loads, stores, opcodes = (list(names) for names in (_ext.loads(), _ext.stores(), _ext.opcodes()))
    inputs = [0, loads.index("full"), 0, 0, 1, loads.index("vector"), 0, 0, 2, loads.index("constant"), 0, 1 << 30]
    ops = [opcodes.index("mul"), 3, 1, 2, 0, opcodes.index("muladd"), 4, 0, 3, 1, opcodes.index("rowmax"), 5, 4, 0, 0]
    outputs = [
        4,
        stores.index("full"),
        5,
        stores.index("column"),
        4,
        stores.index("moments"),
        4,
        stores.index("total_sum"),
    ]
    loop = [5, 1, 6, 3, 4, 1, 2, *inputs, *ops, *outputs]
    image, pooled, conv = 5 * 6 * 3, 2 * 3 * 3, [5, 6, 3, 4, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1]
    windows = [5, 6, 3, 2, 3, 2, 2, 2, 2, 0, 0]
    x = at(ARRAYS, 0, 4 * image)
    pools = [at(ARENA, 0, 4 * pooled), at(ARENA, 512, 4 * image), at(ARRAYS + 1, 0, pooled)]
    y, x2, where = pools
    four = [
        instruction("loop", loop, at(ARRAYS, 0, 20), at(ARRAYS, 8), at(SCRATCH, 0, 20), at(ARENA, 0, 4), at(ARENA, 64, 0, 80), at(ARENA, 256, 0, 4)),
        instruction("gemm", [4, 5, 1, 5, 1, 80, 16, 4, 3], at(SCRATCH, 128, 16), at(SCRATCH, 0, 20), at(ARRAYS, 40), at(ARRAYS)),
        instruction("copy", copy_ints([4, 4], [4, 1], [4, 1], unit=1, fill=4), at(ARENA, 320, 16), at(SCRATCH, 128, 16)),
    ]  # fmt: skip
    of_images = [
        instruction("max_pool", windows, y, x, where),
        instruction("pool_scatter", windows, x2, y, where),
        instruction("pool_gather", windows, y, x2, where),
        instruction("pool_sum", windows, y, x),
        instruction("pool_spread", windows, x2, y),
        instruction("conv", [*conv, 1, 1, 3, 4, 3], at(SCRATCH, 256, 480), x, at(SCRATCH, 1216), at(ARRAYS)),
        instruction("conv_kernel", [*conv, 3, 4, 0], at(ARENA, 1280, 0, 432), x, at(SCRATCH, 256, 480)),
    ]
    pack = instruction("pack", [4, 1, 3, 9, 0, 36, 4, 1, 0], at(SCRATCH, 1216, 1728), at(ARRAYS, 0, 64))
    moments = instruction("moments", [5, 2], at(ARENA), at(ARENA, 20), at(ARENA, 64))
    stages = [[segment(4, 2, 1, *four)], [segment(1, 1, 0, pack, moments), segment(2, 2, 0, *of_images)]]
    arrays: list[Array] = [np.random.default_rng(2).normal(size=180).astype(np.float32), np.zeros(2 * pooled, np.uint8)]
    return code([(720, False), (36, True)], *stages, arena=2144, scratch=2944), arrays
