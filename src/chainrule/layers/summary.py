"""What a network is made of: shapes, parameter counts and receptive fields, read off the recorded graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..graph import Shape, Tensor, topological
from ..table import table
from .base import Call, Layer, Param, record

Pair = tuple[int, int]
# How the ops that look through a window do it: its size and its stride. Any other op sees what its inputs see.
WINDOWED: Mapping[str, Callable[[Tensor], tuple[Pair, Pair]]] = {
    "conv2d": lambda node: (_dilated(node.inputs[1].shape, node.attrs["dilation"]), node.attrs["stride"]),
    "max_pool": lambda node: (node.attrs["size"], node.attrs["stride"]),
    "pool_sum": lambda node: (node.attrs["size"], node.attrs["stride"]),
}


def _dilated(kernel: Shape, dilation: Pair) -> Pair:
    """What a kernel spans when elements are left out between those it sees."""
    return _pair((kernel[i] - 1) * dilation[i] + 1 for i in (0, 1))


@dataclass(frozen=True)
class Row:
    """One layer: `field` is how much of the image one output sees (rows, columns), None where there is no image."""

    path: str
    layer: str
    output: Shape
    parameters: int
    field: Pair | None


def summary_rows(net: Layer, shape: Shape) -> list[Row]:
    """One row for each layer that holds no other layer, for examples of that shape."""
    ctx, x, output = record(net, (2, *shape))
    fields = receptive_fields(x, output) if len(shape) == 3 else {}
    return [
        Row(
            call.path or type(call.layer).__name__.lower(),
            str(call.layer),
            call.output.shape[1:],
            sum(math.prod(spec.shape) for spec in call.arrays.values() if isinstance(spec, Param)),
            fields.get(call.output),
        )
        for call in innermost(ctx.calls)
    ]


def innermost(calls: Sequence[Call]) -> list[Call]:
    """The layers that hold no other layer."""
    return [call for call in calls if not any(_inside(other.path, call.path) for other in calls)]


def _inside(path: str, other: str) -> bool:
    return path != other and path.startswith(f"{other}/" if other else "")


def receptive_fields(x: Tensor, output: Tensor) -> dict[Tensor, Pair]:
    """For each node computed from image x, the part of the image that one of its elements depends on.

    r' = r + (window - 1) jump, jump' = jump stride along each axis, never more than the image.
    Source: Araujo, Norris and Sim (2019), "Computing receptive fields of convolutional neural networks".
    """
    image = (x.shape[1], x.shape[2])
    seen: dict[Tensor, tuple[Pair, Pair]] = {x: ((1, 1), (1, 1))}
    for node in topological([output]):
        known = [seen[i] for i in node.inputs if i in seen]
        if not known or node in seen:
            continue
        field, jump = max(known)
        if node.op.name in WINDOWED:
            window, stride = WINDOWED[node.op.name](node)
            field = _pair(field[i] + (window[i] - 1) * jump[i] for i in (0, 1))
            jump = _pair(jump[i] * stride[i] for i in (0, 1))
        elif node.ndim != 4:
            field = image
        seen[node] = (_pair(min(field[i], image[i]) for i in (0, 1)), jump)
    return {node: field for node, (field, _) in seen.items()}


def _pair(values: Iterable[int]) -> Pair:
    rows, columns = values
    return rows, columns


def layer_table(rows: Sequence[Row], shape: Shape) -> str:
    """The rows as text; the column `sees` only where there is an image."""
    lines = [["layer", "what", "output", "parameters", "sees"], ["x", "input", _by(shape), "", ""]]
    lines += [
        [r.path, r.layer, _by(r.output), f"{r.parameters:,}" if r.parameters else "", _by(r.field or ())] for r in rows
    ]
    lines.append(["total", "", "", f"{sum(r.parameters for r in rows):,}", ""])
    return table([line[: 5 if len(shape) == 3 else 4] for line in lines], left=2)


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))
