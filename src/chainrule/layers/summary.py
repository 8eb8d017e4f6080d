"""What a network is made of: shapes, parameters, multiply-adds and receptive fields, read off the recorded graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..graph import Shape
from ..table import table
from .base import Call, Layer, Param, record
from .cost import multiply_adds
from .field import receptive_fields


@dataclass(frozen=True)
class Row:
    """One layer. `multiply_adds` are those of one example. `field` is how much of the input one output sees: (rows, columns)
    of an image, (steps,) of a signal or sequence, None of anything else.
    """

    path: str
    layer: str
    output: Shape
    parameters: int
    multiply_adds: int
    field: Shape | None


def summary_rows(net: Layer, shape: Shape) -> list[Row]:
    """One row for each layer that holds no other layer, or has something of its own, for examples of that shape."""
    ctx, x, output = record(net, (2, *shape))
    fields = receptive_fields(x, output, ctx.calls) if len(shape) in (2, 3) else {}
    costs, inner = multiply_adds(net, shape), {call.path for call in innermost(ctx.calls)}
    return [
        Row(
            call.path or type(call.layer).__name__.lower(),
            str(call.layer),
            call.output.shape[1:],
            sum(math.prod(spec.shape) for spec in call.arrays.values() if isinstance(spec, Param)),
            costs[call.path],
            fields.get(call.output),
        )
        for call in {call.path: call for call in ctx.calls}.values()  # one that is called twice has one row
        if call.path in inner or call.arrays or costs[call.path]
    ]


def innermost(calls: Sequence[Call]) -> list[Call]:
    """The layers that hold no other layer."""
    return [call for call in calls if not any(_inside(other.path, call.path) for other in calls)]


def _inside(path: str, other: str) -> bool:
    return path != other and path.startswith(f"{other}/" if other else "")


def layer_table(rows: Sequence[Row], shape: Shape) -> str:
    """The rows as text; the column `sees` only where there is an image, a signal or a sequence."""
    lines = [["layer", "what", "output", "parameters", "multiply-adds", "sees"], ["x", "input", _by(shape), "", "", ""]]
    lines += [
        [r.path, r.layer, _by(r.output), _count(r.parameters), _count(r.multiply_adds), _by(r.field or ())]
        for r in rows
    ]
    total = (f"{sum(counts):,}" for counts in ([r.parameters for r in rows], [r.multiply_adds for r in rows]))
    lines.append(["total", "", "", *total, ""])
    return table([line[: 6 if len(shape) in (2, 3) else 5] for line in lines], left=2)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))
