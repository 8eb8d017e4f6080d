"""A wide picture wraps like lines of music: cut between columns, the strips below one another. A wire that crosses a cut
runs out to the right margin and comes in again at the left, with its name at both ends."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from .curve import bend, split_at
from .layout import Layout, place
from .parts import box_group, label_group, tip, wire_piece
from .scene import Band, Curve, Group, Point, Text, around, shortened
from .sketch import Sketch

WHOLE = 1460.0  # a picture up to this width is not cut
WIDTH = 1260.0  # of a strip without its margins
EDGE = 14.0  # around everything
BEND = 26.0  # in which wires that cross a cut get apart
LINE = 14.0  # between the names at a margin
SIZE, LETTERS = 10.0, 24

Crossing: TypeAlias = tuple[Point, Point, str]  # where, the point of the curve beside it, the wire's name


def bands_of(sketch: Sketch) -> list[Band]:
    """The picture as strips."""
    layout = place(sketch)
    cuts = cuts_of(layout)
    strips = [_Strip() for _ in range(len(cuts) + 1)]
    for box, centre in zip(sketch.boxes, layout.boxes, strict=True):
        strips[bisect_right(cuts, centre[0])].groups.append(box_group(box, centre))
    for wire, centre, curve in zip(sketch.wires, layout.labels, layout.curves, strict=True):
        strips[bisect_right(cuts, centre[0])].groups.append(label_group(wire, centre))
        pieces = split(curve, cuts)
        for k, points in pieces:
            strips[k].groups.append(wire_piece(wire, points))
        strips[pieces[-1][0]].groups.append(tip(wire, curve[-1]))
        for (k, before), (_, after) in pairwise(pieces):
            strips[k].leaving.append((before[-1], before[-2], wire.name))
            strips[k + 1].entering.append((after[0], after[1], wire.name))
    return [strip.band() for strip in strips]


def cuts_of(layout: Layout) -> list[float]:
    """Where to cut: right of a column, so that strips get about as wide as one another and few wires are cut."""
    gaps = [right + 0.5 for _, right in layout.columns[:-1]]
    start, end = layout.columns[0][0], layout.columns[-1][1]
    cuts: list[float] = []
    while end - start > WHOLE:
        width = min(WIDTH, 1.1 * (end - start) / math.ceil((end - start) / WIDTH))
        fitting = [x for x in gaps if start < x <= start + width] or [x for x in gaps if x > start][:1]
        if not fitting:
            break
        late = [x for x in fitting if x > start + 0.7 * (fitting[-1] - start)]
        start = min(reversed(late), key=lambda x: sum(c[0][0] < x < c[-1][0] for c in layout.curves))
        cuts.append(start)
    return cuts


def split(points: tuple[Point, ...], cuts: Sequence[float]) -> list[tuple[int, tuple[Point, ...]]]:
    """A curve in the strips it runs through."""
    pieces: list[tuple[int, tuple[Point, ...]]] = []
    first, last = bisect_right(cuts, points[0][0]), bisect_right(cuts, points[-1][0])
    for k in range(first, last):
        left, points = split_at(points, cuts[k])
        pieces.append((k, left))
    return [*pieces, (last, points)]


class _Strip:
    """What one strip shows, and where wires enter and leave it, in the coordinates of the whole."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.entering: list[Crossing] = []
        self.leaving: list[Crossing] = []

    def band(self) -> Band:
        """With its margins, moved to (0, 0)."""
        groups = [*self.groups, *margin(self.entering, -1), *margin(self.leaving, 1)]
        groups.sort(key=lambda group: group.kind != "wire")  # wires lie below
        left, top, right, bottom = around(group.area for group in groups)
        moved = tuple(group.moved(EDGE - left, EDGE - top) for group in groups)
        return Band(math.ceil(right - left + 2 * EDGE), math.ceil(bottom - top + 2 * EDGE), moved)


def margin(crossings: Sequence[Crossing], side: int) -> list[Group]:
    """The names where wires leave (side 1) or enter (side -1) a strip, moved apart."""
    ordered = sorted(crossings, key=lambda crossing: crossing[0][1])
    groups = []
    for (at, beside, name), line in zip(ordered, apart([at[1] for at, _, _ in ordered], LINE), strict=True):
        far = (at[0] + side * BEND, line)
        points = bend(at, far, behind=beside) if side > 0 else bend(far, at, ahead=beside)
        text = Text(far[0] + side * 4, line, shortened(name, LETTERS), SIZE, "soft", "start" if side > 0 else "end")
        groups += [Group(name, (Curve(points, "wire"),), "wire"), Group(name, (text,), "margin")]
    return groups


def apart(places: Sequence[float], least: float) -> list[float]:
    """Ascending places, moved as little as possible (least squares) until neighbours are `least` apart."""
    runs: list[tuple[float, int]] = []  # the mean of (place - least * index), and of how many
    for i, place_ in enumerate(places):
        mean, count = place_ - least * i, 1
        while runs and runs[-1][0] > mean:
            before, n = runs.pop()
            mean, count = (before * n + mean * count) / (n + count), n + count
        runs.append((mean, count))
    means = [mean for mean, count in runs for _ in range(count)]
    return [mean + least * i for i, mean in enumerate(means)]
