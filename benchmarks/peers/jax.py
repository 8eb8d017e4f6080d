"""JAX: a step of training as one compiled function, whose old parameters are given back to it as memory."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from ..works import EPS, LR, MOMENTUM, Arrays, Part, Work
from .base import Runner

Params = dict[str, jax.Array]


def conv(p: Part, params: Params, x: jax.Array, train: bool) -> jax.Array:
    padding = "SAME" if p.same else "VALID"
    y = lax.conv_general_dilated(x, params[f"{p.name}/w"], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + params[f"{p.name}/b"]


def norm(p: Part, params: Params, x: jax.Array, train: bool) -> jax.Array:
    mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else (jnp.zeros(x.shape[-1]), jnp.ones(x.shape[-1]))
    return (x - mean) * (lax.rsqrt(var + EPS) * params[f"{p.name}/scale"]) + params[f"{p.name}/shift"]


def pool(p: Part, params: Params, x: jax.Array, train: bool) -> jax.Array:
    window = (1, p.units, p.units, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


LAYERS = {
    "conv": conv,
    "bn": norm,
    "relu": lambda p, params, x, train: jnp.maximum(x, 0),
    "pool": pool,
    "flatten": lambda p, params, x, train: x.reshape(len(x), -1),
    "dense": lambda p, params, x, train: x @ params[f"{p.name}/w"] + params[f"{p.name}/b"],
}


def logits(work: Work, params: Params, x: jax.Array, train: bool) -> jax.Array:
    for part in work.parts:
        x = LAYERS[part.word](part, params, x, train)
    return x


def loss(params: Params, work: Work, x: jax.Array, y: jax.Array) -> jax.Array:
    of_classes = jax.nn.log_softmax(logits(work, params, x, True))
    return -jnp.take_along_axis(of_classes, y[:, None], 1).mean()


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def train_step(
    work: Work, params: Params, velocity: Params, x: jax.Array, y: jax.Array
) -> tuple[Params, Params, jax.Array]:
    value, gradient = jax.value_and_grad(loss)(params, work, x, y)
    velocity = {path: MOMENTUM * v + gradient[path] for path, v in velocity.items()}
    return {path: p - LR * velocity[path] for path, p in params.items()}, velocity, value


@partial(jax.jit, static_argnums=0)
def probabilities(work: Work, params: Params, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(logits(work, params, x, False))


class Train(Runner):
    """Steps follow each other without waiting: JAX's calls return before their work is done."""

    about = "jit"

    def build(self, arrays: Arrays, threads: int) -> None:
        # The number of threads is NPROC's, which the process was started with.
        self.params = {path: jnp.asarray(array) for path, array in arrays.items()}
        self.velocity = {path: jnp.zeros_like(array) for path, array in self.params.items()}
        self.data = [(jnp.asarray(x), jnp.asarray(y.astype(np.int32))) for x, y in self.batches]

    def step(self, i: int) -> None:
        self.params, self.velocity, self.loss = train_step(self.work, self.params, self.velocity, *self.data[i])

    def finish(self) -> float:
        jax.block_until_ready(self.params)
        return float(self.loss)


class Predict(Train):
    """Probabilities; every call waits for its result, as a caller who wants it does."""

    def step(self, i: int) -> Any:
        return probabilities(self.work, self.params, self.data[i][0]).block_until_ready()

    def finish(self) -> float:
        return 0.0

    def outputs(self) -> NDArray[np.float32]:
        return np.asarray(self.step(0))[:2]


SIDES = {"jax": Train, "jax-predict": Predict}
