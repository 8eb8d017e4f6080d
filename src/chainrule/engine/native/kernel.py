"""Units that are no loops as instructions: one body for each kind, in the table BODIES."""

from __future__ import annotations

import math
from collections.abc import Callable

from .fuse import PANEL
from .instruction import Instruction, Operand
from .place import Places
from .schedule import Unit, memory_of
from .value import Value

WORTH_TILES = 32  # from so many on, Winograd's algorithm pays for the gradient by a kernel


def _gemm(e: Places, unit: Unit) -> list[Instruction]:
    value = unit.value
    a, panels, *bias = value.inputs
    n, k, attrs = value.attrs["n"], value.attrs["k"], value.attrs
    flipped = attrs["a_flipped"]
    a_row, a_k = (1, a.shape[1]) if flipped else (k, 1)
    per_row = math.prod(value.shape[:-1]) // value.shape[0]
    ints = [n, k, per_row, a_row, a_k, attrs["b_panel"], attrs["b_k"], n, _flags(value)]
    space, offset, row_bytes, _ = e.operand(a, unit, by_row=not flipped)
    left = (space, offset, 4 if flipped else row_bytes, 0)
    operands = [e.result(unit), left, e.operand(panels, unit, False), *(e.operand(b, unit, False) for b in bias)]
    return [Instruction("gemm", ints, operands, value.label, (unit,))]


def _flags(value: Value) -> int:
    return int(bool(value.attrs.get("bias"))) + 2 * int(bool(value.attrs.get("relu")))


def _pack(e: Places, unit: Unit) -> list[Instruction]:
    value = unit.value
    source, strides = value.inputs[0], value.attrs["strides"]
    winograd = value.attrs["winograd"]
    sizes = value.attrs["ks"][2:] if winograd else value.attrs["ks"]
    ints = [value.attrs["n"], *sizes, *strides, value.attrs["origin"]]
    space, offset, _, _ = e.operand(source, unit, False)
    operands = [e.result(unit), (space, offset, PANEL * strides[3] * 4, 0)]
    return [Instruction("pack_winograd" if winograd else "pack", ints, operands, value.label, (unit,))]


def _conv(e: Places, unit: Unit) -> list[Instruction]:
    value = unit.value
    x, panels, *bias = value.inputs
    flags = _flags(value) + 4 * value.attrs["winograd"]
    ints = [*value.attrs["geometry"], x.shape[3], value.shape[3], flags]
    image = _from_channel(e.operand(x, unit, True), value.attrs["at"])
    operands = [e.result(unit), image, *(e.operand(p, unit, False) for p in (panels, *bias))]
    return [Instruction("conv", ints, operands, value.label, (unit,))]


def _conv_kernel(e: Places, unit: Unit) -> list[Instruction]:
    value = unit.value
    flags = 4 * value.attrs["winograd"] if _tiles(unit) >= WORTH_TILES else 0
    ints = [*value.attrs["geometry"], *(x.shape[3] for x in value.inputs), flags]
    pairs = zip(value.inputs, value.attrs["at"], strict=True)
    operands = [e.result(unit), *(_from_channel(e.operand(x, unit, True), at) for x, at in pairs)]
    return [Instruction("conv_kernel", ints, operands, value.label, (unit,))]


