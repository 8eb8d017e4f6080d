"""Many Adalines in layers: Madaline, rule II (1988)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, pairwise
from typing import Any, ClassVar

import numpy as np

from .. import philox
from ..errors import is_whole, require
from .base import Classic, Floats


@dataclass(eq=False, kw_only=True)
class Madaline(Classic):
    """Layers of units y = sign(x w + b), all trained by rule II: where the output is wrong, disturb as little as possible.

    For a wrong row, layer by layer: flip the output of the unit with the smallest |net|, as a trial. If fewer outputs of the
    whole net are wrong then, the unit is adapted: w += lr (d - net) x / (|x|^2 + 1), d its flipped output, which with lr = 1
    makes net = d; with less it may take several turns. Else the next unit is tried, then pairs with the smallest |net|
    together, up to `together` units; and the layer above. No gradient: the step function of the units is no obstacle.

    hidden    units of each hidden layer
    together  how many units of a layer are flipped in one trial at most
    stuck     epochs without a new lowest count of mistakes before all weights are drawn anew: the rule can go in circles,
              with 4 hidden units in 1 of 10 starts on XOR, with 2 in every second. The history goes on.

    First weights and biases are even over [-1, 1). weights_ and bias_ hold an array for each layer. Stops after an epoch
    without a mistake; after `epochs` it keeps the weights after the pass with the fewest mistakes.

    Source: Winter and Widrow (1988), "Madaline rule II: a training algorithm for neural networks"; Widrow and Lehr (1990),
    "30 years of adaptive neural networks".
    """

    LOW: ClassVar[float] = -1.0
    epochs: int = 500
    hidden: tuple[int, ...] = (4,)
    together: int = 2
    stuck: int = 20

    def _check(self) -> None:
        Classic._check(self)
        sizes = isinstance(self.hidden, tuple | list) and len(self.hidden) > 0
        ok = sizes and all(is_whole(units, 1) for units in self.hidden)
        require("Madaline", "hidden", self.hidden, ok, "a tuple of ints of at least 1, such as (4,)")
        for name in ("together", "stuck"):
            value = getattr(self, name)
            require("Madaline", name, value, is_whole(value, 1), "an int of at least 1")

    def _start(self, features: int, units: int) -> None:
        self._features, self._sizes = features, (features, *self.hidden, units)
        self._draws = self._since = 0
        self._draw()

    def _draw(self) -> None:
        """New weights for every layer, another draw each time."""
        pairs = list(pairwise(self._sizes))
        self.weights_: Any = [self._even(f"w{k}", pair) for k, pair in enumerate(pairs)]
        self.bias_: Any = [self._even(f"b{k}", (units,)) for k, (_, units) in enumerate(pairs)]
        self._lowest: float = np.inf
        self._draws += 1

    def _even(self, name: str, shape: tuple[int, ...]) -> Floats:
        stream = philox.stream_of(f"Madaline/{name}")
        return np.asarray(2 * philox.uniform(np, self.seed, stream, self._draws, shape).astype(np.float64) - 1)

    def _done(self, epoch: int) -> bool:
        mistakes = self.history_[-1].mistakes
        self._since = 0 if mistakes < self._lowest else self._since + 1
        self._lowest = min(self._lowest, mistakes)
        if epoch + 1 == self.epochs and mistakes:
            best = min(self.history_, key=lambda e: e.mistakes)
            self.weights_, self.bias_ = best.weights, best.bias
        elif self._since == self.stuck:
            self._since = 0
            self._draw()
        return self.converged_

    def _learn(self, x: Floats, target: Floats) -> tuple[bool, float]:
        net = self._above(x, 0)
        wrong = int(((net > 0) != (target > 0)).sum())
        left, inputs = wrong, x
        for layer in range(len(self.weights_)):
            if not left:
                break
            left = self._disturb(inputs, layer, target, left)
            inputs = _sign(inputs @ self.weights_[layer] + self.bias_[layer])
        return wrong > 0, float(np.square(target - net).sum())

    def _disturb(self, x: Floats, layer: int, target: Floats, wrong: int) -> int:
        """The first trial that helps, made lasting; how many outputs are wrong after it."""
        net = x @ self.weights_[layer] + self.bias_[layer]
        output = _sign(net)
        for units in _trials(np.abs(net), self.together):
            trial = output.copy()
            trial[units] *= -1
            if self._wrong(trial, layer + 1, target) < wrong:
                step = self.lr * (trial[units] - net[units]) / (x @ x + 1)
                self.weights_[layer][:, units] += np.multiply.outer(x, step)
                self.bias_[layer][units] += step
                return self._wrong(x, layer, target)  # with an lr below 1 the unit may not have turned yet
        return wrong

    def _wrong(self, h: Floats, layer: int, target: Floats) -> int:
        """How many outputs of the whole net are wrong, from the input of a layer."""
        return int((_sign(self._above(h, layer)) != target).sum())

    def _above(self, h: Floats, layer: int) -> Floats:
        """The last nets, from the input of a layer; beyond the last layer, that input itself."""
        net = h
        for w, b in zip(self.weights_[layer:], self.bias_[layer:], strict=True):
            net = h @ w + b
            h = _sign(net)
        return net

    def _nets(self, rows: Floats) -> Floats:
        return self._above(rows, 0)


def _sign(net: Floats) -> Floats:
    return np.where(net > 0, 1.0, -1.0)


def _trials(size: Floats, together: int) -> Iterator[list[int]]:
    """Single units, then pairs and so on, within each the smallest sum of |net| first."""
    counts = range(1, min(together, len(size)) + 1)
    groups = ([list(g) for g in combinations(range(len(size)), k)] for k in counts)
    return chain.from_iterable(sorted(g, key=lambda units: float(size[units].sum())) for g in groups)
