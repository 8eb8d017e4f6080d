"""Every layer with PyTorch's of the same arrays, in float64: output and all gradients to 1e-10; skipped without PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import tensor
from chainrule.layers import LAYERS, Context, Layer, Param

torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
torch.set_num_threads(1)  # arrays this small wait longer for a second core than they take
F: Any = torch.nn.functional
nn: Any = torch.nn
IMAGE, SIGNAL, ROW = (3, 7, 8, 4), (3, 9, 4), (5, 4)


@dataclass
class Row:
    """`torch(x, **arrays)`: the arrays are those that our layer declares, by name, in our layout."""

    layer: Layer
    x: tuple[int, ...]
    torch: Callable[..., Any]
    train: bool = True


def first(x: Any) -> Any:
    """Channels first, as PyTorch has them."""
    return x.movedim(-1, 1)


def last(x: Any) -> Any:
    return x.movedim(1, -1)


def kernel(w: Any) -> Any:
    """(size ..., i, o) -> (o, i, size ...)."""
    return w.movedim((-1, -2), (0, 1))


def conv(op: Any, **settings: Any) -> Callable[..., Any]:
    return lambda x, w, b: last(op(first(x), kernel(w), b, **settings))


def transposed(op: Any, groups: int = 1, **settings: Any) -> Callable[..., Any]:
    """Theirs takes (i, o / groups, size ...), group after group of i."""

    def run(x: Any, w: Any, b: Any) -> Any:
        parts = [kernel(part).swapaxes(0, 1) for part in w.chunk(groups, -1)]
        return last(op(first(x), torch.cat(parts), b, groups=groups, **settings))

    return run


def pooled(op: Any, *settings: Any, **named: Any) -> Callable[..., Any]:
    return lambda x: last(op(first(x), *settings, **named))


def maxout(x: Any, w: Any, b: Any) -> Any:
    return (x @ w + b).unflatten(-1, (3, 2)).amax(-1)


def batch_norm(x: Any, scale: Any, shift: Any, mean: Any, var: Any) -> Any:
    return last(F.batch_norm(first(x), mean.clone(), var.clone(), scale, shift, training=True))


def batch_norm_in_use(x: Any, scale: Any, shift: Any, mean: Any, var: Any) -> Any:
    return last(F.batch_norm(first(x), mean, var, scale, shift))


def recurrent(kind: Any) -> Callable[..., Any]:
    """Their layer with our arrays in the place of its parameters, and its second bias at 0."""

    def run(x: Any, w: Any, u: Any, b: Any) -> Any:
        layer = kind(w.shape[0], u.shape[0], batch_first=True).double()
        names = {"weight_ih_l0": w.mT, "weight_hh_l0": u.mT, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
        return torch.func.functional_call(layer, names, (x,))[0]

    return run


def final(run: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **arrays: run(*args, **arrays)[:, -1]


ROWS = {
    "Dense": Row(cr.Dense(3), ROW, lambda x, w, b: F.linear(x, w.mT, b)),
    "Conv2d": Row(cr.Conv2d(6, 3, 2, 1, dilation=2, groups=2), IMAGE, conv(F.conv2d, stride=2, padding=1, dilation=2, groups=2)),
    "Conv2d same": Row(cr.Conv2d(5, 3), IMAGE, conv(F.conv2d, padding="same")),
    "Conv2d rectangular": Row(cr.Conv2d(5, (2, 3), (1, 2), (1, 0)), IMAGE, conv(F.conv2d, stride=(1, 2), padding=(1, 0))),
    "Conv1d": Row(cr.Conv1d(6, 3, 2, 2, dilation=2, groups=2), SIGNAL, conv(F.conv1d, stride=2, padding=2, dilation=2, groups=2)),
    "ConvTranspose2d": Row(
        cr.ConvTranspose2d(6, 3, 2, 1, dilation=2, groups=2, extra=1),
        IMAGE,
        transposed(F.conv_transpose2d, 2, stride=2, padding=1, dilation=2, output_padding=1),
    ),
    "ConvTranspose2d doubles": Row(cr.ConvTranspose2d(6), IMAGE, transposed(F.conv_transpose2d, stride=2)),
    "ConvTranspose1d": Row(cr.ConvTranspose1d(6, 4, 3, 1), SIGNAL, transposed(F.conv_transpose1d, stride=3, padding=1)),
    "BatchNorm": Row(cr.BatchNorm(), IMAGE, batch_norm),
    "BatchNorm in use": Row(cr.BatchNorm(), IMAGE, batch_norm_in_use, train=False),
    "LayerNorm": Row(cr.LayerNorm(), (3, 5, 4), lambda x, scale, shift: F.layer_norm(x, (4,), scale, shift)),
    "Identity": Row(cr.Identity(), ROW, nn.Identity()),
    "Threshold": Row(cr.Threshold(), ROW, lambda x: torch.where(x > 0, 1.0, 0.0) + 0 * x),
    "ReLU": Row(cr.ReLU(), ROW, F.relu),
    "Tanh": Row(cr.Tanh(), ROW, torch.tanh),
    "Sigmoid": Row(cr.Sigmoid(), ROW, torch.sigmoid),
    "LeakyReLU": Row(cr.LeakyReLU(0.2), ROW, lambda x: F.leaky_relu(x, 0.2)),
    "PReLU": Row(cr.PReLU(), ROW, lambda x, slope: F.prelu(x, weight=slope)),
    "ELU": Row(cr.ELU(0.7), ROW, lambda x: F.elu(x, 0.7)),
    "SELU": Row(cr.SELU(), ROW, F.selu),
    "GELU": Row(cr.GELU(), ROW, F.gelu),
    "SiLU": Row(cr.SiLU(), ROW, F.silu),
    "Softplus": Row(cr.Softplus(), ROW, F.softplus),
    "Maxout": Row(cr.Maxout(3, 2), ROW, maxout),
    "MaxoutConv2d": Row(
        cr.MaxoutConv2d(3, pieces=2), IMAGE, lambda x, w, b: last(F.conv2d(first(x), kernel(w), b, padding=1)).unflatten(-1, (3, 2)).amax(-1)
    ),
    "MaxPool2d": Row(cr.MaxPool2d(3, 2, 1), IMAGE, pooled(F.max_pool2d, 3, 2, 1)),
    "AvgPool2d": Row(cr.AvgPool2d(3, 2, 1), IMAGE, pooled(F.avg_pool2d, 3, 2, 1, count_include_pad=False)),
    "MaxPool1d": Row(cr.MaxPool1d(3, 2, 1), SIGNAL, pooled(F.max_pool1d, 3, 2, 1)),
    "AvgPool1d": Row(cr.AvgPool1d(3, 2, 1), SIGNAL, pooled(F.avg_pool1d, 3, 2, 1, count_include_pad=False)),
    "GlobalAvgPool": Row(cr.GlobalAvgPool(), IMAGE, lambda x: F.adaptive_avg_pool2d(first(x), 1).flatten(1)),
    "GlobalMaxPool": Row(cr.GlobalMaxPool(), IMAGE, lambda x: F.adaptive_max_pool2d(first(x), 1).flatten(1)),
    "Flatten": Row(cr.Flatten(), IMAGE, nn.Flatten()),
    "Reshape": Row(cr.Reshape(2, 2), ROW, nn.Unflatten(1, (2, 2))),
    "Upsample": Row(cr.Upsample(3), IMAGE, lambda x: last(F.interpolate(first(x), scale_factor=3, mode="nearest"))),
    "Dropout": Row(cr.Dropout(0.4), ROW, nn.Dropout(0.4).eval(), train=False),
    "SimpleRNN": Row(cr.SimpleRNN(5), SIGNAL, final(recurrent(nn.RNN))),
    "LSTM": Row(cr.LSTM(5), SIGNAL, final(recurrent(nn.LSTM))),
    "LSTM sequence": Row(cr.LSTM(5, sequence=True), SIGNAL, recurrent(nn.LSTM)),
    "GRU": Row(cr.GRU(5), SIGNAL, final(recurrent(nn.GRU))),
    "Embedding": Row(cr.Embedding(6, 3), (5, 2), lambda x, w: F.embedding(x.long(), w)),
    "Residual": Row(cr.Residual(cr.Tanh()), ROW, lambda x: x + torch.tanh(x)),
    "Concat": Row(cr.Concat(cr.Tanh(), cr.ReLU()), ROW, lambda x: torch.cat([torch.tanh(x), F.relu(x)], -1)),
    "Parallel": Row(cr.Parallel(cr.Tanh(), cr.GELU(), join="max"), ROW, lambda x: torch.maximum(torch.tanh(x), F.gelu(x))),
    "Net": Row(cr.Net(a=cr.Tanh(), b=("product", "a", "x")), ROW, lambda x: torch.tanh(x) * x),
    "Sequential": Row(cr.Sequential(cr.Tanh(), cr.GELU()), ROW, lambda x: F.gelu(torch.tanh(x))),
}  # fmt: skip


def test_every_layer_has_a_row() -> None:
    own = {name: layer for name, layer in LAYERS.items() if layer.__module__.startswith("chainrule.")}
    bases = {base for layer in own.values() for base in layer.__bases__}
    ends = {name for name, layer in own.items() if layer.word or layer not in bases}
    assert {name.partition(" ")[0] for name in ROWS} == ends


def values_of(row: Row) -> tuple[Any, dict[str, Any], dict[str, bool]]:
    """An input, arrays by name, and which of them are trained."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, row.x).astype(float) if isinstance(row.layer, cr.Embedding) else rng.normal(size=row.x)
    specs = row.layer.build(row.x)
    arrays = {key: rng.uniform(0.2, 1.2, spec.shape) for key, spec in specs.items()}
    return x, arrays, {key: isinstance(spec, Param) for key, spec in specs.items()}


