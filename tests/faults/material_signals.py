"""More images and sequences by name, all of the tune half: colours, larger pictures, pixels' classes, two channels, codes."""

from __future__ import annotations

import numpy as np

from .material import Array, Random, source

# Of a clock's number: top, upper left, upper right, middle, lower left, lower right, bottom.
LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")
SEGMENTS = np.array([list(map(int, number)) for number in LIT])


# ---- images


@source("tune")
def flags(random: Random, rows: int, noise: float = 0.25) -> tuple[Array, Array]:
    """Colour images of 6 x 6 with two halves: six classes by the pair of colours, whichever lies above."""
    pairs = np.array([[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]])
    colours = np.array([[0.9, 0.1, 0.1], [0.1, 0.8, 0.2], [0.1, 0.2, 0.9], [0.8, 0.8, 0.1]])
    y, swap = random.integers(0, 6, rows), random.integers(0, 2, rows)
    halves = np.where(swap[:, None] == 1, pairs[y][:, ::-1], pairs[y])
    x = colours[np.repeat(halves, 3, axis=1)][:, :, None, :] * np.ones((1, 1, 6, 1))
    return x + noise * random.normal(size=x.shape), y


@source("tune")
def clock(random: Random, rows: int, noise: float = 40.0, flat: bool = False) -> tuple[Array, Array]:
    """Grey images of 14 x 14, pixels from 0 to 255, with a clock's number somewhere: ten classes."""
    y = random.integers(0, 10, rows)
    across, along = random.integers(0, 4, (2, rows))
    drawn = np.zeros((10, 11, 7))
    lines = [(0, slice(0, 7)), (slice(0, 6), 0), (slice(0, 6), 6), (5, slice(0, 7)), (slice(5, 11), 0)]
    lines += [(slice(5, 11), 6), (10, slice(0, 7))]
    for number, lit in enumerate(SEGMENTS):
        for line, on in zip(lines, lit, strict=True):
            drawn[number][line] = np.maximum(drawn[number][line], on)
    x = np.zeros((rows, 14, 14))
    for row in range(rows):
        x[row, across[row] : across[row] + 11, along[row] : along[row] + 7] = drawn[y[row]]
    x = (200 * x + 20 + noise * random.normal(size=x.shape)).clip(0, 255).round()
    return (x.reshape(rows, -1) if flat else x[..., None]), y


@source("tune")
def cloth(random: Random, rows: int, noise: float = 0.5) -> tuple[Array, Array]:
    """Colour images of 12 x 12: four weaves in any colour, lying, standing, chequered or blurred noise."""
    y, grid = random.integers(0, 4, rows), np.arange(12)
    phase = random.integers(0, 4, (rows, 1, 1))
    lying, standing = (grid[:, None] + phase) // 2 % 2 + 0 * grid, (grid + phase) // 2 % 2 + 0 * grid[:, None]
    rough = random.normal(size=(rows, 12, 12))
    soft = (rough + np.roll(rough, 1, 1) + np.roll(rough, 1, 2)) > 0
    x = np.choose(y[:, None, None], [lying, standing, (lying + standing) % 2, soft]) - 0.5
    return x[..., None] * random.normal(1, 0.4, (rows, 1, 1, 3)) + noise * random.normal(size=(rows, 12, 12, 3)), y


@source("tune")
def berries(random: Random, rows: int, most: int = 6, noise: float = 0.1) -> tuple[Array, Array]:
    """Images of 11 x 11 with bright spots; to predict is how much of them there is, a number."""
    count, grid = random.integers(0, most + 1, rows), np.arange(11)
    x, y = np.zeros((rows, 11, 11)), np.zeros(rows)
    for spot in range(most):
        middle, size = random.uniform(1, 9, (2, rows, 1, 1)), random.uniform(0.7, 1.3, rows)
        here = (count > spot) * size
        x += here[:, None, None] * np.exp(-((grid[:, None] - middle[0]) ** 2 + (grid - middle[1]) ** 2))
        y += here
    return (x + noise * random.normal(size=x.shape))[..., None], y


