"""Convolution of images, channels last, as the lectures and every framework mean it (a correlation: no mirrored kernel).

conv2d and its two derivatives are the three partial derivatives of T(x, k, g) = <g, conv2d(x, k)>, so they are closed under
differentiation; conv2d_x is what is called a transposed convolution. Each is one matrix product over windows ("im2col";
Chellapilla, Puri and Simard, 2006), one for each group. Attributes: stride and dilation (rows, columns), padding
((top, bottom), (left, right)) with zeros, groups: the channels are cut into so many parts that do not see each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import ShapeError
from ..graph import Array, Tensor, op
from .window import Padding, Pair, out_sizes, refuse_other, unwindows, windows


def conv_sizes(
    h: int, w: int, c: int, kh: int, kw: int, i: int, o: int,
    stride: Pair, padding: Padding, dilation: Pair, groups: int, **_: Any,
) -> Mapping[str, int]:  # fmt: skip
    """How many places the window has along each axis; refuses channels that do not fit the kernel."""
    if c != i * groups:
        seen = f" in each of {groups} groups: {i * groups}" if groups != 1 else ""
        raise ShapeError(f"conv2d: x has {c} channels but the kernel ({kh}, {kw}, {i}, {o}) sees {i}{seen}")
    if groups < 1 or o % groups:
        raise ShapeError(f"conv2d: {o} output channels cannot be cut into {groups} groups")
    return out_sizes("conv2d", (h, w), (kh, kw), stride, padding, dilation)


def input_sizes(oh: int, ow: int, i: int, groups: int, **axes: Any) -> Mapping[str, int]:
    """The channels of x; refuses a gradient that is not of the convolution's own size."""
    kernel_sizes(oh, ow, c=i * groups, i=i, groups=groups, **axes)
    return {"c": i * groups}


def kernel_sizes(oh: int, ow: int, c: int, groups: int, **axes: Any) -> Mapping[str, int]:
    """The channels that each filter sees; refuses a gradient that is not of the convolution's own size."""
    if groups < 1:
        raise ShapeError(f"conv2d: groups must be at least 1, found {groups}")
    refuse_other("conv2d", oh, ow, conv_sizes(c=c, groups=groups, **{"i": c // groups, **axes}))
    return {"i": c // groups}


@op("n h w c, kh kw i o -> n oh ow o", sizes=conv_sizes)
def conv2d(xp: Any, x: Array, k: Array, *, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Array:
    """y[n,p,q,o] = sum over a, b, i of x[n, p s + a d - top, q s + b d - left, i] k[a,b,i,o].   Cost: n oh ow kh kw i o."""
    kh, kw, _, o = k.shape
    patches = windows(xp, x, (kh, kw), stride, padding, dilation)
    y = _by_group(xp, patches, kh * kw, groups) @ _kernels(xp, k, groups)
    return _side_by_side(xp, y, (*patches.shape[:3], o))


@op("n oh ow o, kh kw i o -> n h w c", sizes=input_sizes)
def conv2d_x(
    xp: Any, g: Array, k: Array, *, h: int, w: int, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> Array:
    """dT/dx: each output's gradient goes back to the window it was computed from."""
    kh, kw, i, _ = k.shape
    patches = _by_group(xp, g, 1, groups) @ _kernels(xp, k, groups).mT
    rows = patches.shape[1]
    t = xp.permute_dims(xp.reshape(patches, (groups, rows, kh * kw, i)), (1, 2, 0, 3))
    return unwindows(
        xp, xp.reshape(t, (*g.shape[:3], kh * kw, groups * i)), (h, w), (kh, kw), stride, padding, dilation
    )


@op("n h w c, n oh ow o -> kh kw i o", sizes=kernel_sizes)
def conv2d_k(
    xp: Any, x: Array, g: Array, *, kh: int, kw: int, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> Array:
    """dT/dk: every window, weighted by the gradient of its output."""
    i, o = x.shape[3] // groups, g.shape[3]
    patches = windows(xp, x, (kh, kw), stride, padding, dilation)
    k = _by_group(xp, patches, kh * kw, groups).mT @ _by_group(xp, g, 1, groups)
    return _side_by_side(xp, k, (kh, kw, i, o))


def _by_group(xp: Any, t: Array, positions: int, groups: int) -> Array:
    """(..., positions, channels) -> (groups, rows, positions channels / groups)."""
    width = positions * t.shape[-1]
    rows = math.prod(t.shape[:-1]) // positions  # computed, since -1 is ambiguous for empty arrays
    cut = xp.reshape(t, (rows, positions, groups, t.shape[-1] // groups))
    return xp.reshape(xp.permute_dims(cut, (2, 0, 1, 3)), (groups, rows, width // groups))


def _kernels(xp: Any, k: Array, groups: int) -> Array:
    """(kh, kw, i, o) -> (groups, kh kw i, o / groups)."""
    kh, kw, i, o = k.shape
    return xp.permute_dims(xp.reshape(k, (kh * kw * i, groups, o // groups)), (1, 0, 2))


def _side_by_side(xp: Any, y: Array, shape: tuple[int, ...]) -> Array:
    """(groups, rows, o / groups) -> shape (..., o): the groups' channels next to each other."""
    return xp.reshape(xp.permute_dims(y, (1, 0, 2)), shape)


def _by_x(u: Tensor, k: Tensor, x: Tensor, **attrs: Any) -> Tensor:
    return conv2d_x(u, k, h=x.shape[1], w=x.shape[2], **attrs)


def _by_k(x: Tensor, u: Tensor, k: Tensor, **attrs: Any) -> Tensor:
    return conv2d_k(x, u, kh=k.shape[0], kw=k.shape[1], **attrs)


conv2d.grads(
    x=lambda g, y, x, k, **attrs: _by_x(g, k, x, **attrs), k=lambda g, y, x, k, **attrs: _by_k(x, g, k, **attrs)
)
conv2d_x.grads(
    g=lambda u, y, g, k, *, h, w, **attrs: conv2d(u, k, **attrs),
    k=lambda u, y, g, k, *, h, w, **attrs: _by_k(u, g, k, **attrs),
)
conv2d_k.grads(
    x=lambda u, y, x, g, *, kh, kw, **attrs: _by_x(g, u, x, **attrs),
    g=lambda u, y, x, g, *, kh, kw, **attrs: conv2d(x, u, **attrs),
)
