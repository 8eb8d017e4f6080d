"""One row per layer: an independent definition, shapes, gradients, and the ways to write it down."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import plan
from chainrule.errors import ModelError, SettingError, ShapeError, UnknownName
from chainrule.graph import Graph, Tensor, placeholder, tensor
from chainrule.init import Normal
from chainrule.layers import LAYERS, Context, Layer, Param, parse, record
from chainrule.layers.config import from_config, to_config
from chainrule.layers.default import default_net

rng = np.random.default_rng(0)


def conv(x: Any, w: Any, b: Any) -> Any:
    """3x3, stride 1, zeros around: one product per position of the kernel."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, v = x.shape[1:3]
    return sum(padded[:, i : i + h, j : j + v] @ w[i, j] for i in range(3) for j in range(3)) + b


def conv_1d(x: Any, w: Any, b: Any) -> Any:
    """3, stride 1, zeros around."""
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    return sum(padded[:, i : i + x.shape[1]] @ w[i] for i in range(3)) + b


def upconv(x: Any, w: Any, b: Any) -> Any:
    """2x2, stride 2: every pixel becomes four, none of which another one reaches."""
    y = np.empty((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], w.shape[-1]))
    for i, j in np.ndindex(2, 2):
        y[:, i::2, j::2] = x @ w[i, j] + b
    return y


def norm(x: Any, scale: Any, shift: Any, mean: Any, var: Any) -> Any:
    m, v = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - m) / np.sqrt(v + 1e-5) * scale + shift


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rnn(x: Any, w: Any, u: Any, b: Any) -> Any:
    h = np.zeros((len(x), 2))
    for t in range(3):
        h = np.tanh(np.hstack([x[:, t], h]) @ np.vstack([w, u]) + b)
    return h


def lstm(x: Any, w: Any, u: Any, b: Any) -> Any:
    h = c = np.zeros((len(x), 2))
    for t in range(3):
        i, f, g, o = (x[:, t] @ w[:, k : k + 2] + h @ u[:, k : k + 2] + b[k : k + 2] for k in (0, 2, 4, 6))
        c = logistic(f) * c + logistic(i) * np.tanh(g)
        h = logistic(o) * np.tanh(c)
    return h


def gru(x: Any, w: Any, u: Any, b: Any) -> Any:
    h = np.zeros((len(x), 2))
    for t in range(3):
        r, z, n = (x[:, t] @ w[:, k : k + 2] + b[k : k + 2] for k in (0, 2, 4))
        r, z = logistic(r + h @ u[:, :2]), logistic(z + h @ u[:, 2:4])
        h = (1 - z) * np.tanh(n + r * (h @ u[:, 4:])) + z * h
    return h


def layer_norm(x: Any, scale: Any, shift: Any) -> Any:
    return np.stack([(row - row.mean()) / math.sqrt(row.var() + 1e-5) * scale + shift for row in x])


def maxout(x: Any, w: Any, b: Any) -> Any:
    z = x @ w + b
    return np.stack([z[:, :3].max(1), z[:, 3:].max(1)], 1)


def halves(z: Any) -> Any:
    return np.maximum(z[..., 0::2], z[..., 1::2])


@dataclass
class Row:
    layer: Layer
    word: str
    x: tuple[int, ...]
    oracle: Any
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


