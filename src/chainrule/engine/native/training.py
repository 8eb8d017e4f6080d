"""A plan bound to the states that it moves: many steps in one call, wherever NumPy has no part in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...graph import Array
from ..batches import Batches
from ..reference import checked_feed
from ..states import States
from .bound import Bound, Room

if TYPE_CHECKING:
    from .planned import Planned


class Training:
    """The programs for both turns of the states, and what runs them in turns."""

    def __init__(self, planned: Planned, room: Room, states: States) -> None:
        states.arrange(planned.beside)
        self.planned, self.room, self.states, self.version = planned, room, states, states.version
        self.turns = [Bound(planned, room, states, turn) for turn in ((0, 1) if planned.beside else (0,))]
        for bound in self.turns:
            bound.hold({})
        self.latest = self.turns[0]
        self.wanted: Sequence[str] = ()
        self.is_usual = False
        self.views: list[NDArray[Any]] = []
        self.at = {name: index for index, name in enumerate(room.fed)}
        self.numbers = [(name, own) for name, own in room.fed.items() if own.ndim == 0]
        self.steps: Any = None  # what runs them in one call, where that can be

    def is_of(self, states: States) -> bool:
        """Whether it is bound to these, where they are now."""
        return states is self.states and states.version == self.version

    def advance(self, batches: Batches, wanted: Sequence[str]) -> dict[str, Array]:
        """The `wanted` outputs of each step, until the first of them is not finite."""
        if wanted != self.wanted:
            self._prepare(wanted)
        count, first = len(batches.order), self.states.turn
        made = [np.empty((count, *view.shape), view.dtype) for view in self.views]
        done, fault = self._run(batches, made, first)
        self.latest = self.turns[(first + done - 1) % len(self.turns)]
        self.states.swap(done)
        if fault is not None:
            raise self.planned.fault(*fault)
        return {name: array[:done] for name, array in zip(wanted, made, strict=True)}

    def once(self, batches: Batches, below: int) -> float | None:
        """One step, quickly: the loss. None where there is no quick way, or a code is not below `below`."""
        if self.steps is None or not self.is_usual:
            return None
        for name, own in self.numbers:
            own[()] = batches.numbers[name]
        x, y, at, turn = batches.rows["x"], batches.rows["y"], self.at, self.states.turn
        if not (x.flags.c_contiguous and y.flags.c_contiguous):
            return None
        loss: float | None = self.steps.once(self.planned.threads(), turn, below, at["x"], x, at["y"], y)
        if loss is not None:
            self.latest = self.turns[turn % len(self.turns)]
            self.states.swap()
        return loss

    def _prepare(self, wanted: Sequence[str]) -> None:
        """Make ready to hand these outputs over."""
        lent = max(self.room.known() - self.room.own, 0) if self.room.own else 0
        found = self.latest.outputs()
        self.wanted, self.views, self.steps = wanted, [found[name] for name in wanted], None
        self.is_usual = wanted[0] == "loss" and self.at.keys() >= {"x", "y"}
        if not self.planned.has_hosts and all(map(self.latest.stands, wanted)):
            turns = tuple((tuple(bound.programs), tuple(bound.copies)) for bound in self.turns)
            self.steps = self.planned.ext.Steps(turns, [*self.room.fed.values()], self.views)
        self.room.own = self.room.known() - lent

    def _run(self, batches: Batches, made: list[NDArray[Any]], turn: int) -> tuple[int, Any]:
        """How many steps have ended, and the fault that ended the last one."""
        if self.steps is None:
            return self._step_by_step(batches, made, turn)
        rows, numbers = [], []
        for index, (name, own) in enumerate(self.room.fed.items()):
            if name in batches.rows:
                rows.append((index, self._fitting(name, own, batches)))
            elif (given := batches.numbers[name]).__class__ is np.ndarray and given.ndim:
                numbers.append((index, given.astype(own.dtype)))
            else:
                own[()] = given
        found: tuple[int, Any] = self.steps.run(self.planned.threads(), turn, batches.order, rows, numbers, made)
        return found

    def _fitting(self, name: str, own: NDArray[Any], batches: Batches) -> NDArray[Any]:
        """All rows of an input as the programs read them; a sentence where they are others."""
        given = batches.rows[name]
        fits = given.dtype == own.dtype and given.shape[1:] == own.shape[1:] and given.flags.c_contiguous
        if not fits or batches.order.shape[1] != len(own):
            checked_feed(name, batches.feeds(0), self.planned.graph.inputs[name])
            given = np.ascontiguousarray(given, own.dtype)
        return given

    def _step_by_step(self, batches: Batches, made: list[NDArray[Any]], turn: int) -> tuple[int, Any]:
        """The same, with NumPy's part of it."""
        for i in range(len(batches.order)):
            bound = self.turns[(turn + i) % len(self.turns)]
            bound.run(batches.feeds(i))
            outputs = bound.outputs()
            for array, name in zip(made, self.wanted, strict=True):
                array[i] = outputs[name]
            if not np.isfinite(outputs[self.wanted[0]]).all():
                return i + 1, None
        return len(batches.order), None
