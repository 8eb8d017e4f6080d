"""What a picture is made of, whoever draws it: frames, curves, arrow heads, texts and cells, in groups with a tooltip.

Coordinates are pixels, y grows downward. A `role` ("value", "gradient", "wire") stands for a colour; `palette` has them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeAlias

Point: TypeAlias = tuple[float, float]

# Advance widths of DejaVu Sans in hundredths of the font size; Verdana's are about the same.
WIDTHS = {
    28: "'ijl", 30: "IJ", 32: " ,.", 34: "/:;\\|", 36: "f", 37: "-", 40: "()[]t", 42: "r!", 46: '"', 50: "*_`",
    54: "sz?", 56: "cL", 60: "FkvxyP", 62: "TYaeo", 64: "$0123456789ESbdghnpqu{}σΣ", 66: "K", 70: "ABCRVXZ", 75: "NU",
    79: "DGHOQ&", 84: "w#+<=>^~×−→", 87: "M", 98: "m%", 100: "W@…",
}  # fmt: skip
WIDTH_OF = {letter: width / 100 for width, letters in WIDTHS.items() for letter in letters}
BOLD = 1.13  # how much wider bold letters are
LEVELS = 8  # shades of a heat map, besides none
CONTROL = {i: None for i in [*range(32), *range(127, 160), 0xFFFE, 0xFFFF] if i not in (9, 10)}  # not in XML


def text_width(text: str, size: float, bold: bool = False) -> float:
    """How much room a text takes."""
    return sum(map(_letter, text)) * size * (BOLD if bold else 1.0)


def _letter(letter: str) -> float:
    """In font sizes; one this table does not know is as wide as a full-width letter or as a small m."""
    known = WIDTH_OF.get(letter)
    return known if known is not None else 1.05 if unicodedata.east_asian_width(letter) in "WF" else 0.8


def shortened(text: str, most: int) -> str:
    """The text in one line, or its two ends with an ellipsis between them."""
    text = " ".join(text.translate(CONTROL).split())
    head = (most - 1) // 2
    return text if len(text) <= most else f"{text[: most - 1 - head]}…{text[len(text) - head :]}"


class Area(NamedTuple):
    """A rectangle by its four sides."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Area, slack: float = 0.0) -> bool:
        """Whether the two share more than a rim of `slack`."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > slack and down > slack


def around(areas: Iterable[Area]) -> Area:
    """The smallest area that holds them all."""
    left, top, right, bottom = zip(*areas, strict=True)
    return Area(min(left), min(top), max(right), max(bottom))


class Item(Protocol):
    """One thing to draw."""

    @property
    def area(self) -> Area: ...

    def moved(self, x: float, y: float) -> Item: ...


@dataclass(frozen=True)
class Frame:
    """A rectangle with round corners, filled and outlined as its role says."""

    box: Area
    role: str
    radius: float = 0.0

    @property
    def area(self) -> Area:
        return self.box

    def moved(self, x: float, y: float) -> Frame:
        left, top, right, bottom = self.box
        return replace(self, box=Area(left + x, top + y, right + x, bottom + y))


@dataclass(frozen=True)
class Curve:
    """Cubic curves joined end to end: 3n + 1 points."""

    points: tuple[Point, ...]
    role: str

    @property
    def area(self) -> Area:
        return around(Area(x, y, x, y) for x, y in self.points)

    def moved(self, x: float, y: float) -> Curve:
        return replace(self, points=tuple((px + x, py + y) for px, py in self.points))


@dataclass(frozen=True)
class Arrow:
    """A head that points right, at `tip`."""

    tip: Point
    role: str
    length: float = 7.0
    half: float = 3.2

    @property
    def area(self) -> Area:
        return Area(self.tip[0] - self.length, self.tip[1] - self.half, self.tip[0], self.tip[1] + self.half)

    def moved(self, x: float, y: float) -> Arrow:
        return replace(self, tip=(self.tip[0] + x, self.tip[1] + y))


@dataclass(frozen=True)
class Text:
    """One line of text; `x` is its left end, middle or right end (`anchor` start, middle or end), `y` its middle."""

    x: float
    y: float
    text: str
    size: float
    role: str
    anchor: str = "middle"
    bold: bool = False

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, self.bold)

    @property
    def area(self) -> Area:
        left = self.x - self.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return Area(left, self.y - 0.5 * self.size, left + self.width, self.y + 0.5 * self.size)

    @property
    def baseline(self) -> float:
        return self.y + 0.36 * self.size

    def moved(self, x: float, y: float) -> Text:
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True)
class Cells:
    """A heat map: each cell is `role`'s colour, as strong as its level says (0 to LEVELS; -1 is not a number)."""

    x: float
    y: float
    levels: tuple[tuple[int, ...], ...]
    wide: float
    high: float
    role: str

    @property
    def area(self) -> Area:
        right = self.x + self.wide * len(self.levels[0])
        return Area(self.x, self.y, right, self.y + self.high * len(self.levels))

    def moved(self, x: float, y: float) -> Cells:
        return replace(self, x=self.x + x, y=self.y + y)

    def runs(self) -> dict[int, list[Area]]:
        """The cells by level, neighbours in a row as one."""
        found: dict[int, list[Area]] = {}
        for i, row in enumerate(self.levels):
            ends = [j for j in range(1, len(row)) if row[j] != row[j - 1]]
            for start, stop in pairwise([0, *ends, len(row)]):
                found.setdefault(row[start], []).append(self._cell(i, start, stop))
        return found

    def _cell(self, i: int, start: int, stop: int) -> Area:
        top = self.y + i * self.high
        return Area(self.x + start * self.wide, top, self.x + stop * self.wide, top + self.high)


@dataclass(frozen=True)
class Group:
    """Things that belong together: one tooltip, and for a folded layer the panel it opens."""

    title: str
    items: tuple[Item, ...]
    kind: str
    panel: str = ""

    @property
    def area(self) -> Area:
        return around(item.area for item in self.items)

    def moved(self, x: float, y: float) -> Group:
        return replace(self, items=tuple(item.moved(x, y) for item in self.items))


@dataclass(frozen=True)
class Band:
    """A strip of the picture, from (0, 0) to its size."""

    width: float
    height: float
    groups: tuple[Group, ...] = field(repr=False)


def stacked(bands: Sequence[Band], gap: float = 26.0) -> Band:
    """Strips below one another as one."""
    groups: list[Group] = []
    y = 0.0
    for band in bands:
        groups += [group.moved(0.0, y) for group in band.groups]
        y += band.height + gap
    return Band(max(band.width for band in bands), y - gap, tuple(groups))
