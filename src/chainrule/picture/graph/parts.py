"""Boxes, labels and lines as things to draw, around a given place."""

from __future__ import annotations

from .label import SMALL
from .scene import Area, Arrow, Curve, Frame, Group, Item, Point, Text
from .sketch import LINE, NAME, TITLE, Box, Wire

ROUND = {"op": 17.0, "leaf": 9.0, "outside": 9.0, "fold": 6.0}


def box_group(box: Box, centre: Point) -> Group:
    """A frame with its text, and the small notes above and below."""
    x, y = centre
    sides = Area(x - box.width / 2, y - box.height / 2, x + box.width / 2, y + box.height / 2)
    items: list[Item] = [Frame(sides, box.kind, ROUND[box.kind])]
    items += _fold_text(box, sides) if box.kind == "fold" else [Text(x, y, box.lines[0], _size(box), "ink")]
    if box.above:
        items.append(Text(x, sides.top - 7, box.above, SMALL, "soft"))
    if box.below:
        items.append(Text(x, sides.bottom + 7, box.below, SMALL, "gradient"))
    return Group(box.title, tuple(items), box.kind, box.panel)


def _size(box: Box) -> float:
    return TITLE if box.kind == "op" else NAME


def _fold_text(box: Box, sides: Area) -> list[Item]:
    """The layer's name, then in small letters what is in it."""
    middle, top = (sides.left + sides.right) / 2, sides.top + 7 + LINE / 2
    head: Item = Text(middle, top, box.lines[0], TITLE, "ink", bold=True)
    return [head, *(Text(middle, top + LINE * i, t, SMALL, "soft") for i, t in enumerate(box.lines[1:], 1))]


def label_group(wire: Wire, centre: Point) -> Group:
    """Value and gradient around the middle of a line; its whole area answers to the pointer."""
    x, y = centre
    across, down = wire.label.width / 2, wire.label.height / 2
    hover = Frame(Area(x - across, y - down, x + across, y + down), "hover")
    return Group(wire.title, (hover, *wire.label.items(x, y)), "label")


def wire_piece(wire: Wire, points: tuple[Point, ...]) -> Group:
    """A part of a line."""
    return Group(wire.title, (Curve(points, "wire"),), "wire")


def tip(wire: Wire, end: Point) -> Group:
    """The arrow head at the end of a line."""
    return Group(wire.title, (Arrow(end, "tip"),), "wire")