IMAGE = (2, 4, 4, 2)
ROWS = {
    "Dense": Row(cr.Dense(3), "dense3", (4, 2), lambda x, w, b: x @ w + b, {"w": (2, 3), "b": (3,)}),
    "Conv2d": Row(cr.Conv2d(3), "conv3-3", IMAGE, conv, {"w": (3, 3, 2, 3), "b": (3,)}),
    "Conv1d": Row(cr.Conv1d(3), "conv1d3-3", (2, 5, 2), conv_1d, {"w": (3, 2, 3), "b": (3,)}),
    "ConvTranspose2d": Row(cr.ConvTranspose2d(3), "upconv3-2-2", IMAGE, upconv, {"w": (2, 2, 2, 3), "b": (3,)}),
    "ConvTranspose1d": Row(
        cr.ConvTranspose1d(3),
        "upconv1d3",
        (2, 3, 2),
        lambda x, w, b: np.stack([x @ w[0], x @ w[1]], 2).reshape(2, 6, 3) + b,
        {"w": (2, 2, 3), "b": (3,)},
    ),
    "BatchNorm": Row(cr.BatchNorm(), "bn", IMAGE, norm, {"scale": (2,), "shift": (2,), "mean": (2,), "var": (2,)}),
    "ReLU": Row(cr.ReLU(), "relu", (3, 2), lambda x: np.where(x > 0, x, 0)),
    "Tanh": Row(cr.Tanh(), "tanh", (3, 2), lambda x: 1 - 2 / (np.exp(2 * x) + 1)),
    "Sigmoid": Row(cr.Sigmoid(), "sigmoid", (3, 2), lambda x: 1 / (1 + np.exp(-x))),
    "Identity": Row(cr.Identity(), "identity", (3, 2), lambda x: x),
    "Threshold": Row(cr.Threshold(), "step", (3, 2), lambda x: np.where(x > 0, 1.0, 0.0)),
    "LeakyReLU": Row(cr.LeakyReLU(0.2), "leaky0.2", (3, 2), lambda x: np.maximum(x, 0) + 0.2 * np.minimum(x, 0)),
    "PReLU": Row(cr.PReLU(), "prelu", (3, 2), lambda x, a: np.maximum(x, 0) + a * np.minimum(x, 0), {"slope": (2,)}),
    "ELU": Row(cr.ELU(0.5), "elu0.5", (3, 2), lambda x: np.maximum(x, 0) + 0.5 * (np.exp(np.minimum(x, 0)) - 1)),
    "SELU": Row(
        cr.SELU(),
        "selu",
        (3, 2),
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    ),
    "GELU": Row(cr.GELU(), "gelu", (3, 2), np.vectorize(lambda x: x * NormalDist().cdf(x))),
    "SiLU": Row(cr.SiLU(), "silu", (3, 2), lambda x: x / (1 + np.exp(-x))),
    "Softplus": Row(cr.Softplus(), "softplus", (3, 2), lambda x: np.log(1 + np.exp(x))),
    "Maxout": Row(cr.Maxout(2, 3), "maxout2-3", (4, 2), maxout, {"w": (2, 6), "b": (6,)}),
    "MaxoutConv2d": Row(
        cr.MaxoutConv2d(2, pieces=2),
        "maxconv2-3",
        IMAGE,
        lambda x, w, b: halves(conv(x, w, b)),
        {"w": (3, 3, 2, 4), "b": (4,)},
    ),
    "AvgPool2d": Row(cr.AvgPool2d(), "avgpool2", IMAGE, lambda x: x.reshape(2, 2, 2, 2, 2, 2).mean((2, 4))),
    "GlobalAvgPool": Row(cr.GlobalAvgPool(), "gap", IMAGE, lambda x: np.einsum("nhwc->nc", x) / 16),
    "GlobalMaxPool": Row(
        cr.GlobalMaxPool(), "gmp", IMAGE, lambda x: np.stack([[row[..., c].max() for c in (0, 1)] for row in x])
    ),
    "LayerNorm": Row(cr.LayerNorm(), "ln", (4, 3), layer_norm, {"scale": (3,), "shift": (3,)}),
    "Reshape": Row(cr.Reshape(2, 3), "reshape2-3", (4, 6), lambda x: np.array([[row[:3], row[3:]] for row in x])),
    "Upsample": Row(cr.Upsample(2), "upsample2", IMAGE, lambda x: np.kron(x, np.ones((1, 2, 2, 1)))),
    "Residual": Row(cr.Residual(cr.Tanh()), "", (3, 2), lambda x: x),
    "Concat": Row(cr.Concat(cr.Tanh(), cr.Identity()), "", (3, 2), lambda x: x),
    "Parallel": Row(cr.Parallel(cr.Dense(2), cr.Identity(), join="max"), "", (3, 2), lambda x: x),
    "Net": Row(cr.Net(a=cr.Dense(2, init=Normal(0.5)), both=("sum", "a", "x")), "", (3, 2), lambda x: x),
    "SimpleRNN": Row(cr.SimpleRNN(2), "rnn2", (2, 3, 2), rnn, {"w": (2, 2), "u": (2, 2), "b": (2,)}),
    "LSTM": Row(cr.LSTM(2), "lstm2", (2, 3, 2), lstm, {"w": (2, 8), "u": (2, 8), "b": (8,)}),
    "GRU": Row(cr.GRU(2), "gru2", (2, 3, 2), gru, {"w": (2, 6), "u": (2, 6), "b": (6,)}),
    "Embedding": Row(
        cr.Embedding(3, 2),
        "embed3-2",
        (4, 2),
        lambda x, w: np.array([[w[int(c)] for c in row] for row in x]),
        {"w": (3, 2)},
    ),
    "MaxPool2d": Row(cr.MaxPool2d(), "pool2", IMAGE, lambda x: x.reshape(2, 2, 2, 2, 2, 2).max((2, 4))),
    "MaxPool1d": Row(cr.MaxPool1d(), "pool1d2", (2, 4, 2), lambda x: np.maximum(x[:, ::2], x[:, 1::2])),
    "AvgPool1d": Row(cr.AvgPool1d(), "avgpool1d", (2, 4, 2), lambda x: (x[:, ::2] + x[:, 1::2]) / 2),
    "Flatten": Row(cr.Flatten(), "flatten", IMAGE, lambda x: np.stack([row.ravel() for row in x])),
    "Dropout": Row(cr.Dropout(0.0), "dropout0.0", (3, 2), lambda x: x),
    "Sequential": Row(cr.Sequential(cr.Dense(2), cr.Tanh()), "", (3, 2), lambda x: x),
}
LEAVES = [name for name, row in ROWS.items() if row.word]  # the others hold layers, and stand in no notation


