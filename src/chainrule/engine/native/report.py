"""A plan in words and numbers: what became one kernel, what stands where, what it costs, what NumPy computes and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..room import told as told_bytes
from .cost import multiply_adds
from .emit import Emission
from .instruction import Instruction
from .place import FIRST_ARRAY, SCRATCH_SPACE
from .schedule import Segment, Unit

if TYPE_CHECKING:
    from .planned import Planned

HEAD = ("stage", "rows", "tasks", "kernel", "multiply-adds", "makes")


def told(planned: Planned) -> str:
    """The whole plan as a table, stage after stage, and its sums."""
    rows = [HEAD, *_rows(planned.emission)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD) - 1)]
    lines = ["  ".join([*(cell.rjust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    return "\n".join([*_head(planned), "", *lines, *_hosts(planned.emission)])


def _head(planned: Planned) -> Iterator[str]:
    emission = planned.emission
    places, units = emission.places, emission.schedule.units
    values = sum(m.bytes * m.parts for u in units for v in u.made if (m := places.memory[v]).space == FIRST_ARRAY)
    inside = sum(value.bytes for u in units for value in u.made if places.memory[value].space == SCRATCH_SPACE)
    yield f"native engine, path {planned.path}, float32, {'all threads' if planned.parallel else 'one thread: it is small'}"
    yield f"{sum(map(multiply_adds, units)):,} multiply-adds in products and convolutions"
    yield (
        f"{told_bytes(places.arena_bytes)} of memory for values of {told_bytes(values)}, which share it as their stages "
        f"allow; {told_bytes(inside)} of values never leave a thread's {told_bytes(places.scratch_bytes)} of scratch"
    )


def _rows(emission: Emission) -> Iterator[tuple[str, ...]]:
    for segment in sorted(emission.schedule.segments, key=lambda segment: segment.level):
        for instruction in emission.instructions[id(segment)]:
            yield _row(segment, instruction)


def _row(segment: Segment, instruction: Instruction) -> tuple[str, ...]:
    work = sum(map(multiply_adds, instruction.units))
    cut = f"{segment.tasks}" + (f" x {segment.chunk} rows" if segment.chunk else "")
    return (
        str(segment.level),
        str(segment.rows),
        cut,
        instruction.kind,
        f"{work:,}" if work else "",
        _made(instruction),
    )


def _made(instruction: Instruction) -> str:
    """Each name once; a sum and a product of one scope are often of one label."""
    labels = dict.fromkeys(_told(unit) for unit in instruction.units)
    return ", ".join(labels)


def _told(unit: Unit) -> str:
    extras = [name for name in ("bias", "relu") if unit.value.attrs.get(name)]
    return unit.value.label + (f" (with {' and '.join(extras)})" if extras else "")


def _hosts(emission: Emission) -> Iterator[str]:
    hosts = [unit for unit in emission.schedule.units if unit.value.op == "host"]
    if hosts:
        yield ""
        yield "computed by NumPy between native stretches, since no kernel takes this op, these axes or this element type:"
    for unit in hosts:
        node = unit.value.attrs["node"]
        inputs = ", ".join(f"{x.dtype} {x.shape}" for x in node.inputs)
        yield f"  stage {unit.level}: {unit.value.label} = {node.op.name}({inputs})"
