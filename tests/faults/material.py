"""Data sets by name. `tune` and `held` cases use different ones, so that no rule is judged on what it was made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import chainrule as cr

Array: TypeAlias = NDArray[Any]
Measure: TypeAlias = Literal["accuracy", "balanced accuracy", "r2"]
Random: TypeAlias = np.random.Generator
Source: TypeAlias = Callable[..., tuple[Array, Array]]
SETS: dict[
    str, Source
] = {}  # by name: (random, how many rows, settings) -> x, y; of small tables all the rows there are
FINITE: set[str] = set()  # tables of which no further rows can be drawn
SEQUENCES = {"sine", "totals", "rhythm", "decay"}  # x (rows, steps, channels), not images
HALF: dict[str, str] = {}  # which half a data set belongs to


@dataclass(frozen=True)
class Rows:
    """Inputs and what is to be predicted from them."""

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: Array) -> Rows:
        """The rows of these numbers."""
        return Rows(self.x[index], self.y[index])


@dataclass(frozen=True)
class Material:
    """What a training gets, and the rows that it is judged by: those are sound whatever is done to the others.

    validation  None: a share that cr.train takes
    judge       prepared as the user prepared the rest, but never mislabelled, leaked or drawn otherwise
    measure     accuracy of classes; balanced accuracy, where they are of unequal size; R^2 of numbers
    """

    train: Rows
    judge: Rows
    validation: Rows | None = None
    measure: Measure = "accuracy"
    classes: tuple[int, ...] = ()


def material(
    name: str, seed: int, rows: int, judge: int = 500, measure: Measure | None = None, **settings: Any
) -> Material:
    """`rows` rows to train with and others to judge by; of tables without end `judge`, else all that are left."""
    random = np.random.default_rng([seed, *name.encode()])
    x, y = SETS[name](random, rows + judge, **settings)
    order = random.permutation(len(x)) if name in FINITE else np.arange(len(x))
    x, y = np.asarray(x[order], np.float64), y[order]
    if len(x) < rows + 30:
        raise ValueError(f"{name} has {len(x)} rows: {rows} to train with leave too few to judge by")
    return Material(
        train=Rows(x[:rows], y[:rows]),
        judge=Rows(x[rows : rows + judge], y[rows : rows + judge]),
        measure=measure or ("r2" if y.dtype.kind == "f" else "accuracy"),
    )


def source(half: Literal["tune", "held"], finite: bool = False, sequence: bool = False) -> Callable[[Source], Source]:
    """Enter a data set under its function's name."""

    def enter(function: Source) -> Source:
        name = function.__name__
        SETS[name], HALF[name] = function, half
        FINITE.update([name] if finite else [])
        SEQUENCES.update([name] if sequence else [])
        return function

    return enter


# ---- tune: images, tables, sequences


@source("tune", finite=True)
def digits(random: Random, rows: int, flat: bool = True) -> tuple[Array, Array]:
    """Written digits, 8 x 8 pixels from 0 to 16, as a table or as images."""
    data = cr.data.load("digits")
    x = np.asarray(data.x)
    return (x.reshape(len(x), -1) if flat else x), data.y


