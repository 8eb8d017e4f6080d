"""A graph on the native engine: run without the GIL, with NumPy between where it must be."""

from __future__ import annotations

import functools
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ...graph import Array, Graph
from ...graph.debug import watching
from ..batches import Batches
from ..reference import ReferencePlan, checked_feed
from ..states import States
from .bound import Bound, Change, Ready, Room, unchanging
from .planned import Planned
from .training import Training


class NativePlan:
    """A graph, ready to run; `ext` is the compiled module.

    `keep` names nodes to look at beside the outputs, `hold` inputs that seldom change: what follows from them alone is
    computed again only when other arrays are fed for them.
    """

    def __init__(
        self, graph: Graph, ext: Any, path: str, keep: Collection[str] = (), hold: Collection[str] = ()
    ) -> None:
        self.graph, self.planned = graph, Planned(graph, ext, path, keep, hold)
        self.lock = threading.RLock()
        self._latest: Bound | ReferencePlan | None = None
        self._trainings: list[Training] = []

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, from inputs by name."""
        return self.run(feeds)[0]

    def run(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The outputs, and the nodes that were asked to be kept."""
        if watching.get():  # every op is looked at: only the microscope can
            return ReferencePlan(self.graph, self.planned.keep).run(feeds)
        states = States({name: checked_feed(name, feeds, self.graph.inputs[name]) for name in self.planned.states})
        states.arrange(self.planned.beside)
        with self.lock:
            bound = Bound(self.planned, self._room, states) if states else self._alone
            bound.run(feeds)
            outputs, kept = unchanging(bound.outputs()), unchanging(bound.kept(self.planned.keep))
        states.swap()
        return outputs | states.frozen(), kept

    @functools.cached_property
    def _room(self) -> Room:
        """The memory of single runs."""
        return Room(self.planned)

    @functools.cached_property
    def _alone(self) -> Bound:
        """The programs of a graph without states."""
        return Bound(self.planned, self._room, States({}))

    def ready(self, feeds: Mapping[str, Array], moving: str, through: Change) -> Ready:
        """The plan bound to these inputs, to be called with the one that is still `moving`: the quickest way to run it."""
        return Ready(self.planned, feeds, moving, through)

    def advance(self, states: States, batches: Batches, wanted: Sequence[str]) -> dict[str, Array]:
        """Steps that move the states on: the `wanted` outputs of each, until the first of them is not finite."""
        with self.lock:
            if watching.get():
                self._latest = ReferencePlan(self.graph, self.planned.keep)
                return self._latest.advance(states, batches, wanted)
            training = self._training(states)
            try:
                return training.advance(batches, wanted)
            finally:
                self._latest = training.latest

    def _training(self, states: States) -> Training:
        """The programs bound to these states, in memory that nobody looks at: what was peeked at stays as it was."""
        self._trainings = [training for training in self._trainings if training.is_of(states)]
        for training in self._trainings:
            if not training.room.is_lent():
                return training
        self._latest = None  # its memory is free for the new one
        self._trainings = [*self._trainings[-1:], Training(self.planned, Room(self.planned), states)]
        return self._trainings[-1]

    def once(self, states: States, batches: Batches, below: int) -> float | None:
        """One step in the quickest way, on `x` and `y` of the right shapes and types: its loss.

        None where there is no such way, and where a code in `y` is not below `below`, if that is not 0.
        """
        with self.lock:
            training = self._trainings[0] if self._trainings else None
            if training is None or not training.is_of(states) or training.room.is_lent() or watching.get():
                return None
            loss = training.once(batches, below)
            self._latest = training.latest
            return loss

    def kept(self, names: Iterable[str]) -> dict[str, Array]:
        """Those of the names that were asked to be kept, as they were in the latest step."""
        with self.lock:
            return {} if self._latest is None else self._latest.kept(names)

    def __str__(self) -> str:
        from .report import told  # noqa: PLC0415 - only for people

        return told(self.planned)
