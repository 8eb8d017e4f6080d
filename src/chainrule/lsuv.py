"""Layer-sequential unit variance: weights that start orthogonal and are scaled by what the data make of them.

Source: Mishkin and Matas (2016), "All you need is a good init", algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import DataError, SettingError, is_whole, require, require_number, require_seed
from .graph import Tensor, tensor
from .init import Draw, orthogonal
from .layers import Context, Layer, Param, State, parse
from .layers.base import inputs_of
from .network import declared_arrays, initial_arrays


def lsuv(
    net: Layer | str, x: ArrayLike, *, seed: int = 0, tol: float = 0.1, tries: int = 10
) -> dict[str, NDArray[np.float32]]:
    """Starting arrays by path (`dense1/w`): layer after layer, the weights are scaled until its output has variance 1.

        cr.Step(net, x, y, start=cr.lsuv(net, x))

    x      a batch (n, ...) as the network will see it in training: standardised, if it will be; some hundred rows are enough
    tol    the variance is within 1 +- tol after at most `tries` scalings of a layer (the paper: 0.1 and 10)
    Scaled are layers with one weight: dense, convolution, maxout, embedding. Those with several, recurrent ones, keep the
    initialiser that they name, as do biases and scales. DataError for a layer whose outputs are all the same, or NaN.
    """
    network = parse(net) if isinstance(net, str) else net
    inputs = inputs_of(x)
    require_number("lsuv", "tol", tol, "(0, inf)")
    require("lsuv", "tries", tries, is_whole(tries, 1), "an int of at least 1")
    require_seed("lsuv", seed)
    values = initial_arrays(declared_arrays(network, inputs.shape), (), seed)
    scaling = _Scaling(values, seed, tol, tries)
    with np.errstate(over="ignore", invalid="ignore"):  # the scaling names it
        scaling.call("", network, inputs)
    if not scaling.scaled:
        raise SettingError(f"{network} has no layer with one weight, such as dense or conv, that could be scaled")
    return {path: np.asarray(array, np.float32) for path, array in values.items()}


class _Scaling(Context):
    """Computes a network, and stays at each layer until its output has variance 1; the next one is then given that."""

    def __init__(self, values: dict[str, NDArray[Any]], seed: int, tol: float, tries: int) -> None:
        super().__init__(train=True, seed=tensor(np.int64(seed)), step=tensor(np.int64(0)), values=values)
        self.values, self.seed, self.tol, self.tries = values, seed, tol, tries
        self.scaled: set[str] = set()

    def call(self, name: str, layer: Layer, x: Tensor) -> Tensor:
        path = _weight_of(self._at(name), layer.build(x.shape))
        if path is None or path in self.scaled:  # a layer that is used again keeps its scale
            return super().call(name, layer, x)
        self.scaled.add(path)
        self.values[path] = orthogonal(self.values[path].shape, Draw(self.seed, path)).astype(np.float32)
        y = super().call(name, layer, x)
        for _ in range(self.tries):
            variance = self._variance(y, path)
            if abs(variance - 1) <= self.tol:
                break
            self.values[path] = (self.values[path] / np.sqrt(variance)).astype(np.float32)
            del self.declared[path], self.leaves[path]  # to be read anew
            y = super().call(name, layer, x)
        return y

    def _variance(self, y: Tensor, path: str) -> float:
        """Of a layer's outputs; a DataError where no scaling makes that 1."""
        variance = float(np.asarray(y).var(dtype=np.float64))
        if not np.isfinite(variance):
            raise DataError(f"lsuv: the outputs of '{path}' are beyond float32 or no numbers; standardise x")
        if not variance:
            raise DataError(f"lsuv: the outputs of '{path}' are all the same for these {y.shape[0]} rows; give others")
        return variance


def _weight_of(path: str, arrays: Mapping[str, Param | State]) -> str | None:
    """The path of a layer's only weight, if it has one."""
    weights = [key for key, spec in arrays.items() if isinstance(spec, Param) and spec.decay]
    if len(weights) != 1:
        return None
    return f"{path}/{weights[0]}" if path else weights[0]
