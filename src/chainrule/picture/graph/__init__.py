"""Drawing a computational graph: what flowed through it forward and backward, in one picture.

facts, label, gate     what a trace has to say about a node or a line
fold, sketch           boxes and wires, layers folded or not
layout, bands          where they go: dot, then lines like those of music
parts, scene, curve    frames, curves, texts and cells, for any writer
palette                their colours
svg, png, page         the writers

All of it is imported when the first picture is drawn: most programs draw none, and start faster.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...graph import METHODS, Tensor
from ...trace import Trace

if TYPE_CHECKING:
    from .picture import Picture

__all__ = ["Picture"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.picture"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def picture_of(what: Tensor | Trace, fold: bool | None = None) -> Picture:
    """The picture of what a tensor was computed from, or of a trace."""
    drawn: Picture = __getattr__("Picture")(Trace.of(what) if isinstance(what, Tensor) else what, fold)
    return drawn


METHODS["picture"] = picture_of
METHODS["show"] = lambda output: picture_of(output).show()
METHODS["save"] = lambda output, path: picture_of(output).save(path)
