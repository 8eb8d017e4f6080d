"""What the lectures say of activations, measured from the layers themselves: range, mean, saturation, death, kinks, cost.

Source: CS231n, lecture 6 ("activation functions"); Glorot and Bengio (2010); LeCun et al. (1998), section 4.4.

A layer is taken as a function of one number, with the parameters it starts with. On a grid in float64:

range      the least and largest output; infinite where it still grows between |x| = 10^3 and 10^6
mean       of the outputs for inputs of N(0, 1), by quantiles; `centred` if it is within 0.01 of 0
steepest   the largest |f'| for |x| <= 10: what a layer multiplies a gradient by at most
saturated  the share of |f'| < 0.01 behind a layer of 500 units on 200 rows of N(0, 1), under Xavier's weights and
           under large ones, N(0, 1)
dead       where f' is exactly 0 up to infinity, from |x| <= 8 on: a unit that is pushed there never comes back
form       smooth; a kink (f' jumps) or a jump (f itself does), found by halving intervals
cost       nanoseconds an element, forward and backward, op by op in float32; the best of several turns
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import SettingError, ShapeError, require
from .grad import backpropagate, gradients
from .graph import Tensor, tensor
from .init import Draw, Initializer, Normal, xavier_normal
from .layers import LAYERS, Context, Layer, Maxout, MaxoutConv2d, ReLU, parse
from .network import declared_arrays, initial_arrays
from .picture import charts
from .table import table

Floats = NDArray[np.float64]
NEAR = np.linspace(-10, 10, 2001)
FAR = np.logspace(1, 6, 51)  # 10 to 10^6, a tenth of a decade apart
SHOWN = NEAR[(NEAR >= -4) & (NEAR <= 4)][::10]
DEAD_BY = 8.0  # behind ReLU6's end; farther out a derivative may be 0 because float64 ends: sigmoid's at 37
FLAT, CENTRED, GROWN = 0.01, 0.01, 1.0
HALVINGS, STILL_THERE = 30, 1e-6
ELEMENTS = 1 << 16
ROWS, UNITS = 200, 500


@dataclass(frozen=True, eq=False)
class Activation:
    """One activation, measured. `dead` is (a, b): f' = 0 for all x <= a and all x >= b; -inf and inf if nowhere."""

    name: str
    layer: Layer
    low: float
    high: float
    mean: float
    steepest: float
    saturated: float
    saturated_large: float
    dead: tuple[float, float]
    form: str
    cost: float | None
    x: Floats
    y: Floats
    slope: Floats

    @property
    def centred(self) -> bool:
        return abs(self.mean) <= CENTRED

    @property
    def can_die(self) -> bool:
        return self.dead != (-np.inf, np.inf)

    def cells(self, of_relu: float | None) -> list[str]:
        """The row as text; `of_relu` is what ReLU costs."""
        cost = [f"{self.cost:.1f}", f"{self.cost / of_relu:.1f}"] if self.cost and of_relu else []
        return [
            self.name,
            f"{_number(self.low)} .. {_number(self.high)}",
            _number(self.mean),
            "yes" if self.centred else "no",
            _number(self.steepest),
            f"{self.saturated:.1%}",
            f"{self.saturated_large:.1%}",
            self._deadly(),
            self.form,
            *cost,
        ]

    def _deadly(self) -> str:
        below, above = self.dead
        if below >= above:
            return "everywhere"
        sides = [f"x <= {_number(below)}"] * (below > -np.inf) + [f"x >= {_number(above)}"] * (above < np.inf)
        return ", ".join(sides) or "no"


