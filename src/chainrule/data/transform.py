"""How the values of a file become the network's: fitted on the training part only, kept with the model, used at prediction.

A new transform is one frozen dataclass of arrays with `fit`, `apply` and `invert`, and a place in the table of
`prepare.py`. A fit reads a chunk of rows at a time, so the data may be larger than memory, in two passes (the mean, then
distances from it) summed in float64. Missing values are NaN: a fit leaves them out of its means, and `apply` puts the mean
in their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, SettingError, as_plain, is_number, is_whole, require

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Number = TypeVar("Number", np.float32, np.float64)

CHUNK = 1 << 20  # values in float64 at a time


class Rowed(Protocol):
    """What a fit needs of the data: an array, or rows that are read from a file when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Transform:
    """Base of all. `mean`, per feature, channel or pixel, is what a missing value is taken for."""

    name: ClassVar[str] = ""
    takes: ClassVar[Mapping[str, float]] = {}  # the settings of `fit`, as they are when not given

    mean: Float32

    @classmethod
    def with_(cls, **settings: float) -> Recipe:
        """This transform with settings, not yet fitted: `PCA.with_(keep=0.95)`."""
        return Recipe(cls, settings)

    @classmethod
    def fit(cls, x: Rowed) -> Self:
        """Learn the numbers from the training part: if nothing else is said, the mean per feature or channel."""
        return cls(mean_of(x, x.shape[-1:])[0].astype(np.float32))

    def apply(self, x: Float32) -> Float32:
        """The user's values -> the network's: checked, missing ones filled, and `moved`."""
        return self.moved(self._filled(x))

    def moved(self, x: Float32) -> Float32:
        """The formula, for float32 values of the right shape, none of them missing."""
        raise NotImplementedError

    def invert(self, z: Float32) -> Float32:
        """The network's values -> the user's."""
        raise NotImplementedError

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one example after it."""
        return shape

    def arrays(self) -> dict[str, Float32]:
        """The fitted numbers by name, as a model file keeps them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def _fitting(self, x: Any) -> Float32:
        """float32; a single column would broadcast against many means without a word, so the last axes are compared."""
        array, expected = np.asarray(x, dtype=np.float32), self.mean.shape
        if array.shape[-len(expected) :] != expected:
            what = f"{expected[0]} features or channels on the last axis"
            what = what if len(expected) == 1 else f"examples of {times(expected)} values"
            raise DataError(f"expected {what}, as in training, found the shape {array.shape}")
        return array

    def _filled(self, x: Any) -> Float32:
        array = self._fitting(x)
        missing = np.isnan(array)
        return np.where(missing, self.mean, array) if missing.any() else array


@dataclass(frozen=True, eq=False)
class Unchanged(Transform):
    """x' = x, with missing values filled by the mean, per feature of a table or channel of images."""

    name = "none"

    def moved(self, x: Float32) -> Float32:
        return x

    def invert(self, z: Float32) -> Float32:
        return self._fitting(z)


@dataclass(frozen=True, eq=False)
class Centred(Transform):
    """Base of those that take the mean away and leave it at that."""

    def moved(self, x: Float32) -> Float32:
        return x - at_each(x, self.mean)

    def invert(self, z: Float32) -> Float32:
        return self._fitting(z) + at_each(z, self.mean)


@dataclass(frozen=True, eq=False)
class MeanPerChannel(Centred):
    """x' = x - mean, per channel of images or feature of a table.   Source: Simonyan and Zisserman (2015), 2.1."""

    name = "mean_channel"


@dataclass(frozen=True, eq=False)
class MeanImage(Centred):
    """x' = x - mean, pixel by pixel; mean is an image (h, w, c), of a table a row.   Source: Krizhevsky et al. (2012), 2."""

    name = "mean_image"

    @classmethod
    def fit(cls, x: Rowed) -> Self:
        return cls(mean_of(x, x.shape[1:])[0].astype(np.float32))


