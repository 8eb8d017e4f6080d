"""Augmentation: other pictures of the same thing, drawn anew in every epoch; for training only.

Images are (n, h, w, c), float32. A draw is a function of (seed, the augmentation's place and class, epoch, number of the
row), so a row looks the same in an epoch whatever the batch that holds it. Labels stay as they are, except those that have
one value per pixel, (n, h, w) of whole numbers or (n, h, w, k) of numbers: they move with their pixels.

A new augmentation is one frozen dataclass: a `word`, its settings, and `source` if it moves pixels, or else `apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, SettingError, UnknownName, is_whole, require
from .draws import Uniform, draws_of_rows, normal
from .prepare import word_and_numbers
from .resample import Coordinates, Float32, sampled


@dataclass(frozen=True)
class Augmentation:
    """Base of all."""

    word: ClassVar[str] = ""

    def apply(self, x: Float32, y: NDArray[Any], uniform: Uniform) -> tuple[Float32, NDArray[Any]]:
        """A batch anew: images of the same shape, and labels."""
        raise NotImplementedError

    def check(self, height: int, width: int) -> None:
        """SettingError if it does not fit images of this size."""

    def settings(self) -> dict[str, Any]:
        """Name and settings as plain data."""
        return {"name": self.word, **asdict(self)}

    def _require(self, name: str, ok: bool, expected: str) -> None:
        require(type(self).__name__, name, getattr(self, name), ok, expected)


@dataclass(frozen=True)
class Geometric(Augmentation):
    """Base of those that move pixels, given where each pixel of the result comes from."""

    def source(self, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
        """Rows and columns in the image, 0 the first; whole numbers, or floats for a place between pixels."""
        raise NotImplementedError

    def apply(self, x: Float32, y: NDArray[Any], uniform: Uniform) -> tuple[Float32, NDArray[Any]]:
        n, h, w = x.shape[:3]
        rows, columns = self.source(n, h, w, uniform)
        fill = getattr(self, "fill", "edge")
        return sampled(x, rows, columns, fill), sampled(y, rows, columns, fill) if _per_pixel(y, x) else y


@dataclass(frozen=True)
class Flip(Geometric):
    """The mirror image, with probability p: left for right (axis "width") or top for bottom ("height").

    Source: Krizhevsky et al. (2012), 4.1.
    """

    word = "flip"

    p: float = 0.5
    axis: str = "width"

    def __post_init__(self) -> None:
        self._require("p", 0 <= self.p <= 1, "a probability in the range [0, 1]")
        self._require("axis", self.axis in ("width", "height"), "'width' or 'height'")

    def source(self, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
        mirrored = uniform("flip", (n, 1)) < self.p
        rows, columns = np.arange(h)[None], np.arange(w)[None]
        if self.axis == "width":
            columns = np.where(mirrored, w - 1 - columns, columns)
        else:
            rows = np.where(mirrored, h - 1 - rows, rows)
        return rows[:, :, None], columns[:, None, :]


@dataclass(frozen=True)
class Shift(Geometric):
    """Moved by a whole number of pixels, from -pixels to pixels, down and across.

    fill: what comes in, the pixels of the edge ("edge") or zeros ("zero", of labels the code 0).
    Source: Krizhevsky et al. (2012), 4.1; LeCun et al. (1998), 3.
    """

    word = "shift"

    pixels: int = 1
    fill: str = "edge"

    def __post_init__(self) -> None:
        self._require("pixels", is_whole(self.pixels, 0), "a whole number of pixels, at least 0")
        _check_fill(self)

    def check(self, height: int, width: int) -> None:
        self._require("pixels", self.pixels < min(height, width), f"below the side of the images, {height} x {width}")

    def source(self, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
        return _shifted(self.pixels, n, h, w, uniform)


@dataclass(frozen=True)
class Crop(Geometric):
    """A window of the image's own size, cut at random out of the image with `pad` pixels around it.

    fill: those pixels, zeros ("zero", of labels the code 0) or the pixels of the edge ("edge").
    Source: He et al. (2016), 4.2, where pad is 4 for images of 32 x 32.
    """

    word = "crop"

    pad: int = 4
    fill: str = "zero"

    def __post_init__(self) -> None:
        self._require("pad", is_whole(self.pad, 0), "a whole number of pixels, at least 0")
        _check_fill(self)

    def check(self, height: int, width: int) -> None:
        self._require("pad", self.pad < min(height, width), f"below the side of the images, {height} x {width}")

    def source(self, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
        return _shifted(self.pad, n, h, w, uniform)


@dataclass(frozen=True)
class Rotate(Geometric):
    """Turned about the centre by an angle from -degrees to degrees, in [0, 180]; bilinear between pixels.

    fill: what comes in from outside, as in Shift.   Source: Simard, Steinkraus and Platt (2003), 2.
    """

    word = "rotate"

    degrees: float = 10.0
    fill: str = "edge"

    def __post_init__(self) -> None:
        self._require("degrees", 0 <= self.degrees <= 180, "an angle in the range [0, 180]")
        _check_fill(self)

    def source(self, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
        angle = np.deg2rad(self.degrees * (2 * uniform("angle", (n, 1, 1)) - 1))
        down, across = _from_centre(h, w)
        cos, sin = np.cos(angle), np.sin(angle)
        return (cos * down + (h - 1) / 2) - sin * across, (sin * down + (w - 1) / 2) + cos * across


@dataclass(frozen=True)
class Zoom(Geometric):
    """Larger or smaller about the centre by a factor from 1 - share to 1 + share; bilinear between pixels.

    fill: what comes in from outside, as in Shift.   Source: Simard, Steinkraus and Platt (2003), 2.
    """

    word = "zoom"

    share: float = 0.1
    fill: str = "edge"

    def __post_init__(self) -> None:
        self._require("share", 0 <= self.share < 1, "a share in the range [0, 1)")
        _check_fill(self)

    def source(self, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
        factor = 1 + self.share * (2 * uniform("factor", (n, 1, 1)) - 1)
        down, across = _from_centre(h, w)
        return down / factor + (h - 1) / 2, across / factor + (w - 1) / 2  # one row, one column for each image


@dataclass(frozen=True)
class Jitter(Augmentation):
    """x' = m + (1 + contrast a) (x - m) + s (brightness b + noise e), m and s the mean and standard deviation of the image.

    a and b are uniform in [-1, 1), one each per image; e is standard normal, one per value. Nothing is clipped.
    Source: Howard (2013), 2, for brightness and contrast.
    """

    word = "jitter"

    brightness: float = 0.1
    contrast: float = 0.1
    noise: float = 0.0

    def __post_init__(self) -> None:
        self._require("brightness", self.brightness >= 0, "a share of the standard deviation in the range [0, inf)")
        self._require("contrast", 0 <= self.contrast <= 1, "a share in the range [0, 1]")
        self._require("noise", self.noise >= 0, "a share of the standard deviation in the range [0, inf)")

    def apply(self, x: Float32, y: NDArray[Any], uniform: Uniform) -> tuple[Float32, NDArray[Any]]:
        mean, std = _mean_and_std(x)
        a, b = (2 * uniform("contrast and brightness", (len(x), 2)) - 1).T.reshape(2, -1, 1, 1, 1)
        factor = 1 + self.contrast * a
        changed = x * factor
        changed += mean * (1 - factor) + std * self.brightness * b
        if self.noise:
            changed += self.noise * std * normal(x.shape, uniform)
        return changed, y


@dataclass(frozen=True)
class Cutout(Augmentation):
    """A square of `side` pixels, centred on any pixel and cut off at the image's edge, is filled.

    fill: with the mean of the image, channel by channel ("mean"), or zeros ("zero").
    Source: DeVries and Taylor (2017), 3.2.
    """

    word = "cutout"

    side: int = 2
    fill: str = "mean"

    def __post_init__(self) -> None:
        self._require("side", is_whole(self.side, 1), "a whole number of pixels, at least 1")
        self._require("fill", self.fill in ("mean", "zero"), "'mean' or 'zero'")

    def check(self, height: int, width: int) -> None:
        self._require("side", self.side <= min(height, width), f"at most the side of the images, {height} x {width}")

    def apply(self, x: Float32, y: NDArray[Any], uniform: Uniform) -> tuple[Float32, NDArray[Any]]:
        n, h, w, c = x.shape
        centre = uniform("centre", (n, 2))
        rows, columns = self._covers(h, centre[:, :1]), self._covers(w, centre[:, 1:])
        # Columns and channels as one axis: faster.
        square = rows[:, :, None] & np.repeat(columns, c, axis=1)[:, None, :]
        mean = _over_gaps(x, x.mean(axis=1, keepdims=True).mean(axis=2, keepdims=True), (1, 2))
        fill = np.tile(mean[:, 0, 0], w)[:, None] if self.fill == "mean" else np.float32(0)
        return np.where(square, fill, x.reshape(n, h, w * c)).reshape(x.shape), y

    def _covers(self, length: int, draw: Float32) -> NDArray[np.bool_]:
        """(n, length): whether the square reaches over this row or column."""
        first = _below(length, draw) - self.side // 2
        place = np.arange(length)
        return (place >= first) & (place < first + self.side)


AUGMENTATIONS: Mapping[str, type[Augmentation]] = {
    kind.word: kind for kind in (Flip, Shift, Crop, Rotate, Zoom, Jitter, Cutout)
}


def parse_augment(spec: str | Augmentation | Iterable[Augmentation | Mapping[str, Any]]) -> tuple[Augmentation, ...]:
    """A chain from words, "shift1 rotate10 flip cutout2", from augmentations, or from their `settings()`.

    The numbers of a word are the settings in their order. UnknownName suggests the nearest word, SettingError says what
    does not fit.
    """
    items = spec.split() if isinstance(spec, str) else spec if isinstance(spec, Iterable) else (spec,)
    return tuple(_one(item) for item in items)


def _one(item: object) -> Augmentation:
    if isinstance(item, Augmentation):
        return item
    if isinstance(item, Mapping):
        return _named(item.get("name", ""))(**{key: value for key, value in item.items() if key != "name"})
    if not isinstance(item, str):
        raise SettingError(f"expected augmentations such as Flip(), or words such as 'flip shift1', found {item!r}")
    word, numbers = word_and_numbers(item, "augmentation", "shift1")
    kind = _named(word)
    if len(numbers) > len(fields(kind)):
        raise SettingError(
            f"'{item}' does not fit {kind.__name__}, which takes ({', '.join(f.name for f in fields(kind))})"
        )
    return kind(*numbers)


def _named(word: str) -> type[Augmentation]:
    if word not in AUGMENTATIONS:
        raise UnknownName("augmentation", word, AUGMENTATIONS)
    return AUGMENTATIONS[word]


def check_augment(chain: Sequence[Augmentation], shape: tuple[int, ...]) -> None:
    """DataError unless an example of this shape is an image (h, w, c); SettingError for sizes that do not fit it."""
    if chain and len(shape) != 3:
        raise DataError(
            f"augmentation ({', '.join(a.word for a in chain)}) needs images, (rows, height, width, channels), "
            f"found x of shape (rows, {', '.join(map(str, shape))}); leave it out"
        )
    for augmentation in chain:
        augmentation.check(*shape[:2])


def augmented(
    x: Float32, y: NDArray[Any], chain: Sequence[Augmentation], seed: int, epoch: int, rows: NDArray[np.int64]
) -> tuple[Float32, NDArray[Any]]:
    """A batch after every augmentation of the chain in turn.

    rows: the number of each row in the training part, in [0, 2^32), (n,); seed and epoch are in [0, 2^32) as well.
    """
    check_augment(chain, x.shape[1:])
    if len(rows) != len(x):
        raise DataError(f"expected a row number for each of the {len(x)} images, found {len(rows)}")
    for place, augmentation in enumerate(chain):
        name = f"augment/{place}/{type(augmentation).__name__}"
        x, y = augmentation.apply(x, y, draws_of_rows(seed, name, epoch, rows))
    return x, y


def _check_fill(augmentation: Shift | Crop | Rotate | Zoom) -> None:
    augmentation._require("fill", augmentation.fill in ("edge", "zero"), "'edge' or 'zero'")


def _per_pixel(y: NDArray[Any], x: Float32) -> bool:
    """Whether y has a label, or numbers, for each pixel of x; DataError if they have another size, and could not move."""
    for_places = y.ndim == (3 if y.dtype.kind in "iu" else 4)
    if for_places and y.shape[:3] != x.shape[:3]:
        raise DataError(f"to move with their pixels, labels need the images' size {x.shape[:3]}, found {y.shape}")
    return for_places


def _mean_and_std(x: Float32) -> tuple[Float32, Float32]:
    """Of each image, (n, 1, 1, 1)."""
    image = (1, 2, 3)
    mean = _over_gaps(x, x.mean(axis=image, keepdims=True), image)
    if np.isnan(std := x.std(axis=image, keepdims=True)).any():
        std = np.where(np.isnan(std), np.sqrt(_over_gaps((x - mean) ** 2, std, image)), std)
    return mean, std


def _over_gaps(x: Float32, means: Float32, axes: tuple[int, ...]) -> Float32:
    """Means that a missing value (NaN) has made NaN, over the values that are there; NaN where none is."""
    if not (lost := np.isnan(means)).any():
        return means
    there = ~np.isnan(x)
    count, total = (part.sum(axis=axes, keepdims=True) for part in (there, np.where(there, x, 0)))
    return np.where(lost, total / np.where(count > 0, count, np.nan), means).astype(np.float32)


def _below(limit: int, draw: Float32) -> NDArray[np.int64]:
    """Whole numbers 0..limit-1, each as likely as the others."""
    return np.floor(draw.astype(np.float64) * limit).astype(np.int64)


def _shifted(most: int, n: int, h: int, w: int, uniform: Uniform) -> Coordinates:
    by = _below(2 * most + 1, uniform("by", (n, 2))) - most
    return (np.arange(h) - by[:, :1])[:, :, None], (np.arange(w) - by[:, 1:])[:, None, :]


def _from_centre(h: int, w: int) -> tuple[Float32, Float32]:
    """How far each row is below the centre and each column right of it, (1, h, 1) and (1, 1, w)."""
    down, across = (np.arange(size, dtype=np.float32) - (size - 1) / 2 for size in (h, w))
    return down[None, :, None], across[None, None, :]
