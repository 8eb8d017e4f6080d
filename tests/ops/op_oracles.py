"""Independent definitions of the ops that are more than a formula, written with plain loops."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np


def windows_of(x: Any, size: Any, stride: Any, padding: Any, dilation: Any = (1, 1), fill: float = 0.0) -> Any:
    """Yield (n, p, q), the window there, and the output's (h, w), by loops."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    span = [(size[i] - 1) * dilation[i] + 1 for i in (0, 1)]
    oh = (padded.shape[1] - span[0]) // stride[0] + 1
    ow = (padded.shape[2] - span[1]) // stride[1] + 1
    for n, p, q in itertools.product(range(len(x)), range(oh), range(ow)):
        a, b = p * stride[0], q * stride[1]
        yield (n, p, q), padded[n, a : a + span[0] : dilation[0], b : b + span[1] : dilation[1]], (oh, ow)


def conv(x: Any, k: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    kh, kw, i, o = k.shape
    found = list(windows_of(x, (kh, kw), stride, padding, dilation))
    y = np.zeros((len(x), *found[0][2], o), x.dtype) if found else np.zeros((0, 0, 0, o))
    for at, window, _ in found:
        for c in range(o):
            first = c // (o // groups) * i
            y[(*at, c)] = sum(float(v) for v in (window[..., first : first + i] * k[..., c]).ravel())
    return y


def conv_x(g: Any, k: Any, *, h: int, w: int, groups: int, **attrs: Any) -> Any:
    """The transpose of conv2d as a matrix: its column for every input element is conv2d of a unit image."""
    x = np.zeros((g.shape[0], h, w, k.shape[2] * groups), g.dtype)
    for at in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[at] = 1
        x[at] = np.sum(conv(unit, k, groups=groups, **attrs) * g)
    return x


def conv_k(x: Any, g: Any, *, kh: int, kw: int, groups: int, **attrs: Any) -> Any:
    """The same for the kernel."""
    k = np.zeros((kh, kw, x.shape[3] // groups, g.shape[3]), x.dtype)
    for at in np.ndindex(k.shape):
        unit = np.zeros_like(k)
        unit[at] = 1
        k[at] = np.sum(conv(x, unit, groups=groups, **attrs) * g)
    return k


def pool_argmax(x: Any, *, size: Any, stride: Any, padding: Any) -> Any:
    found = list(windows_of(x, size, stride, padding, fill=-math.inf))
    y = np.zeros((len(x), *found[0][2], x.shape[3]), np.int64)
    for at, window, _ in found:
        for c in range(x.shape[3]):
            flat = window[..., c].ravel().tolist()
            y[(*at, c)] = flat.index(max(flat))
    return y


def pool_gather(u: Any, at: Any, *, size: Any, stride: Any, padding: Any) -> Any:
    y = np.zeros(at.shape, u.dtype)
    for place, window, _ in windows_of(u, size, stride, padding):
        for c in range(u.shape[3]):
            y[(*place, c)] = window[..., c].ravel()[at[(*place, c)]]
    return y


def max_pool(x: Any, **attrs: Any) -> Any:
    return pool_gather(x, pool_argmax(x, **attrs), **attrs)


def pool_scatter(g: Any, at: Any, *, h: int, w: int, size: Any, stride: Any, padding: Any) -> Any:
    (top, bottom), (left, right) = padding
    x = np.zeros((g.shape[0], h + top + bottom, w + left + right, g.shape[3]), g.dtype)
    for n, p, q, c in np.ndindex(g.shape):
        a, b = divmod(int(at[n, p, q, c]), size[1])
        x[n, p * stride[0] + a, q * stride[1] + b, c] += g[n, p, q, c]
    return x[:, top : top + h, left : left + w]


def pool_sum(x: Any, *, size: Any, stride: Any, padding: Any) -> Any:
    found = list(windows_of(x, size, stride, padding))
    y = np.zeros((len(x), *found[0][2], x.shape[3]))
    for at, window, _ in found:
        y[at] = [math.fsum(window[..., c].ravel()) for c in range(x.shape[3])]
    return y


def pool_spread(g: Any, *, h: int, w: int, size: Any, **attrs: Any) -> Any:
    every = [pool_scatter(g, np.full(g.shape, i), h=h, w=w, size=size, **attrs) for i in range(size[0] * size[1])]
    return np.sum(every, axis=0)


def softmax(z: Any) -> Any:
    e = np.exp(z.astype(np.longdouble))
    return e / e.sum(-1, keepdims=True)


def first_extreme(x: Any, *, axis: tuple[int, ...], largest: bool) -> Any:
    """True where no earlier element along the axes is as large and no later one is larger."""
    out = np.zeros(x.shape, bool)
    rest: list[Any] = [range(n) if i not in axis else [slice(None)] for i, n in enumerate(x.shape)]
    for at in itertools.product(*rest):
        part = np.asarray(x[at] if largest else -x[at])
        flat = part.ravel().tolist()
        mask = np.zeros(len(flat), bool)
        mask[flat.index(max(flat))] = True
        out[at] = mask.reshape(part.shape)
    return out


def put(g: Any, at: Any, *, axis: int, size: int) -> Any:
    g, flat = np.moveaxis(g.reshape((*g.shape[:axis], -1, *g.shape[axis + at.ndim :])), axis, 0), at.ravel()
    y = np.zeros((size, *g.shape[1:]))
    for i, position in enumerate(flat.tolist()):
        y[position] += g[i]
    return np.moveaxis(y, 0, axis)


def take_along(x: Any, at: Any, *, axis: int) -> Any:
    y = np.zeros(at.shape, x.dtype)
    for place in np.ndindex(at.shape):
        y[place] = x[(*place[:axis], int(at[place]), *place[axis + 1 :])]
    return y


def put_along(g: Any, at: Any, *, axis: int, size: int) -> Any:
    y = np.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]))
    for place in np.ndindex(at.shape):
        y[(*place[:axis], int(at[place]), *place[axis + 1 :])] += g[place]
    return y


def einsum(*xs: Any, subscripts: str) -> Any:
    """Every letter is a loop."""
    left, _, right = subscripts.partition("->")
    parts = left.split(",")
    size = {c: n for part, x in zip(parts, xs, strict=True) for c, n in zip(part, x.shape, strict=True)}
    y = np.zeros([size[c] for c in right])
    for values in itertools.product(*(range(n) for n in size.values())):
        at = dict(zip(size, values, strict=True))
        terms = [x[tuple(at[c] for c in part)] for part, x in zip(parts, xs, strict=True)]
        y[tuple(at[c] for c in right)] += math.prod(float(t) for t in terms)
    return y
