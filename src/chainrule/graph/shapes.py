"""Shape patterns: one string is an op's documentation, its check and its shape rule.

`"... n k, ... k m -> ... n m"` reads: two inputs; their last axes are n, k and k, m; both k must agree; whatever stands
before them broadcasts. A number in a pattern is an axis of that size; integer attributes of the op are axis names too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..errors import ShapeError

Shape: TypeAlias = tuple[int, ...]
Sizes: TypeAlias = Callable[..., Mapping[str, int]]


class Pattern:
    """A parsed pattern. `sizes`, if given, computes further axes from those that the inputs and attributes bind."""

    def __init__(self, text: str, args: tuple[str, ...], sizes: Sizes | None = None) -> None:
        left, _, right = text.partition("->")
        self.text, self.args, self.sizes = text, args, sizes
        self.inputs = tuple(tuple(part.split()) for part in left.split(","))
        self.output = tuple(right.split())
        if len(self.inputs) != len(args):
            raise TypeError(f"pattern '{text}' has {len(self.inputs)} inputs, its op takes {', '.join(args)}")

    @property
    def elementwise(self) -> bool:
        """Whether it is `...` throughout: every element is treated alike."""
        return {*self.inputs, self.output} == {("...",)}

    def __call__(self, op: str, shapes: tuple[Shape, ...], attrs: Mapping[str, Any]) -> Shape:
        """The output's shape, or a ShapeError that names op, axis and both sizes."""
        match = _Match(op, attrs)
        for arg, axes, shape in zip(self.args, self.inputs, shapes, strict=True):
            match.bind(arg, axes, shape)
        if self.sizes is not None:
            match.size.update(self.sizes(**{**attrs, **match.size}))
        lead = match.lead if "..." in self.output else ()
        lost = [a for a in self.output if a not in match.size and a != "..." and not a.isdigit()]
        if lost:
            raise ShapeError(f"{op}: the size of {', '.join(lost)} must be a whole number")
        return lead + tuple(int(a) if a.isdigit() else match.size[a] for a in self.output if a != "...")


class _Match:
    """The axes bound so far, and where each was first seen."""

    def __init__(self, op: str, attrs: Mapping[str, Any]) -> None:
        self.op = op
        self.size = {k: v for k, v in attrs.items() if isinstance(v, int)}
        self.seen = {k: f"attribute {k}" for k in self.size}
        self.lead: Shape = ()

    def bind(self, arg: str, axes: tuple[str, ...], shape: Shape) -> None:
        rest = shape
        if axes[:1] == ("...",):
            axes = axes[1:]
            cut = max(len(shape) - len(axes), 0)
            self.broadcast(arg, shape[:cut])
            rest = shape[cut:]
        if len(rest) != len(axes):
            raise ShapeError(f"{self.op}: {arg} {shape} has {len(shape)} axes, expected ({', '.join(axes)})")
        for axis, size in zip(axes, rest, strict=True):
            self.bind_axis(axis, size, f"{arg} {shape}")

    def broadcast(self, arg: str, lead: Shape) -> None:
        try:
            self.lead = np.broadcast_shapes(self.lead, lead)
        except ValueError:
            raise ShapeError(f"{self.op}: {arg} {lead} does not broadcast with {self.lead}") from None

    def bind_axis(self, axis: str, size: int, where: str) -> None:
        expected = int(axis) if axis.isdigit() else self.size.setdefault(axis, size)
        first = self.seen.setdefault(axis, where)
        if expected != size:
            known = f"is {expected} in {first}" if not axis.isdigit() else f"must be {expected}"
            raise ShapeError(f"{self.op}: axis '{axis}' {known} but {size} in {where}")
