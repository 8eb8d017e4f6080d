"""Layers side by side: branches, joins and free graphs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, SettingError, ShapeError, UnknownName
from chainrule.graph import tensor
from chainrule.layers import Context, Layer, record
from chainrule.layers.branch import JOINS
from chainrule.layers.config import from_config, to_config

X = np.linspace(-1, 1, 12).reshape(2, 6)


def output(net: Layer, x: Any = X) -> Any:
    return np.asarray(Context(train=True).call("", net, tensor(x)))


def test_residual_and_concat() -> None:
    net = cr.Sequential(cr.Residual(cr.Sequential(cr.Tanh())), cr.Concat(cr.Sigmoid(), cr.Identity()))
    z = X + np.tanh(X)
    np.testing.assert_allclose(output(net), np.concatenate([1 / (1 + np.exp(-z)), z], axis=1), rtol=1e-12)
    deep = cr.Residual(cr.Sequential(cr.Dense(4), cr.ReLU(), cr.Dense(6)))
    assert list(record(deep, (2, 6))[0].declared) == [
        "inner/dense1/w",
        "inner/dense1/b",
        "inner/dense2/w",
        "inner/dense2/b",
    ]


PARTS = [X, np.tanh(X), 1 / (1 + np.exp(-X))]
JOINED = {
    "concat": np.hstack(PARTS),
    "sum": np.sum(PARTS, axis=0),
    "mean": np.mean(PARTS, axis=0),
    "product": np.prod(PARTS, axis=0),
    "max": np.max(PARTS, axis=0),
}


def test_every_join_has_a_row() -> None:
    assert set(JOINED) == set(JOINS)


@pytest.mark.parametrize("join", JOINED)
def test_joins(join: str) -> None:
    branches = (cr.Identity(), cr.Tanh(), cr.Sigmoid())
    parallel = cr.Parallel(*branches, join=join)
    np.testing.assert_allclose(output(parallel), JOINED[join], rtol=1e-12)
    net = cr.Net(a=(cr.Identity(), "x"), b=(cr.Tanh(), "x"), c=(cr.Sigmoid(), "x"), out=(join, "a", "b", "c"))
    np.testing.assert_allclose(output(net), JOINED[join], rtol=1e-12)
    cr.check_grads(lambda x: Context(train=True).call("", net, x), [X])
    assert str(parallel) == f"Parallel(Identity(), Tanh(), Sigmoid(), join='{join}')"


def u_net() -> cr.Net:
    return cr.Net(
        fine=cr.Sequential(cr.Conv2d(4), cr.BatchNorm(), cr.ReLU()),
        coarse=(cr.Sequential(cr.MaxPool2d(), cr.Conv2d(8), cr.ReLU(), cr.ConvTranspose2d(4)), "fine"),
        both=("concat", "fine", "coarse"),
        out=cr.Conv2d(2, 1),
    )


def test_a_layer_alone_reads_what_stands_before_it() -> None:
    chain = cr.Net(a=cr.Tanh(), b=cr.Sigmoid(), c=cr.Tanh())
    np.testing.assert_array_equal(output(chain), output(cr.Sequential(cr.Tanh(), cr.Sigmoid(), cr.Tanh())))
    assert chain == cr.Net(a=(cr.Tanh(), "x"), b=(cr.Sigmoid(), "a"), c=(cr.Tanh(), "b"))
    assert repr(chain) == "Net(a=(Tanh(), 'x'), b=(Sigmoid(), 'a'), c=(Tanh(), 'b'))"


def test_the_input_can_be_read_again() -> None:
    net = cr.Net(t=cr.Tanh(), out=("product", "t", "x", "x"))
    np.testing.assert_allclose(output(net), np.tanh(X) * X * X, rtol=1e-12)


def test_a_u_net_by_hand() -> None:
    """The same layers called one by one, with the same arrays."""
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype(np.float32)
    step = cr.Step(cr.Sequential(u_net(), cr.Flatten()), images, np.zeros((3, 128)))
    values = {path.removeprefix("net1/"): array for path, array in step.arrays.items()}
    ctx = Context(train=True, values=values)
    (_, fine, _), (_, coarse, _), _, (_, out, _) = u_net().nodes
    assert isinstance(fine, Layer)
    assert isinstance(coarse, Layer)
    assert isinstance(out, Layer)
    a = ctx.call("fine", fine, tensor(images))
    b = ctx.call("coarse", coarse, a)
    expected = ctx.call("out", out, cr.concat([a, b], axis=-1))
    found = Context(train=True, values=values).call("", u_net(), tensor(images))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    assert found.shape == (3, 8, 8, 2)


def test_a_net_trains_and_its_joins_have_names() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 8, 8, 1)), rng.integers(0, 3, 16)
    step = cr.Step(cr.Sequential(free=u_net(), gap=cr.GlobalAvgPool(), out=cr.Dense(3)), x, y, optimizer=cr.Adam(0.02))
    first, last = step(x, y), [step(x, y) for _ in range(40)][-1]
    assert last < 0.7 * first
    assert step.peek("free/both/out").value.shape == (16, 8, 8, 8)


@pytest.mark.parametrize(
    "net",
    [
        u_net(),
        cr.Net(only=cr.Dense(3)),
        cr.Parallel(cr.Dense(3), cr.Conv2d(3, (1, 2), padding=((0, 1), 2)), join="mean"),
        cr.Residual(cr.Dense(3)),
        cr.Sequential(cr.Concat(cr.Dense(3), cr.Residual(cr.Conv1d(3, padding=(1, 2))))),
    ],
    ids=lambda net: type(net).__name__,
)
def test_nested_layers_survive_json(net: Layer) -> None:
    assert from_config(json.loads(json.dumps(to_config(net)))) == net


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (cr.Net, "Net takes at least one node, such as conv="),
        (
            lambda: cr.Net(conv=cr.Dense(1), out=("sum", "conv", "cnv")),
            "node 'out' reads 'cnv', which is not there; did you mean 'conv'",
        ),
        (
            lambda: cr.Net(a=(cr.Tanh(), "b"), b=(cr.Tanh(), "a")),
            "node 'a' reads 'b', which does not stand before it; a net has no circles",
        ),
        (lambda: cr.Net(a=(cr.Tanh(), "a")), "node 'a' reads 'a', which does not stand before it"),
        (lambda: cr.Net(a=cr.Tanh(), b=(cr.Tanh(), "x")), "nothing reads Net's node 'a', and it is not the last"),
        (lambda: cr.Net(a=(cr.Tanh(), "x", "x")), "node 'a' reads 2 names: a layer reads one: join several first"),
        (lambda: cr.Net(a=(cr.Tanh(),)), "node 'a' reads 0 names: a layer reads one"),
        (lambda: cr.Net(a=("sum", "x")), "node 'a' reads 1 names: a join needs at least two"),
        (lambda: cr.Net(a=("summ", "x", "x")), "there is no join 'summ'; did you mean 'sum'"),
        (lambda: cr.Net(a=3), "node 'a' must be a layer, or a layer or join with names: .* Got 3"),
        (lambda: cr.Net(a=(cr.Tanh(), cr.Tanh())), "node 'a' must be a layer, or a layer or join with names"),
        (lambda: cr.Net(a=()), "node 'a' must be a layer"),
        (lambda: cr.Net(x=cr.Tanh()), "a node of a Net cannot be called 'x'"),
        (lambda: cr.Net(**{"": cr.Tanh()}), "a name in a Net .* not empty, .* Got ''"),
        (lambda: cr.Net(**{"a/b": cr.Tanh()}), "without '/'.* Got 'a/b'"),
        (lambda: cr.Sequential(**{"a/b": cr.Tanh()}), "a name in a Sequential .* Got 'a/b'"),
        (lambda: cr.Sequential(**{"~a": cr.Tanh()}), "not '~' first. Got '~a'"),
        (lambda: cr.Residual(3), "'inner' parameter of Residual must be a layer.* Got 3"),  # type: ignore[arg-type]
        (lambda: cr.Residual("dense3"), "'inner' parameter of Residual must be a layer"),  # type: ignore[arg-type]
        (cr.Parallel, r"Parallel takes layers, at least one. Got \(\) instead"),
        (lambda: cr.Concat(3), r"Concat takes layers, at least one. Got \(3,\) instead"),  # type: ignore[arg-type]
        (lambda: cr.Parallel(cr.Tanh(), join="concatt"), "there is no join 'concatt'; did you mean 'concat'"),
    ],
)
def test_wiring_mistakes(make: Any, sentence: str) -> None:
    with pytest.raises((SettingError, UnknownName), match=sentence):
        make()


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (cr.Parallel(cr.Dense(3), cr.Dense(4)), r"'sum' of \(3,\), \(4,\): to be joined they need one shape$"),
        (
            cr.Net(a=cr.MaxPool2d(), b=("concat", "a", "x")),
            r"layer 'net', .*: node 'b': 'concat' of \(2, 2, 1\), \(4, 4, 1\): .* one shape but for the last axis",
        ),
        (cr.Residual(cr.Dense(3)), r"the inner layer gives \(3,\) for \(5,\)"),
    ],
    ids=["parallel", "net", "residual"],
)
def test_what_does_not_join_is_told_with_its_shapes(net: Layer, sentence: str) -> None:
    with pytest.raises(ShapeError, match=sentence) as raised:
        record(net, (2, 4, 4, 1) if isinstance(net, cr.Net) else (2, 5))
    assert isinstance(raised.value, ChainruleError)
