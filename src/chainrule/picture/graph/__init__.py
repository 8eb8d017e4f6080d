"""Drawing a computational graph: what flowed through it forward and backward, in one picture.

facts, label, gate     what a trace has to say about a node or a line
fold, sketch           boxes and wires, layers folded or not
layout, bands          where they go: dot, then lines like those of music
parts, scene, curve    frames, curves, texts and cells, for any writer
palette                their colours
svg, png, page         the writers

All of it is imported when the first picture is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...graph import METHODS, Tensor
from ...later import later as _later
from ...trace import Trace

if TYPE_CHECKING:
    from .picture import Picture
else:
    __getattr__, __dir__ = _later(__name__, {"picture": "Picture"})

__all__ = ["Picture"]


def picture_of(what: Tensor | Trace, fold: bool | None = None) -> Picture:
    """The picture of what a tensor was computed from, or of a trace."""
    from .picture import Picture  # noqa: PLC0415  (as above)

    return Picture(Trace.of(what) if isinstance(what, Tensor) else what, fold)


METHODS["picture"] = picture_of
METHODS["show"] = lambda output: picture_of(output).show()
METHODS["save"] = lambda output, path: picture_of(output).save(path)
