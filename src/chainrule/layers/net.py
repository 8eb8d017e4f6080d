"""Free graphs: layers wired by names, in any way that has no circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import SettingError, ShapeError, nearest
from ..graph import Tensor, scope
from .base import Context, Layer, require_name
from .branch import joined, require_join

Node: TypeAlias = tuple[str, Layer | str, tuple[str, ...]]  # name, layer or join, the names that it reads
INPUT = "x"
EXAMPLE = "conv=cr.Conv2d(8), skip=(cr.Identity(), 'x'), both=('concat', 'conv', 'skip')"


@dataclass(frozen=True, init=False, repr=False)
class Net(Layer):
    """A free graph. Each keyword names a node: a layer and the name that it reads, or a join and the names that it joins.

        cr.Net(
            down=cr.Conv2d(8),                                  # a layer alone reads the node before it, the first reads x
            deep=(cr.Sequential(cr.MaxPool2d(), cr.Conv2d(16), cr.ReLU(), cr.Upsample()), "down"),
            both=("concat", "down", "deep"),                    # or "sum", "mean", "product", "max"
            out=cr.Conv2d(1),                                   # the last one is the output
        )

    A node reads x, the net's input, and nodes that stand before it, so there are no circles; all but the last are read.
    """

    nodes: tuple[Node, ...]

    def __init__(self, /, **nodes: Any) -> None:
        if not nodes:
            raise SettingError(f"Net takes at least one node, such as {EXAMPLE}")
        before, made = INPUT, []
        for name, entry in nodes.items():
            require_name("Net", name)
            made.append(_node(name, entry, before))
            before = name
        _check_wires(made)
        object.__setattr__(self, "nodes", tuple(made))  # the dataclass is frozen, as every layer is

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        values, y = {INPUT: x}, x
        for name, what, inputs in self.nodes:
            y = self._value(ctx, name, what, [values[i] for i in inputs])
            values[name] = y
        return y

    def _value(self, ctx: Context, name: str, what: Layer | str, inputs: Sequence[Tensor]) -> Tensor:
        if isinstance(what, Layer):
            return ctx.call(name, what, inputs[0])
        try:
            with scope(f"{ctx.path}/{name}" if ctx.path else name):
                return joined(what, inputs).named("out")
        except ShapeError as problem:
            raise ShapeError(f"node '{name}': {problem}") from None

    def __repr__(self) -> str:
        return f"Net({', '.join(_written(*node) for node in self.nodes)})"

    __str__ = __repr__


def _written(name: str, what: Layer | str, inputs: Sequence[str]) -> str:
    """One node as it is written."""
    what = f"'{what}'" if isinstance(what, str) else str(what)
    return f"{name}=({', '.join([what, *map(repr, inputs)])})"


def _node(name: str, entry: Any, before: str) -> Node:
    """A node from what was written for it."""
    if isinstance(entry, Layer):
        return (name, entry, (before,))
    what, *inputs = entry if isinstance(entry, tuple) and entry else (None,)
    if not isinstance(what, Layer | str) or not all(isinstance(i, str) for i in inputs):
        raise SettingError(
            f"Net's node '{name}' must be a layer, or a layer or join with names: {EXAMPLE}. Got {entry!r}"
        )
    if isinstance(what, str):
        require_join(what)
    if (len(inputs) != 1) if isinstance(what, Layer) else (len(inputs) < 2):
        rule = "a layer reads one: join several first" if isinstance(what, Layer) else "a join needs at least two"
        raise SettingError(f"Net's node '{name}' reads {len(inputs)} names: {rule}, such as both=('concat', 'a', 'b')")
    return (name, what, tuple(inputs))


def _check_wires(nodes: Sequence[Node]) -> None:
    """Refuse a name that is not there, one that comes later, one given twice, and a node that nothing reads."""
    names, known = [name for name, _, _ in nodes], [INPUT]
    for name, _, inputs in nodes:
        for i in inputs:
            if i in names and i not in known:
                raise SettingError(
                    f"Net's node '{name}' reads '{i}', which does not stand before it; a net has no circles"
                )
            if i not in known:
                raise SettingError(f"Net's node '{name}' reads '{i}', which is not there{nearest(i, known)}")
        known.append(name)
    read = {i for _, _, inputs in nodes for i in inputs}
    if INPUT in names:
        raise SettingError("a node of a Net cannot be called 'x': that is the net's input")
    if unread := [name for name in names[:-1] if name not in read]:
        raise SettingError(f"nothing reads Net's node '{unread[0]}', and it is not the last: join it, or leave it out")
