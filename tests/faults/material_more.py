"""More tables by name, all of the tune half: wide, correlated, heavy-tailed, counted, one-hot; many classes, labels, outputs."""

from __future__ import annotations

import numpy as np

from .material import Array, Random, source


def _fixed(number: int) -> Random:
    """What is the same for every seed: the world that rows are drawn from."""
    return np.random.default_rng(number)


def _one_hot(codes: Array, count: int) -> Array:
    return np.eye(count)[codes]


# ---- classes


@source("tune")
def genes(random: Random, rows: int, features: int = 200, classes: int = 3, spread: float = 1.0) -> tuple[Array, Array]:
    """Many correlated features, few rows: eight hidden factors, of which the first ones differ by class."""
    world = _fixed(11)
    ways, centres = world.normal(size=(8, features)), world.normal(size=(classes, 8)) * 1.6
    y = random.integers(0, classes, rows)
    factors = centres[y] + spread * random.normal(size=(rows, 8))
    return factors @ ways + 1.5 * random.normal(size=(rows, features)), y


@source("tune")
def votes(random: Random, rows: int, questions: int = 12, sure: float = 1.2) -> tuple[Array, Array]:
    """Questions with three answers, one-hot; two parties that answer differently often, not always."""
    leaning = sure * _fixed(12).normal(size=(2, questions, 3))
    y = random.integers(0, 2, rows)
    answers = (leaning[y] + random.gumbel(size=(rows, questions, 3))).argmax(-1)
    return _one_hot(answers, 3).reshape(rows, -1), y


@source("tune")
def letters(random: Random, rows: int, classes: int = 20, spread: float = 1.3) -> tuple[Array, Array]:
    """Sixteen whole numbers from 0 to 15 for each of twenty letters, two ways of writing each."""
    middles = _fixed(13).uniform(2, 13, (classes, 2, 16))
    y = random.integers(0, classes, rows)
    x = middles[y, random.integers(0, 2, rows)] + spread * random.normal(size=(rows, 16))
    return x.round().clip(0, 15), y


@source("tune")
def mixed(random: Random, rows: int, noise: float = 1.0) -> tuple[Array, Array]:
    """Loans: heavy-tailed amounts, whole numbers, a one-hot trade, a flag that is mostly 0; who pays back is half chance."""
    amounts = np.exp(random.normal(size=(rows, 3)))
    years, trade = random.poisson(6, rows), random.integers(0, 5, rows)
    flag = random.random(rows) < 0.06
    worth = np.array([-1.0, 0.5, 0.0, 1.2, -0.6])[trade]
    risk = 1.2 * np.log(amounts[:, 0] / amounts[:, 1]) + 0.25 * (years - 6) + worth - 1.5 * flag
    y = (risk + noise * random.logistic(size=rows) > 0).astype(np.int64)
    return np.column_stack([amounts, years, _one_hot(trade, 5), flag]), y


@source("tune")
def words(random: Random, rows: int, features: int = 100, length: float = 25.0) -> tuple[Array, Array]:
    """How often each of a hundred words stands in a text, mostly 0; four subjects."""
    likes = np.exp(1.2 * _fixed(14).normal(size=(4, features)))
    likes = 0.6 * likes.mean(0) + 0.4 * likes
    y = random.integers(0, 4, rows)
    return random.poisson(length * likes[y] / likes.sum(1)[y][:, None]).astype(float), y


@source("tune")
def boxes(random: Random, rows: int, features: int = 5) -> tuple[Array, Array]:
    """Five classes by a tree of thresholds: edges that no smooth function has."""
    x = random.random((rows, features))
    a, b, c = x[:, 0], x[:, 1], x[:, 2]
    left = np.where(b > 0.6, 1, np.where(c > 0.5, 0, 2))
    return x, np.where(a > 0.5, np.where(b > c, 3, 4), left)


@source("tune")
def parity(random: Random, rows: int, bits: int = 4, idle: int = 2) -> tuple[Array, Array]:
    """Flags of 0 and 1: the class is the parity of the first ones. With few flags, rows repeat each other by chance."""
    x = random.integers(0, 2, (rows, bits + idle))
    return x, x[:, :bits].sum(1) % 2


@source("tune")
def crescent(random: Random, rows: int, noise: float = 0.3, rare: float = 0.5) -> tuple[Array, Array]:
    """Two features: inside or outside of a bent band; `rare` is the share of rows inside before noise."""
    x = random.normal(size=(rows, 2)) * np.array([1.5, 1.0])
    far = np.abs(x[:, 1] - 0.6 * x[:, 0] ** 2 + 0.8 + noise * random.normal(size=rows))
    return x, (far < 1.2 * rare).astype(np.int64)


