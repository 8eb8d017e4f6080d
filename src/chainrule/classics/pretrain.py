"""Greedy layer-wise pretraining, the way deep networks were first trained (2006)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import philox
from ..data import batches
from ..errors import SettingError, UnknownName, is_number, is_whole, require, require_seed
from ..graph import tensor
from ..init import xavier_normal
from ..layers import ELU, SELU, Context, Dense, Flatten, Layer, LeakyReLU, Sequential, Sigmoid, parse
from ..layers.activation import Activation
from ..loss import BinaryCrossEntropy, Loss, SquaredError
from ..optim import Adam
from ..step import Step
from .base import rows_of
from .rbm import RBM, are_shares

Floats = NDArray[np.float32]
ACTIVATIONS = (Activation, LeakyReLU, ELU, SELU)


def pretrain(
    net: Layer | str,
    x: ArrayLike,
    *,
    how: Literal["autoencoder", "rbm"] = "autoencoder",
    epochs: int = 10,
    batch_size: int = 32,
    lr: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> dict[str, Floats]:
    """Weights for a deep net to start from, learned without labels: each layer learns to describe what the one below says.

        start = cr.pretrain(net, x)                    # {"dense1/w": ..., "dense1/b": ..., "dense2/w": ...}
        run = cr.train(net, data, start=start)         # fine-tuning: backpropagation through the whole net

    net     a Sequential of Dense and activation, again and again, or its notation. A Flatten may come first; a last Dense
            without an activation is the output layer, and is left to the labels
    x       inputs as the net will see them (`cr.train` standardises its data)
    how     "autoencoder": the layer, its activation and a Dense back to the layer's input, by backpropagation on binary
            cross-entropy where that input lies in [0, 1], else on squared error
            "rbm": an RBM by CD-1, for Sigmoid layers; an input that leaves [0, 1] is taken by Gaussian units
    epochs, batch_size, seed    of the training of every layer
    lr      default 0.003 (Adam) for an autoencoder, 0.1 for an RBM, 0.01 for one with Gaussian units
    noise   share of its input that an autoencoder finds set to 0, and is to restore: a denoising autoencoder

    Raises SettingError for another kind of net, a setting out of range, or an lr with which the weights grow without end;
    DataError for x that are no finite numbers.
    Source: Hinton, Osindero and Teh (2006); Bengio et al. (2007), "Greedy layer-wise training of deep networks"; Vincent
    et al. (2008) for noise.
    """
    settings = Settings(epochs, batch_size, lr, noise, seed)
    settings.check(how)
    h = rows_of(x).astype(np.float32)
    start: dict[str, Floats] = {}
    for name, dense, activation in hidden_layers(net, how):
        w, b = HOW[how](dense, activation, h, settings.of_layer(name))
        start |= {f"{name}/w": w, f"{name}/b": b}
        h = _above(dense, activation, h, w, b)
    return start


@dataclass(frozen=True)
class Settings:
    """How every layer is trained."""

    epochs: int
    batch_size: int
    lr: float | None
    noise: float
    seed: int

    def check(self, how: str) -> None:
        """Refuse what is out of range."""
        if how not in HOW:
            raise UnknownName("way to pretrain", how, HOW)
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            require("pretrain", name, value, is_whole(value, 1), "an int of at least 1")
        positive = self.lr is None or (is_number(self.lr) and self.lr > 0)
        require("pretrain", "lr", self.lr, positive, "a number in the range (0, inf), or None")
        share = is_number(self.noise) and 0 <= self.noise < 1 and (how == "autoencoder" or not self.noise)
        require("pretrain", "noise", self.noise, share, "a share in the range [0, 1), and 0 for RBMs")
        require_seed("pretrain", self.seed)

    def of_layer(self, name: str) -> Settings:
        """The same with a seed of the layer's own: no two layers draw the same samples."""
        return Settings(self.epochs, self.batch_size, self.lr, self.noise, self.seed ^ philox.stream_of(name))


def hidden_layers(net: Layer | str, how: str) -> list[tuple[str, Dense, Layer]]:
    """(name, Dense, activation) of every hidden layer, the lowest first; a net of another kind is refused."""
    net = parse(net) if isinstance(net, str) else net
    if not isinstance(net, Sequential):
        raise SettingError(f"pretrain takes a Sequential of Dense and activation, found {net}")
    layers = [(name, layer) for name, layer in net.layers if not isinstance(layer, Flatten)]
    if len(layers) % 2 and isinstance(layers[-1][1], Dense):
        layers = layers[:-1]
    pairs = list(zip(layers[::2], layers[1::2], strict=False))
    allowed = (Sigmoid,) if how == "rbm" else ACTIVATIONS
    for (name, dense), (_, activation) in pairs:
        if not isinstance(dense, Dense) or not isinstance(activation, allowed):
            wanted = "a Sigmoid" if how == "rbm" else "an activation without weights"
            raise SettingError(f"pretrain takes Dense and then {wanted}, found {dense} and {activation} at '{name}'")
    if not pairs or len(layers) % 2:
        raise SettingError(f"pretrain takes Dense and activation, again and again, found {net}")
    return [(name, dense, activation) for (name, dense), (_, activation) in pairs if isinstance(dense, Dense)]


def autoencoder(dense: Dense, activation: Layer, x: Floats, settings: Settings) -> tuple[Floats, Floats]:
    """w and b of the layer whose output tells most of its input x, as a Dense on top of it reads it."""
    net = Sequential(code=dense, activation=activation, back=Dense(x.shape[1], xavier_normal))
    loss: Loss = BinaryCrossEntropy() if are_shares(x) else SquaredError()
    some = x[: settings.batch_size]
    step = Step(net, some, some, loss=loss, optimizer=Adam(settings.lr or 0.003), seed=settings.seed)
    for epoch in range(settings.epochs):
        kept = philox.uniform(np, settings.seed, philox.stream_of("pretrain/noise"), epoch, x.shape) >= settings.noise
        with np.errstate(over="ignore", invalid="ignore"):  # named below
            for index in batches(len(x), settings.batch_size, settings.seed, epoch):
                step(x[index] * kept[index], x[index])
        if not all(np.isfinite(array).all() for array in step.arrays.values()):
            raise SettingError(
                f"the weights of {dense}'s autoencoder grew without end in epoch {epoch}: take an lr below "
                f"{step.optimizer.lr:g}"
            )
    return step.arrays["code/w"], step.arrays["code/b"]


def machine(dense: Dense, activation: Layer, x: Floats, settings: Settings) -> tuple[Floats, Floats]:
    """w and b of an RBM whose hidden units are the layer's, and whose visible units are its input x."""
    shares = are_shares(x)
    rbm = RBM(
        hidden=dense.units,
        visible="bernoulli" if shares else "gaussian",
        lr=settings.lr or (0.1 if shares else 0.01),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=settings.seed,
    ).fit(x)
    return rbm.weights_, rbm.bias_


HOW: Mapping[str, Callable[[Dense, Layer, Floats, Settings], tuple[Floats, Floats]]] = {
    "autoencoder": autoencoder,
    "rbm": machine,
}


def _above(dense: Dense, activation: Layer, x: Floats, w: Floats, b: Floats) -> Floats:
    """The layer's output for all rows: the next one's input."""
    ctx = Context(train=False, values={"code/w": w, "code/b": b})
    return np.asarray(ctx.call("", Sequential(code=dense, activation=activation), tensor(x)))