def _tiles(unit: Unit) -> int:
    """How many tiles of 2 x 2 a chunk has: the transform at the end is done once for all of them."""
    segment, (oh, ow) = unit.segment, unit.value.inputs[1].shape[1:3]
    images = (segment.chunk or segment.rows // segment.tasks) if segment else 0
    return images * -(-oh // 2) * -(-ow // 2)


def _from_channel(operand: Operand, channel: int) -> Operand:
    """The images from some channel on."""
    space, offset, row_bytes, task_bytes = operand
    return (space, offset + 4 * channel, row_bytes, task_bytes)


def _pool(kind: str) -> Callable[[Places, Unit], list[Instruction]]:
    """h, w, c of the image side; oh, ow of the pooled side."""

    def body(e: Places, unit: Unit) -> list[Instruction]:
        value = unit.value
        wide = value if kind in ("pool_scatter", "pool_spread") else value.inputs[0]
        pooled = value.inputs[0] if wide is value else value
        (top, _), (left, _) = value.attrs["padding"]
        ints = [*wide.shape[1:], *pooled.shape[1:3], *value.attrs["size"], *value.attrs["stride"], top, left]
        operands = [e.result(unit), *(e.operand(x, unit, True) for x in value.inputs)]
        if unit.beside is not None:
            operands.append(e.result(unit, unit.beside))
        return [Instruction(kind, ints, operands, value.label, (unit,))]

    return body


def _moments(e: Places, unit: Unit) -> list[Instruction]:
    value = unit.value
    parts = value.inputs[0]
    count = math.prod(value.shape[1:])
    space, offset, _, _ = e.result(unit)
    operands = [(space, offset, 0, 0), (space, offset + count * 4, 0, 0), e.operand(parts, unit, False)]
    return [Instruction("moments", [count, e.memory[memory_of(parts)].parts], operands, value.label, (unit,))]


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def _copy(e: Places, unit: Unit) -> list[Instruction]:
    """One strided copy for each input."""
    return [
        Instruction("copy", ints, [result, source], unit.value.label, (unit,))
        for ints, result, source in (_copied(e, unit, i, x) for i, x in enumerate(unit.value.inputs))
    ]


def _copied(e: Places, unit: Unit, index: int, x: Value) -> tuple[list[int], Operand, Operand]:
    value = unit.value
    sizes, source, target, origin, origin_out = MOVES[value.op](value, index, x)
    by_row = value.shape[:1] == (unit.rows,) and unit.rows != 1
    per = 1 if by_row else 0
    fill = (value.size // max(unit.rows, 1) if by_row else value.size) if value.op == "place" else 0
    if not sizes:
        sizes, source, target = [1], [1], [1]
    ints = [value.itemsize, per, fill, origin, origin_out, len(sizes), *sizes, *source, *target]
    return ints, e.result(unit), e.operand(x, unit, by_row)


Move = tuple[list[int], list[int], list[int], int, int]  # sizes, strides of source and target, where both start


def _move_axes(value: Value, index: int, x: Value) -> Move:
    strides = _strides(x.shape)
    return list(value.shape), [strides[i] for i in value.attrs["order"]], _strides(value.shape), 0, 0


def _move_slice(value: Value, index: int, x: Value) -> Move:
    strides, at = _strides(x.shape), value.attrs["at"]
    origin = sum(start * stride for (start, _, _), stride in zip(at, strides, strict=True))
    steps = [step * stride for (_, step, _), stride in zip(at, strides, strict=True)]
    return list(value.shape), steps, _strides(value.shape), origin, 0


def _move_place(value: Value, index: int, x: Value) -> Move:
    strides, at = _strides(value.shape), value.attrs["at"]
    origin = sum(start * stride for (start, _, _), stride in zip(at, strides, strict=True))
    steps = [step * stride for (_, step, _), stride in zip(at, strides, strict=True)]
    return list(x.shape), _strides(x.shape), steps, 0, origin


def _move_concat(value: Value, index: int, x: Value) -> Move:
    axis, strides = value.attrs["axis"], _strides(value.shape)
    before = sum(other.shape[axis] for other in value.inputs[:index])
    return list(x.shape), _strides(x.shape), strides, 0, before * strides[axis]


def _move_expand(value: Value, index: int, x: Value) -> Move:
    padded = (1,) * (len(value.shape) - len(x.shape)) + x.shape
    strides = [0 if n == 1 else stride for n, stride in zip(padded, _strides(padded), strict=True)]
    return list(value.shape), strides, _strides(value.shape), 0, 0


MOVES: dict[str, Callable[[Value, int, Value], Move]] = {
    "copy_axes": _move_axes,
    "slice": _move_slice,
    "place": _move_place,
    "concat": _move_concat,
    "expand": _move_expand,
}
BODIES: dict[str, Callable[[Places, Unit], list[Instruction]]] = {
    "gemm": _gemm,
    "pack": _pack,
    "conv": _conv,
    "conv_kernel": _conv_kernel,
    "merge_moments": _moments,
    "host": lambda e, unit: [],
    **{kind: _pool(kind) for kind in ("max_pool", "pool_scatter", "pool_gather", "pool_sum", "pool_spread")},
    **dict.fromkeys(MOVES, _copy),
}
