"""Pretraining: each layer from the one below, and what it is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.classics.pretrain import HOW
from chainrule.errors import DataError, SettingError, UnknownName
from chainrule.init import Normal
from chainrule.layers import Context

DIGITS = cr.data.load("digits")
X, Y = (DIGITS.x[:].reshape(len(DIGITS), -1) / 16).astype(np.float32), DIGITS.y
TRAIN, TEST = slice(0, 1200), slice(1200, None)
SMALL = Normal(0.01)


def deep(layers: int, units: int = 64) -> cr.Sequential:
    hidden = [layer for _ in range(layers) for layer in (cr.Dense(units, SMALL), cr.Sigmoid())]
    return cr.Sequential(*hidden, cr.Dense(10, SMALL))


def fine_tuned(net: cr.Sequential, start: dict[str, Any], seed: int, epochs: int) -> float:
    """Accuracy on the test rows after backpropagation through the whole net."""
    optimizer = cr.SGD(0.1, momentum=0.9)
    step = cr.Step(net, X[:32], Y[:32], optimizer=optimizer, seed=seed, start=start)
    for epoch in range(epochs):
        for i in cr.data.batches(1200, 32, seed, epoch):
            step(X[i], Y[i])
    output = Context(train=False, values=step.arrays).call("", net, cr.tensor(X[TEST]))
    return float((np.asarray(output).argmax(axis=1) == Y[TEST]).mean())


@pytest.mark.parametrize("seed", range(3))
def test_a_deep_sigmoid_net_stalls_from_small_weights_and_learns_from_pretrained_ones(seed: int) -> None:
    """Six layers of 64 on digits, the same five epochs of fine-tuning."""
    net = deep(6)
    right = {how: fine_tuned(net, cr.pretrain(net, X[TRAIN], how=how, seed=seed), seed, 5) for how in HOW}  # type: ignore[arg-type]
    assert fine_tuned(net, {}, seed, 5) < 0.2
    assert right["autoencoder"] > 0.8
    assert right["rbm"] > 0.65


def test_train_starts_from_what_was_pretrained(tmp_path: Path) -> None:
    """Six epochs on the inputs that pretraining saw: better than from small weights, where nothing moves."""
    net, data = deep(4), (X[TRAIN], Y[TRAIN])
    start = cr.pretrain(net, X[TRAIN], epochs=5)
    score = {}
    for name, given in (("small", None), ("pretrained", start)):
        run = cr.train(net, data, start=given, prepare="none", epochs=6, folder=tmp_path / name, progress=False)
        score[name] = (run.result or {})["scores"]["test"]["accuracy"]
    assert score["small"] < 0.3
    assert score["pretrained"] > 0.5


@pytest.mark.parametrize("how", HOW)
def test_every_layer_is_trained_on_the_output_of_the_one_below(how: Any) -> None:
    """The second layer's weights are those of a first layer on the first one's output, but for the seed's draws."""
    net = deep(2, 12)
    start = cr.pretrain(net, X[TRAIN], how=how, epochs=3)
    assert {path: a.shape for path, a in start.items()} == {
        "dense1/w": (64, 12), "dense1/b": (12,), "dense2/w": (12, 12), "dense2/b": (12,)
    }  # fmt: skip
    h = 1 / (1 + np.exp(-(X[TRAIN] @ start["dense1/w"] + start["dense1/b"])))
    alone = cr.pretrain(cr.Sequential(dense2=cr.Dense(12, SMALL), sigmoid2=cr.Sigmoid()), h, how=how, epochs=3)
    np.testing.assert_allclose(alone["dense2/w"], start["dense2/w"], atol=1e-3)


def rebuilt(start: dict[str, Any], x: Any) -> float:
    """The squared error of the best linear map from the code back to the input."""
    code = np.tanh(x @ start["dense1/w"] + start["dense1/b"])
    code = np.column_stack([code, np.ones(len(code))])
    return float(np.square(code @ np.linalg.lstsq(code, x, rcond=None)[0] - x).mean())


