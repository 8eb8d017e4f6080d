"""Pooling: a window becomes one number. Rows and columns that fill no whole window at the end are left out.

The max gate routes: its gradient goes to the largest element of the window, to the first one if several tie (PyTorch's
and ONNX's choice). `pool_scatter` and `pool_gather` are each other's derivative.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph import Array, first_dtype, int64, op, same_dtype
from .window import NO_PADDING, Pair, out_size, unwindows, windows


def pool_sizes(h: int, w: int, size: Pair, stride: Pair, **_: Any) -> Mapping[str, int]:
    """How many windows fit along each axis."""
    return {
        "oh": out_size("max_pool", "h", h, size[0], stride[0], (0, 0)),
        "ow": out_size("max_pool", "w", w, size[1], stride[1], (0, 0)),
    }


@op("n h w c -> n oh ow c", sizes=pool_sizes, dtype=same_dtype)
def max_pool(xp: Any, x: Array, *, size: Pair, stride: Pair) -> Array:
    """y[n,p,q,c] = the largest of x[n, p s + a, q s + b, c] over a, b."""
    return xp.max(windows(xp, x, size, stride, NO_PADDING), axis=3)


@op("n h w c -> n oh ow c", sizes=pool_sizes, dtype=int64)
def pool_argmax(xp: Any, x: Array, *, size: Pair, stride: Pair) -> Array:
    """Which position of its window is the (first) largest, counted along rows.   Piecewise constant: no gradient."""
    return xp.argmax(windows(xp, x, size, stride, NO_PADDING), axis=3)


@op("n oh ow c, n oh ow c -> n h w c", dtype=first_dtype)
def pool_scatter(xp: Any, g: Array, at: Array, *, h: int, w: int, size: Pair, stride: Pair) -> Array:
    """Each g goes to position `at` of its window; places shared by windows are summed."""
    chosen = xp.astype(at[:, :, :, None, :] == _positions(xp, size), g.dtype)
    return unwindows(xp, g[:, :, :, None, :] * chosen, (h, w), size, stride, NO_PADDING)


@op("n h w c, n oh ow c -> n oh ow c", dtype=first_dtype)
def pool_gather(xp: Any, u: Array, at: Array, *, size: Pair, stride: Pair) -> Array:
    """From each window of u the element at position `at`."""
    chosen = xp.astype(at[:, :, :, None, :] == _positions(xp, size), u.dtype)
    return xp.sum(windows(xp, u, size, stride, NO_PADDING) * chosen, axis=3)


def _positions(xp: Any, size: Pair) -> Array:
    return xp.arange(size[0] * size[1])[:, None]


max_pool.grads(
    x=lambda g, y, x, *, size, stride: pool_scatter(
        g, pool_argmax(x, size=size, stride=stride), h=x.shape[1], w=x.shape[2], size=size, stride=stride
    )
)
pool_scatter.grads(g=lambda u, y, g, at, *, h, w, size, stride: pool_gather(u, at, size=size, stride=stride))
pool_gather.grads(
    u=lambda g, y, u, at, *, size, stride: pool_scatter(g, at, h=u.shape[1], w=u.shape[2], size=size, stride=stride)
)
