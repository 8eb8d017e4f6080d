"""Rosenblatt's perceptron (1957)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import Classic, Floats


@dataclass(eq=False, kw_only=True)
class Perceptron(Classic):
    """y = step(x w + b), learned by w += lr (t - y) x, b += lr (t - y): a right row changes nothing, a wrong one turns w.

    With two classes t and y are 0 or 1. With more they are one-hot, y at the class whose net is largest: w of the right
    class moves towards x, w of the winner away from it (Kesler's construction). Weights start at 0, so lr only scales them.
    Stops after an epoch without a mistake. If a line parts the classes there is such an epoch, after at most (R / gamma)^2
    mistakes, R the longest row and gamma the margin, both with the bias as a feature of 1; if none does, never.

    Source: Rosenblatt (1957), "The perceptron, a perceiving and recognizing automaton"; Novikoff (1962), "On convergence
    proofs on perceptrons"; Duda and Hart (1973), section 5.12, for Kesler's construction.
    """

    def _learn(self, x: Floats, target: Floats) -> tuple[bool, float]:
        net = x @ self.weights_ + self.bias_
        error = target - _output(net)
        wrong = bool(error.any())
        if wrong:
            self.weights_ += self.lr * np.multiply.outer(x, error)
            self.bias_ += self.lr * error
        return wrong, float(error @ error)


def _output(net: Floats) -> Floats:
    """The step; of several units, only the one with the largest net is on."""
    return (net > 0).astype(np.float64) if len(net) == 1 else (np.arange(len(net)) == net.argmax()).astype(np.float64)
