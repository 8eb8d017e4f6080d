"""Cures of the network: the tree of layers in, the changed one out, equal to the given one where there is nothing to do.

The weight layers nearest to the output stay what the loss reads: as wide as they are, and nothing behind them but what was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields

from ..errors import is_ours
from ..graph import Shape
from ..layers import BatchNorm, Call, Dense, Dropout, Layer, ReLU
from .anatomy import BENT, Anatomy, ops_of
from .tree import edited, with_field


def relu(net: Layer, shape: Shape) -> Layer:
    """ReLU in place of the hidden activations that saturate, and of the user's own."""
    return _at(net, Anatomy(net, shape).doubtful, lambda layer: [ReLU()])


def insert_relu(net: Layer, shape: Shape) -> Layer:
    """ReLU before every weight layer that reads another one with nothing bent between: behind its pooling and batch norm."""
    return _at(net, Anatomy(net, shape).fed_linearly(), lambda layer: [ReLU(), layer])


def batch_norm(net: Layer, shape: Shape) -> Layer:
    """Batch norm behind the hidden weight layers that have none."""
    anatomy = Anatomy(net, shape)
    bare = [call for call in anatomy.linear if not anatomy.normalised(call)]
    return _at(net, bare, lambda layer: [layer, BatchNorm()])


def no_batch_norm(net: Layer, shape: Shape) -> Layer:
    """Without batch norm."""
    return edited(net, lambda layer: [] if isinstance(layer, BatchNorm) else [layer])


def linear_output(net: Layer, shape: Shape) -> Layer:
    """Nothing bent behind the last weight layer; one of the user's own that bends its output becomes a dense layer."""
    anatomy = Anatomy(net, shape)
    net = _at(net, anatomy.behind, lambda layer: [])
    own = [call for call in anatomy.outputs if ops_of(call) & BENT and not is_ours(type(call.layer))]
    units = {id(call.layer): call.output.shape[-1] for call in own}
    return _at(net, own, lambda layer: [Dense(units[id(layer)])])


def wider(net: Layer, shape: Shape, times: float) -> Layer:
    """Hidden layers with so many times as many units."""
    return _at(net, Anatomy(net, shape).hidden, lambda layer: [_resized(layer, times)])


def default_init(net: Layer) -> Layer:
    """Every layer with the initialiser that its class has by itself."""
    return edited(net, lambda layer: [_as_by_default(layer)])


def less_dropout(net: Layer, rate: float) -> Layer:
    """No dropout above that rate; at 0 there is none."""

    def change(layer: Layer) -> list[Layer]:
        if not isinstance(layer, Dropout) or layer.rate <= rate:
            return [layer]
        return [with_field(layer, "rate", rate)] if rate else []

    return edited(net, change)


def add_dropout(net: Layer, shape: Shape, rate: float) -> Layer:
    """Dropout before the last weight layer, where there is none."""
    anatomy = Anatomy(net, shape)
    bare = [call for call in anatomy.outputs if not anatomy.dropped(call)]
    return _at(net, bare, lambda layer: [Dropout(rate), layer])


def _at(net: Layer, calls: Iterable[Call], change: Callable[[Layer], list[Layer]]) -> Layer:
    """The network with the layers of these calls changed."""
    chosen = {id(call.layer) for call in calls}
    return edited(net, lambda layer: change(layer) if id(layer) in chosen else [layer])


def _resized(layer: Layer, times: float) -> Layer:
    units = getattr(layer, "units", None)
    return layer if units is None else with_field(layer, "units", max(round(units * times), 1))


def _as_by_default(layer: Layer) -> Layer:
    """Of a class of the user's the default is that of ours which it stands on, if there is one."""
    ours = [kind for kind in type(layer).__mro__ if is_ours(kind) and kind is not Layer and issubclass(kind, Layer)]
    for kind in [*ours, type(layer)]:
        found = next((f.default for f in fields(kind) if f.name == "init" and f.default is not MISSING), None)  # type: ignore[arg-type]
        if found is not None:
            return layer if getattr(layer, "init", found) == found else with_field(layer, "init", found)
    return layer
