"""Forward and gradients agree with PyTorch in float64 to 1e-12, for every op that PyTorch has; skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from op_rows import BY_OTHER_TESTS, CASES, Row, Shapes, inputs_of

import chainrule as cr
from chainrule.graph import OPS

torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
F = torch.nn.functional


def first(x: Any) -> Any:
    """Channels last to channels first."""
    return x.movedim(-1, 1)


def last(x: Any) -> Any:
    return x.movedim(1, -1)


def filters(k: Any) -> Any:
    """(kh, kw, i, o) -> (o, i, kh, kw)."""
    return k.permute(3, 2, 0, 1).contiguous()


def conv2d(x: Any, k: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    (top, bottom), (left, right) = padding
    padded = F.pad(first(x), (left, right, top, bottom))
    return last(F.conv2d(padded, filters(k), stride=stride, dilation=dilation, groups=groups))


def conv2d_x(g: Any, k: Any, h: int, w: int, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    (top, _), (left, _) = padding
    full = F.conv_transpose2d(first(g), filters(k), stride=stride, dilation=dilation, groups=groups)
    full = F.pad(full, (0, max(left + w - full.shape[3], 0), 0, max(top + h - full.shape[2], 0)))
    return last(full[:, :, top : top + h, left : left + w])


def max_pool(x: Any, size: Any, stride: Any, padding: Any) -> Any:
    (top, bottom), (left, right) = padding
    return last(F.max_pool2d(F.pad(first(x), (left, right, top, bottom), value=-torch.inf), size, stride))


def pool_sum(x: Any, size: Any, stride: Any, padding: Any) -> Any:
    (top, bottom), (left, right) = padding
    return last(F.avg_pool2d(F.pad(first(x), (left, right, top, bottom)), size, stride)) * (size[0] * size[1])


def place(x: Any, at: Any, into: Any) -> Any:
    """Positions as an index of a flat zero tensor, since PyTorch has no negative steps."""
    positions = np.arange(int(np.prod(into))).reshape(into)
    for axis, (start, step, count) in enumerate(at):
        positions = np.take(positions, start + step * np.arange(count), axis=axis)
    return (
        torch.zeros(positions.max() + 1 if not into else int(np.prod(into)), dtype=x.dtype)
        .index_put((torch.tensor(positions.ravel()),), x.ravel())
        .reshape(into)
    )


def sliced(x: Any, at: Any) -> Any:
    for axis, (start, step, count) in enumerate(at):
        x = torch.index_select(x, axis, torch.tensor(start + step * np.arange(count), dtype=torch.int64))
    return x


def extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch's amax shares a tie; there is none in these inputs."""
    return lambda x, axis, keepdims: pick(x, dim=axis, keepdim=keepdims)


def prod(x: Any, axis: Any, keepdims: bool) -> Any:
    for i in sorted(axis, reverse=True):
        x = torch.prod(x, dim=i, keepdim=keepdims)
    return x


def standardise(x: Any, mean: Any, var: Any, eps: Any) -> Any:
    return (x - mean) * torch.rsqrt(var + eps)


def along(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis, keepdims: function(x, dim=axis, keepdim=keepdims)


SAME = (
    "add sub mul div exp expm1 log log1p sqrt sigmoid erf sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh "
    "arccosh arctanh less less_equal greater greater_equal not_equal logical_and logical_or logical_not where maximum minimum "
    "relu abs sign floor ceil round matmul"
)
IN_TORCH: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in SAME.split()},
    "mod": torch.remainder,
    "power": torch.pow,
    "neg": torch.neg,
    "equal": torch.eq,
    "softplus": lambda x: F.softplus(x, threshold=1e9),
    "cast": lambda x, dtype: x.to(getattr(torch, dtype)),
    "floor_divide": torch.floor_divide,
    "identity": lambda x: x,
    "stop_gradient": lambda x: x.detach(),
    "leaky_relu": lambda x, slope: torch.where(x > 0, x, slope * x),  # leaky_relu takes no tensor of slopes
    "elu": lambda x, alpha: torch.where(x > 0, x, alpha * torch.expm1(x)),
    "gelu": F.gelu,
    "silu": F.silu,
    "clip": lambda x, low, high: torch.minimum(torch.maximum(x, low), high),  # clamp does not broadcast x
    "sum": along(torch.sum),
    "mean": along(torch.mean),
    "var": lambda x, axis, keepdims: torch.var(x, dim=axis, keepdim=keepdims, correction=0),
    "std": lambda x, axis, keepdims: torch.std(x, dim=axis, keepdim=keepdims, correction=0),
    "argmin": lambda x, axis, keepdims: torch.argmin(x, dim=axis[0], keepdim=keepdims),
    "prod": prod,
    "max": extreme(torch.amax),
    "min": extreme(torch.amin),
    "logsumexp": along(torch.logsumexp),
    "argmax": lambda x, axis, keepdims: torch.argmax(x, dim=axis[0], keepdim=keepdims),
    "cumsum": lambda x, axis: torch.cumsum(x, dim=axis),
    "reshape": lambda x, to: x.reshape(to),
    "broadcast": lambda x, to: x.expand(to),
    "transpose": lambda x, order: x.permute(order),
    "slice": sliced,
    "place": place,
    "concat": lambda *xs, axis: torch.cat(xs, dim=axis),
    "take": lambda x, at, axis: torch.index_select(x, axis, at.ravel()).unflatten(axis, at.shape),
    "put": lambda g, at, axis, size: torch.zeros((*g.shape[:axis], size, *g.shape[axis + at.ndim :]), dtype=g.dtype).index_add(
        axis, at.ravel(), g.flatten(axis, axis + at.ndim - 1)
    ),
    "take_along": lambda x, at, axis: torch.take_along_dim(x, at, dim=axis),
    "put_along": lambda g, at, axis, size: torch.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), dtype=g.dtype).scatter_add(
        axis, at, g
    ),
    "einsum": lambda *xs, subscripts: torch.einsum(subscripts, *xs),
    "conv2d": conv2d,
    "conv2d_x": conv2d_x,
    "max_pool": max_pool,
    "pool_sum": pool_sum,
    "standardise": standardise,
    "softmax": lambda z: torch.softmax(z, dim=-1),
    "log_softmax": lambda z: torch.log_softmax(z, -1),
    "one_hot": lambda i, c, dtype: F.one_hot(i, c).to(getattr(torch, dtype)),
    "cross_entropy": lambda z, t: F.cross_entropy(z, t, reduction="none"),
}  # fmt: skip
NOT_IN_TORCH = {
    "first_extreme": "a mask that PyTorch keeps to itself",
    "conv2d_k": "the derivative of conv2d, compared there",
    "pool_argmax": "PyTorch counts in the padded image, not in the window",
    "pool_scatter": "the derivative of max_pool, compared there",
    "pool_gather": "its second derivative",
    "pool_spread": "the derivative of pool_sum, compared there",
}


