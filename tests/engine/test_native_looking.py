"""Looking on changes nothing: a training whose nodes are kept moves bit for bit as one whose nodes are not."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import native
from chainrule.layers import Layer

pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
Bits = tuple[list[float], dict[str, bytes]]
NETWORKS: dict[str, tuple[Layer | str, tuple[int, ...]]] = {
    "cnn": ("conv16-3 relu pool2 conv16-3 relu pool2 flatten dense32 relu dense3", (8, 12, 12, 1)),
    "lenet": ("conv5-3 relu pool2 conv6-3 relu flatten dense3", (64, 8, 7, 3)),
    "winograd": ("conv32-3 relu conv32-3 relu pool2 flatten dense64 relu dense3", (32, 12, 12, 3)),
    "batch norm": ("conv8-3 bn relu conv16-3 bn relu pool2 dropout0.2 flatten dense3", (32, 10, 10, 3)),
    "averages": ("conv16-3 relu avgpool2 conv16-3 gelu flatten dense3", (32, 10, 10, 3)),
    "grouped": (cr.Sequential(cr.Conv2d(6, 3, groups=3), cr.ReLU(), cr.Conv2d(6, 3, stride=2), cr.Flatten(), cr.Dense(3)), (64, 8, 7, 3)),
    "residual": (
        cr.Sequential(cr.Conv2d(4, 3), cr.Residual(cr.Sequential(cr.Conv2d(4, 3), cr.ReLU())), cr.Flatten(), cr.Dense(3)),
        (64, 8, 7, 3)),
    "mlp": ("dense33 relu dense16 tanh dense3", (64, 7)),
    "wide": ("dense256 bn relu dropout0.3 dense256 bn relu dense3", (256, 100)),
    "layer norm": (cr.Sequential(cr.Dense(40), cr.LayerNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(3)), (64, 7)),
    "rnn": ("rnn6 dense3", (64, 9, 4)),
    "lstm": (cr.Sequential(cr.LSTM(5), cr.Dense(3)), (64, 9, 4)),
}  # fmt: skip
OPTIMIZERS = {"momentum": cr.SGD(0.05, momentum=0.9), "adam": cr.Adam(0.01)}


def trained(name: str, optimizer: str, keep: bool | str) -> Bits:
    """The losses of 5 steps, and the bits of every array after them."""
    net, shape = NETWORKS[name]
    draw = np.random.default_rng(3)
    x, y = draw.normal(size=shape).astype(np.float32), draw.integers(0, 3, shape[0])
    step = cr.Step(net, x, y, optimizer=OPTIMIZERS[optimizer], seed=1, engine="native", keep=keep)
    return [step(x, y) for _ in range(5)], {path: array.tobytes() for path, array in step.arrays.items()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_that_is_looked_at_is_the_same(name: str, optimizer: str) -> None:
    alone = trained(name, optimizer, False)
    for keep in ("layers", True):
        assert trained(name, optimizer, keep) == alone, f"keep={keep!r}"


def test_any_number_of_threads_looks_at_the_same_bits() -> None:
    try:
        found = []
        for count in (1, 2, 3, 4):
            cr.set_threads(count)
            found.append(trained("batch norm", "adam", True))
    finally:
        cr.set_threads(None)
    assert found[0] == found[1] == found[2] == found[3]
