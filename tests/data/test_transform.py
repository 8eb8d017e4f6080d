"""Transforms fitted by features, channels and pixels: mean 0, standard deviation 1, missing values, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from chainrule.data import MeanImage, MeanPerChannel, Standardise, Transform, Unchanged, transform
from chainrule.errors import DataError

# Numbers near the smallest that float32 has keep no digits, so a mean of them cannot be exact.
NUMBERS = st.floats(-1e6, 1e6, width=32).map(lambda v: v if abs(v) > 1e-30 else 0.0)
TABLES = hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=NUMBERS)
GAPS = hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=NUMBERS | st.just(np.nan))
SIMPLE = (Unchanged, Standardise, MeanImage, MeanPerChannel)


class Lazy:
    """Rows that are read when they are asked for; `most` is how many were ever asked for at once."""

    def __init__(self, x: np.ndarray) -> None:
        self.x, self.shape, self.most = x, x.shape, 0

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice) -> np.ndarray:
        part: np.ndarray = self.x[rows]
        self.most = max(self.most, len(part))
        return part


def images(channels: int = 2) -> Any:
    spread = np.linspace(1, 4, channels)
    return np.random.default_rng(0).normal(10 * spread, spread, (20, 6, 5, channels)).astype(np.float32)


@given(TABLES)
def test_there_and_back(x: np.ndarray) -> None:
    fitted = Standardise.fit(x)
    back = fitted.invert(fitted.apply(x))
    assert (fitted.std > 0).all()
    assert fitted.mean.dtype == fitted.std.dtype == back.dtype == np.float32
    np.testing.assert_allclose(back, x, rtol=1e-5, atol=1e-5 * np.abs(x).max())


@given(TABLES)
def test_it_agrees_with_float64(x: np.ndarray) -> None:
    fitted, exact = Standardise.fit(x), x.astype(np.float64)
    moving = exact.min(axis=0) < exact.max(axis=0)
    np.testing.assert_allclose(fitted.mean, exact.mean(axis=0), rtol=1e-6, atol=1e-6 * np.abs(x).max())
    np.testing.assert_allclose(fitted.std[moving], exact.std(axis=0)[moving], rtol=1e-6)


def test_tables_by_feature_as_scikit_learn() -> None:
    x = np.random.default_rng(0).normal([0, 5, -3e4], [1, 1e-3, 50], (500, 3)).astype(np.float32)
    np.testing.assert_allclose(Standardise.fit(x).apply(x), StandardScaler().fit_transform(x.astype(float)), atol=2e-3)


def test_images_by_channel() -> None:
    x = images()
    fitted = Standardise.fit(x)
    z = fitted.apply(x)
    assert fitted.mean.shape == (2,)
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=(0, 1, 2)), 1, atol=1e-6)


def test_the_mean_image_and_the_mean_of_each_channel() -> None:
    x = images()
    exact = x.astype(np.float64)
    by_pixel, by_channel = MeanImage.fit(x), MeanPerChannel.fit(x)
    np.testing.assert_allclose(by_pixel.apply(x), exact - exact.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(by_channel.apply(x), exact - exact.mean(axis=(0, 1, 2)), atol=1e-5)
    assert (by_pixel.mean.shape, by_channel.mean.shape) == ((6, 5, 2), (2,))


@pytest.mark.parametrize("kind", SIMPLE)
def test_each_goes_back_and_keeps_the_shape(kind: type[Transform]) -> None:
    x = images()
    fitted = kind.fit(x)
    z = fitted.apply(x)
    assert z.shape == x.shape == (len(x), *fitted.shape(x.shape[1:]))
    assert z.dtype == np.float32
    np.testing.assert_allclose(fitted.invert(z), x, rtol=1e-6, atol=1e-5)


def test_unchanged_is_what_it_says() -> None:
    x = images()
    np.testing.assert_array_equal(Unchanged.fit(x).apply(x), x)


def test_a_feature_that_never_changes_becomes_zero() -> None:
    """0.1 in float32, added up many times and divided, is not 0.1: its standard deviation would be 1e-17, not 0."""
    x = np.full((1001, 1), 0.1, np.float32)
    fitted = Standardise.fit(x)
    assert fitted.std.tolist() == [1.0]
    assert np.abs(fitted.apply(x)).max() < 1e-7
    assert np.abs(fitted.apply(x + 1)).max() < 1.1


def test_no_cancellation_far_from_zero() -> None:
    """The one-pass formula, mean of squares minus square of the mean, in float32 gives nonsense here."""
    x = (1e4 + np.arange(1000) % 2).astype(np.float32)[:, None]
    assert Standardise.fit(x).std.tolist() == [0.5]


@pytest.mark.parametrize("kind", SIMPLE)
@pytest.mark.parametrize("shape", [(1000, 3), (50, 4, 5, 3)])
def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch, kind: type[Transform], shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
    x[::7, ..., 0] = np.nan
    whole, rows = kind.fit(x), Lazy(x)
    monkeypatch.setattr(transform, "CHUNK", 2 * x[0].size)
    parts = kind.fit(rows)
    assert rows.most == 2
    for name, array in parts.arrays().items():
        np.testing.assert_allclose(array, whole.arrays()[name], rtol=1e-7)


@given(GAPS)
def test_missing_values_are_left_out_and_filled_with_the_mean(x: np.ndarray) -> None:
    fitted, there = Standardise.fit(x), ~np.isnan(x)
    z = fitted.apply(x)
    assert (z[~there] == 0).all()
    for i in range(x.shape[1]):
        alone = (
            Standardise.fit(x[there[:, i], i : i + 1])
            if there[:, i].any()
            else Standardise(np.zeros(1, np.float32), np.ones(1, np.float32))
        )
        np.testing.assert_allclose(
            [fitted.mean[i], fitted.std[i]], [alone.mean[0], alone.std[0]], rtol=1e-6, atol=1e-30
        )


def test_missing_values_are_filled_as_scikit_learn_does() -> None:
    x = np.random.default_rng(0).normal(5, 2, (200, 3)).astype(np.float32)
    x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    filled = SimpleImputer().fit_transform(x.astype(np.float64))
    np.testing.assert_allclose(Unchanged.fit(x).apply(x), filled, rtol=1e-6)
    np.testing.assert_allclose(MeanImage.fit(x).apply(x), filled - np.nanmean(x, axis=0), atol=1e-5)


@pytest.mark.parametrize("kind", SIMPLE)
def test_a_column_that_is_missing_throughout_has_mean_0(kind: type[Transform]) -> None:
    x = np.array([[1, np.nan], [3, np.nan]], np.float32)
    fitted = kind.fit(x)
    assert fitted.mean.tolist() == [2, 0]
    assert fitted.apply(x)[:, 1].tolist() == [0, 0]
    assert fitted.apply(np.array([[np.nan, 4]], np.float32))[0, 1] == 4


def test_a_missing_output_stays_missing() -> None:
    """NaN among what a network predicts is a fault to be seen, not a gap to be filled."""
    fitted = Standardise.fit(np.array([[1], [2]], np.float32))
    assert np.isnan(fitted.invert(np.array([[np.nan]], np.float32))).all()


@pytest.mark.parametrize("shape", [(5, 1), (5, 4), (3,)[:0]])
@pytest.mark.parametrize("kind", SIMPLE)
def test_other_features_than_in_training(kind: type[Transform], shape: tuple[int, ...]) -> None:
    fitted = kind.fit(np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32))
    for use in (fitted.apply, fitted.invert):
        with pytest.raises(DataError, match="expected 3 features or channels on the last axis, as in training"):
            use(np.zeros(shape, np.float32))


def test_another_size_than_the_mean_image() -> None:
    with pytest.raises(
        DataError, match=r"expected examples of 6 x 5 x 2 values, as in training, found .*\(3, 5, 6, 2\)"
    ):
        MeanImage.fit(images()).apply(np.zeros((3, 5, 6, 2), np.float32))
