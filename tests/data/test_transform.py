"""Standardise: mean 0, standard deviation 1, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import StandardScaler

from chainrule.data import Standardise, transform
from chainrule.errors import DataError

# Numbers near the smallest that float32 has keep no digits, so a mean of them cannot be exact.
NUMBERS = st.floats(-1e6, 1e6, width=32).map(lambda v: v if abs(v) > 1e-30 else 0.0)
TABLES = hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=NUMBERS)


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
    x = np.random.default_rng(0).normal([0, 10], [1, 4], (20, 6, 5, 2)).astype(np.float32)
    fitted = Standardise.fit(x)
    z = fitted.apply(x)
    assert fitted.mean.shape == (2,)
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(axis=(0, 1, 2)), 1, atol=1e-6)


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


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(3, 2, (1000, 3)).astype(np.float32)
    whole = Standardise.fit(x)
    monkeypatch.setattr(transform, "CHUNK", 50)
    parts = Standardise.fit(x)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-7)
    np.testing.assert_allclose(parts.std, whole.std, rtol=1e-7)


@pytest.mark.parametrize("shape", [(5, 1), (5, 4), (3,)[:0]])
def test_other_features_than_in_training(shape: tuple[int, ...]) -> None:
    fitted = Standardise.fit(np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32))
    for use in (fitted.apply, fitted.invert):
        with pytest.raises(DataError, match="expected 3 features or channels on the last axis, as in training"):
            use(np.zeros(shape, np.float32))