def test_every_layer_has_a_row() -> None:
    own = {name: layer for name, layer in LAYERS.items() if layer.__module__.startswith("chainrule.")}
    bases = {base for layer in own.values() for base in layer.__bases__}
    assert set(ROWS) == {name for name, layer in own.items() if layer.word or layer not in bases}


def applied(row: Row, x: Tensor, arrays: list[Tensor]) -> Tensor:
    """The layer in training on given arrays."""
    ctx = Context(train=True, seed=tensor(np.int64(0)), step=tensor(np.int64(0)))
    return row.layer.forward(x, dict(zip(row.shapes, arrays, strict=True)), ctx)


@pytest.mark.parametrize("name", LEAVES)
def test_forward_shapes_and_gradients(name: str) -> None:
    row = ROWS[name]
    codes = name == "Embedding"  # whose input is whole numbers, by which there is no gradient
    x = rng.permutation(np.linspace(-1, 1.03, int(np.prod(row.x)))).reshape(row.x)
    x = rng.integers(0, 3, row.x).astype(float) if codes else x
    arrays = [rng.uniform(0.5, 1.5, shape) for shape in row.shapes.values()]
    assert {key: spec.shape for key, spec in row.layer.build(row.x).items()} == row.shapes
    y = applied(row, tensor(x), [tensor(a) for a in arrays])
    np.testing.assert_allclose(np.asarray(y), row.oracle(x, *arrays), rtol=1e-12, atol=1e-12)
    if codes:
        cr.check_grads(lambda *p: applied(row, tensor(x), list(p)), arrays)
    else:
        cr.check_grads(lambda x, *p: applied(row, x, list(p)), [x, *arrays])


@pytest.mark.parametrize("name", LEAVES)
def test_notation(name: str) -> None:
    assert [layer for _, layer in parse(ROWS[name].word).layers] == [ROWS[name].layer]


@pytest.mark.parametrize("name", ROWS)
def test_config_survives_json(name: str) -> None:
    assert from_config(json.loads(json.dumps(to_config(ROWS[name].layer)))) == ROWS[name].layer


