"""What cures do to networks: before, the cure, after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import chainrule as cr
from chainrule.fix import surgery
from chainrule.fix.tree import edited
from chainrule.init import Normal, zeros
from chainrule.layers import Context, Layer, Param, parse, record
from chainrule.network import declared_arrays, initial_arrays


@dataclass(frozen=True)
class Softmax(cr.Layer):
    """A layer of the user's: softmax."""

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Context) -> cr.Tensor:
        return cr.softmax(x)


@dataclass(frozen=True)
class Twice(cr.Layer):
    """A layer of the user's that holds two others, in a way of its own."""

    parts: tuple[cr.Layer, cr.Layer]

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Context) -> cr.Tensor:
        return ctx.call("b", self.parts[1], ctx.call("a", self.parts[0], x))


@dataclass(frozen=True)
class SigmoidDense(cr.Layer):
    """A dense layer of the user's with a sigmoid in it."""

    units: int

    def build(self, shape: tuple[int, ...]) -> Mapping[str, Param]:
        return {"w": Param((shape[-1], self.units), zeros)}

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Context) -> cr.Tensor:
        return cr.sigmoid(x @ p["w"])


@dataclass(frozen=True)
class Small(cr.Dense):
    """A dense layer of the user's that starts at 0."""

    init: Any = zeros


VECTOR, IMAGE = (6,), (8, 8, 1)
TABLE: list[tuple[str, Any, str, tuple[int, ...], str]] = [
    ("relu", (), "dense8 tanh dense8 sigmoid dense3", VECTOR, "dense8 relu dense8 relu dense3"),
    ("relu", (), "dense8 step dense8 softplus dense3", VECTOR, "dense8 relu dense8 relu dense3"),
    ("relu", (), "dense8 relu dense8 gelu dense3", VECTOR, "dense8 relu dense8 gelu dense3"),
    ("relu", (), "dense8 tanh dense3 tanh", VECTOR, "dense8 relu dense3 tanh"),
    ("relu", (), "dense8 res(dense8 tanh dense8) dense3", VECTOR, "dense8 res(dense8 relu dense8) dense3"),
    ("insert_relu", (), "dense8 dense8 dense3", VECTOR, "dense8 relu dense8 relu dense3"),
    ("insert_relu", (), "dense8 tanh dense8 dense3", VECTOR, "dense8 tanh dense8 relu dense3"),
    ("insert_relu", (), "conv4-3 bn pool2 flatten dense3", IMAGE, "conv4-3 bn pool2 flatten relu dense3"),
    ("insert_relu", (), "dense8 relu dense3", VECTOR, "dense8 relu dense3"),
    ("insert_relu", (), "maxout8 dense3", VECTOR, "maxout8 dense3"),
    ("insert_relu", (), "dense8 res(dense8) dense3", VECTOR, "dense8 res(relu dense8) relu dense3"),
    ("batch_norm", (), "conv4-3 relu conv4-3 bn relu gap dense3", IMAGE, "conv4-3 bn relu conv4-3 bn relu gap dense3"),
    ("batch_norm", (), "dense8 tanh dense3", VECTOR, "dense8 bn tanh dense3"),
    ("no_batch_norm", (), "conv4-3 bn relu gap bn dense3", IMAGE, "conv4-3 relu gap dense3"),
    ("linear_output", (), "dense8 relu dense3 sigmoid", VECTOR, "dense8 relu dense3"),
    ("linear_output", (), "dense8 relu dense3 relu dropout0.1", VECTOR, "dense8 relu dense3 dropout0.1"),
    ("linear_output", (), "conv4-3 relu conv3-1 sigmoid gap", IMAGE, "conv4-3 relu conv3-1 gap"),
    ("linear_output", (), "dense8 relu dense3", VECTOR, "dense8 relu dense3"),
    ("wider", (2,), "dense8 relu dense3", VECTOR, "dense16 relu dense3"),
    ("wider", (0.5,), "dense8 relu dense1 relu dense3", VECTOR, "dense4 relu dense1 relu dense3"),
    ("wider", (2,), "conv4-3 relu res(conv4-3 relu) gap dense3", IMAGE, "conv8-3 relu res(conv8-3 relu) gap dense3"),
    ("wider", (2,), "concat(dense4 | dense2 tanh) lstm4", (5, 3), "concat(dense8 | dense4 tanh) lstm4"),
    ("wider", (2,), "dense3", VECTOR, "dense3"),
    ("less_dropout", (0,), "dense8 relu dropout0.9 dense3", VECTOR, "dense8 relu dense3"),
    ("less_dropout", (0.2,), "dropout0.1 dense8 relu dropout0.9 dense3", VECTOR, "dropout0.1 dense8 relu dropout0.2 dense3"),
    ("add_dropout", (0.5,), "dense8 relu dense3", VECTOR, "dense8 relu dropout0.5 dense3"),
    ("add_dropout", (0.5,), "dense8 relu dropout0.1 dense3", VECTOR, "dense8 relu dropout0.1 dense3"),
]  # fmt: skip
SHAPELESS = ("less_dropout",)


