"""A graph on the native engine: planned once, then run without the GIL, with NumPy between where it must be."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PositionError
from ...graph import Array, Graph
from ...graph.debug import watching
from ..batches import Batches
from ..reference import ReferencePlan, checked_feed, refuse_unfed
from ..room import refuse_too_much
from ..states import States
from . import thread_count
from .bound import Bound, Change, Ready, Room, unchanging
from .cost import work_ns
from .emit import Emission, NotInPlace
from .fuse import KEPT, NOTHING, Fusion
from .instruction import Names
from .lower import lower
from .schedule import SETUP, Schedule, Unit
from .training import Training
from .value import Value

ALONE_NS = 10_000  # what takes less is run by the calling thread alone


class NativePlan:
    """A graph, ready to run; `ext` is the compiled module.

    `keep` names nodes to look at beside the outputs, `hold` inputs that seldom change: what follows from them alone is
    computed again only when other arrays are fed for them.
    """

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
        self.emission = planned(lowered, states, self.held, Names.of(ext))
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
        self.lock = threading.RLock()
        self.room = Room(self)
        self._latest: Bound | ReferencePlan | None = None
        self._training: Training | None = None

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

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, from inputs by name."""
        return self.run(feeds)[0]

    def run(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The outputs, and the nodes that were asked to be kept."""
        if watching.get():  # every op is looked at: only the microscope can
            return ReferencePlan(self.graph, self.keep).run(feeds)
        states = States({name: checked_feed(name, feeds, self.graph.inputs[name]) for name in self.states})
        states.arrange(self.beside)
        with self.lock:
            bound = Bound(self, self.room, states) if states else self._alone
            bound.run(feeds)
            outputs, kept = unchanging(bound.outputs()), unchanging(bound.kept())
        states.swap()
        return outputs | states.frozen(), kept

    @functools.cached_property
    def _alone(self) -> Bound:
        """The programs of a graph without states."""
        return Bound(self, self.room, States({}))

    def ready(self, feeds: Mapping[str, Array], moving: str, through: Change) -> Ready:
        """The plan bound to these inputs, to be called with the one that is still `moving`: the quickest way to run it."""
        return Ready(self, feeds, moving, through)

    def advance(self, states: States, batches: Batches, wanted: Sequence[str]) -> dict[str, Array]:
        """Steps that move the states on: the `wanted` outputs of each, until the first of them is not finite."""
        with self.lock:
            if watching.get():
                self._latest = ReferencePlan(self.graph, self.keep)
                return self._latest.advance(states, batches, wanted)
            if self._training is None or not self._training.is_of(states):
                self._training = Training(self, states)
            try:
                return self._training.advance(batches, wanted)
            finally:
                self._latest = self._training.latest

    def once(self, states: States, batches: Batches, below: int) -> float | None:
        """One step in the quickest way, on `x` and `y` of the right shapes and types: its loss.

        None where there is no such way, and where a code in `y` is not below `below`, if that is not 0.
        """
        with self.lock:
            training = self._training
            if training is None or not training.is_of(states) or watching.get():
                return None
            loss = training.once(batches, below)
            self._latest = training.latest
            return loss

    def kept(self) -> dict[str, Array]:
        """The nodes that were asked to be kept, of the latest step."""
        with self.lock:
            return {} if self._latest is None else unchanging(self._latest.kept())

    def threads(self) -> int:
        """How many take part: a small program is over before other threads are awake."""
        return thread_count() if self.parallel else 1

    def fault(self, instruction: int, row: int, value: int) -> PositionError:
        """What a program found while it ran."""
        takers = [value for value in self.schedule.order if value.op == "take_column"]
        label, classes = (takers[0].label, takers[0].inputs[0].shape[-1]) if takers else ("take", 0)
        return PositionError(f"{label}: label {value} in row {row} is none of the {classes} classes 0..{classes - 1}")

    def __str__(self) -> str:
        from .report import told  # noqa: PLC0415 - only for people

        return told(self)


def planned(lowered: Mapping[str, Value], states: Mapping[str, Value], held: frozenset[str], names: Names) -> Emission:
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
