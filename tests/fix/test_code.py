"""What is written makes the same again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import PCA, transform_of
from chainrule.data.augment import Cutout, Shift
from chainrule.errors import SettingError
from chainrule.fix.code import Writer, notation
from chainrule.init import Normal, lecun_normal
from chainrule.layers import parse


@dataclass(frozen=True)
class Mine(cr.Layer):
    """A layer of the user's."""

    inner: cr.Layer
    times: float = 2.0

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Any) -> cr.Tensor:
        return x * self.times


@pytest.mark.parametrize(
    "words",
    [
        "dense64 tanh dense64 tanh dense3",
        "conv32-3 bn relu pool2 conv64-3-1-valid relu pool3-2 flatten dropout0.3 dense10-xavier_normal",
        "conv8-3x5 conv8-3-2 gap reshape4-2 lstm8-sequence gru4 dense3",
        "embed9-4 conv1d8-3 leaky0.2 res(conv1d8-3 elu conv1d8-3) flatten dense3",
        "conv4-3 concat(conv4-1 | pool3-1-same conv4-1 | identity) sum(conv4-1 | conv4-1 relu) gap dense2",
    ],
)
def test_the_notation_comes_back(words: str) -> None:
    assert notation(parse(words)) == words


NETWORKS = [
    cr.Sequential(cr.Dense(8, Normal(0.01)), cr.ReLU(), cr.Dense(3, lecun_normal)),
    cr.Sequential(first=cr.Dense(8), bend=cr.Tanh(), last=cr.Dense(3)),
    cr.Sequential(**{"a-b": cr.Dense(8)}, last=cr.Residual(cr.Sequential(cr.ReLU(), cr.Dense(8, Normal(0.1))))),
    cr.Net(a=cr.Conv2d(4, padding=((1, 0), (2, 2))), b=(cr.Identity(), "x"), both=("concat", "a", "b"), out=cr.Conv2d(2, 1)),
    cr.Sequential(cr.Parallel(cr.Dense(4), cr.Sequential(u=cr.Dense(4)), join="max"), cr.Concat(cr.Dense(2), cr.Tanh())),
    cr.Sequential(cr.Conv2d(8, 3, dilation=2, groups=2), cr.Reshape(4, 2), cr.BatchNorm(keep=0.99)),
    cr.Dense(3),
    cr.Sequential(Mine(cr.Sequential(cr.Dense(3)), 3.0), cr.Dense(2)),
]  # fmt: skip


@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_a_network_comes_back(net: cr.Layer) -> None:
    made = eval(Writer().code(net), {"cr": cr, "Mine": Mine})
    made = parse(made) if isinstance(made, str) else made
    assert made == (
        net if isinstance(net, cr.Sequential) or not isinstance(made, cr.Sequential) else cr.Sequential(net)
    )


@pytest.mark.parametrize(
    "value",
    [
        cr.AdamW(0.1, decay=0.3, clip_norm=1.0),
        cr.SGD(0.1, momentum=0.9, nesterov=True),
        cr.WarmUp(0.2, then=cr.Steps(0.5, at=(0.3, 0.6))),
        cr.Focal(weights=(1.0, 2.0)),
        (Shift(2, fill="zero"), Cutout(3)),
        {"yes": 2.0, 3: 1},
        (),
        [np.float32(0.5), None, True],
    ],
    ids=str,
)
def test_a_setting_comes_back(value: Any) -> None:
    made = eval(Writer().code(value), {"cr": cr})
    assert made == (tuple(value) if isinstance(value, list) else value)


def test_a_preparation_is_its_word() -> None:
    assert Writer().code(PCA.with_(keep=0.9)) == "'pca0.9'"
    assert transform_of("pca0.9") == PCA.with_(keep=0.9)


def test_ones_own_classes_are_to_be_imported_and_arrays_cannot_be_written() -> None:
    writer = Writer()
    writer.code(NETWORKS[-1])
    assert writer.needs == {(Mine.__module__, "Mine")}
    with pytest.raises(SettingError, match="ndarray cannot be written"):
        writer.code((np.zeros(3), np.zeros(3)))
    assert notation(NETWORKS[1]) is None
