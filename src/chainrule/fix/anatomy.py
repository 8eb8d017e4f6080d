"""Which layer of a network does what, read off the recorded graph: the user's own layers are seen like ours."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import is_ours
from ..graph import Shape, Tensor, inputs_first
from ..layers import BatchNorm, Call, Dropout, Embedding, Layer, LayerNorm, Param, record
from ..layers.summary import innermost

SQUASHING = {
    "sigmoid",
    "tanh",
    "softmax",
    "log_softmax",
    "softplus",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "sign",
}
BENT = SQUASHING | {"relu", "leaky_relu", "elu", "gelu", "silu", "maximum", "minimum", "clip", "abs", "where"}
OF_WEIGHTS = BENT | {"max"}  # a Maxout's pieces; in a layer without weights the largest is a pooling


class Anatomy:
    """The innermost layers at work on examples of a shape, and their parts in the network."""

    def __init__(self, net: Layer, shape: Shape) -> None:
        ctx, _, self.output = record(net, (2, *shape))
        self.calls = innermost(ctx.calls)
        self.weights = [call for call in self.calls if _has_weights(call)]
        self.bends = [call for call in self.calls if not _has_weights(call) and _is_activation(call)]
        ends = {call.output for call in self.weights}
        self.last = self._reached([self.output], ends)
        self.outputs = [
            call for call in self.weights if call.output in self.last
        ]  # the weight layers nearest to the output
        self.behind = [call for call in self.bends if call.output in self.last]  # the activations behind them

    @property
    def hidden(self) -> list[Call]:
        """Weight layers that are not the output; what one object does twice is output if it is so once."""
        final = {id(call.layer) for call in self.outputs}
        return [call for call in self.weights if id(call.layer) not in final]

    @property
    def linear(self) -> list[Call]:
        """Hidden weight layers without an activation of their own; codes that are looked up are not computed."""
        plain = (call for call in self.hidden if not isinstance(call.layer, Embedding))
        return [call for call in plain if not ops_of(call) & OF_WEIGHTS]

    @property
    def doubtful(self) -> list[Call]:
        """Hidden activations that are flat somewhere (sigmoid, tanh, softmax, a step, e^x), and those of the user's own."""
        return [call for call in self.bends if call.output not in self.last and _is_doubtful(call)]

    def fed_linearly(self) -> list[Call]:
        """Weight layers that read another weight layer's output with nothing bent between: both are one matrix."""
        stop = {call.output for call in (*self.weights, *self.bends)}
        straight = {call.output for call in self.linear}
        return [call for call in self.weights if self._reached([call.input], stop) & straight]

    def normalised(self, call: Call) -> bool:
        """Whether its output goes into a normalisation."""
        norms = (other for other in self.calls if isinstance(other.layer, BatchNorm | LayerNorm))
        return any(other.input is call.output for other in norms)

    def dropped(self, call: Call) -> bool:
        """Whether dropout stands right before it: in use that gives its input as it is."""
        drops = (other for other in self.calls if isinstance(other.layer, Dropout))
        return any(other.output is call.input for other in drops)

    @staticmethod
    def _reached(roots: Iterable[Tensor], stop: set[Tensor]) -> set[Tensor]:
        """All that is behind these nodes, up to the first of `stop` on each way."""
        return {*inputs_first(roots, lambda node: () if node in stop else node.inputs)}


def ops_of(call: Call) -> frozenset[str]:
    """The ops between a layer's input and its output."""
    nodes = inputs_first([call.output], lambda node: () if node is call.input else node.inputs)
    return frozenset(node.op.name for node in nodes if node is not call.input and node.op is not None)


def _has_weights(call: Call) -> bool:
    return any(isinstance(spec, Param) and spec.decay for spec in call.arrays.values())


def _is_activation(call: Call) -> bool:
    """What leaves the shape and bends, and whatever of the user's own leaves it."""
    norm = isinstance(call.layer, BatchNorm | LayerNorm | Dropout)
    bends = bool(ops_of(call) & BENT) or not is_ours(type(call.layer))
    return not norm and call.input.shape == call.output.shape and bends


def _is_doubtful(call: Call) -> bool:
    return bool(ops_of(call) & SQUASHING) or not is_ours(type(call.layer))
