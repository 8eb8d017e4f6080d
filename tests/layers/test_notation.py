"""Networks as text: settings by position and by word, layers that hold layers, mistakes that name the word."""

from __future__ import annotations

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
        ("dense10-valid", r"'dense10-valid' does not fit Dense, which takes \(units, init\)"),
        ("relu3-sequence", "no setting of ReLU 'sequence'"),
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
