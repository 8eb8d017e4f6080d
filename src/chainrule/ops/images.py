"""Convolution and pooling as people write them: numbers for strides and paddings, signals (n, l, c) beside images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import SettingError, ShapeError
from ..graph import Tensor, as_tensor
from . import conv, pool
from .window import TIGHT, Padding, Pair, reach


def conv2d(x: Any, k: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Tensor:
    """The convolution of images x (n, h, w, c) with filters k (kh, kw, c / groups, o): y (n, h', w', o).

    h' = (h + before + after - dilation (kh - 1) - 1) // stride + 1.   stride, dilation: a number, or (rows, columns);
    padding: a number, (rows, columns), ((top, bottom), (left, right)), "valid" for none, "same" for h' = ceil(h / stride).
    """
    x, k = as_tensor(x), as_tensor(k)
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    around = padding_of(padding, x.shape[1:3], k.shape[:2], stride, dilation)
    return conv.conv2d(x, k, stride=stride, padding=around, dilation=dilation, groups=groups)


def conv1d(x: Any, k: Any, stride: int = 1, padding: Any = 0, dilation: int = 1, groups: int = 1) -> Tensor:
    """The convolution of signals x (n, l, c) with filters k (kl, c / groups, o): y (n, l', o), as an image of one row."""
    x, k = _row(as_tensor(x), "x", 1), _row(as_tensor(k), "k", 0)
    return conv2d(x, k, (1, stride), _row_padding(padding), (1, dilation), groups).squeeze(1)


def conv_transpose2d(
    x: Any, k: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1, extra: Any = 0
) -> Tensor:
    """The transpose of conv2d: x (n, h, w, o) and that convolution's k (kh, kw, i, o) give y (n, h', w', i groups).

    h' = (h - 1) stride - before - after + dilation (kh - 1) + 1 + extra.   `extra` (0 up to stride - 1) rows and columns
    at the end tell which of the sizes is meant that conv2d maps to h.   Source: Dumoulin and Visin (2016), section 4.
    """
    x, k = as_tensor(x), as_tensor(k)
    stride, dilation, extra = pair("stride", stride), pair("dilation", dilation), pair("extra", extra, least=0)
    if padding == "same":
        raise SettingError(
            "conv_transpose2d: padding 'same' does not say which size is meant: give numbers, and `extra`"
        )
    around = padding_of(padding, (0, 0), (0, 0), stride, dilation)
    if x.ndim != 4 or k.ndim != 4:
        raise ShapeError(
            f"conv_transpose2d: expected x (n, h, w, o) and k (kh, kw, i, o), found {x.shape} and {k.shape}"
        )
    h, w = (
        (x.shape[1 + i] - 1) * stride[i] - sum(around[i]) + reach(k.shape[i], dilation[i]) + extra[i] for i in (0, 1)
    )
    if min(h, w) < 1:
        raise ShapeError(f"conv_transpose2d: x {x.shape} would become {h} by {w}: less padding, or a larger window")
    return conv.conv2d_x(x, k, h=h, w=w, stride=stride, padding=around, dilation=dilation, groups=groups)


def conv_transpose1d(
    x: Any, k: Any, stride: int = 1, padding: Any = 0, dilation: int = 1, groups: int = 1, extra: int = 0
) -> Tensor:
    """The transpose of conv1d: x (n, l, o) and k (kl, i, o) give y (n, l', i groups)."""
    x, k = _row(as_tensor(x), "x", 1), _row(as_tensor(k), "k", 0)
    y = conv_transpose2d(x, k, (1, stride), ((0, 0), _both(padding)), (1, dilation), groups, (0, extra))
    return y.squeeze(1)


def max_pool(x: Any, size: Any = 2, stride: Any = None, padding: Any = 0) -> Tensor:
    """The largest of each window of images (n, h, w, c) or signals (n, l, c); stride: the window's size if not given."""
    return _pooled(pool.max_pool, x, size, stride, padding)


def avg_pool(x: Any, size: Any = 2, stride: Any = None, padding: Any = 0, count_padding: bool = False) -> Tensor:
    """The mean of each window; padding counts as zeros only if `count_padding` (PyTorch's default, ONNX's option)."""

    def mean(x: Tensor, **attrs: Any) -> Tensor:
        one = np.ones((1, *x.shape[1:3], 1), x.dtype)
        counted = math.prod(attrs["size"]) if count_padding else pool.pool_sum(one, **attrs)
        return pool.pool_sum(x, **attrs) / counted

    return _pooled(mean, x, size, stride, padding)


def global_max_pool(x: Any) -> Tensor:
    """The largest of each channel: (n, h, w, c) or (n, l, c) -> (n, c)."""
    images = as_tensor(x)
    return images.max(tuple(range(1, images.ndim - 1)))


def global_avg_pool(x: Any) -> Tensor:
    """The mean of each channel: (n, h, w, c) or (n, l, c) -> (n, c)."""
    images = as_tensor(x)
    return images.mean(tuple(range(1, images.ndim - 1)))


def _pooled(op: Callable[..., Tensor], x: Any, size: Any, stride: Any, padding: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim == 3:
        steps = (1, size if stride is None else stride)
        return _pooled(op, _row(x, "x", 1), (1, size), steps, _row_padding(padding)).squeeze(1)
    window = pair("size", size)
    step = window if stride is None else pair("stride", stride)
    return op(x, size=window, stride=step, padding=padding_of(padding, x.shape[1:3], window, step, TIGHT))


def pair(name: str, value: Any, least: int = 1) -> Pair:
    """(rows, columns), from a pair or from one number for both."""
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2 or not all(isinstance(v, int | np.integer) and v >= least for v in both):
        raise SettingError(f"{name} must be an int of at least {least}, or a pair of them. Got {value!r} instead.")
    return (int(both[0]), int(both[1]))


def padding_of(padding: Any, image: tuple[int, ...], window: tuple[int, ...], stride: Pair, dilation: Pair) -> Padding:
    """((top, bottom), (left, right)) of zeros, for an image and a window of (rows, columns)."""
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "same":
        rows, columns = (_same(*sizes) for sizes in zip(image, window, stride, dilation, strict=True))
        return (rows, columns)
    if isinstance(padding, str):
        raise SettingError(f"padding must be a number, a pair, 'same' or 'valid'. Got {padding!r} instead.")
    rows, columns = padding if isinstance(padding, tuple | list) and len(padding) == 2 else (padding, padding)
    return (_both(rows), _both(columns))


def _same(size: int, window: int, stride: int, dilation: int) -> Pair:
    """Zeros before and after one axis for ceil(size / stride) windows; of an odd number the larger half comes after."""
    places = -(-size // stride)
    total = max((places - 1) * stride + reach(window, dilation) - size, 0)
    return (total // 2, total - total // 2)


def _both(value: Any) -> Pair:
    return pair("padding", value, least=0)


def _row_padding(padding: Any) -> Any:
    """Padding along a signal, for an image of one row."""
    return padding if isinstance(padding, str) else ((0, 0), _both(padding))


def _row(x: Tensor, name: str, at: int) -> Tensor:
    """A signal as an image of one row, a filter likewise."""
    if x.ndim != 3:
        raise ShapeError(f"conv1d: {name} {x.shape} has {x.ndim} axes, expected 3")
    return x.reshape((*x.shape[:at], 1, *x.shape[at:]))
