"""A scene as SVG text. Letters are given the width the layout reserved for them, whatever font the reader has."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from .palette import FONT, PAINT
from .scene import CONTROL, LEVELS, Area, Arrow, Band, Cells, Curve, Frame, Group, Text

XMLNS = 'xmlns="http://www.w3.org/2000/svg" '


def document(band: Band, title: str) -> str:
    """A file of its own, on white paper."""
    paper = f'<rect width="{_n(band.width)}" height="{_n(band.height)}" rx="6" fill="{PAINT["paper"].fill}"/>\n'
    return element(band, title, paper, f'{XMLNS}role="img" ')


def element(band: Band, title: str, first: str = "", attributes: str = 'role="group" ') -> str:
    """An `svg` element to be put into a page."""
    size = f'width="{_n(band.width)}" height="{_n(band.height)}" viewBox="0 0 {_n(band.width)} {_n(band.height)}"'
    head = f'<svg {attributes}{size} font-family="{FONT}" aria-label="{_text(title)}">\n'
    return head + first + "".join(map(_group, band.groups)) + "</svg>\n"


def _group(group: Group) -> str:
    opens = f' class="cr-of-{group.kind}"'
    if group.panel:
        opens += f' role="button" tabindex="0" aria-expanded="false" data-panel="{_text(group.panel)}"'
        opens += f' aria-label="{_text(group.panel)}, folded layer"'
    inner = "".join(WRITERS[type(item)](item) for item in group.items)
    return f"<g{opens}><title>{_text(group.title)}</title>{inner}</g>\n"


def _frame(frame: Frame) -> str:
    left, top, right, bottom = frame.box
    size = f'x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" height="{_n(bottom - top)}"'
    if frame.role == "hover":
        return f'<rect {size} fill="none" pointer-events="all"/>'
    return f'<rect {size} rx="{_n(frame.radius)}" {_paint(frame.role)}/>'


def _curve(curve: Curve) -> str:
    (x, y), *rest = curve.points
    steps = " ".join(f"{_n(px)},{_n(py)}" for px, py in rest)
    return f'<path d="M{_n(x)},{_n(y)}C{steps}" {_paint(curve.role)}/>'


def _arrow(arrow: Arrow) -> str:
    (x, y), back = arrow.tip, arrow.tip[0] - arrow.length
    path = f"M{_n(x)},{_n(y)}L{_n(back)},{_n(y - arrow.half)}V{_n(y + arrow.half)}Z"
    return f'<path d="{path}" {_paint(arrow.role)}/>'


def _words(text: Text) -> str:
    place = f'x="{_n(text.x)}" y="{_n(text.baseline)}" font-size="{_n(text.size)}" text-anchor="{text.anchor}"'
    weight = ' font-weight="bold"' if text.bold else ""
    width = f' textLength="{_n(text.width)}" lengthAdjust="spacingAndGlyphs"' if len(text.text) > 1 else ""
    return f"<text {place}{weight}{width} {_paint(text.role)}>{_text(text.text)}</text>"


def _cells(cells: Cells) -> str:
    """One path for each shade."""
    paths = []
    for level, areas in sorted(cells.runs().items()):
        path = "".join(map(_rectangle, areas))
        if level > 0:
            paths.append(f'<path d="{path}" {_paint(cells.role)} fill-opacity="{level / LEVELS:g}"/>')
        elif level < 0:
            paths.append(f'<path d="{path}" {_paint("nan")}/>')
    return f'<g shape-rendering="crispEdges">{"".join(paths)}</g>'


def _rectangle(area: Area) -> str:
    wide, high = _n(area.right - area.left), _n(area.bottom - area.top)
    return f"M{_n(area.left)},{_n(area.top)}h{wide}v{high}h-{wide}z"


def _paint(role: str) -> str:
    fill, stroke, width = PAINT[role]
    outline = f' stroke="{stroke}" stroke-width="{width:g}"' if stroke != "none" else ""
    return f'class="cr-{role}" fill="{fill}"{outline}'


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    """Escaped, without the characters XML does not know."""
    return html.escape(text.translate(CONTROL))


WRITERS: dict[type, Callable[[Any], str]] = {Frame: _frame, Curve: _curve, Arrow: _arrow, Text: _words, Cells: _cells}
