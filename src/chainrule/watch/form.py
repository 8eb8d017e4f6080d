"""What a network is before it learns: the ops that its layers end in, whether it is affine, which units are born equal.

A *last* layer is one whose units reach the output through no further weight. Its units are told apart by their targets,
so they may be born equal; those of all other layers would stay equal for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnose import layer_outputs, makers
from ..graph import Shape, Tensor, tensor, topological
from ..layers import Context, Layer, Param
from ..loss import look_like_probabilities

# What an op can give; None: no limit on that side.
RANGES: Mapping[str, tuple[float | None, float | None]] = {
    "sigmoid": (0, 1),
    "softmax": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, None),
    "abs": (0, None),
    "exp": (0, None),
    "softplus": (0, None),
    "sqrt": (0, None),
    "gelu": (-0.17, None),
    "silu": (-0.2785, None),
}
AFTER_SOFTMAX = frozenset(["log", "add", "maximum"])  # a logarithm behind it, 0 kept away, is no further layer
SCALES = (1.0, 30.0, 1000.0)  # of the inputs on which a network is seen to be affine or not
AFFINE = 1e-8  # of what the output varies by


def of_form(ctx: Context, output: Tensor, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Facts of a network that was computed for some rows: `ctx` and `output` with values, and the network's arrays."""
    layers = dict(layer_outputs(topological([output])))
    return {
        "ops": {path: _op(node) for path, node in layers.items()},
        "softmax_hidden": [path for path, node in layers.items() if _is_hidden_softmax(node, output)],
        "output_op": _op(output),
        "output_range": _range(output),
        "output_units": output.shape[-1] if output.ndim > 1 else 1,
        "weight_layers": len(_weights(ctx)),
        "equal": equal(ctx, output, arrays),
    }


def _op(node: Tensor) -> str:
    """The op that made the numbers of a node; of one put together from several, the op that does that."""
    made = {x.op.name if x.op is not None else "" for x in makers(node)}
    return made.pop() if len(made) == 1 else str(node.op.name)


def _range(output: Tensor) -> list[float | None] | None:
    """What the output can be, whatever the weights are; None: anything."""
    op = "softmax" if look_like_probabilities(output.value) else _op(output)
    if op == "softmax" and output.shape[-1] == 1:
        return [1, 1]
    return list(RANGES[op]) if op in RANGES else None


def _before_range(output: Tensor) -> Tensor:
    """What a last op with a range of its own is given."""
    made = makers(output)
    return made[0].inputs[0] if len(made) == 1 and _op(output) in RANGES else output


def _is_hidden_softmax(node: Tensor, output: Tensor) -> bool:
    """Whether a layer gives probabilities by a softmax, of the library or the user's own, that is not the network's end."""
    is_softmax = _op(node) == "softmax" or look_like_probabilities(node.value)
    return is_softmax and not {*makers(node)} & {*_end(output)}


def _end(output: Tensor) -> list[Tensor]:
    """The nodes that the output is made of, and what stands before them where they only take a logarithm."""
    found, waiting = [], makers(output)
    while waiting:
        node = waiting.pop()
        found.append(node)
        varying = [x for x in node.inputs if x.op is not None]
        if node.op is not None and node.op.name in AFTER_SOFTMAX and len(varying) == 1:
            waiting.extend(makers(varying[0]))
    return found


def _weights(ctx: Context) -> dict[str, list[str]]:
    """The parameters of two axes or more, by layer."""
    layers: dict[str, list[str]] = {}
    for path, spec in ctx.declared.items():
        if isinstance(spec, Param) and len(spec.shape) > 1:
            layers.setdefault(path.rpartition("/")[0], []).append(path)
    return layers


def equal(ctx: Context, output: Tensor, arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """The layers, but for the last, whose units all have the same weights (..., units) and biases (units,)."""
    last = last_layers(ctx, output)
    found = []
    for layer, weights in _weights(ctx).items():
        units = arrays[weights[0]].shape[-1]
        own = [p for p, s in ctx.declared.items() if isinstance(s, Param) and p.rpartition("/")[0] == layer]
        alike = all((arrays[path] == arrays[path][..., :1]).all() for path in own)
        if units > 1 and alike and layer not in last:
            found.append(layer)
    return found


def last_layers(ctx: Context, output: Tensor) -> set[str]:
    """The layers with weights from which a way leads to the output without passing another one's weights."""
    layer_of = {ctx.leaves[path]: layer for layer, paths in _weights(ctx).items() for path in paths}
    found: set[str] = set()
    seen: set[Tensor] = set()
    waiting = [output]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        read = {layer_of[leaf] for x in node.inputs for leaf in makers(x) if leaf in layer_of}
        found |= read
        waiting.extend([] if read else node.inputs)
    return found


def affine(net: Layer, shape: Shape, arrays: Mapping[str, NDArray[Any]]) -> bool | None:
    """Whether f(a) + f(b) = f(a + b) + f(0) for the network in use, on inputs of several scales; `shape` is of one example.

    A last op with a range of its own, such as a sigmoid, is left out: it makes no hidden layer of use. None where the
    question has no meaning: the inputs are codes, the output is the same for all, or there is no float64.
    """
    rng = np.random.default_rng(0)
    scale = np.array(SCALES).reshape((-1, *[1] * len(shape)))
    a, b = (scale * rng.standard_normal((len(SCALES), *shape)) for _ in range(2))
    rows = tensor(np.concatenate([a, b, a + b, 0 * a]), "x")
    doubled = {path: np.asarray(array, np.float64) for path, array in arrays.items()}
    try:
        with np.errstate(all="ignore"):
            output = Context(train=False, values=doubled, dtype=np.float64).call("", net, rows)
    except Exception:  # codes beyond those that there are, or a layer of the user's own that is of float32
        return None
    if any(
        node.op is not None and node.op.name == "cast" and node.dtype.kind in "iu" for node in topological([output])
    ):
        return None
    value = np.asarray(_before_range(output).value)
    if not np.isfinite(value).all() or len(value) != len(rows.value):
        return False
    of_a, of_b, of_sum, of_zero = np.split(value, 4)
    vary = np.abs(of_sum - of_zero).reshape(len(SCALES), -1).max(1)
    off = np.abs(of_a + of_b - of_sum - of_zero).reshape(len(SCALES), -1).max(1)
    return bool((off <= AFFINE * vary).all()) if vary.any() else None