@pytest.mark.parametrize("name", ROWS)
def test_output_and_gradients(name: str) -> None:
    row = ROWS[name]
    x, arrays, trained = values_of(row)
    leaves = {key: torch.tensor(array, requires_grad=trained[key]) for key, array in arrays.items()}
    theirs = torch.tensor(x, requires_grad=not isinstance(row.layer, cr.Embedding))
    expected = row.torch(theirs, **leaves)
    g = np.random.default_rng(1).normal(size=tuple(expected.shape))
    (expected * torch.tensor(g)).sum().backward()

    def ours(x: Any, *values: Any) -> Any:
        ctx = Context(train=row.train, seed=tensor(np.int64(0)), step=tensor(np.int64(0)))
        return row.layer.forward(x, dict(zip(arrays, values, strict=True)), ctx)

    found, pull = cr.vjp(ours, x, *arrays.values())
    np.testing.assert_allclose(np.asarray(found), expected.detach().numpy(), rtol=0, atol=1e-10)
    for key, leaf, mine in zip(["x", *leaves], [theirs, *leaves.values()], pull(g), strict=True):
        if leaf.requires_grad:
            np.testing.assert_allclose(np.asarray(mine), leaf.grad.numpy(), rtol=0, atol=1e-10, err_msg=key)


def test_running_averages_of_batch_norm() -> None:
    x = np.random.default_rng(0).normal(2, 3, IMAGE)
    mean, var = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    F.batch_norm(first(torch.tensor(x)), mean, var, training=True, momentum=0.1)
    ctx = Context(
        train=True, values={"scale": np.ones(4), "shift": np.zeros(4), "mean": np.zeros(4), "var": np.ones(4)}
    )
    ctx.call("", cr.BatchNorm(), tensor(x))
    np.testing.assert_allclose(np.asarray(ctx.updates["mean"]), mean.numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.asarray(ctx.updates["var"]), var.numpy(), rtol=0, atol=1e-10)


def test_dropout_in_training_with_the_same_mask() -> None:
    """PyTorch draws other numbers, so it is handed ours: what it does with them must be the same."""
    x, g = np.random.default_rng(0).normal(size=(40, 5)), np.random.default_rng(1).normal(size=(40, 5))

    def ours(x: Any) -> Any:
        ctx = Context(train=True, seed=tensor(np.int64(3)), step=tensor(np.int64(0)))
        return ctx.call("dropout1", cr.Dropout(0.4), x)

    found, pull = cr.vjp(ours, x)
    mask = torch.tensor(np.asarray(found) != 0)
    assert 0.4 < mask.double().mean() < 0.8
    expected, back = (torch.ops.aten.native_dropout_backward(torch.tensor(v), mask, 1 / 0.6) for v in (x, g))
    np.testing.assert_allclose(np.asarray(found), expected.numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.asarray(pull(g)[0]), back.numpy(), rtol=0, atol=1e-10)
