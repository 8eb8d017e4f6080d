"""Picture: a trace, drawn. Left to right as on the lecture's slides, values in green above, gradients in red below."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import MissingExtra
from ...trace import Trace
from .. import out
from . import page, png, svg
from .bands import bands_of
from .facts import Facts
from .fold import MANY, folded_layers
from .scene import Band, stacked
from .sketch import inside, sketch

UNASKED = 1000  # nodes up to which a notebook draws a graph by itself


class Picture:
    """The graph of a trace. With `fold`, each layer is one box; by default where there are many nodes."""

    def __init__(self, trace: Trace, fold: bool | None = None) -> None:
        self.trace = trace
        wanted = len(trace.nodes) > MANY if fold is None else fold
        self.layers = folded_layers(trace) if wanted else []
        self.facts = Facts(trace)

    @property
    def title(self) -> str:
        """What the picture shows, in words."""
        count = len(self.trace.nodes)
        nodes = "1 node" if count == 1 else f"{count} nodes"
        folded = f" in {len(self.layers)} folded layers" if self.layers else ""
        return f"Picture of {nodes}{folded}, output '{self.facts.name(self.trace.output)}'"

    @cached_property
    def bands(self) -> list[Band]:
        """The picture as strips."""
        return bands_of(sketch(self.facts, self.layers))

    def panel(self, layer: str) -> Band:
        """The inside of a folded layer."""
        return stacked(bands_of(inside(self.facts, layer)))

    def svg(self) -> str:
        """As the text of an SVG file."""
        return svg.document(stacked(self.bands), self.title)

    def html(self) -> str:
        """As a page of its own in which folded layers open and close; it fetches nothing."""
        return page.render(self.title, self.bands, {layer: self.panel(layer) for layer in self.layers})

    def png(self) -> bytes:
        """As the bytes of a PNG file, two pixels for one."""
        return png.document(stacked(self.bands))

    def save(self, path: str | Path) -> Path:
        """Write a file: .svg, .png or .html."""
        return out.save(path, "picture", tuple(WRITERS), lambda ending: WRITERS[ending](self))

    def show(self) -> None:
        """In a notebook at this place, else in the web browser."""
        out.show("picture.html", self.save, lambda display: self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """For notebooks: a picture, or a page in which layers open; a sentence where packages are missing."""
        if len(self.trace.nodes) > UNASKED:
            return {"text/plain": f"{self!r}: drawn when asked, by show() or save(path)"}
        try:
            shown = {"text/html": self._framed()} if self.layers else {"image/svg+xml": self.svg()}
        except MissingExtra as missing:
            return {"text/plain": f"{self!r}\n{missing}"}
        return {**shown, "text/plain": repr(self)}

    def _framed(self) -> str:
        return page.framed(self.html(), 150 + sum(band.height + 12 for band in self.bands))

    def __repr__(self) -> str:
        return f"<{self.title}>"


WRITERS: dict[str, Callable[[Picture], bytes]] = {
    ".svg": lambda picture: picture.svg().encode(),
    ".png": lambda picture: picture.png(),
    ".html": lambda picture: picture.html().encode(),
}
