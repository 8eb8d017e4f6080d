"""What a graph becomes before it is bound to memory: programs, and where every value stands."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PositionError
from ...graph import Graph
from ..reference import refuse_unfed
from ..room import refuse_too_much
from . import thread_count
from .cost import work_ns
from .emit import Emission, NotInPlace
from .fuse import KEPT, NOTHING, Fusion
from .instruction import Names
from .lower import lower
from .schedule import SETUP, Schedule, Unit
from .value import Value

ALONE_NS = 10_000  # what takes less is run by the calling thread alone


class Planned:
    """The programs of a graph. `keep` names nodes to look at beside the outputs, `hold` inputs that seldom change."""

    def __init__(
        self, graph: Graph, ext: Any, path: str, keep: Collection[str] = (), hold: Collection[str] = ()
    ) -> None:
        refuse_unfed(graph)
        self.graph, self.keep = graph, tuple(keep)
        self.ext, self.path = ext, path
        nodes = {**{f"output {k}": n for k, n in graph.outputs.items()}, **{KEPT + k: graph.find(k) for k in keep}}
        inputs, lowered = lower(graph, nodes)
        self.states = [k for k, n in graph.outputs.items() if k in inputs and graph.inputs[k].spec is n.spec]
        moved = [k for k in self.states if graph.outputs[k] is not graph.inputs[k]]
        self.held = frozenset(hold)
        states = {f"output {k}": inputs[k] for k in moved}
        self.emission = settled(lowered, states, self.held, Names.of(ext))
        self.schedule, self.places = self.emission.schedule, self.emission.places
        made = {value: self.places.memory[value] for unit in self.schedule.units for value in unit.made}
        sizes = {value.label: memory.bytes * memory.parts for value, memory in made.items()}
        refuse_too_much("this graph", sizes, self.places.arena_bytes + self.places.scratch_bytes)
        self.copied = [k for k in moved if k not in self.places.written]
        self.beside = frozenset([*self.places.beside, *self.copied])
        self.codes = list(self._codes())
        self.setup = np.array(self.emission.code([SETUP]), np.int64)
        self.has_hosts = any(units for _, units in self.codes)
        self.parallel = sum(work_ns(unit) for unit in self.schedule.units) > ALONE_NS

    def _codes(self) -> Iterator[tuple[NDArray[np.int64], list[Unit]]]:
        """The stages between what NumPy computes, as programs."""
        hosts: dict[int, list[Unit]] = {}
        for unit in self.schedule.units:
            if unit.value.op == "host":
                hosts.setdefault(unit.level, []).append(unit)
        end = max((unit.level for unit in self.schedule.units), default=-1) + 1
        stops = sorted({*(level + 1 for level in hosts), end})
        for start, stop in itertools.pairwise([0, *stops]):
            levels = [level for level in range(start, stop) if self.emission.native_segments(level)]
            yield np.array(self.emission.code(levels), np.int64), hosts.get(stop - 1, [])

    def threads(self) -> int:
        """How many take part: a small program is over before other threads are awake."""
        return thread_count() if self.parallel else 1

    def fault(self, instruction: int, row: int, value: int) -> PositionError:
        """What a program found while it ran."""
        takers = [value for value in self.schedule.order if value.op == "take_column"]
        label, classes = (takers[0].label, takers[0].inputs[0].shape[-1]) if takers else ("take", 0)
        return PositionError(f"{label}: label {value} in row {row} is none of the {classes} classes 0..{classes - 1}")


def settled(lowered: Mapping[str, Value], states: Mapping[str, Value], held: frozenset[str], names: Names) -> Emission:
    """The program of some values; what is repeated in a way that no kernel reads is repeated in memory.

    What does not fit those who look on is repeated for them alone.
    """
    expanded = {True: NOTHING, False: NOTHING}  # for own units, and for the others
    in_place = True
    while True:
        fusion = Fusion(lowered, expanded[True], expanded[False])
        try:
            emission = Emission(Schedule(fusion.outputs, states, held, in_place), names)
        except NotInPlace:
            in_place = False
            continue
        if not emission.misfits:
            return emission
        before = dict(expanded)
        for misfit, own in emission.misfits:
            expanded[own] |= {(value, misfit.index) for value in fusion.origin[misfit.value]}
        assert expanded != before, f"{emission.misfits} stay"
