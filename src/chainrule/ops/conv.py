"""Convolution of images, channels last, as the lectures and every framework mean it (a correlation: no mirrored kernel).

conv2d and its two derivatives are the three partial derivatives of T(x, k, g) = <g, conv2d(x, k)>, so they are closed under
differentiation. Each is one matrix product over windows ("im2col"; Chellapilla, Puri and Simard, 2006).
Attributes: stride (rows, columns), padding ((top, bottom), (left, right)) with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ShapeError
from ..graph import Array, Tensor, op
from .window import Padding, Pair, out_size, unwindows, windows


def conv_sizes(h: int, w: int, kh: int, kw: int, stride: Pair, padding: Padding, **_: Any) -> Mapping[str, int]:
    """How many places the window has along each axis."""
    return {
        "oh": out_size("conv2d", "h", h, kh, stride[0], padding[0]),
        "ow": out_size("conv2d", "w", w, kw, stride[1], padding[1]),
    }


def same_sizes(oh: int, ow: int, **axes: Any) -> Mapping[str, int]:
    """Refuse an upstream gradient that is not of the convolution's own size."""
    expected = conv_sizes(**axes)
    if (oh, ow) != (expected["oh"], expected["ow"]):
        raise ShapeError(f"conv2d: a gradient of {(oh, ow)} for an output of {tuple(expected.values())}")
    return {}


@op("n h w i, kh kw i o -> n oh ow o", sizes=conv_sizes)
def conv2d(xp: Any, x: Array, k: Array, *, stride: Pair, padding: Padding) -> Array:
    """y[n,p,q,o] = sum over a, b, i of x[n, p s + a - top, q s + b - left, i] k[a,b,i,o].   Cost: n oh ow kh kw i o."""
    patches = windows(xp, x, k.shape[:2], stride, padding)
    n, oh, ow, _, _ = patches.shape
    y = _rows(xp, patches, k.shape[0] * k.shape[1] * k.shape[2]) @ _rows(xp, k, k.shape[3])
    return xp.reshape(y, (n, oh, ow, k.shape[3]))


@op("n oh ow o, kh kw i o -> n h w i", sizes=same_sizes)
def conv2d_x(xp: Any, g: Array, k: Array, *, h: int, w: int, stride: Pair, padding: Padding) -> Array:
    """dT/dx: each output's gradient goes back to the window it was computed from."""
    kh, kw, i, o = k.shape
    patches = _rows(xp, g, o) @ _rows(xp, k, o).T
    t = xp.reshape(patches, (*g.shape[:3], kh * kw, i))
    return unwindows(xp, t, (h, w), (kh, kw), stride, padding)


@op("n h w i, n oh ow o -> kh kw i o", sizes=same_sizes)
def conv2d_k(xp: Any, x: Array, g: Array, *, kh: int, kw: int, stride: Pair, padding: Padding) -> Array:
    """dT/dk: every window, weighted by the gradient of its output."""
    i, o = x.shape[3], g.shape[3]
    patches = windows(xp, x, (kh, kw), stride, padding)
    return xp.reshape(_rows(xp, patches, kh * kw * i).T @ _rows(xp, g, o), (kh, kw, i, o))


def _rows(xp: Any, t: Array, width: int) -> Array:
    """t as a matrix of that many columns; the row count is computed, since -1 is ambiguous for empty arrays."""
    return xp.reshape(t, (t.size // width if width else 0, width))


def _by_x(u: Tensor, k: Tensor, x: Tensor, stride: Pair, padding: Padding) -> Tensor:
    return conv2d_x(u, k, h=x.shape[1], w=x.shape[2], stride=stride, padding=padding)


def _by_k(x: Tensor, u: Tensor, k: Tensor, stride: Pair, padding: Padding) -> Tensor:
    return conv2d_k(x, u, kh=k.shape[0], kw=k.shape[1], stride=stride, padding=padding)


conv2d.grads(
    x=lambda g, y, x, k, *, stride, padding: _by_x(g, k, x, stride, padding),
    k=lambda g, y, x, k, *, stride, padding: _by_k(x, g, k, stride, padding),
)
conv2d_x.grads(
    g=lambda u, y, g, k, *, h, w, stride, padding: conv2d(u, k, stride=stride, padding=padding),
    k=lambda u, y, g, k, *, h, w, stride, padding: _by_k(u, g, k, stride, padding),
)
conv2d_k.grads(
    x=lambda u, y, x, g, *, kh, kw, stride, padding: _by_x(g, u, x, stride, padding),
    g=lambda u, y, x, g, *, kh, kw, stride, padding: conv2d(x, u, stride=stride, padding=padding),
)
