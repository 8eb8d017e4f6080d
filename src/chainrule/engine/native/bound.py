"""The programs of a plan in some memory: bound to arrays, fed, and run."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...graph import Array, Shape
from ..reference import checked_feed
from ..states import States
from .fuse import KEPT
from .place import ALIGNMENT, FIRST_ARRAY, part_of
from .place import Array as Place
from .schedule import Unit, memory_of
from .value import Value

if TYPE_CHECKING:
    from .planned import Planned

Change = Callable[[NDArray[Any]], NDArray[Any]]
ARENA = FIRST_ARRAY  # the space of the first array


class Room:
    """The memory of a plan: the arena, and a place for each input that comes with every run."""

    def __init__(self, planned: Planned) -> None:
        self.inputs = planned.graph.inputs
        named = [
            place.value.attrs["name"] for place in planned.places.arrays if place.value and place.value.op == "input"
        ]
        fed = [name for name in named if name not in planned.states and name not in planned.held]
        self.arena = aligned((planned.places.arena_bytes,), np.dtype(np.uint8))
        self.own = 0  # how many of those who know the arena's memory are the engine itself
        self.fed = {name: aligned(self.inputs[name].shape, self.inputs[name].dtype) for name in fed}

    def known(self) -> int:
        """How many arrays and objects know the arena's memory."""
        return sys.getrefcount(self.arena.base)

    def is_lent(self) -> bool:
        """Whether somebody still looks at what was lent of the arena: it must stay as it is."""
        return self.known() > self.own

    def feed(self, feeds: Mapping[str, Array]) -> None:
        """Take what a run is given."""
        for name, own in self.fed.items():
            given: Any = feeds.get(name)
            fits = given.__class__ is np.ndarray and given.shape == own.shape and given.dtype == own.dtype
            own[...] = given if fits else checked_feed(name, feeds, self.inputs[name])


class Bound:
    """The programs, bound to a room and to the states as they are at a turn."""

    def __init__(self, planned: Planned, room: Room, states: States, turn: int = 0) -> None:
        self.planned, self.room = planned, room
        self.programs = [planned.ext.Program(planned.path, code) for code, _ in planned.codes]
        self.setup, self.is_set_up = planned.ext.Program(planned.path, planned.setup), False
        self.arrays: dict[int, NDArray[Any]] = {}
        self.held: dict[str, int] = {}
        self._bind(0, room.arena)
        present, after = states.at(turn)
        for index, place in enumerate(planned.places.arrays, 1):
            self._place(index, place, present, after)
        self._outputs = {k: self._found(f"output {k}") for k in planned.graph.outputs if k not in planned.states}
        self.copies = [(self.view(planned.schedule.outputs[f"output {k}"]), after[k]) for k in planned.copied]

    def _place(self, index: int, place: Place, present: Mapping[str, Array], after: Mapping[str, Array]) -> None:
        """Bind what stays where it is: constants, states, their successors, and the room's own."""
        if place.value is None:
            self._bind(index, after[place.state])
        elif place.value.op == "constant":
            self._bind(index, place.value.attrs["array"])
        elif (name := place.value.attrs["name"]) in self.planned.held:
            self.held[name] = index
        else:
            self._bind(index, present[name] if name in present else self.room.fed[name])

    def _bind(self, index: int, array: NDArray[Any]) -> None:
        self.arrays[index] = array
        for program in (self.setup, *self.programs):
            program.bind(index, array)

    def run(self, feeds: Mapping[str, Array]) -> None:
        """Run everything once on what is fed."""
        self.room.feed(feeds)
        self.hold(feeds)
        self.launch()

    def hold(self, feeds: Mapping[str, Array]) -> None:
        """Bind what seldom changes, and compute what follows from it."""
        for name, index in self.held.items():
            if name not in feeds or feeds[name] is not self.arrays.get(index):
                self._bind(index, np.ascontiguousarray(checked_feed(name, feeds, self.room.inputs[name])))
                self.is_set_up = False
        if not self.is_set_up:
            self.setup.run(1)
            self.is_set_up = True

    def launch(self) -> None:
        """Run everything once, on what there is."""
        threads = self.planned.threads()
        for program, (_, units) in zip(self.programs, self.planned.codes, strict=True):
            fault = program.run(threads)
            if fault is not None:
                raise self.planned.fault(*fault)
            for unit in units:
                self._host(unit)
        for view, after in self.copies:
            after[...] = view

    def _host(self, unit: Unit) -> None:
        """One op in NumPy, from the engine's memory and back."""
        node = unit.value.attrs["node"]
        self.view(unit.value)[...] = node.op.compute(node, [self.view(x) for x in unit.value.inputs])

    def outputs(self) -> dict[str, Array]:
        """The outputs that are no states, where they stand: not to be written to, and the next run will change them."""
        return {name: self._now(found) for name, found in self._outputs.items()}

    def kept(self, names: Iterable[str]) -> dict[str, Array]:
        """Those of the names that were asked to be kept: parts of the arena are lent, what is elsewhere is copied."""
        return {name: self._lent(KEPT + name) for name in names if name in self.planned.keep}

    def _lent(self, name: str) -> Array:
        value = self.planned.schedule.outputs[name]
        found = self.view(value)
        in_arena = found.base is self.room.arena.base and value.dtype == found.dtype
        return frozen(found if in_arena else found.astype(value.dtype))

    def stands(self, name: str) -> bool:
        """Whether an output is always in the same place."""
        return isinstance(self._outputs[name], np.ndarray)

    def _found(self, name: str) -> NDArray[Any] | Value:
        """Where an output stands; what is held, or kept in fewer bytes, is looked for when it is asked for."""
        value = self.planned.schedule.outputs[name]
        return value if memory_of(value).op in ("input", "pool_argmax") else frozen(self.view(value))

    def _now(self, found: NDArray[Any] | Value) -> Array:
        return found if isinstance(found, np.ndarray) else frozen(self.view(found).astype(found.dtype))

    def view(self, value: Value) -> NDArray[Any]:
        """The memory of a value, under its shape."""
        base = memory_of(value)
        if base.op == "constant" and base.shape == ():
            return np.broadcast_to(base.attrs["array"], value.shape)
        memory = self.planned.places.memory[base]
        if memory.space > ARENA:
            return self.arrays[memory.space - ARENA].reshape(value.shape)
        kind = np.uint8 if base.op == "pool_argmax" else value.dtype
        start = memory.offset + part_of(value)
        return np.ndarray(value.shape, kind, self.room.arena.data, start)


class Ready:
    """A plan with all its inputs given but one, that comes `through` a function."""

    def __init__(self, planned: Planned, feeds: Mapping[str, Array], moving: str, through: Change) -> None:
        # Memory of its own: what was made of the held inputs stands there, and the plan may be run on others meanwhile.
        room = Room(planned)
        self.bound, self.input = Bound(planned, room, States({})), room.fed[moving]
        self.finite, self.through = planned.ext.finite, through
        self.lock = threading.Lock()
        self.bound.hold(feeds)

    def __call__(self, given: Array) -> dict[str, Array] | None:
        """The outputs for a contiguous array of float32; None where it holds NaN or infinity."""
        if not self.finite(given):
            return None
        with self.lock:
            self.input[...] = self.through(given)
            self.bound.launch()
            return {name: view.copy() for name, view in self.bound.outputs().items()}


def frozen(array: NDArray[Any]) -> Array:
    """The same array, not to be written to."""
    array.setflags(write=False)
    return array


def aligned(shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros that start where the kernels like it."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def unchanging(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """Copies that cannot be written to."""
    return {name: frozen(array.copy()) for name, array in arrays.items()}
