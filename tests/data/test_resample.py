"""Images read between and outside their pixels, against scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from chainrule.data import resample
from chainrule.data.resample import sampled

MODES = {"edge": "nearest", "zero": "grid-constant"}
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))


def slow(image: np.ndarray, rows: Any, columns: Any, fill: str, order: int) -> np.ndarray:
    """One image and one channel after the other."""
    n, h, w, channels = image.shape
    at = [np.broadcast_to(a, (n, h, w)).astype(np.float64) for a in (rows, columns)]
    result = np.empty(image.shape)
    for i in range(n):
        for c in range(channels):
            places = [at[0][i], at[1][i]]
            result[i, :, :, c] = ndimage.map_coordinates(
                image[i, :, :, c].astype(np.float64), places, order=order, mode=MODES[fill]
            )
    return result


def places(shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    """Some inside, some at the edge, some far outside."""
    n, h, w, _ = shape
    draw = np.random.default_rng(seed)
    return tuple(draw.uniform(-1.5 * size, 2.5 * size, (n, h, w)).astype(np.float32) for size in (h, w))  # type: ignore[return-value]


@given(shape=SIZES, seed=st.integers(0, 1000), fill=st.sampled_from(list(MODES)))
def test_between_pixels(shape: tuple[int, ...], seed: int, fill: str) -> None:
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    rows, columns = places(shape, seed)
    found = sampled(image, rows, columns, fill)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, slow(image, rows, columns, fill, 1), atol=2e-5)


@given(shape=SIZES, seed=st.integers(0, 1000), fill=st.sampled_from(list(MODES)), kind=st.sampled_from([int, float]))
def test_whole_places(shape: tuple[int, ...], seed: int, fill: str, kind: type) -> None:
    """A row and a column for each image, in whole numbers or in floats that are whole: pixels to the bit."""
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    rows, columns = (np.rint(at) for at in places(shape, seed))
    rows, columns = rows[:, :, :1].astype(kind), columns[:, :1].astype(kind)
    expected = slow(image, rows, columns, fill, 0).astype(np.float32)
    np.testing.assert_array_equal(sampled(image, rows, columns, fill), expected)


@given(shape=SIZES, seed=st.integers(0, 1000), fill=st.sampled_from(list(MODES)))
def test_labels_are_those_of_the_nearest_pixel(shape: tuple[int, ...], seed: int, fill: str) -> None:
    labels = np.random.default_rng(seed).integers(1, 50, shape[:3])
    rows, columns = places(shape, seed)
    inside = [np.clip(np.rint(at), 0, size - 1).astype(int) for at, size in ((rows, shape[1]), (columns, shape[2]))]
    outside = (np.rint(rows) != inside[0]) | (np.rint(columns) != inside[1])
    expected = labels[np.arange(shape[0])[:, None, None], inside[0], inside[1]]
    found = sampled(labels, rows, columns, fill)
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, np.where(outside, 0, expected) if fill == "zero" else expected)


@pytest.mark.parametrize("fill", MODES)
def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch, fill: str) -> None:
    shape = (7, 5, 4, 3)
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    rows, columns = places(shape, 0)
    whole = sampled(image, rows, columns[:1], fill)
    monkeypatch.setattr(resample, "BLOCK", 40)
    np.testing.assert_array_equal(sampled(image, rows, columns[:1], fill), whole)
