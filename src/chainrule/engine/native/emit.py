"""From a schedule to the flat program that `native/` runs: units as instructions, all of them as one list of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from .cost import tasks_of
from .instruction import Instruction, Names
from .kernel import BODIES
from .loop import LoopWriter, TooLong
from .place import Places
from .schedule import Schedule, Segment, Unit, merged
from .tile import Misfit

VERSION = 1  # of the list of numbers


class NotInPlace(Exception):
    """The states cannot be written over: what reads them is too much for one instruction."""


class Emission:
    """The program of a schedule."""

    def __init__(self, schedule: Schedule, names: Names) -> None:
        self.schedule, self.names = schedule, names
        self.misfits: list[
            tuple[Misfit, bool]
        ] = []  # and whether own units have them; if any do, this is no program yet
        for segment in schedule.segments:
            segment.tasks = tasks_of(segment)
        self.places = Places(schedule)
        self.instructions = {id(s): self._instructions(s) for s in schedule.segments}

    def _instructions(self, segment: Segment) -> list[Instruction]:
        made: list[Instruction] = []
        units = list(segment.units)
        while units:
            count = 1
            while count < len(units) and merged(units[count - 1], units[count]):
                count += 1
            group, units = units[:count], units[count:]
            made.extend(self._kernels(group))
        return made

    def _kernels(self, group: list[Unit]) -> list[Instruction]:
        if group[0].is_loop:
            return self._loops(group)
        return BODIES[group[0].value.op](self.places, group[0])

    def _loops(self, group: list[Unit]) -> list[Instruction]:
        """One instruction, or several where it would be too long; none of those may write over what the next reads."""
        try:
            return [LoopWriter(self.places, self.names, group).instruction()]
        except Misfit as misfit:
            self.misfits.append((misfit, group[0].own))
            return []
        except TooLong:
            if any(unit.state is not None for unit in group):
                raise NotInPlace from None
        half = len(group) // 2
        return [*self._loops(group[:half]), *self._loops(group[half:])]

    def code(self, levels: Iterable[int]) -> list[int]:
        """The program of some stages as numbers."""
        arrays = [self.places.arena_bytes, 1]
        for array in self.places.arrays:
            arrays += [array.bytes, int(array.written)]
        stages = [self._stage(level) for level in levels]
        head = [VERSION, 0, self.places.scratch_bytes, 1 + len(self.places.arrays), *arrays, len(stages)]
        return list(itertools.chain(head, *stages))

    def native_segments(self, level: int) -> list[Segment]:
        """The segments of a stage, host's work left out."""
        segments = [s for s in self.schedule.segments if s.level == level and s.rows]
        return [s for s in segments if s.units[0].value.op != "host"]

    def _stage(self, level: int) -> list[int]:
        segments = self.native_segments(level)
        code = [len(segments)]
        for segment in segments:
            instructions = self.instructions[id(segment)]
            code += [segment.rows, segment.tasks, segment.chunk, len(instructions)]
            for i in instructions:
                code += [self.names.kinds[i.kind], len(i.ints), *i.ints, len(i.operands)]
                for operand in i.operands:
                    code += operand
        return code