def test_every_op_is_compared_or_says_why_not() -> None:
    assert set(OPS) == set(IN_TORCH) | set(NOT_IN_TORCH) | set(BY_OTHER_TESTS)


@pytest.mark.parametrize(
    ("name", "row", "shapes"),
    [case for case in CASES if case[0] in IN_TORCH],
    ids=[f"{name}-{shapes}" for name, _, shapes in CASES if name in IN_TORCH],
)
def test_forward_and_gradients(name: str, row: Row, shapes: Shapes) -> None:
    inputs = inputs_of(row, shapes)
    smooth = [i for i in row.smooth if i < len(inputs)]
    theirs = [torch.tensor(x, requires_grad=i in smooth) for i, x in enumerate(inputs)]
    expected = IN_TORCH[name](*theirs, **row.attrs)
    ours = [cr.tensor(x) for x in inputs]
    y = OPS[name](*ours, **row.attrs)
    assert_close(y, expected.detach().numpy())
    if not smooth:
        return
    u = np.random.default_rng(2).standard_normal(y.shape)
    (y * u).sum().backward()
    expected.backward(torch.tensor(u))
    for i in smooth:
        grad = ours[i].grad
        assert grad is not None
        assert_close(grad, theirs[i].grad.numpy())


def assert_close(ours: Any, theirs: Any) -> None:
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("count_padding", [False, True])
def test_average_pooling(count_padding: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3))
    theirs = F.avg_pool2d(first(torch.tensor(x)), 3, 2, padding=1, count_include_pad=count_padding)
    assert_close(cr.avg_pool(x, 3, 2, 1, count_padding), last(theirs).numpy())


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution(groups: int) -> None:
    rng = np.random.default_rng(0)
    x, k = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(3, 2, 4 // groups, 6))
    theirs = F.conv_transpose2d(
        first(torch.tensor(x)),
        filters(torch.tensor(k)),
        stride=(2, 3),
        padding=1,
        output_padding=(1, 2),
        groups=groups,
        dilation=(1, 2),
    )
    assert_close(cr.conv_transpose2d(x, k, (2, 3), 1, (1, 2), groups, (1, 2)), last(theirs).numpy())


@pytest.mark.parametrize("dilation", [1, 2])
def test_one_dimensional_convolution(dilation: int) -> None:
    rng = np.random.default_rng(0)
    x, k = rng.normal(size=(2, 9, 4)), rng.normal(size=(3, 2, 6))
    theirs = F.conv1d(
        first(torch.tensor(x)), torch.tensor(k).permute(2, 1, 0), stride=2, padding=1, dilation=dilation, groups=2
    )
    assert_close(cr.conv1d(x, k, 2, 1, dilation, 2), last(theirs).numpy())
    pooled = F.max_pool1d(first(torch.tensor(x)), 3, 2, padding=1)
    assert_close(cr.max_pool(x, 3, 2, 1), last(pooled).numpy())


def test_libraries_share_numbers_by_dlpack() -> None:
    t = cr.tensor([[1.0, 2.0]])
    shared = torch.from_dlpack(t)
    shared[0, 0] = 9
    assert t.tolist() == [[1, 2]]
