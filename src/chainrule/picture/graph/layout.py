"""Where boxes and labels go: Graphviz's dot, from left to right. Every label is a node of its own between the two boxes
of its wire, so nothing can cover it (Gansner, Koutsofios, North and Vo, 1993, have labels of edges the same way)."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from dataclasses import dataclass

from ...errors import need
from .curve import bend, joined, split_at, straight
from .scene import Point
from .sketch import Sketch

EASE = 12.0  # less than between two columns
END = 10.0  # the room at the end of a stub
HEAD = """digraph {
rankdir=LR; ordering=in; nodesep=0.17; ranksep=0.36
node [shape=box, fixedsize=true, label=""]
edge [tailport=e, headport=w]"""


@dataclass(frozen=True)
class Layout:
    """The middle of every box, and every wire's curve with the middle of its label, in the order of the sketch."""

    boxes: list[Point]
    labels: list[Point]
    curves: list[tuple[Point, ...]]
    columns: list[tuple[float, float]]


def place(sketch: Sketch) -> Layout:
    """Ask dot for coordinates; sizes are given, so its fonts do not matter."""
    pygraphviz = need("pygraphviz", "picture", "drawing graphs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "graph has 1130 nodes", "no fontconfig"
        graph = pygraphviz.AGraph(string=_source(sketch))
        graph.layout(prog="dot")
    where = {str(node): _point(node.attr["pos"]) for node in graph.nodes()}
    routes = {(str(edge[0]), str(edge[1])): str(edge.attr["pos"]) for edge in graph.edges()}
    return _read(sketch, where, routes)


def _source(sketch: Sketch) -> str:
    """The graph in dot's language, in inches of 72 pixels."""
    number = {box.key: i for i, box in enumerate(sketch.boxes)}
    lines = [HEAD, *(_node(f"b{i}", *box.room) for i, box in enumerate(sketch.boxes))]
    for i, wire in enumerate(sketch.wires):
        lines.append(_node(f"l{i}", wire.label.width, wire.label.height))
        if not wire.target:
            lines.append(_node(f"s{i}", END, END))
        lines.append(f"b{number[wire.source]}->l{i};l{i}->{_target(i, wire.target, number)}")
    return "\n".join([*lines, "}"])


def _node(name: str, width: float, height: float) -> str:
    return f"{name}[width={width / 72:.4f},height={height / 72:.4f}]"


def _target(i: int, key: str, number: dict[str, int]) -> str:
    return f"b{number[key]}" if key else f"s{i}"


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), -float(y)  # dot's y grows upward


def _read(sketch: Sketch, where: dict[str, Point], routes: dict[tuple[str, str], str]) -> Layout:
    number = {box.key: i for i, box in enumerate(sketch.boxes)}
    room = {f"b{i}": box.room[0] / 2 for i, box in enumerate(sketch.boxes)}
    room |= {f"l{i}": wire.label.width / 2 for i, wire in enumerate(sketch.wires)}
    room |= {name: END / 2 for name in where if name[0] == "s"}
    rims = room | {f"b{i}": box.width / 2 for i, box in enumerate(sketch.boxes)}
    columns = _columns([(where[name][0] - half, where[name][0] + half) for name, half in room.items()])
    router = _Router(where, routes, rims, columns)
    curves = []
    for i, wire in enumerate(sketch.wires):
        first = router.part(f"b{number[wire.source]}", f"l{i}")
        second = router.part(f"l{i}", _target(i, wire.target, number))
        curves.append(joined(first, straight(first[-1], second[0]), second))
    boxes = [where[f"b{i}"] for i in range(len(sketch.boxes))]
    return Layout(boxes, [where[f"l{i}"] for i in range(len(sketch.wires))], curves, columns)


@dataclass(frozen=True)
class _Router:
    """The ways of wires, from rim to rim. `rims` are half the widths of what is drawn."""

    where: dict[str, Point]
    routes: dict[tuple[str, str], str]
    rims: dict[str, float]
    columns: list[tuple[float, float]]

    def part(self, tail: str, head: str) -> tuple[Point, ...]:
        """Level through the columns of both ends; between them a plain bend, or dot's curve past other columns."""
        (x0, y0), (x1, y1) = self.where[tail], self.where[head]
        i, j = self._column(x0), self._column(x1)
        out = (self.columns[i][1], y0)
        into = (self.columns[j][0], y1)
        between = bend(out, into) if j == i + 1 else self._past(tail, head, out, into)
        start, end = (x0 + self.rims[tail], y0), (x1 - self.rims[head], y1)
        return joined(straight(start, out), between, straight(into, end))

    def _column(self, x: float) -> int:
        return bisect_right(self.columns, (x, math.inf)) - 1

    def _past(self, tail: str, head: str, out: Point, into: Point) -> tuple[Point, ...]:
        """Dot's curve, without its ends: those are level here."""
        points = tuple(_point(p) for p in self.routes[tail, head].split() if p[0] not in "es")
        points = split_at(points, out[0] + EASE)[1]
        points = split_at(points, into[0] - EASE)[0]
        return joined(bend(out, points[0], ahead=points[1]), points, bend(points[-1], into, behind=points[-2]))


def _columns(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where something stands, from left to right; between these a picture can be cut."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted(spans):
        if columns and left <= columns[-1][1] + 1:
            columns[-1] = (columns[-1][0], max(right, columns[-1][1]))
        else:
            columns.append((left, right))
    return columns