def test_numbers_outside_of_0_and_1_and_other_activations() -> None:
    """Standardised inputs: squared error, and the code of 8 keeps more of them than that of a random layer does."""
    x = (X[TRAIN] - X[TRAIN].mean(axis=0)) / (X[TRAIN].std(axis=0) + 0.1)
    random = cr.Step("dense8 tanh", x[:1], np.zeros((1, 8))).arrays
    assert rebuilt(cr.pretrain("dense8 tanh", x, epochs=20), x) < 0.8 * rebuilt(random, x)


def test_noise_is_restored() -> None:
    """A denoising code is another one, and a noise of 0 none at all."""
    plain = cr.pretrain("dense8 sigmoid", X[TRAIN], epochs=2)
    none, noisy = (cr.pretrain("dense8 sigmoid", X[TRAIN], epochs=2, noise=noise) for noise in (0.0, 0.4))
    np.testing.assert_array_equal(plain["dense1/w"], none["dense1/w"])
    assert np.abs(plain["dense1/w"] - noisy["dense1/w"]).max() > 0.01


def test_gaussian_visible_units_below_and_images() -> None:
    start = cr.pretrain(
        "flatten dense16 sigmoid dense8 sigmoid dense10", 2 * DIGITS.x[:200] / 16 - 1, how="rbm", epochs=5
    )
    assert sorted(start) == ["dense1/b", "dense1/w", "dense2/b", "dense2/w"]
    assert np.abs(start["dense1/w"]).max() > 0.05


def test_the_same_seed_gives_the_same_bits() -> None:
    one, same, other = (
        cr.pretrain("dense6 sigmoid", X[:99], epochs=2, noise=0.2, seed=s)["dense1/w"].tobytes() for s in (1, 1, 2)
    )
    assert one == same != other


def test_layers_draw_samples_of_their_own() -> None:
    one, other = (cr.Sequential(**{name: cr.Dense(4, SMALL), "on": cr.Sigmoid()}) for name in ("one", "other"))
    first, second = cr.pretrain(one, X[:99], how="rbm"), cr.pretrain(other, X[:99], how="rbm")
    assert np.abs(first["one/w"] - second["other/w"]).max() > 1e-3


@pytest.mark.parametrize(
    ("net", "how", "sentence"),
    [
        ("dense8 relu dense10", "rbm", r"Dense and then a Sigmoid, found Dense.* and ReLU\(\) at 'dense1'"),
        ("dense8 dropout0.5 dense10", "autoencoder", "an activation without weights"),
        ("conv8-3 relu", "autoencoder", "found Conv2d.* at 'conv2d1'"),
        ("dense10", "autoencoder", "again and again, found"),
        ("dense10 sigmoid bn", "autoencoder", "again and again, found"),
        (cr.Dense(3), "autoencoder", "takes a Sequential of Dense and activation"),
    ],
)
def test_other_kinds_of_nets(net: Any, how: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        cr.pretrain(net, X, how=how)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"epochs": 0}, "'epochs' parameter of pretrain"),
        ({"batch_size": 0}, "'batch_size'"),
        ({"lr": 0.0}, "'lr'"),
        ({"noise": 1.0}, "'noise'"),
        ({"noise": 0.1, "how": "rbm"}, "'noise' .* 0 for RBMs"),
        ({"seed": 2**32}, "'seed'"),
    ],
)
def test_bad_settings(setting: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        cr.pretrain("dense4 sigmoid", X[:50], **setting)


def test_an_unknown_way_and_bad_rows() -> None:
    with pytest.raises(UnknownName, match="no way to pretrain 'rbn'; did you mean 'rbm'"):
        cr.pretrain("dense4 sigmoid", X[:50], how="rbn")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="found inf in row 0"):
        cr.pretrain("dense4 sigmoid", [[np.inf, 1.0]])


@pytest.mark.parametrize("lr", [1e10, 1e36])
def test_an_lr_that_is_too_large_is_named(lr: float) -> None:
    x = np.random.default_rng(0).normal(size=(50, 16))
    sentence = rf"the weights of Dense\(units=8\)'s autoencoder grew without end in epoch 0: take an lr below {lr:g}"
    with pytest.raises(SettingError, match=sentence.replace("+", r"\+")):
        cr.pretrain("dense8 relu dense3", x, lr=lr, epochs=3)