class ActivationTable(Sequence[Activation]):
    """One row per activation; prints as a table, `show` and `save` draw f and f'."""

    def __init__(self, rows: Sequence[Activation], of_relu: float | None) -> None:
        self.rows, self.of_relu = tuple(rows), of_relu

    def __getitem__(self, index: Any) -> Any:
        return ActivationTable(self.rows[index], self.of_relu) if isinstance(index, slice) else self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        head = ["activation", "range", "mean", "centred", "steepest", "saturated", "large w", "dead", "form"]
        head += [] if self.of_relu is None else ["ns", "x ReLU"]
        return table([head, *(row.cells(self.of_relu) for row in self.rows)])

    def save(self, path: str | Path) -> Path:
        """Draw every activation and its derivative into a file: .svg or .png."""
        return charts.save(path, self._drawn)

    def show(self) -> None:
        """Draw every activation and its derivative: in a notebook at this place, else in the web browser."""
        charts.show(self._drawn)

    def _drawn(self, ending: str) -> bytes:
        return charts.functions([(r.name, r.x, r.y, r.slope) for r in self.rows], ending)


def activation_table(*layers: Layer | str, seed: int = 0, turns: int = 5) -> ActivationTable:
    """The lectures' properties of activations, measured; the module's docstring defines each.

    layers  activations, your own too, as layers or in the notation ("relu tanh"); default: all there are
    seed    of the parameters they start with, and of the inputs and weights of the saturated shares
    turns   the cost is the best of so many measurements; 0 leaves it out, and the table is the same in every run

    A layer that is no function of one number raises ShapeError.   Takes about 50 ms a layer.
    """
    require("activation_table", "turns", turns, isinstance(turns, int) and turns >= 0, "an int of at least 0")
    chosen = [one for layer in layers for one in _apart(layer)] or every_activation()
    curves = [_Curve(layer, seed) for layer in chosen]
    relu = _Curve(ReLU(), seed)
    costs = _costs({curve.name: curve for curve in [relu, *curves]}, turns) if turns else {}
    before = [_before(init, seed) for init in (xavier_normal, Normal(1.0))]
    return ActivationTable([_row(curve, before, costs.get(curve.name)) for curve in curves], costs.get(relu.name))


def every_activation() -> list[Layer]:
    """One of each in `layers/activation.py`. Maxout for images is Maxout on each pixel, and not listed again."""
    kinds = [k for k in LAYERS.values() if k.__module__ == Maxout.__module__ and k.word and k is not MaxoutConv2d]
    return [Maxout(1) if kind is Maxout else kind() for kind in kinds]


def _apart(layer: Layer | str) -> list[Layer]:
    """A layer, or those that a notation names."""
    return [inner for _, inner in parse(layer).layers] if isinstance(layer, str) else [layer]


