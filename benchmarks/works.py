"""The works: networks, data and initial weights, described once. Every peer builds its own network from them.

A network is written in chainrule's notation, of which these words are known here: convN-S (same padding) or
convN-S-valid, bn, relu, pool2, flatten, denseN. Arrays are named and shaped as chainrule has them: images n h w c,
filters h w i o, dense weights i o, and whatever follows `flatten` counts rows, columns, channels in this order.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Arrays = dict[str, NDArray[np.float32]]
Batch = tuple[NDArray[np.float32], NDArray[np.int64]]

WORD = re.compile(r"([a-z]+)(\d*)(?:-(\d+))?(-valid)?")
NAMES = {"conv": "conv2d", "bn": "batchnorm", "dense": "dense"}  # what chainrule calls the layers that have arrays
LR, MOMENTUM = 0.01, 0.9  # of SGD, for everyone
EPS = 1e-5  # of batch norm
BATCHES = 4  # different ones, that take turns
EPOCHS, ADAM_LR = 20, 0.001  # of whole trainings


@dataclass(frozen=True)
class Part:
    """One layer: `shape` is what it gets of one example, `gives` what it gives."""

    word: str
    units: int
    size: int
    same: bool
    name: str
    shape: Shape
    gives: Shape

    @property
    def arrays(self) -> dict[str, Shape]:
        """The shapes of its parameters."""
        units, channels = (self.units,), self.shape[-1:]
        shapes = {
            "conv": {"w": (self.size, self.size, *channels, *units), "b": units},
            "dense": {"w": (*self.shape, *units), "b": units},
            "bn": {"scale": channels, "shift": channels},
        }
        return {f"{self.name}/{key}": shape for key, shape in shapes.get(self.word, {}).items()}

    @property
    def multiply_adds(self) -> int:
        """Of one example, zeros around an image counted as pixels."""
        per_output = {"conv": self.size**2 * self.shape[-1], "dense": math.prod(self.shape)}
        return per_output.get(self.word, 0) * math.prod(self.gives)


@dataclass(frozen=True)
class Work:
    """A network for classes, the shape of one example and of a batch."""

    name: str
    title: str
    net: str
    shape: Shape
    batch: int
    in_epoch: int = 8  # steps of an epoch, where epochs are timed
    of_digits: bool = False  # all the rows of the digits, as one batch, instead of noise

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return tuple(parts_of(self.net, self.shape))

    @property
    def classes(self) -> int:
        return self.parts[-1].units

    @property
    def of_images(self) -> bool:
        return len(self.shape) == 3

    @property
    def gflop(self) -> float:
        """Arithmetic of a step of training in 10^9 operations: forward, and both gradients (the input needs none)."""
        of_products = [part.multiply_adds for part in self.parts if part.multiply_adds]
        return 2e-9 * self.batch * (3 * sum(of_products) - of_products[0])

    def arrays(self) -> Arrays:
        """The same initial weights for everyone (He et al. (2015)); biases are not 0, so that a lost one is noticed."""
        rng, found = np.random.default_rng(0), Arrays()
        for path, shape in ((path, shape) for part in self.parts for path, shape in part.arrays.items()):
            if path.endswith("/scale"):
                found[path] = np.ones(shape, np.float32)
            elif path.endswith("/w"):
                spread = math.sqrt(2 / math.prod(shape[:-1]))
                found[path] = (spread * rng.standard_normal(shape)).astype(np.float32)
            else:
                found[path] = (0.01 * rng.standard_normal(shape)).astype(np.float32)
        return found

    def batches(self) -> list[Batch]:
        """The same batches for everyone: noise around a centre for each class, or all the digits."""
        if self.of_digits:
            from chainrule import data  # noqa: PLC0415  (the other works' peers are processes without chainrule)

            digits = data.load("digits")
            return [(np.asarray(digits.x).reshape(len(digits), -1) / np.float32(16), digits.y)]
        rng = np.random.default_rng(1)
        centres = 0.5 * rng.standard_normal((self.classes, *self.shape), np.float32)
        drawn = [rng.permutation(np.arange(self.batch) % self.classes) for _ in range(BATCHES)]  # each has every class
        return [(centres[y] + rng.standard_normal((self.batch, *self.shape), np.float32), y) for y in drawn]

    def of(self, batch: int) -> Work:
        """The same network on batches of another size."""
        return replace(self, batch=batch)


def parts_of(net: str, shape: Shape) -> Iterator[Part]:
    """The layers of a network in the notation, with the shapes between them."""
    counts: Counter[str] = Counter()
    for text in net.split():
        match = WORD.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a word that every peer knows")
        word, units, size, valid = match.group(1), int(match.group(2) or 0), int(match.group(3) or 0), match.group(4)
        counts[word] += 1
        gives = shape_after(word, units, size, not valid, shape)
        yield Part(word, units, size, not valid, f"{NAMES.get(word, word)}{counts[word]}", shape, gives)
        shape = gives


def shape_after(word: str, units: int, size: int, same: bool, shape: Shape) -> Shape:
    """What a layer makes of an example of that shape."""
    match word:
        case "conv":
            return (*(n if same else n - size + 1 for n in shape[:2]), units)
        case "pool":
            return (shape[0] // units, shape[1] // units, shape[2])
        case "flatten":
            return (math.prod(shape),)
        case "dense":
            return (units,)
        case "bn" | "relu":
            return shape
    raise ValueError(f"'{word}' is not a layer that every peer knows")


VGG = " pool2 ".join(f"conv{n}-3 bn relu conv{n}-3 bn relu" for n in (32, 64, 128)) + " pool2 flatten dense10"
LENET = "conv16-5 relu pool2 conv32-5-valid relu pool2 flatten dense128 relu dense10"

WORKS = {
    work.name: work
    for work in (
        Work("small", "MLP 64-64-64-10", "dense64 relu dense64 relu dense10", (64,), 32, 2048),
        Work("mnist", "MLP 784-256-128-10", "dense256 relu dense128 relu dense10", (784,), 128, 128),
        Work("wide", "MLP 784-1024-1024-10", "dense1024 relu dense1024 relu dense10", (784,), 256, 16),
        Work("lenet", "LeNet 28x28x1", LENET, (28, 28, 1), 64, 32),
        Work("vgg", "VGG-BN 32x32x3", VGG, (32, 32, 3), 64, 4),
    )
}
DIGITS = Work("digits", "20 epochs of 64-64 on digits", "dense64 relu dense64 relu dense10", (64,), 32, of_digits=True)
