"""A picture as one HTML page that fetches nothing. A click on a folded layer opens a panel below its strip."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import need
from .palette import DARK, PAINT
from .scene import Band
from .svg import element

TEMPLATE = Path(__file__).with_name("page.html")
TALLEST = 720  # pixels of a page in a notebook; the rest is scrolled to


def render(title: str, bands: Sequence[Band], panels: Mapping[str, Band]) -> str:
    """The page as text."""
    jinja2 = need("jinja2", "picture", "a picture as HTML")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    strips = [
        {
            "svg": element(band, f"{title}, strip {i} of {len(bands)}"),
            "panels": [(g.panel, element(panels[g.panel], f"Inside {g.panel}")) for g in band.groups if g.panel],
        }
        for i, band in enumerate(bands, 1)
    ]
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    page: str = template.render(title=title, strips=strips, folds=bool(panels), paint=PAINT, dark=DARK)
    return page


def framed(page: str, height: float) -> str:
    """The page in a frame of its own, so that neither its style nor the notebook's reaches the other."""
    style = f"width:100%;height:{min(height, TALLEST):.0f}px;border:0"
    return f'<iframe srcdoc="{html.escape(page)}" style="{style}" title="chainrule picture"></iframe>'
