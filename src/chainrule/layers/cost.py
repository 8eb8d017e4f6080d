"""What a network costs: the multiply-adds of its products of arrays, counted from the recorded graph."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping

from ..graph import Shape, Tensor, topological
from .base import Layer, record


def _of_einsum(y: Tensor) -> int:
    """Every combination of its letters is one product."""
    letters = y.attrs["subscripts"].partition("->")[0].split(",")
    sizes = {
        letter: n for part, x in zip(letters, y.inputs, strict=True) for letter, n in zip(part, x.shape, strict=True)
    }
    return math.prod(sizes.values())


# Multiply-adds of the ops that are sums of products; all others cost little beside them and count as none.
COSTS: Mapping[str, Callable[[Tensor], int]] = {
    "matmul": lambda y: y.size * y.inputs[0].shape[-1],
    "einsum": _of_einsum,
    "conv2d": lambda y: y.size * math.prod(y.inputs[1].shape[:3]),
    "conv2d_x": lambda y: y.inputs[0].size * math.prod(y.inputs[1].shape[:3]),
}


def multiply_adds(net: Layer, shape: Shape) -> Counter[str]:
    """By the path of the layer that records them, what one example more costs; zeros around an image count as pixels.

    Source of the way of counting: Sze et al. (2017), "Efficient processing of deep neural networks", table II: AlexNet 724M,
    VGG-16 15.5G.
    """
    two, three = (_counted(record(net, (n, *shape))[2]) for n in (2, 3))
    return three - two


def _counted(output: Tensor) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in topological([output]):
        if node.op is not None and node.op.name in COSTS:
            found[node.scope] += COSTS[node.op.name](node)
    return found