def test_a_config_keeps_the_settings_of_its_initialiser() -> None:
    layer = cr.Dense(3, init=Normal(0.5))
    assert from_config(json.loads(json.dumps(to_config(layer)))) == layer


def test_a_config_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match="a layer 'Dens' that is not defined here; did you mean 'Dense'"):
        from_config({"layer": "Dens", "units": 3})
    with pytest.raises(ModelError, match="'Dense' does not fit this version"):
        from_config({"layer": "Dense", "unit": 3})


@pytest.mark.parametrize(
    ("notation", "sentence"),
    [
        ("", "the network is empty"),
        ("dense10 rellu", "no layer 'rellu'; did you mean 'relu'"),
        ("dense", r"'dense' does not fit Dense, which takes \(units, init\)"),
        ("relu3", "'relu3' has too many numbers for ReLU, which takes none"),
        ("dense0", "'dense0': The 'units' parameter of Dense must be an int of at least 1. Got 0 instead"),
        ("dense1.5", "The 'units' parameter of Dense"),
        ("dropout1.5", "The 'rate' parameter of Dropout"),
        ("conv3-1.2.3", "'1.2.3' is not a number"),
        ("dense-5", "'dense-5' is not a layer"),
    ],
)
def test_notation_mistakes(notation: str, sentence: str) -> None:
    with pytest.raises((SettingError, UnknownName), match=sentence):
        parse(notation)


def test_names_in_a_sequential() -> None:
    net = cr.Sequential(cr.Dense(4), cr.ReLU(), cr.Dense(2), last=cr.Dense(1))
    assert [name for name, _ in net.layers] == ["dense1", "relu1", "dense2", "last"]
    assert str(net) == "Sequential(Dense(units=4), ReLU(), Dense(units=2), Dense(units=1))"
    with pytest.raises(SettingError, match="one name"):
        cr.Sequential(cr.Dense(4), dense1=cr.Dense(2))
    with pytest.raises(SettingError, match="takes layers, found 3"):
        cr.Sequential(3)  # type: ignore[arg-type]


def test_a_shape_that_does_not_fit_names_the_innermost_layer() -> None:
    net = cr.Sequential(cr.Flatten(), inner=cr.Sequential(cr.Conv2d(3)))
    with pytest.raises(
        ShapeError, match=r"^layer 'inner/conv2d1', Conv2d\(units=3\), on an input of \(16,\) per example"
    ):
        record(net, (2, 4, 4, 1))
    with pytest.raises(ShapeError, match=r"layer 'maxpool2d1'.*a window of 5 does not fit along h"):
        record(parse("pool5"), (2, 4, 4, 1))


@pytest.mark.parametrize(
    ("size", "stride", "expected"), [(3, 1, (7, 5)), (3, 2, (4, 3)), (4, 3, (3, 2)), (1, 2, (4, 3))]
)
def test_same_padding_gives_ceil(size: int, stride: int, expected: tuple[int, int]) -> None:
    assert record(cr.Conv2d(2, size, stride), (1, 7, 5, 1))[2].shape[1:3] == expected
    assert record(cr.Conv2d(2, 3, 2, "valid"), (1, 7, 5, 1))[2].shape[1:3] == (3, 2)


