"""What `summary` counts: by hand, against published figures of known networks, and sight by trying every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Tensor, tensor
from chainrule.graph.registry import OPS
from chainrule.init import ones
from chainrule.layers import Context, Layer, Param, parse
from chainrule.layers.field import KEPT, WINDOWED
from chainrule.layers.summary import layer_table, summary_rows
from chainrule.network import declared_arrays, initial_arrays


def test_a_cnn_by_hand() -> None:
    rows = summary_rows(parse("conv8-3 relu pool2 conv4-5 flatten dense10"), (28, 28, 3))
    assert [(r.output, r.parameters, r.multiply_adds, r.field) for r in rows] == [
        ((28, 28, 8), 3 * 3 * 3 * 8 + 8, 28 * 28 * 8 * 27, (3, 3)),
        ((28, 28, 8), 0, 0, (3, 3)),
        ((14, 14, 8), 0, 0, (4, 4)),
        ((14, 14, 4), 5 * 5 * 8 * 4 + 4, 14 * 14 * 4 * 200, (12, 12)),
        ((784,), 0, 0, (28, 28)),
        ((10,), 7850, 7840, (28, 28)),
    ]
    table = layer_table(rows, (28, 28, 3)).splitlines()
    assert table[0].split() == ["layer", "what", "output", "parameters", "multiply-adds", "sees"]
    assert table[-1].split() == ["total", "8,878", "333,984"]


def test_a_table_sees_no_image() -> None:
    rows = summary_rows(parse("dense8 relu dense3"), (5,))
    assert [(r.parameters, r.multiply_adds, r.field) for r in rows] == [(48, 40, None), (0, 0, None), (27, 24, None)]
    assert layer_table(rows, (5,)).splitlines()[0].split()[-1] == "multiply-adds"


LENET = "conv6-5-1-0 tanh avgpool2 tanh conv16-5-1-0 tanh avgpool2 tanh flatten dense120 tanh dense84 tanh dense10"


def alexnet() -> Layer:
    def conv(units: int, size: int, groups: int = 1) -> list[Layer]:
        return [cr.Conv2d(units, size, groups=groups), cr.ReLU()]

    pool = cr.MaxPool2d(3, 2)
    head = [layer for units in (4096, 4096) for layer in (cr.Dense(units), cr.ReLU(), cr.Dropout())]
    return cr.Sequential(
        cr.Conv2d(96, 11, 4, "exact"), cr.ReLU(), pool, *conv(256, 5, 2), pool, *conv(384, 3), *conv(384, 3, 2),
        *conv(256, 3, 2), pool, cr.Flatten(), *head, cr.Dense(1000),
    )  # fmt: skip


def vgg16() -> Layer:
    def stage(units: int, count: int) -> str:
        return " ".join([f"conv{units}-3 relu"] * count + ["pool2"])

    body = " ".join(stage(*s) for s in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)))
    return parse(f"{body} flatten dense4096 relu dropout dense4096 relu dropout dense1000")


@pytest.mark.parametrize(
    ("net", "shape", "parameters", "multiply_adds", "sees"),
    [
        # 61,706 and layer by layer: 28^2 25 6 + 10^2 150 16 + 400 120 + 120 84 + 84 10; 5 + 1 + 2 4 + 2 1 = 16 at the last pool
        (parse(LENET), (32, 32, 1), 61_706, 117_600 + 240_000 + 48_000 + 10_080 + 840, 16),
        # Krizhevsky et al. (2012): 60 million; Sze et al. (2017), table II: 724M; Araujo et al. (2019), table 1: 195
        (alexnet(), (227, 227, 3), 60_965_224, 724_406_816, 195),
        # Simonyan and Zisserman (2015), table 2: 138 million; Sze et al. (2017): 15.5G; Araujo et al. (2019): 212
        (vgg16(), (224, 224, 3), 138_357_544, 15_470_264_320, 212),
    ],
    ids=["LeNet-5", "AlexNet", "VGG-16"],
)
def test_published_figures(net: Layer, shape: tuple[int, ...], parameters: int, multiply_adds: int, sees: int) -> None:
    rows = summary_rows(net, shape)
    assert sum(r.parameters for r in rows) == parameters
    assert sum(r.multiply_adds for r in rows) == multiply_adds
    assert [r.field for r in rows if "pool" in r.path][-1] == (sees, sees)


@pytest.mark.parametrize(
    ("net", "shape", "expected"),
    [
        (cr.Conv1d(4, 5, stride=2), (64, 3), 32 * 4 * 15),
        (cr.Conv2d(4, 3, groups=2), (8, 8, 6), 64 * 4 * 27),
        (cr.ConvTranspose2d(4, 3), (8, 8, 6), 64 * 9 * 6 * 4),  # every pixel times every filter
        (cr.ConvTranspose1d(4, 3, groups=2), (8, 6), 8 * 3 * 3 * 4),
        (cr.SimpleRNN(5), (7, 3), 7 * (3 * 5 + 5 * 5)),
        (cr.LSTM(5), (7, 3), 7 * 4 * (3 * 5 + 5 * 5)),
        (cr.GRU(5), (7, 3), 7 * 3 * (3 * 5 + 5 * 5)),
        (cr.Maxout(5, 3), (4,), 60),
        (cr.Embedding(9, 5), (4,), 0),
        (cr.Residual(cr.Dense(4)), (4,), 16),
    ],
    ids=str,
)
def test_multiply_adds_by_hand(net: Layer, shape: tuple[int, ...], expected: int) -> None:
    assert sum(r.multiply_adds for r in summary_rows(net, shape)) == expected


@dataclass(frozen=True)
class Attention(Layer):
    """Two products of arrays of its own, beside a layer; and one of parameters alone, which is no cost of an example."""

    def build(self, shape: Any) -> Any:
        return {"w": Param((shape[-1], shape[-1]), cr.Dense(1).init)}

    def forward(self, x: Tensor, p: Any, ctx: Context) -> Tensor:
        w = p["w"] @ p["w"]
        return cr.einsum("ntc,nsc->nts", x @ w, x) @ ctx.call("value", cr.Dense(4), x)


def test_a_layer_that_holds_layers_and_computes_itself_has_its_row() -> None:
    rows = {r.path: r for r in summary_rows(Attention(), (5, 3))}
    assert rows["value"].multiply_adds == 5 * 3 * 4
    assert rows["attention"].multiply_adds == 5 * 3 * 3 + 5 * 5 * 3 + 5 * 5 * 4
    assert rows["attention"].parameters == 9


def seen_by_trying(net: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """How far apart the pixels are that move one place of the output, at most: each is raised by itself, all weights 1."""
    pixels = list(np.ndindex(*shape[:-1]))
    x = np.zeros((len(pixels), *shape), np.float32)
    for row, at in enumerate(pixels):
        x[(row, *at)] = 1
    arrays = initial_arrays(declared_arrays(net, x.shape), (), 0)
    y = np.asarray(Context(train=False, values=arrays).call("", net, tensor(x)))
    moved = (y > 0).reshape(*shape[:-1], -1)
    spans = [np.ptp(np.argwhere(moved[..., i]), axis=0) + 1 for i in range(moved.shape[-1]) if moved[..., i].any()]
    return tuple(int(n) for n in np.max([*spans, [0] * (len(shape) - 1)], axis=0))


SIGNAL_LAYERS = st.one_of(
    st.builds(
        lambda size, stride, fit: cr.Conv1d(1, size, stride, fit, ones),
        st.integers(1, 4),
        st.integers(1, 3),
        st.sampled_from(["same", (0, 1), 2]),
    ),
    st.builds(
        lambda size, stride: cr.ConvTranspose1d(1, size, stride, init=ones), st.integers(1, 4), st.integers(1, 3)
    ),
    st.builds(cr.MaxPool1d, st.integers(1, 3), st.integers(1, 3), st.just("same")),
    st.builds(cr.Upsample, st.integers(1, 3)),
    st.just(cr.ReLU()),
    st.just(cr.Parallel(cr.Conv1d(1, 5, init=ones), cr.Identity())),
)


@settings(max_examples=40)
@given(st.lists(SIGNAL_LAYERS, min_size=1, max_size=4))
def test_a_layer_sees_what_moves_it(layers: list[Layer]) -> None:
    net = cr.Sequential(*layers, cr.Identity())
    assert summary_rows(net, (20, 1))[-1].field == seen_by_trying(net, (20, 1))


U_NET = cr.Net(
    fine=cr.Conv2d(1, (3, 5), init=ones),
    coarse=(cr.Sequential(cr.MaxPool2d((2, 3)), cr.Conv2d(1, 3, init=ones)), "fine"),
    wide=cr.Upsample(1),
    up=(cr.ConvTranspose2d(1, (2, 3), (2, 3), init=ones), "wide"),
    both=("concat", "up", "fine"),
    out=cr.Conv2d(1, 1, init=ones),
)


@pytest.mark.parametrize(
    "net",
    [
        U_NET,
        cr.Conv2d(1, 3, padding=((1, 0), (2, 2)), dilation=(2, 1), init=ones),
        cr.Sequential(cr.AvgPool2d(2), cr.Conv2d(1, 2, init=ones), cr.Upsample(2), cr.MaxPool2d(3, 1)),
    ],
    ids=["net", "explicit padding", "upsample"],
)
def test_images_through_every_wiring(net: Layer) -> None:
    assert summary_rows(net, (12, 12, 1))[-1].field == seen_by_trying(net, (12, 12, 1))


@dataclass(frozen=True)
class Own(Layer):
    """What an op does to places: the sum with itself behind that op."""

    kind: str

    def forward(self, x: Tensor, p: Any, ctx: Context) -> Tensor:
        moved = {
            "flip": lambda: x[:, ::-1],
            "attention": lambda: (x @ x.transpose(0, 2, 1)) @ x,
            "einsum": lambda: cr.einsum("ntc,nsc->nts", x, x) @ x,
            "cumsum": lambda: cr.cumsum(x, 1),
            "turn": lambda: x.transpose(0, 2, 1).transpose(0, 2, 1),
            "head": lambda: cr.concat([x[:, :2], x[:, :2], x[:, :2]], axis=1),
            "softmax": lambda: cr.softmax(x, 1),
            "channels": lambda: cr.softmax(x, -1) * x.max(-1, keepdims=True),
            "gate": lambda: x * x.mean(1, keepdims=True),
        }
        return x + moved[self.kind]()


@pytest.mark.parametrize(
    ("kind", "sees"),
    [
        ("flip", 6),
        ("attention", 6),
        ("einsum", 6),
        ("cumsum", 6),
        ("turn", 1),
        ("head", 6),
        ("softmax", 6),
        ("channels", 1),
        ("gate", 6),
    ],
)
def test_places_that_move_are_followed_or_all_is_seen(kind: str, sees: int) -> None:
    rows = summary_rows(cr.Sequential(a=Own(kind), b=cr.Identity()), (6, 2))
    assert [row.field for row in rows] == [(sees,), (sees,)]


@pytest.mark.parametrize(
    ("text", "shape", "fields"),
    [
        ("reshape2-4-8 conv1-1", (4, 4, 4), [(4, 4), (4, 4)]),  # rows and columns run on into each other
        ("conv2-3 reshape6-6-1-2 flatten", (6, 6, 2), [(3, 3), (3, 3), (6, 6)]),
        ("maxconv4-3 conv4-3", (9, 9, 2), [(3, 3), (5, 5)]),
        ("maxout4-2 conv1d4-3", (9, 2), [(1,), (3,)]),
        ("ln prelu conv4-3 gelu dense4 bn selu", (9, 9, 2), [(1, 1)] * 2 + [(3, 3)] * 5),
        ("conv2-3-2-valid gap", (8, 8, 2), [(3, 3), (7, 7)]),  # the last row is looked at by none
    ],
)
def test_places_that_stay_are_known(text: str, shape: tuple[int, ...], fields: list[tuple[int, ...]]) -> None:
    assert [row.field for row in summary_rows(parse(text), shape)] == fields


def test_every_op_that_keeps_places_is_one() -> None:
    assert set(KEPT) | set(WINDOWED) <= set(OPS)


def test_where_places_are_lost_all_is_seen() -> None:
    rows = summary_rows(parse("conv4-3 gap dense8 reshape2-2-2 conv4-1"), (9, 7, 1))
    assert [r.field for r in rows] == [(3, 3)] + [(9, 7)] * 4
    assert summary_rows(parse("rnn4 dense2"), (6, 3))[-1].field == (6,)


def test_dilated_convolution_sees_further() -> None:
    rows = summary_rows(cr.Sequential(cr.Conv2d(2, 3, dilation=2), cr.AvgPool2d(2)), (12, 12, 1))
    assert [row.field for row in rows] == [(5, 5), (6, 6)]
