"""Convolutions and poolings of every shape: sizes by their formulas, the transpose as the adjoint, what does not fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import SettingError, ShapeError
from chainrule.graph import tensor
from chainrule.layers import Context, Layer, parse, record

rng = np.random.default_rng(0)


def output(layer: Layer, x: Any, **arrays: Any) -> Any:
    ctx = Context(train=True, values=arrays)
    return np.asarray(ctx.call("", layer, tensor(x)))


def adjoint(forward: Layer, back: Layer, x: Any, g: Any) -> tuple[float, float]:
    """<g, conv(x)> and <transpose(g), x>, with the same filters seen from both sides."""
    w = rng.normal(size=forward.build(x.shape)["w"].shape)
    *size, i, o = w.shape
    groups = getattr(forward, "groups")  # noqa: B009
    w_back = w.reshape(*size, i, groups, o // groups).swapaxes(-3, -1).reshape(*size, o // groups, groups * i)
    y = output(forward, x, w=w, b=np.zeros(o))
    z = output(back, g, w=w_back, b=np.zeros(x.shape[-1]))
    assert y.shape == g.shape
    assert z.shape == x.shape
    return float((g * y).sum()), float((z * x).sum())


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from([1, 2]),
)
def test_same_padding_and_its_transpose(
    size: int, other: int, stride: int, places: int, dilation: int, groups: int
) -> None:
    """A "same" transpose is the adjoint of a "same" convolution of images whose sides are multiples of the stride."""
    forward = cr.Conv2d(4, (size, other), stride, dilation=dilation, groups=groups)
    back = cr.ConvTranspose2d(2, (size, other), stride, dilation=dilation, groups=groups)
    x, g = rng.normal(size=(2, places * stride, 3 * stride, 2)), rng.normal(size=(2, places, 3, 4))
    left, right = adjoint(forward, back, x, g)
    assert left == pytest.approx(right, abs=1e-9)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.integers(8, 12))
def test_explicit_padding_and_its_transpose(size: int, stride: int, before: int, after: int, length: int) -> None:
    places = (length + before + after - size) // stride + 1
    extra = length - ((places - 1) * stride + size - before - after)
    forward = cr.Conv1d(3, size, stride, (before, after))
    back = cr.ConvTranspose1d(2, size, stride, (before, after), extra=extra)
    left, right = adjoint(forward, back, rng.normal(size=(2, length, 2)), rng.normal(size=(2, places, 3)))
    assert left == pytest.approx(right, abs=1e-9)


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_same_gives_ceil_and_its_transpose_the_multiple(length: int, size: int, stride: int, dilation: int) -> None:
    shape = (2, length, 1)
    assert record(cr.Conv1d(3, size, stride, dilation=dilation), shape)[2].shape == (2, math.ceil(length / stride), 3)
    up = cr.ConvTranspose1d(3, size, stride, dilation=dilation)
    assert record(up, shape)[2].shape == (2, length * stride, 3)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (cr.Conv2d(2, (3, 5), (2, 1), "valid"), (4, 7)),
        (cr.Conv2d(2, 3, padding=((1, 0), (0, 2))), (8, 11)),
        (cr.Conv2d(2, 3, padding=(1, 0)), (9, 9)),
        (cr.Conv2d(2, 3, 2, "exact"), (4, 5)),
        (cr.Conv2d(2, 3, dilation=(1, 2), padding="valid"), (7, 7)),
        (cr.MaxPool2d((2, 3)), (4, 3)),
        (cr.AvgPool2d(3, 2, "same"), (5, 6)),
        (cr.MaxPool2d(3, 2, padding=((0, 1), (1, 1))), (4, 6)),
        (cr.ConvTranspose2d(2, (2, 3), (1, 2), "valid"), (10, 23)),
        (cr.ConvTranspose2d(2, 4, 2, 1, extra=(0, 1)), (18, 23)),
    ],
    ids=str,
)
def test_sizes_by_hand(layer: Layer, expected: tuple[int, int]) -> None:
    """Of images of 9 by 11."""
    assert record(layer, (2, 9, 11, 2))[2].shape == (2, *expected, 2)


@pytest.mark.parametrize(
    ("net", "shape", "sentence"),
    [
        # CS231n, lecture 7, "spatial dimensions": 7 by 7 and a 3 by 3 filter at stride 3
        (cr.Conv2d(4, 3, 3, "exact"), (2, 7, 7, 1), r"\(7 - 3\) / 3 \+ 1 = 2.33 places along h: .* the last 1$"),
        # AlexNet's 224 by 224, the figure in the paper
        (cr.Conv2d(4, 11, 4, "exact"), (2, 224, 224, 1), r"\(224 - 11\) / 4 \+ 1 = 54.25 places along h"),
        (cr.Conv2d(4, 3, (1, 3), "exact"), (2, 7, 7, 1), r"\(7 - 3\) / 3 \+ 1 = 2.33 places along w"),
        (cr.Conv1d(4, 2, 2, "exact", dilation=2), (2, 6, 1), r"\(6 - 3\) / 2 \+ 1 = 2.50 places along l"),
        (cr.MaxPool2d(2, padding="exact"), (2, 8, 7, 1), r"\(7 - 2\) / 2 \+ 1 = 3.50 places along w"),
        (cr.Conv2d(4, 5, padding="exact"), (2, 4, 4, 1), "a window of 5 does not fit along h: 4"),
        (
            cr.Conv1d(4, 5, padding=(0, 1)),
            (2, 3, 1),
            r"a window of 5 does not fit along w: 3 \+ 0 \+ 1 \(padding\) = 4",
        ),
        (cr.Conv1d(4), (2, 4, 4, 1), r"expected signals \(l, c\), found \(4, 4, 1\)"),
        (cr.MaxPool1d(), (2, 4), r"expected signals \(l, c\), found \(4,\)"),
        (cr.AvgPool2d(), (2, 4, 4), r"expected images \(h, w, c\), found \(4, 4\)"),
        (cr.Upsample(), (2, 4), r"expected images \(h, w, c\), found \(4,\)"),
        (cr.Conv2d(3, groups=2), (2, 4, 4, 4), "3 units cannot be cut into 2 groups"),
        (cr.ConvTranspose2d(4, groups=3), (2, 4, 4, 4), "4 channels cannot be cut into 3 groups"),
        (cr.ConvTranspose2d(4, 2, 1, 3), (2, 2, 2, 4), "would become -3 by -3: less padding"),
    ],
    ids=str,
)
def test_what_does_not_fit_shows_its_arithmetic(net: Layer, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ShapeError, match=sentence):
        record(net, shape)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: cr.Conv2d(4, 0),
            r"'size' parameter of Conv2d must be an int of at least 1, or a pair \(rows, columns\)",
        ),
        (lambda: cr.Conv2d(4, (3, 3, 3)), "'size' parameter of Conv2d must be an int of at least 1"),  # type: ignore[arg-type]
        (lambda: cr.Conv1d(4, (3, 3)), "'size' parameter of Conv1d must be an int of at least 1. Got"),
        (lambda: cr.Conv2d(4, padding="some"), "must be 'same', 'valid', 'exact', an int of at least 0, or"),  # type: ignore[arg-type]
        (lambda: cr.Conv2d(4, padding=-1), "'padding' parameter of Conv2d"),
        (lambda: cr.Conv2d(4, padding=((1, 2, 3), 0)), "'padding' parameter of Conv2d"),  # type: ignore[arg-type]
        (lambda: cr.Conv1d(4, padding=((1, 2), (0, 0))), r"'padding' parameter of Conv1d must be .*\(before, after\)"),
        (lambda: cr.ConvTranspose2d(4, padding="exact"), "must be 'same', 'valid', an int of at least 0"),
        (lambda: cr.ConvTranspose2d(4, extra=1), "padding 'same' leaves nothing `extra`"),
        (lambda: cr.ConvTranspose1d(4, padding=0, extra=-1), "'extra' parameter of ConvTranspose1d"),
        (
            lambda: cr.ConvTranspose1d(1, 3, 1, 0, extra=4),
            r"'extra' .* must be at most stride - 1.* \(stride 1\). Got 4",
        ),
        (lambda: cr.ConvTranspose2d(1, 3, (2, 3), 0, extra=(1, 3)), r"'extra' .* at most stride - 1"),
        (lambda: cr.Conv2d(4, True), "'size' parameter of Conv2d"),
        (lambda: cr.Upsample(True), "'times' parameter of Upsample"),
        (lambda: cr.MaxPool2d((0, 2)), "'size' parameter of MaxPool2d"),
        (lambda: cr.MaxPool1d(2, (1, 1)), "'stride' parameter of MaxPool1d"),
    ],
)
def test_settings_out_of_range(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()


def test_the_words_of_signals() -> None:
    net = parse("conv1d8-5-2 pool1d3 avgpool1d2 upconv1d4-3-3 upconv4 conv8-3-2-1")
    assert [layer for _, layer in net.layers] == [
        cr.Conv1d(8, 5, 2),
        cr.MaxPool1d(3),
        cr.AvgPool1d(2),
        cr.ConvTranspose1d(4, 3, 3),
        cr.ConvTranspose2d(4),
        cr.Conv2d(8, 3, 2, 1),
    ]


def test_upsampling_a_signal() -> None:
    np.testing.assert_array_equal(
        output(cr.Upsample(3), np.arange(4.0).reshape(1, 2, 2)), np.repeat([[[0, 1], [2, 3]]], 3, 1)
    )


def test_a_signal_network_trains() -> None:
    """Which of three waves it is, whatever its phase; down by convolution and pooling, no dense layer sees places."""
    t, label = np.arange(32), rng.integers(0, 3, 48)
    x = np.sin(0.3 * (label + 1)[:, None] * t + rng.uniform(0, 6, (48, 1)))[..., None]
    step = cr.Step("conv1d8-5 relu pool1d2 conv1d8-5 relu gmp dense3", x, label, optimizer=cr.Adam(0.02))
    first, last = step(x, label), [step(x, label) for _ in range(80)][-1]
    assert last < 0.3 * first


def test_an_encoder_and_its_decoder_train() -> None:
    x = rng.normal(size=(16, 1, 8, 1)) * np.ones((16, 8, 8, 1))
    net = cr.Sequential(*(layer for _, layer in parse("conv4-3-2 tanh upconv1 flatten").layers))
    step = cr.Step(net, x, x.reshape(16, 64), optimizer=cr.Adam(0.03))
    first, last = step(x, x.reshape(16, 64)), [step(x, x.reshape(16, 64)) for _ in range(120)][-1]
    assert last < 0.4 * first


def test_filters_in_groups() -> None:
    assert cr.Conv2d(4, 3, padding=2, groups=2).build((1, 8, 8, 6))["w"].shape == (3, 3, 3, 4)
    assert cr.ConvTranspose2d(4, 3, groups=2).build((1, 8, 8, 6))["w"].shape == (3, 3, 3, 4)


@pytest.mark.parametrize(
    "layer",
    [
        cr.ConvTranspose2d(48),
        cr.ConvTranspose2d(48, 4, 2),
        cr.ConvTranspose2d(48, 3, 3),
        cr.ConvTranspose2d(48, (2, 4), (1, 2)),
    ],
    ids=str,
)
def test_he_keeps_the_spread_through_transposed_convolutions_too(layer: Layer) -> None:
    """An output sees 1 in stride^2 places of the window; without regard to that it falls by the stride in every layer."""
    x = np.maximum(np.random.default_rng(0).normal(size=(1, 6, 6, 48)), 0)
    rows = cr.activation_statistics(cr.Sequential(layer, cr.ReLU(), layer, cr.ReLU(), layer, cr.ReLU()), x)
    assert all(0.7 < row.std / x.std() < 1.4 for row in rows if row.path.startswith("relu"))


def test_only_what_looks_at_the_fans_is_wider_in_a_transposed_convolution() -> None:
    def spread(init: Any) -> float:
        spec = cr.ConvTranspose2d(64, 4, 2, init=init).build((1, 4, 4, 64))["w"]
        return float(spec.init(spec.shape, cr.init.Draw(0, "w")).std())

    window, seen = 16 * 64, 4 * 64  # inputs in the whole window, and those that one output sees
    assert spread(cr.init.he_normal) == pytest.approx(np.sqrt(2 / seen), rel=0.02)
    assert spread(cr.init.lecun_normal) == pytest.approx(np.sqrt(1 / seen), rel=0.02)
    assert spread(cr.init.xavier_uniform) == pytest.approx(np.sqrt(2 / (seen + window)), rel=0.02)
    assert spread(cr.init.orthogonal) == pytest.approx(np.sqrt(1 / seen), rel=0.02)
    assert spread(cr.init.Normal(0.01)) == pytest.approx(0.01, rel=0.02)
    assert spread(cr.init.Constant(2.0)) == 0
