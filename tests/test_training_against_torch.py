"""A hundred steps of training in float64, every parameter with PyTorch's; skipped where it is not installed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import is_ours
from chainrule.optim import Optimizer

torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
torch.set_num_threads(1)  # arrays this small wait longer for a second core than they take
nn: Any = torch.nn
optim: Any = torch.optim


def decaying(parameters: Any, lr: float, decay: float) -> Any:
    """AdamW that lets weights decay and no biases and scales, as ours does."""
    groups = [
        {"params": [p for p in parameters if (p.ndim > 1) is weights], "weight_decay": decay * weights}
        for weights in (True, False)
    ]
    return optim.AdamW(groups, lr)


OPTIMIZERS: list[tuple[Optimizer, Callable[[Any], Any]]] = [
    (cr.SGD(0.05), lambda p: optim.SGD(p, 0.05)),
    (cr.SGD(0.02, 0.9), lambda p: optim.SGD(p, 0.02, 0.9)),
    (cr.SGD(0.02, 0.9, nesterov=True), lambda p: optim.SGD(p, 0.02, 0.9, nesterov=True)),
    # a bias before batch norm has rounding for a gradient: with an eps below that, AdaGrad would make steps of it
    (cr.AdaGrad(0.01, eps=1e-8), lambda p: optim.Adagrad(p, 0.01, eps=1e-8)),
    (cr.RMSProp(0.001), lambda p: optim.RMSprop(p, 0.001)),
    (cr.Adam(0.001), lambda p: optim.Adam(p, 0.001)),
    (cr.AdamW(0.001, decay=0.1), lambda p: decaying(p, 0.001, 0.1)),
]


def test_every_optimiser_trains() -> None:
    below = set(Optimizer.__subclasses__())
    assert {type(ours) for ours, _ in OPTIMIZERS} == {
        kind for kind in below | {k for base in below for k in base.__subclasses__()} if is_ours(kind)
    }


Y = np.random.default_rng(0).integers(0, 3, 16)


class Last(nn.Module):  # type: ignore[misc]
    """The last output of a recurrent layer."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.inner(x)[0][:, -1]


def matrix(w: Any) -> Any:
    return w.T


def kernel(k: Any) -> Any:
    """(kh, kw, i, o) -> (o, i, kh, kw)."""
    return k.transpose(3, 2, 0, 1)


def same(a: Any) -> Any:
    return a


# Our notation or network, inputs, their network, and for each of their parameters ours and how it is turned.
MLP = ("dense8 tanh dense8 relu dense3", (16, 5), nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)),
       {"0.weight": ("dense1/w", matrix), "0.bias": ("dense1/b", same), "2.weight": ("dense2/w", matrix), "2.bias": ("dense2/b", same),
        "4.weight": ("dense3/w", matrix), "4.bias": ("dense3/b", same)})  # fmt: skip
CNN = ("conv4-3 bn tanh pool2 gap dense3", (16, 6, 6, 2),
       nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
       {"0.weight": ("conv2d1/w", kernel), "0.bias": ("conv2d1/b", same), "1.weight": ("batchnorm1/scale", same), "1.bias": ("batchnorm1/shift", same),
        "6.weight": ("dense1/w", matrix), "6.bias": ("dense1/b", same)})  # fmt: skip
RNN = ("rnn6 dense3", (16, 4, 2), nn.Sequential(Last(nn.RNN(2, 6, batch_first=True)), nn.Linear(6, 3)),
       {"0.inner.weight_ih_l0": ("simplernn1/w", matrix), "0.inner.weight_hh_l0": ("simplernn1/u", matrix), "0.inner.bias_ih_l0": ("simplernn1/b", same),
        "1.weight": ("dense1/w", matrix), "1.bias": ("dense1/b", same)})  # fmt: skip
LSTM = ("lstm6 dense3", (16, 4, 2), nn.Sequential(Last(nn.LSTM(2, 6, batch_first=True)), nn.Linear(6, 3)),
       {"0.inner.weight_ih_l0": ("lstm1/w", matrix), "0.inner.weight_hh_l0": ("lstm1/u", matrix), "0.inner.bias_ih_l0": ("lstm1/b", same),
        "1.weight": ("dense1/w", matrix), "1.bias": ("dense1/b", same)})  # fmt: skip


@pytest.mark.parametrize("case", [MLP, CNN, RNN, LSTM], ids=["mlp", "cnn", "rnn", "lstm"])
@pytest.mark.parametrize(("ours", "theirs"), OPTIMIZERS, ids=[repr(o) for o, _ in OPTIMIZERS])
def test_a_hundred_steps(case: Any, ours: Optimizer, theirs: Callable[[Any], Any]) -> None:
    notation, shape, network, names = case
    x = np.random.default_rng(1).normal(size=shape)
    step = cr.Step(notation, x, Y, optimizer=ours, dtype="float64")
    network = copy.deepcopy(network).double().train()  # its running averages belong to this training
    parameters = dict(network.named_parameters())
    for name, parameter in parameters.items():
        start = names[name][1](step.arrays[names[name][0]]) if name in names else np.zeros(parameter.shape)
        parameter.data = torch.tensor(np.ascontiguousarray(start))
        parameter.requires_grad = name in names  # a second bias of theirs stays 0
    optimizer = theirs([p for p in parameters.values() if p.requires_grad])
    inputs = torch.tensor(np.moveaxis(x, -1, 1).copy() if x.ndim == 4 else x)
    for _ in range(100):
        step(x, Y)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), torch.tensor(Y)).backward()
        optimizer.step()
    for name, (path, turned) in names.items():
        np.testing.assert_allclose(
            turned(step.arrays[path]), parameters[name].detach().numpy(), rtol=0, atol=1e-8, err_msg=name
        )
    if case is CNN:
        for name, path in (("running_mean", "mean"), ("running_var", "var")):
            np.testing.assert_allclose(step.arrays[f"batchnorm1/{path}"], getattr(network[1], name).numpy(), atol=1e-8)
