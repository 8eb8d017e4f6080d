"""Where every value stands: in the caller's arrays, in the arena that the stages share, or in the scratch of a thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .cost import chunk_of
from .fuse import KEPT
from .instruction import Operand
from .schedule import COPIES, SETUP, Schedule, Segment, Unit, memory_of, merged
from .value import Value

SCRATCH_SPACE, FIRST_ARRAY = 1, 2  # the arena is the first array
ALIGNMENT = 64


@dataclass
class Memory:
    """Where a value stands: `bytes` of it, or as many for each of `parts`."""

    space: int
    bytes: int
    parts: int = 1
    offset: int = 0


@dataclass(frozen=True)
class Array:
    """Memory that the caller gives: a value of the graph's, or the place for an output (`written`)."""

    bytes: int
    value: Value | None = None
    name: str | None = None
    written: bool = False

    @property
    def state(self) -> str:
        """The state whose successor is written here, or that stands here."""
        name: str = self.value.attrs["name"] if self.value else (self.name or "").removeprefix("output ")
        return name


class Places:
    """The memory of all values of a schedule. `arrays` are what the caller gives, in order, behind the arena."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.arrays: list[Array] = []
        self.memory: dict[Value, Memory] = {}
        self._exported = _exported(schedule, schedule.outputs.values(), schedule.units)
        own = [value for name, value in schedule.outputs.items() if not name.startswith(KEPT)]
        self._own_exported = _exported(schedule, own, [unit for unit in schedule.units if unit.own])
        self._place_made()
        self._place_given()
        self.beside = {array.state for array in self.arrays if array.value is None}
        self.written = {array.state for array in self.arrays if array.written}
        self.arena_bytes = max(self._allocate_arena(), 1)
        self.scratch_bytes = max([self._allocate_scratch(s) for s in schedule.segments], default=0)

    def _place_given(self) -> None:
        over = {unit.state for unit in self.schedule.units}
        given = [v for v in self.schedule.order if v.op == "input" or (v.op == "constant" and v.shape != ())]
        for value in given:
            self.memory[value] = self._array(Array(value.bytes, value, written=value in over))
        for unit in self.schedule.units:
            if unit.target is not None:
                place = Array(unit.value.bytes, name=unit.target, written=True)
                self.memory[unit.value] = self.memory[unit.state] if unit.state else self._array(place)

    def _array(self, array: Array) -> Memory:
        self.arrays.append(array)
        return Memory(FIRST_ARRAY + len(self.arrays), array.bytes)

    def _place_made(self) -> None:
        for unit in self.schedule.units:
            parts = unit.segment.tasks if unit.adds_up and unit.segment else 1
            for value in unit.made:
                self.memory[value] = Memory(self._space(unit, value), part_bytes(unit, value), parts)

    def _space(self, unit: Unit, value: Value) -> int:
        """The thread's scratch for what nobody outside the segment reads, row by row."""
        if unit.adds_up or value in self._exported:
            return FIRST_ARRAY
        return SCRATCH_SPACE if unit.value.op not in ("pack", "merge_moments", "host") else FIRST_ARRAY

    def _allocate_arena(self) -> int:
        """Values whose stages do not meet share memory."""
        last: dict[Value, int] = {}
        end = max((unit.level for unit in self.schedule.units), default=0) + 1
        for unit in self.schedule.units:
            for base in unit.reads:
                last[base] = max(last.get(base, 0), unit.level)
        for value in self.schedule.outputs.values():
            last[memory_of(value)] = end
        kept = {value for unit in self.schedule.units if unit.level == SETUP for value in unit.made}
        last |= dict.fromkeys(kept, end)
        spans = [
            (self.memory[value], unit.level, last.get(value, unit.level))
            for unit in self.schedule.units
            for value in unit.made
            if unit.target is None and self.memory[value].space == FIRST_ARRAY
        ]
        return allocate(spans)

    def _allocate_scratch(self, segment: Segment) -> int:
        last: dict[Value, int] = {}
        for i, unit in enumerate(segment.units):
            for base in unit.reads:
                last[base] = i
        made = [(i, value) for i, unit in enumerate(segment.units) for value in unit.made]
        mine = [(i, value) for i, value in made if self.memory[value].space == SCRATCH_SPACE]
        segment.chunk = chunk_of(segment, self._inner_bytes(segment) // max(segment.rows, 1))
        rows = segment.chunk or -(-segment.rows // segment.tasks)
        spans = []
        for i, value in mine:
            own = Memory(SCRATCH_SPACE, self.memory[value].bytes // max(segment.rows, 1) * rows)
            spans.append((own, self._start(segment, i), last.get(value, i)))
        size = allocate(spans)
        for (_, value), (own, _, _) in zip(mine, spans, strict=True):
            self.memory[value].offset = own.offset
        return size

    def _inner_bytes(self, segment: Segment) -> int:
        """What would stand in scratch if nobody looked on: the cuts must be the same."""
        own = segment.units[0].own
        made = [value for unit in segment.units if not unit.adds_up for value in unit.made]
        if own:
            return sum(x.bytes for x in made if x in self.schedule.own and x not in self._own_exported)
        return sum(x.bytes for x in made if x not in self._exported)

    @staticmethod
    def _start(segment: Segment, index: int) -> int:
        """Loops that become one instruction write at the same time."""
        unit = segment.units[index]
        while index and merged(segment.units[index - 1], unit):
            index -= 1
        return index

    def operand(self, view: Value, unit: Unit, by_row: bool) -> Operand:
        """Where `view` stands for a unit, that goes through it row by row or takes it whole."""
        base = memory_of(view)
        memory = self.memory[base]
        offset = memory.offset + part_of(view)
        return (memory.space, offset, view.size * base.itemsize // max(unit.rows, 1) if by_row else 0, 0)

    def result(self, unit: Unit, value: Value | None = None) -> Operand:
        """Where the unit writes."""
        memory = self.memory[value or unit.value]
        if unit.adds_up:
            return (memory.space, memory.offset, 0, memory.bytes)
        whole = unit.value.op in ("merge_moments",) or (unit.value.op in COPIES and unit.rows == 1)
        return (memory.space, memory.offset, 0 if whole else memory.bytes // max(unit.rows, 1), 0)


def _exported(schedule: Schedule, outputs: Iterable[Value], units: Iterable[Unit]) -> set[Value]:
    """Values that are read elsewhere than in the segment that makes them, or as a whole, or by the caller."""
    found = {memory_of(value) for value in outputs}
    for unit in units:
        for base, same in unit.reads.items():
            maker = schedule.by_value.get(base)
            if maker is not None and (not same or maker.segment is not unit.segment):
                found.add(base)
    return found


def part_of(view: Value) -> int:
    """Bytes from the start of the memory to a view of part of it."""
    while view.op == "reshape":
        view = view.inputs[0]
    return view.attrs["which"] * view.bytes if view.op == "moment" else 0


def part_bytes(unit: Unit, value: Value) -> int:
    """What one task writes of a result, or all of it."""
    if value.op in ("colsum", "colmax", "colmin") and value.shape == ():
        return 4 * max(unit.domain[1], 1)
    return value.bytes


def allocate(spans: list[tuple[Memory, int, int]]) -> int:
    """Give every memory an offset, so that those in use at the same time do not overlap; the size of it all.

    The largest first, each at the lowest place that is free during its life.
    """
    placed: list[tuple[Memory, int, int]] = []
    size = 0
    for memory, start, end in sorted(spans, key=lambda span: -span[0].bytes * span[0].parts):
        wanted = _rounded(memory.bytes * memory.parts)
        offset = 0
        for other, begin, finish in sorted(placed, key=lambda span: span[0].offset):
            if begin <= end and start <= finish and other.offset < offset + wanted:
                offset = max(offset, other.offset + _rounded(other.bytes * other.parts))
        memory.offset = offset
        placed.append((memory, start, end))
        size = max(size, offset + wanted)
    return size


def _rounded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