@dataclass(frozen=True, eq=False)
class Standardise(Transform):
    """x' = (x - mean) / std, per feature of a table (n, features), per channel of images (n, h, w, c).

    mean and std are taken over all axes but the last, shape (features,) or (c,), float32. The standard deviation is the
    population's (divided by the count); it is 1 where a feature never changes, so such a feature becomes 0.
    """

    name = "standardise"

    std: Float32

    @classmethod
    def fit(cls, x: Rowed) -> Self:
        """Mean first, squared distances from it second (no cancellation), both in float64."""
        mean, count = mean_of(x, x.shape[-1:])
        squares = np.zeros(x.shape[1:])
        low, high = np.full(x.shape[1:], np.inf), np.full(x.shape[1:], -np.inf)
        for part in parts(x):
            squares += (_without_gaps(part - at_each(part, mean)) ** 2).sum(axis=0)
            low, high = np.fmin(low, np.fmin.reduce(part)), np.fmax(high, np.fmax.reduce(part))
        std = np.sqrt(_folded(np.add, squares, mean.shape) / count).astype(np.float32)
        # Compared exactly: rounding in the mean gives a constant feature a tiny standard deviation, not 0.
        still = (_folded(np.minimum, low, mean.shape) == _folded(np.maximum, high, mean.shape)) | (std == 0)
        return cls(mean.astype(np.float32), np.where(still, np.float32(1), std))

    def moved(self, x: Float32) -> Float32:
        """(x - mean) / std."""
        return (x - at_each(x, self.mean)) / at_each(x, self.std)

    def invert(self, z: Float32) -> Float32:
        """z * std + mean: back to the units of the file."""
        return self._fitting(z) * at_each(z, self.std) + at_each(z, self.mean)


SETTINGS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "keep": (
        lambda v: is_whole(v, 1) or (isinstance(v, float) and 0 < v <= 1),
        "a number of components of at least 1, or a share of the variance in the range (0.0, 1.0]",
    ),
    "eps": (lambda v: is_number(v) and v >= 0, "a number in the range [0, inf)"),
}


@dataclass(frozen=True)
class Recipe:
    """A transform with its settings, not yet fitted. SettingError for a setting out of range or of another transform."""

    kind: type[Transform]
    chosen: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        takes = self.kind.takes
        for name in self.chosen:
            if name not in takes:
                raise SettingError(f"{self.kind.__name__} takes {' and '.join(takes) or 'no settings'}, found '{name}'")
        check(self.kind, self.chosen)
        object.__setattr__(self, "chosen", {**takes, **as_plain(self.chosen)})

    def fit(self, x: Rowed) -> Transform:
        """The transform, fitted on the training part."""
        fit: Callable[..., Transform] = self.kind.fit
        return fit(x, **self.chosen)

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": self.kind.name, **self.chosen}

    def __str__(self) -> str:
        """The word for it: `pca0.95`."""
        numbers = (str(v) if is_whole(v, 0) else np.format_float_positional(v, trim="0") for v in self.chosen.values())
        return self.kind.name + "-".join(numbers)


def check(kind: type[Transform], settings: Mapping[str, float]) -> None:
    """SettingError unless each setting of a transform is within its range."""
    for name, value in settings.items():
        fits, expected = SETTINGS[name]
        require(kind.__name__, name, value, fits(value), expected)


def times(shape: tuple[int, ...]) -> str:
    """8 x 8 x 1"""
    return " x ".join(map(str, shape))


def parts(x: Rowed) -> Iterator[Float32]:
    """A chunk of rows after the other."""
    rows = max(1, CHUNK // math.prod(x.shape[1:]))
    for i in range(0, len(x), rows):
        yield np.asarray(x[i : i + rows], np.float32)


def mean_of(x: Rowed, kept: tuple[int, ...]) -> tuple[Float64, NDArray[np.int64]]:
    """The mean of the values that are there, 0 where there is none, and their count, at least 1; over all but the last
    axes `kept`."""
    total, count = np.zeros(x.shape[1:]), np.zeros(x.shape[1:], np.int64)
    for part in parts(x):
        count += len(part) - np.isnan(part).sum(axis=0)
        total += _without_gaps(part).sum(axis=0, dtype=np.float64)
    there = np.maximum(_folded(np.add, count, kept), 1)
    return _folded(np.add, total, kept) / there, there


def at_each(x: NDArray[Any], values: NDArray[Number]) -> NDArray[Number]:
    """A channel's number at each pixel of an example: NumPy is ten times slower where a last axis of three is broadcast."""
    return np.broadcast_to(values, x.shape[1:]).copy() if np.ndim(x) > values.ndim + 1 else values


def _without_gaps(part: NDArray[Any]) -> NDArray[Any]:
    missing = np.isnan(part)
    return np.where(missing, 0, part) if missing.any() else part


def _folded(how: np.ufunc, of_positions: NDArray[Any], kept: tuple[int, ...]) -> NDArray[Any]:
    """What was gathered at each position of an example, put together for each channel: rows first, which is fast."""
    folded: NDArray[Any] = how.reduce(of_positions.reshape(-1, *kept), axis=0)
    return folded
