"""What stands at a line: the value above it in green, the gradient below it in red, each as a number, a few numbers in
brackets, or a heat map with a caption (the darker, the larger the magnitude)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .curve import straight
from .scene import LEVELS, Area, Cells, Curve, Frame, Item, Text, text_width

SIZE, SMALL = 12.0, 10.0  # font sizes of a number and of a caption
GAP = 4.0  # between a line and what stands at it
ROWS, COLUMNS = 12, 24  # most cells of a heat map
WIDEST, HIGHEST = 96.0, 48.0  # largest heat map in pixels
FEW, FEW_ROWS = 4, 3  # a vector or matrix up to this size is written out


def number_text(v: Any) -> str:
    """As on the slides: `0.73`, `-4.00`; others as `1.2e-05`; whole numbers and truths as they are."""
    if isinstance(v, bool | np.bool_):
        return str(bool(v))
    if isinstance(v, int | np.integer) and abs(int(v)) < 10**6:
        return str(int(v))
    v = float(v)
    if not math.isfinite(v):
        return str(v)
    return f"{abs(v) if v == 0 else v:.2f}" if v == 0 or 0.005 <= abs(v) < 1000 else f"{v:.1e}"


def shape_text(shape: Sequence[int]) -> str:
    """`64×10`; a scalar's is nothing."""
    return "×".join(map(str, shape))


class Spread(NamedTuple):
    """Smallest, mean and largest of an array."""

    low: float
    mean: float
    high: float

    @classmethod
    def of(cls, array: NDArray[Any]) -> Spread | None:
        """None if there is nothing in it."""
        if not array.size:
            return None
        with np.errstate(all="ignore"):
            return cls(float(array.min()), float(array.mean(dtype=np.float64)), float(array.max()))

    @property
    def magnitude(self) -> float:
        return max(abs(self.low), abs(self.high)) if self.low == self.low else math.nan

    def __str__(self) -> str:
        return f"min {self.low:.4g}, mean {self.mean:.4g}, max {self.high:.4g}"


class Part(Protocol):
    """What stands above or below a line."""

    @property
    def width(self) -> float: ...

    @property
    def height(self) -> float: ...

    def items(self, x: float, top: float) -> list[Item]:
        """To draw, centred at x."""
        ...


@dataclass(frozen=True)
class Words:
    """One line of text."""

    text: str
    role: str
    size: float = SIZE
    bold: bool = False

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, self.bold)

    @property
    def height(self) -> float:
        return self.size

    def items(self, x: float, top: float) -> list[Item]:
        return [Text(x, top + self.size / 2, self.text, self.size, self.role, bold=self.bold)]


@dataclass(frozen=True)
class Numbers:
    """A small vector or matrix, written out in brackets."""

    rows: tuple[tuple[str, ...], ...]
    role: str
    pad: float = 4.0
    line: float = SIZE + 2

    @property
    def columns(self) -> list[float]:
        return [max(text_width(t, SIZE, _strange(t)) for t in column) for column in zip(*self.rows, strict=True)]

    @property
    def width(self) -> float:
        return sum(self.columns) + 8 * (len(self.columns) - 1) + 4 * self.pad

    @property
    def height(self) -> float:
        return self.line * len(self.rows) + 2

    def items(self, x: float, top: float) -> list[Item]:
        left = x - self.width / 2
        starts = accumulate((w + 8 for w in self.columns), initial=left + 2 * self.pad)
        ends = [start + w for start, w in zip(starts, self.columns, strict=False)]
        written: list[Item] = [
            Text(end, top + 1 + (i + 0.5) * self.line, text, SIZE, self.role, "end", _strange(text))
            for i, row in enumerate(self.rows)
            for end, text in zip(ends, row, strict=True)
        ]
        return [*written, self._bracket(left + 1, 1, top), self._bracket(x + self.width / 2 - 1, -1, top)]

    def _bracket(self, x: float, side: int, top: float) -> Curve:
        foot, bottom = x + side * self.pad, top + self.height
        return Curve(straight((foot, top), (x, top), (x, bottom), (foot, bottom)), f"{self.role}-line")


def _strange(text: str) -> bool:
    """Whether it is no finite number: that is written in bold."""
    return text in ("nan", "inf", "-inf")


