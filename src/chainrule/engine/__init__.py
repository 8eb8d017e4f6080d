"""Engines run graphs. `reference` is NumPy, op by op; `native` is C++ (so far its measuring instruments only)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import UnknownName
from ..graph import Array, Graph
from . import native
from .reference import ReferencePlan

__all__ = ["EngineStatus", "Plan", "ReferencePlan", "engines", "plan"]


class Plan(Protocol):
    """A graph, made ready by an engine: call it with values for the inputs to get the outputs."""

    graph: Graph

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]: ...

    def run(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]: ...


@dataclass(frozen=True)
class EngineStatus:
    """One engine of this install: can it run graphs, and if not, why."""

    name: str
    ready: bool
    about: str


ENGINES: dict[str, Callable[[Graph, Collection[str]], Plan]] = {"reference": ReferencePlan}


def plan(graph: Graph, engine: str = "auto", keep: Collection[str] = ()) -> Plan:
    """Make a graph ready on an engine; `auto` takes the fastest that is there. `keep` names nodes to look at."""
    name = "reference" if engine == "auto" else engine
    if name not in ENGINES:
        raise UnknownName("engine that runs graphs", name, [*ENGINES, "auto"])
    return ENGINES[name](graph, keep)


def engines() -> list[EngineStatus]:
    """Which engines this install has, and why one is missing. Measures the processor, which takes part of a second."""
    return [
        EngineStatus("reference", True, f"NumPy {np.__version__}, op by op"),
        EngineStatus("native", False, native.describe().about),
    ]