@source("tune")
def genres(random: Random, rows: int, labels: int = 5, noise: float = 0.4) -> tuple[Array, Array]:
    """Twenty features, five labels of which any number may hold."""
    world = _fixed(15)
    first, second = world.normal(size=(20, 12)) / 4, world.normal(size=(12, labels))
    x = random.normal(size=(rows, 20))
    hidden = np.tanh(2 * x @ first) @ second
    return x, hidden + noise * random.normal(size=hidden.shape) > 0.3


# ---- numbers


@source("tune")
def prices(random: Random, rows: int, noise: float = 0.15) -> tuple[Array, Array]:
    """Houses: areas and distances with heavy tails, a one-hot quarter; prices from 30 to a few thousand."""
    area, far = np.exp(0.5 * random.normal(size=rows) + 4.5), np.exp(0.8 * random.normal(size=rows))
    rooms, quarter = random.poisson(3, rows) + 1, random.integers(0, 6, rows)
    worth = np.array([0.0, 0.3, -0.4, 0.6, 0.1, -0.2])[quarter]
    price = np.exp(0.8 * np.log(area) + worth - 0.25 * np.log1p(far) + 0.03 * rooms + noise * random.normal(size=rows))
    return np.column_stack([area, far, rooms, _one_hot(quarter, 6)]), 5 * price


@source("tune")
def bikes(random: Random, rows: int, most: float = 12.0) -> tuple[Array, Array]:
    """How many bicycles are lent in an hour: counts with a Poisson distribution, by hour, warmth, rain and weekday."""
    hour, warm, rain = 24 * random.random(rows), random.normal(15, 8, rows), random.random(rows) < 0.2
    day = random.integers(0, 7, rows)
    wave = np.exp(-((hour - 8) ** 2) / 8) + np.exp(-((hour - 17) ** 2) / 10) + 0.15
    mean = most * wave * np.exp(0.04 * (warm - 15) - 0.8 * rain) * np.where(day > 4, 0.5, 1)
    x = np.column_stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), hour, warm, rain, day > 4])
    return x, random.poisson(mean).astype(float)


@source("tune")
def arm(random: Random, rows: int, noise: float = 0.05) -> tuple[Array, Array]:
    """An arm with two joints and a load: where its hand is, and the work it takes, three numbers from four."""
    x = random.uniform(-1.5, 1.5, (rows, 4))
    a, b = x[:, 0], x[:, 0] + x[:, 1]
    y = np.stack([np.cos(a) + np.cos(b), np.sin(a) + np.sin(b), x[:, 2] * np.sin(a) + 0.5 * x[:, 3]], 1)
    return x, y + noise * random.normal(size=y.shape)


@source("tune")
def spectra(random: Random, rows: int, features: int = 60, noise: float = 0.3) -> tuple[Array, Array]:
    """Neighbouring wavelengths that are nearly the same feature; how much of a substance is linear in them."""
    grid = np.linspace(0, 1, features)
    amounts = random.gamma(2.0, 1.0, (rows, 4))
    peaks = np.exp(-((grid - np.array([0.2, 0.4, 0.65, 0.8])[:, None]) ** 2) / 0.02)
    x = amounts @ peaks + 0.05 * random.normal(size=(rows, features))
    return x, amounts[:, 0] - 0.7 * amounts[:, 2] + noise * random.normal(size=rows)


@source("tune")
def curve(random: Random, rows: int, noise: float = 0.1, tails: float = 0.0) -> tuple[Array, Array]:
    """sin(3 a) + a b over two features; `tails` is the share of measurements that are far off."""
    x = random.uniform(-2, 2, (rows, 2))
    off = 2.5 * random.normal(size=rows) * (random.random(rows) < tails)
    return x, np.sin(3 * x[:, 0]) + 0.5 * x[:, 0] * x[:, 1] + noise * random.normal(size=rows) + off


@source("tune")
def sensors(random: Random, rows: int, features: int = 40, noise: float = 0.5) -> tuple[Array, Array]:
    """Forty readings that drift together, with heavy tails; what to predict is a product of two and a sum of some."""
    common = random.normal(size=(rows, 3)) @ _fixed(16).normal(size=(3, features))
    x = 0.7 * common + random.standard_t(4, (rows, features))
    short = np.tanh(x / 2)
    return x, 2 * short[:, 0] * short[:, 1] + short[:, 2:8].sum(1) + noise * random.normal(size=rows)
