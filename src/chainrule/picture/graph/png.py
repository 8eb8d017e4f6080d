"""A scene as a PNG file, drawn by matplotlib, which brings DejaVu Sans along: the same letters on every machine."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import need
from .palette import PAINT
from .scene import LEVELS, Arrow, Band, Cells, Curve, Frame, Item, Point, Text

DPI = 100  # of one pixel of the scene
SCALE = 2.0
PIXELS = 1e7  # of one file: more take seconds to draw and show no more
SIDE = 60_000  # matplotlib's limit is 65,535
CAPS = {"start": "left", "middle": "center", "end": "right"}


def document(band: Band) -> bytes:
    """The bytes of the file: two pixels for one, fewer if it would be too large."""
    figures = need("matplotlib.figure", "picture", "a picture as PNG")
    scale = min(SCALE, SIDE / max(band.width, band.height), math.sqrt(PIXELS / (band.width * band.height)))
    figure = figures.Figure(figsize=(band.width / DPI, band.height / DPI), facecolor=PAINT["paper"].fill)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, band.width), ylim=(band.height, 0))
    axes.axis("off")
    pen = _Pen(axes)
    for group in band.groups:
        for item in group.items:
            pen.draw(item)
    return _bytes(figure, scale)


def _bytes(figure: Any, scale: float) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a script DejaVu does not have is drawn as boxes
        figure.savefig(
            out, format="png", dpi=DPI * scale, metadata={"Software": None}, pil_kwargs={"compress_level": 1}
        )
    return out.getvalue()


class _Pen:
    """Draws items on matplotlib axes whose units are the scene's pixels."""

    def __init__(self, axes: Any) -> None:
        self.axes = axes
        self.path = need("matplotlib.path", "picture", "a picture as PNG").Path
        self.patches = need("matplotlib.patches", "picture", "a picture as PNG")
        self.image = need("matplotlib.image", "picture", "a picture as PNG").AxesImage
        self.order = 0
        self.writers: dict[type, Callable[[Any], None]] = {
            Frame: self._frame, Curve: self._curve, Arrow: self._arrow, Text: self._text, Cells: self._cells
        }  # fmt: skip

    def draw(self, item: Item) -> None:
        """One item, over those before it."""
        self.order += 1
        self.writers[type(item)](item)

    def _patch(self, vertices: list[Point], codes: list[int], role: str) -> None:
        fill, stroke, width = PAINT[role]
        patch = self.patches.PathPatch(
            self.path(vertices, codes), facecolor=fill, edgecolor=stroke, linewidth=width * 72 / DPI,
            zorder=self.order, capstyle="round",
        )  # fmt: skip
        self.axes.add_artist(patch)

    def _frame(self, frame: Frame) -> None:
        if frame.role == "hover":
            return
        (left, top, right, bottom), r = frame.box, frame.radius
        r = min(r, (right - left) / 2, (bottom - top) / 2)
        flat = 0.4477 * r  # the cubic curve nearest to a quarter of a circle
        corners = ((right, top, 0, 1), (right, bottom, -1, 0), (left, bottom, 0, -1), (left, top, 1, 0))
        vertices: list[Point] = [(left + r, top)]
        for x, y, to_x, to_y in corners:  # to a corner, around it, and on in that direction
            vertices += [(x - d * to_y, y + d * to_x) for d in (r, flat)]
            vertices += [(x + d * to_x, y + d * to_y) for d in (flat, r)]
        codes = [self.path.MOVETO, *[self.path.LINETO, *[self.path.CURVE4] * 3] * 4, self.path.CLOSEPOLY]
        self._patch([*vertices, vertices[0]], codes, frame.role)

    def _curve(self, curve: Curve) -> None:
        codes = [self.path.MOVETO, *[self.path.CURVE4] * (len(curve.points) - 1)]
        self._patch(list(curve.points), codes, curve.role)

    def _arrow(self, arrow: Arrow) -> None:
        (x, y), back = arrow.tip, arrow.tip[0] - arrow.length
        vertices = [(x, y), (back, y - arrow.half), (back, y + arrow.half), (x, y)]
        self._patch(vertices, [self.path.MOVETO, self.path.LINETO, self.path.LINETO, self.path.CLOSEPOLY], arrow.role)

    def _text(self, text: Text) -> None:
        self.axes.text(
            text.x, text.baseline, text.text, fontsize=text.size * 72 / DPI, color=PAINT[text.role].fill,
            ha=CAPS[text.anchor], va="baseline", weight="bold" if text.bold else "normal", family="DejaVu Sans",
            parse_math=False, zorder=self.order,
        )  # fmt: skip

    def _cells(self, cells: Cells) -> None:
        """One image, each cell a pixel of it, as opaque as it is dark."""
        levels = np.array(cells.levels)
        colours = np.array([_rgb(cells.role), _rgb("nan")])[(levels < 0).astype(int)]
        opacity = np.where(levels < 0, 1.0, levels / LEVELS)[..., None]
        left, top, right, bottom = cells.area
        image = self.image(self.axes, interpolation="nearest", extent=(left, right, bottom, top), origin="upper")
        image.set_data(np.concatenate([colours, opacity], axis=-1))
        image.set_zorder(self.order)
        self.axes.add_artist(image)


def _rgb(role: str) -> list[float]:
    return [int(PAINT[role].fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
