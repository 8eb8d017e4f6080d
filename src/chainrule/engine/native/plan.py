"""A graph on the native engine: planned once, then run in one call without the GIL, with NumPy between where it must be."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PositionError
from ...graph import Array, Graph, Tensor
from ...graph.debug import watching
from ..reference import ReferencePlan, checked_feed, refuse_unfed
from ..room import refuse_too_much
from ..states import States
from . import thread_count
from .cost import work_ns
from .emit import Emission, NotInPlace
from .fuse import KEPT, Fusion
from .instruction import Names
from .lower import lower
from .place import ALIGNMENT, FIRST_ARRAY, part_of
from .schedule import SETUP, Schedule, Unit, memory_of
from .tile import Misfit
from .value import Value

MOST_MISFITS = 1000
ARENA = FIRST_ARRAY  # the space of the first array
ALONE_NS = 60_000  # what takes less is run by the calling thread alone
Stretches = list[tuple[Any, list[Unit]]]  # native programs, each with the units that NumPy computes after it


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
        self.memory = _aligned(self.places.arena_bytes)
        self.codes = list(self._codes())
        self.setup = np.array(self.emission.code([SETUP]), np.int64)
        self.parallel = sum(work_ns(unit) for unit in self.schedule.units) > ALONE_NS
        self.lock = threading.RLock()
        self._ready: dict[tuple[int, int], tuple[States, _Bound]] = {}

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
        states = States({name: checked_feed(name, feeds, self.graph.inputs[name]) for name in self.states})
        with self.lock:  # until what was kept is copied
            outputs, kept = self.advance(states, feeds)
            return {**outputs, **states.frozen()}, unchanging(kept)

    def advance(self, states: States, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The same, with the states moved on; the outputs are those that are no states.

        What was kept is not copied: the next call writes over it.
        """
        if watching.get():  # every op is looked at: only the microscope can
            return ReferencePlan(self.graph, self.keep).advance(states, feeds)
        with self.lock:
            bound = self._bound(states)
            bound.feed(feeds)
            self.launch(bound)
            for name, view in bound.copied.items():
                states.beside(name)[...] = view
            outputs, kept = unchanging(bound.views(bound.outputs)), bound.views(bound.kept)
            states.swap()
        return outputs, kept

    def launch(self, bound: _Bound) -> None:
        """Run everything once."""
        threads = thread_count() if self.parallel else 1  # a small program is over before other threads are awake
        for program, units in bound.stretches:
            fault = program.run(threads)
            if fault is not None:
                raise self._fault(*fault)
            for unit in units:
                self._host(bound, unit)

    def __str__(self) -> str:
        from .report import told  # noqa: PLC0415 - only for people

        return told(self)

    def ready(self, feeds: Mapping[str, Array], moving: str) -> Ready:
        """The plan bound to these inputs, to be called with the one that is still `moving`: the quickest way to run it."""
        return Ready(self, feeds, moving)

    def _bound(self, states: States) -> _Bound:
        """The programs bound to these states; for the two turns of a training there are two."""
        key = (id(states), states.turn) if states else (0, 0)
        if key not in self._ready:
            if len(self._ready) >= 2:
                self._ready = {k: v for k, v in self._ready.items() if v[0] is states}
            self._ready[key] = (states, _Bound(self, states, self.memory))
        return self._ready[key][1]

    def _fault(self, instruction: int, row: int, value: int) -> PositionError:
        takers = [value for value in self.schedule.order if value.op == "take_column"]
        label, classes = (takers[0].label, takers[0].inputs[0].shape[-1]) if takers else ("take", 0)
        return PositionError(f"{label}: label {value} in row {row} is none of the {classes} classes 0..{classes - 1}")

    def _host(self, bound: _Bound, unit: Unit) -> None:
        """One op in NumPy, from the engine's memory and back."""
        node = unit.value.attrs["node"]
        made = node.op.compute(node, [bound.view(x) for x in unit.value.inputs])
        bound.view(unit.value)[...] = made