@source("tune")
def bars(random: Random, rows: int, noise: float = 0.3) -> tuple[Array, Array]:
    """Images of 8 x 8 with one bright bar, lying or standing, in the first or the second half: four classes."""
    y = random.integers(0, 4, rows)
    place = random.integers(0, 4, rows) + 4 * (y // 2)
    across = np.arange(8) == place[:, None]
    x = np.where((y % 2 == 0)[:, None, None], across[:, :, None], across[:, None, :]) * 1.0
    return (x + noise * random.normal(size=(rows, 8, 8)))[..., None], y


@source("tune")
def blobs(random: Random, rows: int, classes: int = 4, features: int = 8, spread: float = 1.0) -> tuple[Array, Array]:
    """One Gaussian cloud a class; the clouds' centres are the same for every seed."""
    centres = np.random.default_rng(5).normal(size=(classes, features)) * 1.5
    y = random.integers(0, classes, rows)
    return centres[y] + spread * random.normal(size=(rows, features)), y


@source("tune")
def moons(random: Random, rows: int, noise: float = 0.15) -> tuple[Array, Array]:
    """Two half circles that reach into each other."""
    y, angle = random.integers(0, 2, rows), np.pi * random.random(rows)
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    x = np.where(y[:, None] == 1, np.array([1.0, 0.5]) - x, x)
    return x + noise * random.normal(size=x.shape), y


@source("tune")
def xor(random: Random, rows: int, cells: int = 3) -> tuple[Array, Array]:
    """A chessboard of cells x cells fields: the class is the colour."""
    x = random.random((rows, 2)) * cells
    return x, np.floor(x).sum(1).astype(np.int64) % 2


@source("tune")
def friedman1(random: Random, rows: int, noise: float = 1.0) -> tuple[Array, Array]:
    """10 sin(pi a b) + 20 (c - 0.5)^2 + 10 d + 5 e; five further features say nothing.   Source: Friedman (1991)."""
    x = random.random((rows, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return x, y + noise * random.normal(size=rows)


@source("tune", finite=True)
def diabetes(random: Random, rows: int) -> tuple[Array, Array]:
    """Progression of the disease after a year from ten measurements: a weak signal.   Source: Efron et al. (2004)."""
    return _of_sklearn("load_diabetes")


@source("tune")
def sine(random: Random, rows: int, steps: int = 16, noise: float = 0.2) -> tuple[Array, Array]:
    """Sequences of a sine wave with noise: three classes of frequencies."""
    y = random.integers(0, 3, rows)
    phase = 2 * np.pi * random.random((rows, 1))
    wave = np.sin(phase + np.arange(steps) * np.array([0.4, 0.8, 1.2])[y][:, None])
    return (wave + noise * random.normal(size=wave.shape))[..., None], y


@source("tune")
def totals(random: Random, rows: int, steps: int = 10) -> tuple[Array, Array]:
    """Sequences of numbers; to predict is the sum of those whose mark is 1."""
    x = np.stack([random.normal(size=(rows, steps)), random.random((rows, steps)) < 0.4], -1)
    return x, (x[..., 0] * x[..., 1]).sum(1)


@source("tune")
def tokens(random: Random, rows: int, steps: int = 8) -> tuple[Array, Array]:
    """Codes 0 to 11; the class says whether there are more even than odd ones."""
    x = random.integers(0, 12, (rows, steps - 1 + steps % 2))
    return x, ((x % 2 == 0).mean(1) > 0.5).astype(np.int64)


# ---- held: other images, tables, sequences


@source("held")
def shapes(random: Random, rows: int, noise: float = 0.2, flat: bool = False) -> tuple[Array, Array]:
    """Images of 10 x 10 with a disc, a square, a cross or a ring somewhere."""
    y, grid = random.integers(0, 4, rows), np.arange(10)
    middle = random.integers(3, 7, (rows, 2))
    across = grid[None, :, None] - middle[:, :1, None]
    along = grid[None, None, :] - middle[:, 1:, None]
    reach, far = np.maximum(abs(across), abs(along)), np.hypot(across, along)
    drawn = [far <= 2.3, reach <= 2, (np.minimum(abs(across), abs(along)) == 0) & (reach <= 2), abs(far - 2.2) < 0.5]
    x = np.choose(y[:, None, None], drawn) * 1.0 + noise * random.normal(size=(rows, 10, 10))
    return (x.reshape(rows, -1) if flat else x[..., None]), y


@source("held")
def stripes(random: Random, rows: int, noise: float = 0.4) -> tuple[Array, Array]:
    """Images of 9 x 9, pixels from 0 to 255, with stripes in one of three directions."""
    y = random.integers(0, 3, rows)
    angle, phase = y * np.pi / 3, 2 * np.pi * random.random(rows)
    grid = np.arange(9)
    way = np.cos(angle)[:, None, None] * grid[:, None] + np.sin(angle)[:, None, None] * grid
    x = np.sin(1.5 * way + phase[:, None, None]) + noise * random.normal(size=way.shape)
    return (127 + 60 * x).clip(0, 255).round()[..., None], y


@source("held", finite=True)
def iris(random: Random, rows: int) -> tuple[Array, Array]:
    """Three species from four lengths.   Source: Fisher (1936)."""
    return _of_sklearn("load_iris")


@source("held", finite=True)
def wine(random: Random, rows: int) -> tuple[Array, Array]:
    """Three growers from 13 measurements, of very different units."""
    return _of_sklearn("load_wine")


@source("held", finite=True)
def cancer(random: Random, rows: int) -> tuple[Array, Array]:
    """Two diagnoses from 30 measurements, of very different units."""
    return _of_sklearn("load_breast_cancer")


@source("held")
def spirals(random: Random, rows: int, turns: float = 1.0, noise: float = 0.1) -> tuple[Array, Array]:
    """Two arms that wind around each other."""
    y, way = random.integers(0, 2, rows), np.sqrt(random.random(rows))
    angle = 2 * np.pi * turns * way + np.pi * y
    x = 3 * way[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return x + noise * random.normal(size=x.shape), y


@source("held")
def rings(random: Random, rows: int, noise: float = 0.12) -> tuple[Array, Array]:
    """Three rings around one middle."""
    y, angle = random.integers(0, 3, rows), 2 * np.pi * random.random(rows)
    far = 1.0 * y + 0.5 + noise * random.normal(size=rows)
    return far[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), y


@source("held")
def waves(random: Random, rows: int, noise: float = 0.1) -> tuple[Array, Array]:
    """sin(2 a) + cos(2 b) c / 2, for a, b, c in [-1.5, 1.5]."""
    x = 3 * random.random((rows, 3)) - 1.5
    return x, np.sin(2 * x[:, 0]) + np.cos(2 * x[:, 1]) * x[:, 2] / 2 + noise * random.normal(size=rows)


@source("held")
def friedman2(random: Random, rows: int, noise: float = 60.0) -> tuple[Array, Array]:
    """sqrt(a^2 + (b c - 1 / (b d))^2), with features from 1 to 1,760 and targets as large.   Source: Friedman (1991)."""
    low, high = np.array([0, 40 * np.pi, 0, 1]), np.array([100, 560 * np.pi, 1, 11])
    x = low + (high - low) * random.random((rows, 4))
    y = np.hypot(x[:, 0], x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3]))
    return x, y + noise * random.normal(size=rows)


@source("held")
def rhythm(random: Random, rows: int, steps: int = 14, noise: float = 0.15) -> tuple[Array, Array]:
    """Sequences of pulses, every second, third or fourth step: three classes."""
    y = random.integers(0, 3, rows)
    start = random.integers(0, 4, (rows, 1))
    x = ((np.arange(steps) + start) % (y[:, None] + 2) == 0) * 1.0
    return (x + noise * random.normal(size=x.shape))[..., None], y


@source("held")
def decay(random: Random, rows: int, steps: int = 12, noise: float = 0.05) -> tuple[Array, Array]:
    """Sequences; to predict is their mean with weights that fall by 0.8 from the last step back."""
    x = random.normal(size=(rows, steps))
    return x[..., None], x @ 0.8 ** np.arange(steps)[::-1] + noise * random.normal(size=rows)


@source("held")
def brackets(random: Random, rows: int, steps: int = 9) -> tuple[Array, Array]:
    """Codes 0 to 7; the class is the larger of the first and the last code's halves: 0, or 1 where one is above 3."""
    x = random.integers(0, 8, (rows, steps))
    return x, (np.maximum(x[:, 0], x[:, -1]) > 4).astype(np.int64)


def _of_sklearn(name: str) -> tuple[Array, Array]:
    from sklearn import datasets  # noqa: PLC0415  (a second; only some cases need it)

    x, y = getattr(datasets, name)(return_X_y=True)
    return np.asarray(x), np.asarray(y)