def test_batch_norm_keeps_running_averages_and_uses_them() -> None:
    x = rng.normal(2, 3, (8, 3)).astype(np.float32)
    ctx = Context(train=True)
    y = ctx.call("bn", cr.BatchNorm(keep=0.8), placeholder((8, 3), name="x"))
    start = {"bn/mean": np.ones(3, np.float32), "bn/var": np.full(3, 2, np.float32)}
    affine = {"bn/scale": np.full(3, 2, np.float32), "bn/shift": np.ones(3, np.float32)}
    inputs = {**ctx.leaves, "x": next(call.input for call in ctx.calls)}
    out = plan(Graph(inputs, {"y": y, **ctx.updates}))({"x": x, **start, **affine})
    np.testing.assert_allclose(out["bn/mean"], 0.8 + 0.2 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(out["bn/var"], 1.6 + 0.2 * x.var(0, ddof=1), rtol=1e-5)
    use, leaf, z = record(cr.Sequential(bn=cr.BatchNorm()), (8, 3))
    used = plan(Graph({**use.leaves, "x": leaf}, {"z": z}))({"x": x, **start, **affine})["z"]
    np.testing.assert_allclose(used, 2 * (x - 1) / np.sqrt(2 + 1e-5) + 1, rtol=1e-5)
    with pytest.raises(ShapeError, match="one value per channel has no variance"):
        Context(train=True).call("bn", cr.BatchNorm(), placeholder((1, 3)))


def mask(seed: int, step: int, path: str = "dropout1") -> Any:
    ctx = Context(train=True, seed=tensor(np.int64(seed)), step=tensor(np.int64(step)))
    return np.asarray(ctx.call(path, cr.Dropout(0.3), tensor(np.ones((100, 100), np.float32))))


def test_dropout() -> None:
    kept = mask(0, 0)
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((kept == 0).mean() - 0.3) < 5 * np.sqrt(0.21 / 10_000)
    np.testing.assert_array_equal(kept, mask(0, 0))
    for other in (mask(1, 0), mask(0, 1), mask(0, 0, "dropout2")):
        assert not np.array_equal(kept, other)
    _, x, y = record(cr.Dropout(0.3), (2, 2))
    assert y is x


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 1), (8, 8, 1), (28, 28, 1), (32, 31, 3), (7,)])
def test_default_nets_fit(shape: tuple[int, ...]) -> None:
    ctx, _, y = record(parse(default_net(shape, 5)), (2, *shape))
    assert y.shape == (2, 5)
    assert any(isinstance(spec, Param) and spec.decay for spec in ctx.declared.values())


@pytest.mark.parametrize(
    ("net", "shape", "sentence"),
    [
        (cr.Residual(cr.Dense(3)), (2, 5), r"the inner layer gives \(3,\) for \(5,\)"),
        (cr.Reshape(2, 2), (2, 5), r"5 elements do not fill \(2, 2\), which are 4"),
        (cr.Upsample(), (2, 5), r"expected images \(h, w, c\), found \(5,\)"),
        (cr.Conv2d(4, groups=2), (2, 5, 5, 3), "3 channels cannot be cut into 2 groups"),
        (
            cr.Conv2d(4, 3, padding="valid", dilation=3),
            (2, 5, 5, 3),
            r"a window of 3 \(dilated by 3: 7\) does not fit along h",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_numbers(net: Layer, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ShapeError, match=sentence):
        record(net, shape)


def test_a_recurrent_network_learns_what_came_first() -> None:
    """The first of five numbers, read off the last state: the state carries it."""
    x = rng.normal(size=(64, 5, 1))
    for layer in (cr.SimpleRNN(16), cr.LSTM(16), cr.GRU(16)):
        step = cr.Step(cr.Sequential(layer, cr.Dense(1)), x, x[:, 0], optimizer=cr.Adam(0.02))
        losses = [step(x, x[:, 0]) for _ in range(150)]
        assert losses[-1] < 0.1 * losses[0], layer
    assert record(cr.LSTM(3, sequence=True), (2, 5, 1))[2].shape == (2, 5, 3)
    with pytest.raises(ShapeError, match=r"expected sequences \(t, c\), found \(5,\)"):
        record(cr.GRU(3), (2, 5))


def test_maxout_filters_come_in_groups_too() -> None:
    layer = cr.MaxoutConv2d(2, pieces=3, groups=2)
    assert layer.build((1, 4, 4, 6))["w"].shape == (3, 3, 3, 6)
    assert record(layer, (1, 4, 4, 6))[2].shape == (1, 4, 4, 2)
    with pytest.raises(SettingError, match="The 'units' parameter of MaxoutConv2d must be an int of at least 1"):
        cr.MaxoutConv2d(0)