class _Bound:
    """The programs of a plan, bound to the memory of some states. Feeds are bound anew with every call."""

    def __init__(self, plan: NativePlan, states: States, memory: NDArray[np.uint8]) -> None:
        self.plan, self.memory = plan, memory
        self.stretches: Stretches = [(plan.ext.Program(plan.path, code), units) for code, units in plan.codes]
        self.setup, self.is_set_up = plan.ext.Program(plan.path, plan.setup), False
        self.arrays: list[NDArray[Any]] = [memory] * (1 + len(plan.places.arrays))
        self.fed: list[_Feed] = []
        self._bind(0, memory)
        moved = {name for i, array in enumerate(plan.places.arrays, 1) if (name := self._place(states, i, array))}
        found = {key: self._found(value) for key, value in plan.schedule.outputs.items()}
        self.outputs = {k: found[f"output {k}"] for k in plan.graph.outputs if k not in plan.states}
        self.kept = {k: found[KEPT + k] for k in plan.keep}
        self.copied = {
            k: view for k in plan.states if k not in moved and not isinstance(view := found[f"output {k}"], Value)
        }

    def _place(self, states: States, index: int, array: Any) -> str | None:
        """Bind what stays: constants, states and their successors; the rest is fed. Gives the state that is written."""
        if array.name is not None:
            name: str = array.name.removeprefix("output ")
            self._bind(index, states.beside(name))
            return name
        if array.value.op == "constant":
            self._bind(index, array.value.attrs["array"])
        elif (name := array.value.attrs["name"]) in states:
            self._bind(index, states[name])
            return name if array.written else None
        else:
            self.fed.append(_Feed(index, name, self.plan.graph.inputs[name]))
        return None

    def _bind(self, index: int, array: NDArray[Any]) -> None:
        self.arrays[index] = array
        for program in (self.setup, *(program for program, _ in self.stretches)):
            program.bind(index, array)

    def feed(self, feeds: Mapping[str, Array]) -> None:
        """Bind what this call was given; numbers have a place of their own."""
        for feed in self.fed:
            given: Any = feeds.get(feed.name)
            if feed.number is not None and given.__class__ in (int, float):
                feed.number[()] = given
                given = feed.number
            elif not feed.fits(given):
                given = np.ascontiguousarray(checked_feed(feed.name, feeds, feed.node)).reshape(feed.node.shape)
            if given is not self.arrays[feed.index]:
                self._bind(feed.index, given)
                self.is_set_up = self.is_set_up and feed.name not in self.plan.held
        if not self.is_set_up:
            self.setup.run(1)
            self.is_set_up = True

    def _found(self, value: Value) -> NDArray[Any] | Value:
        """Where an output stands; what is fed, or kept in fewer bytes, stands elsewhere in every call."""
        if memory_of(value).op in ("input", "pool_argmax"):
            return value
        view = self.view(value)
        view.setflags(write=False)
        return view

    def views(self, found: Mapping[str, NDArray[Any] | Value]) -> dict[str, Array]:
        """The memory of outputs, not to be written to; the next run will change it."""
        return {name: x if isinstance(x, np.ndarray) else self._view_now(x) for name, x in found.items()}

    def _view_now(self, value: Value) -> Array:
        view = self.view(value).astype(value.dtype)
        view.setflags(write=False)
        return view

    def view(self, value: Value) -> NDArray[Any]:
        """The memory of a value, under its shape."""
        base = memory_of(value)
        if base.op == "constant" and base.shape == ():
            return np.broadcast_to(base.attrs["array"], value.shape)
        memory = self.plan.places.memory[base]
        if memory.space > ARENA:
            return self.arrays[memory.space - ARENA].reshape(value.shape)
        kind = np.uint8 if base.op == "pool_argmax" else value.dtype
        start = memory.offset + part_of(value)
        return np.ndarray(value.shape, kind, self.memory.data, start)


class Ready:
    """A plan with all its inputs given but one."""

    def __init__(self, plan: NativePlan, feeds: Mapping[str, Array], moving: str) -> None:
        node = plan.graph.inputs[moving]
        self.plan, self.input = plan, np.zeros(node.shape, node.dtype)
        # Memory of its own: what was made of the held inputs stands there, and the plan may be run on others meanwhile.
        self.bound = _Bound(plan, States({}), _aligned(plan.places.arena_bytes))
        self.lock = threading.Lock()
        self.bound.feed({**feeds, moving: self.input})

    def __call__(self, given: Array) -> dict[str, Array]:
        """The outputs for `given`, an array of the input's shape and type."""
        with self.lock:
            np.copyto(self.input, given)
            self.plan.launch(self.bound)
            return {name: view.copy() for name, view in self.bound.views(self.bound.outputs).items()}


def unchanging(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """Copies that cannot be written to."""
    copies = {name: array.copy() for name, array in arrays.items()}
    for array in copies.values():
        array.setflags(write=False)
    return copies


class _Feed:
    """An input that comes with every call: its place among the arrays, and what it must be."""

    __slots__ = ("dtype", "index", "name", "node", "number", "shape")

    def __init__(self, index: int, name: str, node: Tensor) -> None:
        self.index, self.name, self.node = index, name, node
        self.shape, self.dtype = node.shape, node.dtype
        self.number = np.zeros((), node.dtype) if node.shape == () else None

    def fits(self, given: Any) -> bool:
        """Whether it can be bound as it is."""
        if given.__class__ is not np.ndarray or given.shape != self.shape:
            return False
        return bool(given.dtype == self.dtype and given.flags.c_contiguous)


def planned(lowered: Mapping[str, Value], states: Mapping[str, Value], held: frozenset[str], names: Names) -> Emission:
    """The program of some values; what is repeated in a way that no kernel reads is repeated in memory."""
    expanded: frozenset[tuple[Value, int]] = frozenset()
    in_place = True
    for _ in range(MOST_MISFITS):
        fusion = Fusion(lowered, expanded)
        try:
            return Emission(Schedule(fusion.outputs, states, held, in_place), names)
        except Misfit as misfit:
            expanded |= {(fusion.origin[misfit.value], misfit.index)}
        except NotInPlace:
            in_place = False
    raise AssertionError("the plan does not settle")


def _aligned(size: int) -> NDArray[np.uint8]:
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]
