"""Networks as text: settings by position and by word, layers that hold layers, mistakes that name the word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import SettingError, UnknownName
from chainrule.init import INITIALIZERS, Normal, from_plain, orthogonal, xavier_normal
from chainrule.layers import Layer, parse, record


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("conv8-3-2-1", cr.Conv2d(8, 3, 2, 1)),
        ("conv8-3x5-1x2", cr.Conv2d(8, (3, 5), (1, 2))),
        ("conv8-3-2-valid", cr.Conv2d(8, 3, 2, "valid")),
        ("conv8-exact-orthogonal", cr.Conv2d(8, padding="exact", init=orthogonal)),
        ("CONV8-Orthogonal-Exact", cr.Conv2d(8, padding="exact", init=orthogonal)),
        ("dense10-xavier_normal", cr.Dense(10, xavier_normal)),
        ("dense10-normal", cr.Dense(10, Normal())),
        ("lstm8-sequence", cr.LSTM(8, sequence=True)),
        ("conv1d8-5-2", cr.Conv1d(8, 5, 2)),
        ("upconv1d4-3-3", cr.ConvTranspose1d(4, 3, 3)),
        ("upconv4", cr.ConvTranspose2d(4)),
        ("pool1d3", cr.MaxPool1d(3)),
        ("avgpool1d2", cr.AvgPool1d(2)),
        ("pool3-2-same", cr.MaxPool2d(3, 2, "same")),
        ("pool2x3", cr.MaxPool2d((2, 3))),
        ("res(dense4)", cr.Residual(cr.Dense(4))),
        ("res( dense4 relu )", cr.Residual(cr.Sequential(cr.Dense(4), cr.ReLU()))),
        ("concat(dense4|relu)", cr.Concat(cr.Dense(4), cr.ReLU())),
        ("max(dense4 | relu | identity)", cr.Parallel(cr.Dense(4), cr.ReLU(), cr.Identity(), join="max")),
        ("conv8-3-2-1-5", cr.Conv2d(8, 3, 2, 1, dilation=5)),
        ("maxconv4-3-1-0-1-1-3", cr.MaxoutConv2d(4, 3, 1, 0, pieces=3)),
        ("bn0.9-1e0", cr.BatchNorm(0.9, 1.0)),
        ("leaky0.2", cr.LeakyReLU(0.2)),
        ("sum(res(dense4) | concat(relu|tanh) dense4)", cr.Parallel(
            cr.Residual(cr.Dense(4)), cr.Sequential(cr.Concat(cr.ReLU(), cr.Tanh()), cr.Dense(4)))),
    ],
)  # fmt: skip
def test_what_is_written(text: str, layer: Layer) -> None:
    assert [inner for _, inner in parse(text).layers] == [layer]


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initialiser_can_be_written(name: str) -> None:
    assert parse(f"dense3-{name}") == cr.Sequential(cr.Dense(3, from_plain(name)))


def test_an_inception_block() -> None:
    """Szegedy et al. (2015), figure 2b: four branches of 64, 128, 32 and 32 channels side by side."""
    block = "concat(conv64-1 | conv96-1 relu conv128-3 | conv16-1 relu conv32-5 | pool3-1-same conv32-1) relu"
    assert record(parse(block), (2, 28, 28, 192))[2].shape == (2, 28, 28, 256)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dense10-xaviernormal", "no setting of Dense 'xaviernormal'; did you mean 'xavier_normal'"),
        ("conv8-3-vlaid", "no setting of Conv2d 'vlaid'; did you mean 'valid'"),
        (
            "dense10-valid",
            "no setting of Dense 'valid'; there are: constant, he_normal, he_uniform, lecun_normal, normal",
        ),
        ("reshape4-4-he_normal", "no setting of Reshape 'he_normal'$"),
        ("dense3-sequence", "no setting of Dense 'sequence'"),
        ("dense10-5", "'dense10-5' has too many numbers for Dense, which takes units$"),
        ("maxout4-3-2", "too many numbers for Maxout, which takes units, pieces$"),
        ("embed10-4-3", "too many numbers for Embedding, which takes codes, units$"),
        ("lstm8-1", "too many numbers for LSTM, which takes units$"),
        ("conv8-3-1-1-1-1-1", "which takes units, size, stride, padding, dilation, groups$"),
        ("conv8-same-valid", "'conv8-same-valid' gives 'padding' twice"),
        ("conv8-3-1-2-valid", "gives 'padding' twice"),
        ("dense10-normal-constant", "gives 'init' twice"),
        ("lstm8-sequence-sequence", "gives 'sequence' twice"),
        ("bn0.9-1_0", "'bn0.9-1_0': '1_0' is not a number"),
        ("dense10.", "'10.' is not a number"),
        ("dense\u0663", "'dense\u0663' is not a layer"),
        ("relu3-sequence", "too many numbers for ReLU, which takes none"),
        ("conv8-3x", "'conv8-3x': '3x' is not a number"),
        ("conv8-3x3x3", "'conv8-3x3x3': The 'size' parameter of Conv2d"),
        ("dense4x4", "'dense4x4': The 'units' parameter of Dense must be an int"),
        ("res(dense4", r"the bracket behind 'res' is not closed: write res\(conv8-3 relu\)"),
        ("sum(dense4|", "the bracket behind 'sum' is not closed"),
        ("sum(dense4|)", "'sum' has an empty branch: write 'identity'"),
        ("res()", "'res' has an empty branch"),
        ("res(dense4|dense4)", "'res' holds one branch, found 2: 'sum' adds several"),
        ("res dense4", "'res' holds layers: write them in brackets"),
        ("dense4(relu)", "no layer that holds layers 'dense4'"),
        ("cncat(relu)", "no layer that holds layers 'cncat'; did you mean 'concat'"),
        ("dense4 ) relu", r"'\)' without a layer that holds layers before it"),
        ("dense4 | relu", r"'\|' without a layer that holds layers before it"),
        ("(dense4)", r"'\(' is not a layer"),
        ("cocat", "no layer 'cocat'; did you mean 'concat'"),
    ],
)
def test_mistakes(text: str, sentence: str) -> None:
    with pytest.raises((SettingError, UnknownName), match=sentence):
        parse(text)


@dataclass(frozen=True)
class Halved(cr.Dense):
    """It inherits the word `dense`."""

    def forward(self, x: Any, p: Any, ctx: Any) -> Any:
        return super().forward(x, p, ctx) / 2


def test_a_subclass_does_not_take_over_the_word_of_its_base() -> None:
    assert [type(layer) for _, layer in parse("dense4 dense3").layers] == [cr.Dense, cr.Dense]


def test_numbers_of_a_layer_defined_inside_a_function() -> None:
    """Whose annotations cannot be looked up: its settings are taken in their order."""

    class Times(int):
        """A number."""

    @dataclass(frozen=True)
    class Again(Layer):
        word = "again"
        times: Times = Times(1)  # noqa: RUF009
        wide: float = 1.0

    assert [layer for _, layer in parse("again3-0.5").layers] == [Again(Times(3), 0.5)]