@source("tune")
def cells(random: Random, rows: int, noise: float = 0.5) -> tuple[Array, Array]:
    """Images of 9 x 9 and a class for each pixel: ground, a disc, or its rim."""
    middle, grid = random.uniform(2, 6, (2, rows, 1, 1)), np.arange(9)
    far = np.hypot(grid[:, None] - middle[0], grid - middle[1])
    y = np.where(far < 1.8, 1, np.where(far < 2.9, 2, 0))
    return (np.array([0.0, 1.0, -1.0])[y] + noise * random.normal(size=y.shape))[..., None], y


# ---- sequences


@source("tune", sequence=True)
def chirps(random: Random, rows: int, steps: int = 24, noise: float = 0.3) -> tuple[Array, Array]:
    """Two microphones: a tone that rises, falls, stays or is not there."""
    y, phase = random.integers(0, 4, rows), 6.3 * random.random((rows, 1))
    time = np.arange(steps) / steps
    pitch = np.stack([4 + 12 * time, 16 - 12 * time, np.full(steps, 10.0), np.zeros(steps)])[y]
    wave = np.sin(phase + np.cumsum(pitch, 1) / 10) * (y[:, None] < 3)
    x = np.stack([wave, 0.6 * np.roll(wave, 1, 1)], -1)
    return x + noise * random.normal(size=x.shape), y


@source("tune", sequence=True)
def walks(random: Random, rows: int, steps: int = 15, noise: float = 0.2) -> tuple[Array, Array]:
    """Random walks; to predict is their highest point."""
    path = np.cumsum(random.normal(size=(rows, steps)), 1)
    return path[..., None], path.max(1) + noise * random.normal(size=rows)


@source("tune", sequence=True)
def recall(random: Random, rows: int, steps: int = 8) -> tuple[Array, Array]:
    """The first step shows one of three marks, noise follows: the class is the mark."""
    y = random.integers(0, 3, rows)
    x = 0.3 * random.normal(size=(rows, steps, 4))
    x[:, 0, :3] += np.eye(3)[y]
    x[:, -1, 3] += 1
    return x, y


@source("tune", sequence=True)
def gait(random: Random, rows: int, steps: int = 20, noise: float = 0.4) -> tuple[Array, Array]:
    """Three sensors of a walker: slow, fast, limping, climbing or standing; each walker has a size and a pace."""
    y, size = random.integers(0, 5, rows), np.exp(0.2 * random.normal(size=(rows, 1)))
    pace = np.array([0.6, 1.2, 0.8, 0.6, 0.0])[y][:, None] * np.exp(0.08 * random.normal(size=(rows, 1)))
    beat = 6.3 * random.random((rows, 1)) + pace * np.arange(steps)
    up = size * np.sin(beat) + np.where(y == 2, 0.9, 0)[:, None] * np.sin(beat / 2)
    on = size * np.cos(beat) * (y != 4)[:, None]
    lift = np.where(y == 3, 0.8, 0.0)[:, None] + 0 * beat
    x = np.stack([up, on, lift], -1)
    return x + noise * random.normal(size=x.shape), y


@source("tune")
def phrases(random: Random, rows: int, steps: int = 10, codes: int = 20) -> tuple[Array, Array]:
    """Codes of words; three classes: a word of joy is there, a word of anger, or neither."""
    y = random.integers(0, 3, rows)
    x = random.integers(8, codes, (rows, steps))
    told = np.where(y == 0, random.integers(0, 4, rows), random.integers(4, 8, rows))
    place = random.integers(0, steps, rows)
    keep = y < 2
    x[np.flatnonzero(keep), place[keep]] = told[keep]
    return x, y


@source("tune")
def reviews(random: Random, rows: int, steps: int = 12, codes: int = 30, noise: float = 0.3) -> tuple[Array, Array]:
    """Codes of words, each of which is worth something; to predict is the worth of all."""
    worth = np.random.default_rng(17).normal(size=codes)
    x = random.integers(0, codes, (rows, steps))
    return x, worth[x].sum(1) + noise * random.normal(size=rows)