def operated(name: str, net: cr.Layer, shape: tuple[int, ...], values: Any = ()) -> Layer:
    operation = getattr(surgery, name)
    found: Layer = operation(net, *([] if name in SHAPELESS else [shape]), *values)
    return found


@pytest.mark.parametrize(("name", "values", "before", "shape", "after"), TABLE)
def test_an_operation(name: str, values: Any, before: str, shape: tuple[int, ...], after: str) -> None:
    net = parse(before)
    found = operated(name, net, shape, values)
    assert found == parse(after)
    assert record(found, (2, *shape))[2].shape == record(net, (2, *shape))[2].shape
    assert operated(name, found, shape, () if name == "wider" else values) == found if name != "wider" else True
    assert net == parse(before)


def test_what_stands_inside_of_nets_and_of_the_users_own_layers() -> None:
    net = cr.Net(
        a=cr.Dense(4),
        b=(cr.Sequential(cr.Tanh(), cr.Dense(4)), "a"),
        both=("sum", "a", "b"),
        own=Twice((cr.Sigmoid(), cr.Dense(5))),
        out=cr.Sequential(Softmax(), cr.Dense(3), Softmax()),
    )
    cured = surgery.relu(net, VECTOR)
    assert str(cured) == (
        "Net(a=(Dense(units=4), 'x'), b=(Sequential(ReLU(), Dense(units=4)), 'a'), both=('sum', 'a', 'b'), "
        "own=(Twice(parts=({own})), 'both'), out=(Sequential(ReLU(), Dense(units=3), Softmax()), 'own'))"
    ).replace("{own}", f"ReLU(), {cr.Dense(5)!r}")
    assert str(surgery.linear_output(net, VECTOR)).endswith("out=(Sequential(Softmax(), Dense(units=3)), 'own'))")
    wide = surgery.wider(net, VECTOR, 3)
    widths = [call.output.shape[-1] for call in record(wide, (2, *VECTOR))[0].calls if isinstance(call.layer, cr.Dense)]
    assert widths == [12, 12, 15, 3]


def test_a_dense_layer_of_the_users_that_bends_its_output() -> None:
    net = cr.Sequential(cr.Dense(8), cr.ReLU(), SigmoidDense(3))
    assert surgery.linear_output(net, VECTOR) == parse("dense8 relu dense3")
    assert surgery.insert_relu(cr.Sequential(SigmoidDense(8), cr.Dense(3)), VECTOR) == cr.Sequential(
        SigmoidDense(8), cr.Dense(3)
    )


def test_initial_weights_as_by_default() -> None:
    net = cr.Sequential(cr.Dense(8, Normal(1e-4)), cr.ReLU(), Small(8), cr.ReLU(), cr.Dense(3, zeros))
    cured = surgery.default_init(net)
    assert [str(layer) for layer in (cured.layers[i][1] for i in (0, 4))] == ["Dense(units=8)", "Dense(units=3)"]  # type: ignore[attr-defined]
    arrays = initial_arrays(declared_arrays(cured, (2, *VECTOR)), (), 0)
    assert {path: bool(a.any()) for path, a in arrays.items() if path.endswith("w")} == {
        "dense1/w": True, "small1/w": True, "dense2/w": True
    }  # fmt: skip
    plain = parse("dense8 relu prelu bn dense3")
    assert surgery.default_init(plain) == plain


def test_names_stay_and_with_them_the_initial_weights() -> None:
    net = cr.Sequential(first=cr.Dense(4), bend=cr.Tanh(), relu1=cr.Dense(4), last=cr.Dense(3))
    cured = surgery.insert_relu(surgery.relu(net, VECTOR), VECTOR)
    assert isinstance(cured, cr.Sequential)
    assert [name for name, _ in cured.layers] == ["first", "relu2", "relu1", "relu3", "last"]
    before, after = (declared_arrays(n, (2, *VECTOR)) for n in (net, cured))
    assert before == after


def test_one_object_in_two_places() -> None:
    shared = cr.Dense(6)
    net = cr.Sequential(shared, cr.Tanh(), shared)
    assert surgery.wider(net, VECTOR, 2) == net  # what is output in one place stays as wide as it is
    bend = cr.Sigmoid()
    net = cr.Sequential(cr.Dense(4), bend, cr.Dense(4), bend, cr.Dense(3))
    assert surgery.relu(net, VECTOR) == parse("dense4 relu dense4 relu dense3")


def test_a_network_that_is_one_layer() -> None:
    assert surgery.add_dropout(cr.Dense(3), VECTOR, 0.5) == parse("dropout0.5 dense3")
    assert edited(cr.Tanh(), lambda layer: []) == cr.Identity()
    assert edited(cr.Residual(cr.Tanh()), lambda layer: []) == cr.Residual(cr.Identity())
