"""Engines run graphs. `reference` is NumPy, op by op, the oracle; `native` is one flat program in C++, in float32."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import UnknownName
from ..graph import Array, Graph
from . import native
from .batches import Batches
from .native import set_threads
from .reference import ReferencePlan
from .room import refuse_too_much
from .states import States

__all__ = [
    "Batches",
    "EngineStatus",
    "Plan",
    "ReferencePlan",
    "States",
    "engines",
    "plan",
    "refuse_too_much",
    "set_threads",
]


class Plan(Protocol):
    """A graph, made ready by an engine: call it with values for the inputs to get the outputs."""

    graph: Graph

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]: ...

    def run(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]: ...

    def ready(
        self, feeds: Mapping[str, Array], moving: str, through: Callable[[Array], Array]
    ) -> Callable[[Array], dict[str, Array] | None]: ...

    def advance(self, states: States, batches: Batches, wanted: Sequence[str]) -> dict[str, Array]: ...

    def once(self, states: States, batches: Batches, below: int) -> float | None: ...

    def kept(self, names: Iterable[str]) -> dict[str, Array]: ...


@dataclass(frozen=True)
class EngineStatus:
    """One engine of this install: can it run graphs, and if not, why."""

    name: str
    ready: bool
    about: str


ENGINES: dict[str, Callable[[Graph, Collection[str], Collection[str]], Plan]] = {
    "reference": ReferencePlan,
    "native": native.plan,
}


def plan(graph: Graph, engine: str = "auto", keep: Collection[str] = (), hold: Collection[str] = ()) -> Plan:
    """Make a graph ready on an engine; `auto` takes the fastest that is there.

    `keep` names nodes to look at, `hold` inputs that seldom change, such as the parameters of a prediction: an engine may
    compute what follows from them alone once for many runs, as long as it is fed the same arrays.
    """
    name = _fastest(graph) if engine == "auto" else engine
    if name not in ENGINES:
        raise UnknownName("engine that runs graphs", name, [*ENGINES, "auto"])
    return ENGINES[name](graph, keep, hold)


def _fastest(graph: Graph) -> str:
    """The native engine, where it is there and the numbers are of its kind."""
    exact = any(node.dtype == np.float64 for node in [*graph.inputs.values(), *graph.outputs.values()])
    return "reference" if exact or not native.available() else "native"


def engines() -> list[EngineStatus]:
    """Which engines this install has, and why one is missing. Measures the processor, which takes part of a second."""
    return [
        EngineStatus("reference", True, f"NumPy {np.__version__}, op by op"),
        EngineStatus("native", native.available(), native.describe().about),
    ]
