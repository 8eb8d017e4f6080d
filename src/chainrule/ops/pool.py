"""Pooling: a window becomes one number. Rows and columns that fill no whole window at the end are left out.

The max gate routes: its gradient goes to the largest element of the window, to the first one if several tie (PyTorch's
and ONNX's choice). `pool_scatter` and `pool_gather` are each other's derivative, and so are `pool_sum` and `pool_spread`;
an average is a sum divided by how many elements were seen. Padding never wins a maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Array, first_dtype, int64, op, same_dtype
from .window import NO_PADDING, Padding, Pair, out_sizes, refuse_other, unwindows, windows


def pool_sizes(h: int, w: int, size: Pair, stride: Pair, padding: Padding, **_: Any) -> Mapping[str, int]:
    """How many windows fit along each axis; each must see at least one element."""
    for axis, window, around in zip("hw", size, padding, strict=True):
        if max(around) >= window:
            raise ShapeError(f"pool: padding {around} along {axis} would make windows of {window} that see nothing")
    return out_sizes("pool", (h, w), size, stride, padding)


def unpooled_sizes(oh: int, ow: int, **axes: Any) -> Mapping[str, int]:
    """Refuse a gradient that is not of the pool's own size."""
    refuse_other("pool", oh, ow, pool_sizes(**axes))
    return {}


@op("n h w c -> n oh ow c", sizes=pool_sizes, dtype=same_dtype)
def max_pool(xp: Any, x: Array, *, size: Pair, stride: Pair, padding: Padding) -> Array:
    """y[n,p,q,c] = the largest of x[n, p s + a - top, q s + b - left, c] over a, b."""
    return xp.max(_lowest_outside(xp, x, size, stride, padding), axis=3)


@op("n h w c -> n oh ow c", sizes=pool_sizes, dtype=int64)
def pool_argmax(xp: Any, x: Array, *, size: Pair, stride: Pair, padding: Padding) -> Array:
    """Which position of its window is the (first) largest, counted along rows.   Piecewise constant: no gradient."""
    at = xp.argmax(_lowest_outside(xp, x, size, stride, padding), axis=3)
    if padding == NO_PADDING:
        return at
    inside = windows(xp, xp.ones(x.shape, dtype=bool), size, stride, padding)
    seen = xp.take_along_axis(inside, at[:, :, :, None, :], axis=3)[:, :, :, 0, :]
    return xp.where(seen, at, xp.argmax(inside, axis=3))  # where all are -inf, padding ties, and must not win


@op("n oh ow c, n oh ow c -> n h w c", sizes=unpooled_sizes, dtype=first_dtype)
def pool_scatter(xp: Any, g: Array, at: Array, *, h: int, w: int, size: Pair, stride: Pair, padding: Padding) -> Array:
    """Each g goes to position `at` of its window; places shared by windows are summed."""
    chosen = at[:, :, :, None, :] == _positions(xp, size)
    routed = xp.where(chosen, g[:, :, :, None, :], xp.zeros((), dtype=g.dtype))
    return unwindows(xp, routed, (h, w), size, stride, padding)


@op("n h w c, n oh ow c -> n oh ow c", sizes=unpooled_sizes, dtype=first_dtype)
def pool_gather(xp: Any, u: Array, at: Array, *, size: Pair, stride: Pair, padding: Padding) -> Array:
    """From each window of u the element at position `at`."""
    chosen = at[:, :, :, None, :] == _positions(xp, size)
    return xp.sum(xp.where(chosen, windows(xp, u, size, stride, padding), 0), axis=3)


@op("n h w c -> n oh ow c", sizes=pool_sizes)
def pool_sum(xp: Any, x: Array, *, size: Pair, stride: Pair, padding: Padding) -> Array:
    """y[n,p,q,c] = sum over a, b of x[n, p s + a - top, q s + b - left, c]."""
    return xp.sum(windows(xp, x, size, stride, padding), axis=3, dtype=x.dtype)


@op("n oh ow c -> n h w c", sizes=unpooled_sizes)
def pool_spread(xp: Any, g: Array, *, h: int, w: int, size: Pair, stride: Pair, padding: Padding) -> Array:
    """Each g goes to every element of its window; places shared by windows are summed."""
    every = xp.broadcast_to(g[:, :, :, None, :], (*g.shape[:3], size[0] * size[1], g.shape[3]))
    return unwindows(xp, every, (h, w), size, stride, padding)


def _lowest_outside(xp: Any, x: Array, size: Pair, stride: Pair, padding: Padding) -> Array:
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return windows(xp, x, size, stride, padding, fill=lowest)


def _positions(xp: Any, size: Pair) -> Array:
    return xp.arange(size[0] * size[1])[:, None]


max_pool.grads(x=lambda g, y, x, **attrs: pool_scatter(g, pool_argmax(x, **attrs), h=x.shape[1], w=x.shape[2], **attrs))
pool_scatter.grads(g=lambda u, y, g, at, *, h, w, **attrs: pool_gather(u, at, **attrs))
pool_gather.grads(u=lambda g, y, u, at, **attrs: pool_scatter(g, at, h=u.shape[1], w=u.shape[2], **attrs))
pool_sum.grads(x=lambda g, y, x, **attrs: pool_spread(g, h=x.shape[1], w=x.shape[2], **attrs))
pool_spread.grads(g=lambda u, y, g, *, h, w, **attrs: pool_sum(u, **attrs))
