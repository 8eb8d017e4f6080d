"""Restricted Boltzmann machines, trained by contrastive divergence (2002)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import init, ops, philox
from ..data import batches
from ..engine import Plan, plan
from ..errors import DataError, NoValueError, SettingError, is_whole, require, require_number, require_seed
from ..graph import Graph, Tensor, placeholder, tensor
from .base import rows_of

Visible = Literal["bernoulli", "gaussian"]
Floats = NDArray[np.float32]


def contrastive_divergence(rows: int, visible: int, hidden: int, kind: Visible = "bernoulli") -> Graph:
    """One CD-1 update as a graph: (v, w, a, b, their velocities, seed, step, lr, momentum) -> (the same anew, error).

    h = p(h | v), v' = p(v | sample of h), h' = p(h | v');   the gradient's estimate is <v h> - <v' h'>, and for the biases
    <v - v'> and <h - h'>. Means over the rows; probabilities instead of samples except in the one step down.

    Source: Hinton (2002); Hinton (2010), "A practical guide to training RBMs", sections 3 and 9.
    """
    shapes = {"v": (rows, visible), "w": (visible, hidden), "a": (visible,), "b": (hidden,), "lr": (), "momentum": ()}
    shapes |= {f"~{name}": shapes[name] for name in "wab"}
    leaf = {name: placeholder(shape, np.float32, name) for name, shape in shapes.items()}
    leaf |= {name: placeholder((), np.int64, name) for name in ("seed", "step")}
    v, w, a, b = (leaf[name] for name in "vwab")
    h = ops.sigmoid(v @ w + b)
    sample = (ops.uniform(leaf["seed"], leaf["step"], stream=philox.stream_of("rbm/h"), to=h.shape) < h).astype(h.dtype)
    below = sample @ w.T + a
    again = below if kind == "gaussian" else ops.sigmoid(below)
    h_again = ops.sigmoid(again @ w + b)
    climb = {"w": (v.T @ h - again.T @ h_again) / rows, "a": (v - again).mean(0), "b": (h - h_again).mean(0)}
    outputs: dict[str, Tensor] = {"error": ops.square(v - again).mean()}
    for name, g in climb.items():
        outputs[f"~{name}"] = leaf["momentum"] * leaf[f"~{name}"] + g
        outputs[name] = leaf[name] + leaf["lr"] * outputs[f"~{name}"]
    return Graph(leaf, outputs)


@dataclass(eq=False, kw_only=True)
class RBM:
    """p(v, h) = e^-E / Z with E = -v w h - a v - b h: visible units v and hidden units h, no links within a layer.

    p(h = 1 | v) = sigmoid(v w + b);  p(v = 1 | h) = sigmoid(h w^T + a), or for visible="gaussian" v ~ N(h w^T + a, 1)
    (then E has |v - a|^2 / 2 instead of -a v).

    hidden      units             lr, momentum  step size (per batch mean) and its inertia
    epochs, batch_size            seed  of first weights (std 0.01), shuffles and samples
    visible     "bernoulli" for x in [0, 1]; "gaussian" for numbers, each feature with mean 0 and deviation 1, lr about 0.01

    Learned: weights_, bias_, visible_bias_, float32; errors_, the mean squared reconstruction error in each epoch.

    Source: Smolensky (1986), "harmonium"; Hinton (2002); Hinton and Salakhutdinov (2006) for Gaussian units.
    """

    hidden: int
    visible: Visible = "bernoulli"
    lr: float = 0.1
    momentum: float = 0.5
    epochs: int = 10
    batch_size: int = 32
    seed: int = 0

    def fit(self, x: ArrayLike) -> RBM:
        """Learn the distribution of the rows x (n, features) or images; begins anew at every call.

        DataError for rows that are no finite numbers, or leave [0, 1] where the visible units are Bernoulli; SettingError
        for settings out of range, or an lr with which the weights grow without end.
        """
        self._check()
        rows = self._allowed(x)
        self._width, self._steps = rows.shape[1], 0
        self._plans: dict[int, Plan] = {}  # by the rows of a batch: the last one may be shorter
        self._arrays = self._start()
        self.errors_: list[float] = []
        for epoch in range(self.epochs):
            shuffled = list(batches(len(rows), self.batch_size, self.seed, epoch))
            self.errors_.append(sum(self._update(rows[i]) for i in shuffled) / sum(map(len, shuffled)))
            if not np.isfinite(self.errors_[-1]):
                raise SettingError(
                    f"the weights of RBM grew without end in epoch {epoch}: take an lr below {self.lr:g}"
                )
        return self

    def hidden_of(self, v: ArrayLike) -> Floats:
        """p(h = 1 | v) of every row, shape (n, hidden): what a second RBM learns from."""
        return np.asarray(ops.sigmoid(tensor(self._known(v) @ self.weights_ + self.bias_)))

    def visible_of(self, h: ArrayLike) -> Floats:
        """The mean of p(v | h) of every row, shape (n, visible)."""
        states = rows_of(h).astype(np.float32)
        if states.shape[1] != self.weights_.shape[1]:
            raise DataError(f"expected states of {self.weights_.shape[1]} hidden units, found {states.shape[1]}")
        below = tensor(states @ self.weights_.T + self.visible_bias_)
        return np.asarray(below if self.visible == "gaussian" else ops.sigmoid(below))

    def free_energy(self, v: ArrayLike) -> Floats:
        """F(v) = -ln sum over h of e^-E(v, h), shape (n,): p(v) = e^-F(v) / Z."""
        rows = self._known(v)
        softplus = np.logaddexp(0, rows @ self.weights_ + self.bias_).sum(axis=1)
        if self.visible == "gaussian":
            return np.asarray(np.square(rows - self.visible_bias_).sum(axis=1) / 2 - softplus)
        return np.asarray(-rows @ self.visible_bias_ - softplus)

    @property
    def weights_(self) -> Floats:
        """(visible, hidden)."""
        return self._learned("w")

    @property
    def bias_(self) -> Floats:
        """Of the hidden units."""
        return self._learned("b")

    @property
    def visible_bias_(self) -> Floats:
        """Of the visible units."""
        return self._learned("a")

    def _learned(self, name: str) -> Floats:
        if not hasattr(self, "_arrays"):
            raise NoValueError("the RBM has learned nothing yet: call fit(x) first")
        return self._arrays[name]

    def _check(self) -> None:
        for name in ("hidden", "epochs", "batch_size"):
            value = getattr(self, name)
            require("RBM", name, value, is_whole(value, 1), "an int of at least 1")
        require_number("RBM", "lr", self.lr, "(0, inf)")
        require_number("RBM", "momentum", self.momentum, "[0, 1)")
        require("RBM", "visible", self.visible, self.visible in get_args(Visible), "'bernoulli' or 'gaussian'")
        require_seed("RBM", self.seed)

    def _allowed(self, x: ArrayLike) -> Floats:
        """The rows; Bernoulli units take shares only."""
        rows = rows_of(x).astype(np.float32)
        if self.visible == "bernoulli" and not are_shares(rows):
            raise DataError(
                f"expected x in [0, 1] for Bernoulli visible units, found {rows.min():g} to {rows.max():g}; divide by the "
                "largest value, or standardise x and take visible='gaussian'"
            )
        return rows

    def _known(self, v: ArrayLike) -> Floats:
        rows = rows_of(v).astype(np.float32)
        if rows.shape[1] != len(self.weights_):
            raise DataError(f"expected {len(self.weights_)} features, as in fit, found {rows.shape[1]}")
        return rows

    def _start(self) -> dict[str, Floats]:
        """Weights of deviation 0.01, no biases, no velocity (Hinton (2010), section 8)."""
        w = init.Normal(0.01)((self._width, self.hidden), init.Draw(self.seed, "rbm/w"))
        start = {"w": w, "a": np.zeros(self._width), "b": np.zeros(self.hidden)}
        still = {f"~{name}": np.zeros_like(array) for name, array in start.items()}
        return {name: array.astype(np.float32) for name, array in {**start, **still}.items()}

    def _update(self, rows: Floats) -> float:
        """One CD-1 step on a batch; the reconstruction error, summed over its rows."""
        count = len(rows)
        if count not in self._plans:
            graph = contrastive_divergence(count, self._width, self.hidden, self.visible)
            self._plans[count] = plan(graph)
        knobs = {"seed": np.int64(self.seed), "step": np.int64(self._steps)}
        rates = {"lr": np.float32(self.lr), "momentum": np.float32(self.momentum)}
        feeds: Any = {"v": rows, **self._arrays, **knobs, **rates}
        with np.errstate(over="ignore", invalid="ignore"):  # `fit` names it
            out = self._plans[count](feeds)
        self._arrays = {name: out[name] for name in self._arrays}
        self._steps += 1
        return float(out["error"]) * count


def are_shares(x: Floats) -> bool:
    """Whether all lie in [0, 1]: probabilities, or pixels on that scale."""
    return bool(x.min() >= 0 and x.max() <= 1)
