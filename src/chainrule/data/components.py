"""Transforms to the directions in which the training part varies: PCA, whitening, ZCA."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import DataError, is_whole, require
from .transform import Float32, Float64, Rowed, Transform, check, mean_of, parts, times

WIDEST = 4096  # features whose covariance is still made: 128 MB in float64, and minutes for its directions
ROUNDING = 2.0**-46  # of the mean square: four times the variance that rounding to float32 can give to a direction


@dataclass(frozen=True, eq=False)
class Components(Transform):
    """Base of those that turn x into the directions of its largest variance: the covariance's eigenvectors.

    axes (k, values of an example), one unit vector a row, the largest variance first, its largest entry positive; scale
    (k,), the standard deviation along each. Directions along which the training part does not vary are left out.
    """

    axes: Float32
    scale: Float32

    @classmethod
    def _fitted(cls, x: Rowed, keep: float, eps: float) -> Self:
        check(cls, {"keep": keep, "eps": eps})
        _check_width(cls.name, x.shape[1:])
        mean, _ = mean_of(x, x.shape[1:])
        variance, axes = _directions(_covariance(x, mean), mean)
        if not len(variance):
            raise DataError(f"{cls.name} found no direction in which the rows of the training part differ")
        count, least = _kept(cls.__name__, keep, variance), eps * variance.sum() / mean.size
        scale = np.sqrt(variance[:count] + least)
        return cls(mean.astype(np.float32), axes[:count].astype(np.float32), scale.astype(np.float32))

    def _turned(self, x: Float32) -> Float32:
        """axes (x - mean), shape (n, k)."""
        rows = (x - self.mean).reshape(-1, self.mean.size)
        return _product(rows, self.axes.T)

    def _back(self, z: Float32) -> Float32:
        """axes' z + mean, shape (n, ...)."""
        return _product(z, self.axes).reshape(-1, *self.mean.shape) + self.mean

    def _components(self, z: Any) -> Float32:
        """float32, checked as `_fitting` checks x."""
        array = np.asarray(z, np.float32)
        if array.shape[-1:] != self.scale.shape:
            raise DataError(f"expected {len(self.scale)} components on the last axis, found the shape {array.shape}")
        return array


@dataclass(frozen=True, eq=False)
class PCA(Components):
    """z = axes (x - mean): components without correlation, shape (n, k); an image becomes a row of them.

    keep: how many components, an int, or the share of the variance in (0, 1] that they hold at least.
    invert gives the nearest x that those components can express.   Source: Pearson (1901); CS231n, notes 2.
    """

    name = "pca"
    takes: ClassVar[Mapping[str, float]] = {"keep": 1.0}

    @classmethod
    def fit(cls, x: Rowed, keep: float = 1.0) -> Self:
        return cls._fitted(x, keep, 0.0)

    def moved(self, x: Float32) -> Float32:
        return self._turned(x)

    def invert(self, z: Float32) -> Float32:
        return self._back(self._components(z))

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.scale.shape


@dataclass(frozen=True, eq=False)
class Whiten(Components):
    """z = axes (x - mean) / sqrt(variance + eps v): components of variance 1, shape (n, k); an image becomes a row of them.

    keep as in PCA; v is the mean variance of the features, so eps, at least 0, has no unit: directions of less variance
    than eps v are not blown up to 1.   Source: CS231n, notes 2.
    """

    name = "whiten"
    takes: ClassVar[Mapping[str, float]] = {"keep": 1.0, "eps": 1e-5}

    @classmethod
    def fit(cls, x: Rowed, keep: float = 1.0, eps: float = 1e-5) -> Self:
        return cls._fitted(x, keep, eps)

    def moved(self, x: Float32) -> Float32:
        return self._turned(x) / self.scale

    def invert(self, z: Float32) -> Float32:
        return self._back(self._components(z) * self.scale)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.scale.shape


@dataclass(frozen=True, eq=False)
class ZCA(Components):
    """z = axes' (axes (x - mean) / sqrt(variance + eps v)): whitened, then turned back, so an image stays an image.

    Of all whitenings the one that changes x least. eps as in Whiten.   Source: Bell and Sejnowski (1997), eq. 9.
    """

    name = "zca"
    takes: ClassVar[Mapping[str, float]] = {"eps": 1e-5}

    @classmethod
    def fit(cls, x: Rowed, eps: float = 1e-5) -> Self:
        return cls._fitted(x, 1.0, eps)

    def moved(self, x: Float32) -> Float32:
        return _product(self._turned(x) / self.scale, self.axes).reshape(x.shape)

    def invert(self, z: Float32) -> Float32:
        rows = self._fitting(z).reshape(-1, self.mean.size)
        return self._back(_product(rows, self.axes.T) * self.scale)


def _product(a: Float32, b: Float32) -> Float32:
    product: Float32 = np.matmul(a, b)  # NumPy's types take @ of two float32 for float64
    return product


def _check_width(name: str, shape: tuple[int, ...]) -> None:
    width = math.prod(shape)
    if width > WIDEST:
        raise DataError(
            f"{name} compares the values of an example two by two, and that is made for {WIDEST:,} at most, "
            f"found {times(shape)} = {width:,}; use smaller images, or prepare them with 'standardise'"
        )


def _covariance(x: Rowed, mean: Float64) -> Float64:
    """The population's covariance of the examples as rows of values; a missing value is at its mean."""
    total = np.zeros((mean.size, mean.size))
    for part in parts(x):
        centred = (part - mean).reshape(-1, mean.size)
        centred[np.isnan(centred)] = 0.0
        total += centred.T @ centred
    return total / len(x)


def _directions(covariance: Float64, mean: Float64) -> tuple[Float64, Float64]:
    """(variances, unit vectors as rows), the largest first, without those that are rounding and nothing else."""
    variance, vectors = np.linalg.eigh(covariance)
    square = np.trace(covariance) + (mean**2).sum()
    least = max(ROUNDING * square, len(variance) * np.finfo(np.float64).eps * variance[-1])
    real = np.flatnonzero(variance > least)[::-1]
    axes = vectors.T[real]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    return variance[real], axes * np.sign(largest)


def _kept(owner: str, keep: float, variance: Float64) -> int:
    """How many components: the number asked for, or the fewest that hold that share of the variance."""
    if is_whole(keep, 1):
        most = len(variance)
        require(owner, "keep", keep, keep <= most, f"at most {most}, the directions in which the training part varies")
        return int(keep)
    held = np.cumsum(variance)
    return min(int(np.searchsorted(held, keep * held[-1])) + 1, len(variance))