@dataclass(frozen=True)
class Heat:
    """Cells with a caption, which stands on the side away from the line."""

    levels: tuple[tuple[int, ...], ...]
    caption: Words
    above: bool

    @property
    def cell(self) -> float:
        return min(max(min(WIDEST / len(self.levels[0]), HIGHEST / len(self.levels)), 3.0), 9.0)

    @property
    def width(self) -> float:
        return max(self.cell * len(self.levels[0]), self.caption.width)

    @property
    def height(self) -> float:
        return self.cell * len(self.levels) + 4 + self.caption.height

    def items(self, x: float, top: float) -> list[Item]:
        wide, high = self.cell * len(self.levels[0]), self.cell * len(self.levels)
        start = top + (self.caption.height + 4 if self.above else 0)
        rim = Frame(Area(x - wide / 2, start, x + wide / 2, start + high), f"{self.caption.role}-rim")
        cells = Cells(x - wide / 2, start, self.levels, self.cell, self.cell, self.caption.role)
        return [cells, rim, *self.caption.items(x, top if self.above else start + high + 4)]


@dataclass(frozen=True)
class Label:
    """Value and gradient at a line; either may be missing."""

    above: Part | None
    below: Part | None

    @property
    def width(self) -> float:
        return max([part.width for part in (self.above, self.below) if part] or [4.0]) + 8

    @property
    def height(self) -> float:
        """The line runs through the middle, so the larger half counts twice."""
        return 2 * max([part.height + GAP for part in (self.above, self.below) if part] or [4.0]) + 4

    def items(self, x: float, y: float) -> list[Item]:
        """Around the line at height y, centred at x."""
        above = self.above.items(x, y - GAP - self.above.height) if self.above else []
        below = self.below.items(x, y + GAP) if self.below else []
        return [*above, *below]


def label_of(
    shape: Sequence[int], value: NDArray[Any] | None, gradient: NDArray[Any] | None, kernel: bool = False
) -> Label:
    """Value above, gradient below; without a value the shape alone. A `kernel` has its channels last twice."""
    bare = Words(shape_text(shape) or "scalar", "soft", SMALL)
    above = bare if value is None else part_of(np.asarray(value), "value", kernel)
    return Label(above, None if gradient is None else part_of(np.asarray(gradient), "gradient", kernel))


def part_of(array: NDArray[Any], role: str, kernel: bool = False) -> Part:
    """One array as number, numbers or heat map."""
    if array.ndim == 0:
        text = number_text(array[()])
        return Words(text, role, bold=_strange(text))
    if not array.size:
        return Words(shape_text(array.shape), role, SMALL)
    if (array.ndim == 1 and array.size <= FEW) or (array.ndim == 2 and max(array.shape) <= FEW_ROWS):
        return Numbers(tuple(tuple(map(number_text, row)) for row in np.atleast_2d(array)), role)
    text = shape_text(array.shape) if role == "value" else largest_text(array)
    return Heat(heat_levels(plane(array, kernel), array.ndim > 2), Words(text, role, SMALL), role == "value")


def largest_text(gradient: NDArray[Any]) -> str:
    """How large the gradient gets; a scalar's own number."""
    if not gradient.size:
        return shape_text(gradient.shape)
    if gradient.ndim == 0:
        return number_text(gradient[()])
    spread = Spread.of(gradient)
    return f"max |g| {number_text(spread.magnitude if spread else math.nan)}"


def plane(array: NDArray[Any], kernel: bool = False) -> NDArray[Any]:
    """Two axes of an array: an image's first channel of the first example, a kernel's first filter."""
    if array.ndim == 4:
        return np.asarray(array[:, :, 0, 0] if kernel else array[0, :, :, 0])
    return np.atleast_2d(array[(0,) * max(array.ndim - 2, 0)])


def plane_text(ndim: int, kernel: bool = False) -> str:
    """Which part of an array `plane` takes."""
    if ndim == 4:
        return "shown: i=0, o=0" if kernel else "shown: n=0, c=0"
    return f"shown: the first of {ndim - 2} leading axes" if ndim > 2 else ""


def heat_levels(array: NDArray[Any], square: bool = False) -> tuple[tuple[int, ...], ...]:
    """Magnitudes as shades, the largest the darkest; blocks of a large array by their largest. -1: no finite number."""
    rows, columns = array.shape
    down, across = -(-rows // ROWS), -(-columns // COLUMNS)
    if square:  # an image keeps its proportions
        down = across = max(down, across)
    with np.errstate(all="ignore"):
        blocks = np.maximum.reduceat(np.abs(array.astype(np.float64)), range(0, rows, down), axis=0)
        blocks = np.maximum.reduceat(blocks, range(0, columns, across), axis=1)
    finite = np.isfinite(blocks)
    top = blocks[finite].max(initial=0.0) or 1.0
    shades = np.where(finite, np.ceil(np.where(finite, blocks, 0.0) / top * LEVELS), -1).astype(int)
    return tuple(map(tuple, shades.tolist()))