class _Curve:
    """A layer as a function of one number."""

    def __init__(self, layer: Layer, seed: int) -> None:
        require("activation_table", "layers", layer, isinstance(layer, Layer), 'layers or notation such as "relu"')
        self.layer = layer
        self.start = initial_arrays(declared_arrays(layer, (2, 1)), (), seed)
        if np.isnan(self(NEAR)).any():
            where = NEAR[np.isnan(self(NEAR))][0]
            raise SettingError(f"{layer} is NaN at x = {where:g}: an activation needs a value for every number")

    def run(self, x: Tensor) -> Tensor:
        values = {path: array.astype(x.dtype) for path, array in self.start.items()}
        y = Context(train=False, values=values, dtype=x.dtype).call("", self.layer, x)
        if y.shape != x.shape:
            raise ShapeError(f"expected an activation, (n, 1) -> (n, 1), found {self.layer}: {x.shape} -> {y.shape}")
        return y

    def __call__(self, x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(self.run(tensor(x[:, None], "x")).value)[:, 0]

    def derivative(self, x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            given = tensor(x[:, None], "x")
            return np.asarray(gradients(self.run(given).sum(), [given])[0].value)[:, 0]

    @cached_property
    def name(self) -> str:
        return str(self.layer).removesuffix("()")


def _row(f: _Curve, before: Sequence[Floats], cost: float | None) -> Activation:
    low, high = _range(f)
    slope = np.abs(f.derivative(NEAR))
    xavier, large = (float(np.mean(np.abs(f.derivative(x)) < FLAT)) for x in before)
    mean, steepest = float(f(_quantiles()).mean()), float(np.nanmax(slope))
    curves = SHOWN, f(SHOWN), f.derivative(SHOWN)
    return Activation(f.name, f.layer, low, high, mean, steepest, xavier, large, _dead(f), _form(f), cost, *curves)


def _range(f: _Curve) -> tuple[float, float]:
    return -_largest(lambda x: -f(x)), _largest(f)


def _largest(f: Any) -> float:
    """The least upper bound as far as a grid shows it; infinite if the outputs beyond 10^3 exceed all before."""
    inside = FAR[FAR <= 1e3]
    near = np.nanmax(f(np.concatenate([NEAR, inside, -inside])))
    far = np.nanmax(f(np.concatenate([FAR, -FAR])))
    return float(np.inf if far > near + GROWN else max(near, far)) + 0.0


@cache
def _quantiles(count: int = 20_000) -> Floats:
    """The middles of `count` equally likely parts of N(0, 1)."""
    half = np.array([NormalDist().inv_cdf((i + 0.5) / count) for i in range(count // 2)])
    return np.concatenate([half, -half[::-1]])


@lru_cache(4)
def _before(init: Initializer, seed: int) -> Floats:
    """What stands before the activations of a layer whose weights come from `init`."""
    x = Normal(1.0)((ROWS, UNITS), Draw(seed, "x"))
    return np.asarray(x @ init((UNITS, UNITS), Draw(seed, "dense1/w")), np.float64).ravel()


def _dead(f: _Curve) -> tuple[float, float]:
    """Up to where from the left, and from where on to the right, the derivative is exactly 0."""
    grid = np.concatenate([-FAR[::-1], NEAR[1:-1], FAR])
    live = np.flatnonzero(f.derivative(grid) != 0)
    if not len(live):
        return np.inf, -np.inf
    first, last = live[0], live[-1]
    below = _edge(f, grid[first - 1], grid[first]) if first else -np.inf
    above = _edge(f, grid[last + 1], grid[last]) if last + 1 < len(grid) else np.inf
    return below if below >= -DEAD_BY else -np.inf, above if above <= DEAD_BY else np.inf


def _edge(f: _Curve, dead: float, live: float) -> float:
    """Where between the two the derivative becomes 0."""
    for _ in range(HALVINGS):
        middle = (dead + live) / 2
        dead, live = (dead, middle) if f.derivative(np.array([middle]))[0] else (middle, live)
    return float(dead)


def _form(f: _Curve) -> str:
    """What is left of the largest step of f and of f' as intervals shrink: of a smooth function, nothing."""
    if _left_step(f) > STILL_THERE:
        return "jump"
    return "kink" if _left_step(f.derivative) > STILL_THERE else "smooth"


def _left_step(f: Any) -> float:
    """Halve every interval of the grid again and again, keeping the half with the larger step."""
    a, b = NEAR[:-1], NEAR[1:]
    at_a, at_b = f(a), f(b)
    for _ in range(HALVINGS):
        middle = (a + b) / 2
        at = f(middle)
        left = np.abs(at - at_a) >= np.abs(at_b - at)
        a, at_a = np.where(left, a, middle), np.where(left, at_a, at)
        b, at_b = np.where(left, middle, b), np.where(left, at, at_b)
    return float(np.nanmax(np.abs(at_b - at_a)))


def _costs(curves: Mapping[str, _Curve], turns: int) -> dict[str, float]:
    """Nanoseconds an element of each; they take turns, so that a busy moment of the machine hits all alike."""
    x = Normal(1.0)((ELEMENTS, 1), Draw(0, "x")).astype(np.float32)
    seconds = [[_seconds(curve, x) for curve in curves.values()] for _ in range(turns)]
    return {name: 1e9 * min(column) / ELEMENTS for name, column in zip(curves, zip(*seconds, strict=True), strict=True)}


def _seconds(f: _Curve, x: NDArray[np.float32]) -> float:
    given, upstream = tensor(x, "x"), tensor(np.ones_like(x))
    start = time.perf_counter()
    backpropagate(f.run(given), upstream, [given])
    return time.perf_counter() - start


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) >= 5e-4 else "0"
