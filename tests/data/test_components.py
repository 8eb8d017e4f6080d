"""PCA, whitening and ZCA against scikit-learn and their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import decomposition
from sklearn.datasets import load_digits

from chainrule.data import PCA, ZCA, Recipe, Transform, Whiten, transform
from chainrule.errors import DataError, SettingError

KINDS = (PCA, Whiten, ZCA)


def table(rows: int = 300, features: int = 6, seed: int = 0) -> Any:
    """Correlated features of different spread, away from 0."""
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(rows, features)) * np.geomspace(1, 10, features) @ draw.normal(size=(features, features))
    return (mixed + 20).astype(np.float32)


def digits() -> Any:
    return load_digits().images.astype(np.float32)[..., None]


def covariance(z: np.ndarray) -> np.ndarray:
    return np.cov(z.reshape(len(z), -1).astype(np.float64), rowvar=False, bias=True)


def test_pca_is_scikit_learns_up_to_sign() -> None:
    x = table()
    fitted, oracle = PCA.fit(x, keep=4), decomposition.PCA(4).fit(x.astype(np.float64))
    sign = np.sign((fitted.axes * oracle.components_).sum(axis=1))
    np.testing.assert_allclose(fitted.axes * sign[:, None], oracle.components_, atol=1e-5)
    np.testing.assert_allclose(fitted.apply(x) * sign, oracle.transform(x), atol=1e-3)
    np.testing.assert_allclose(fitted.invert(fitted.apply(x)), oracle.inverse_transform(oracle.transform(x)), atol=1e-3)
    np.testing.assert_allclose(fitted.scale**2, oracle.explained_variance_ * (len(x) - 1) / len(x), rtol=1e-5)
    assert (np.take_along_axis(fitted.axes, np.abs(fitted.axes).argmax(axis=1)[:, None], 1) > 0).all()


def test_whitening_is_scikit_learns_up_to_sign() -> None:
    """Theirs divides by the count less 1."""
    x = table()
    oracle = decomposition.PCA(4, whiten=True).fit_transform(x.astype(np.float64)) * np.sqrt(len(x) / (len(x) - 1))
    z = Whiten.fit(x, keep=4, eps=0).apply(x)
    np.testing.assert_allclose(z * np.sign((z * oracle).sum(axis=0)), oracle, atol=2e-4)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.999])
def test_a_share_of_the_variance_keeps_as_many_as_scikit_learn(share: float) -> None:
    x = digits()
    expected = decomposition.PCA(share).fit(x.reshape(len(x), -1).astype(np.float64)).n_components_
    assert PCA.fit(x, keep=share).shape((8, 8, 1)) == (expected,)


@given(seed=st.integers(0, 50), features=st.integers(1, 5))
def test_what_is_whitened_has_covariance_1(seed: int, features: int) -> None:
    x = table(features=features, seed=seed)
    for kind in (Whiten, ZCA):
        z = Recipe(kind, {"eps": 0}).fit(x).apply(x)
        np.testing.assert_allclose(np.atleast_2d(covariance(z)), np.eye(features), atol=2e-2)
        np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-2)


def test_eps_bounds_how_far_a_direction_is_blown_up() -> None:
    """Variances l become l / (l + eps v), v their mean."""
    x = table()
    variance = PCA.fit(x).scale.astype(np.float64) ** 2
    expected = variance / (variance + 0.5 * variance.mean())
    np.testing.assert_allclose(np.diag(covariance(Whiten.fit(x, eps=0.5).apply(x))), expected, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance(ZCA.fit(x, eps=0.5).apply(x)))[::-1], expected, rtol=1e-4)


def test_no_other_whitening_changes_x_less_than_zca() -> None:
    """Of all W with W C W' = 1; each is a rotation of any other."""
    x, draw = table(), np.random.default_rng(1)
    z, centred = ZCA.fit(x, eps=0).apply(x), x - x.mean(axis=0)
    distance = ((z - centred) ** 2).sum()
    for _ in range(50):
        rotation = np.linalg.qr(draw.normal(size=(6, 6)))[0]
        assert ((z @ rotation - centred) ** 2).sum() > distance


def test_zca_gives_images_and_pca_rows_and_both_go_back() -> None:
    x = digits()
    zca, pca, whiten = (kind.fit(x) for kind in KINDS[::-1][:1] + KINDS[:2])
    assert zca.apply(x).shape == x.shape == (len(x), *zca.shape(x.shape[1:]))
    for fitted in (pca, whiten):
        assert fitted.apply(x).shape == (len(x), *fitted.shape(x.shape[1:]))
    for fitted in (zca, pca, whiten):
        assert fitted.apply(x).dtype == fitted.invert(fitted.apply(x)).dtype == np.float32
        np.testing.assert_allclose(fitted.invert(fitted.apply(x)), x, atol=2e-3)


def test_directions_without_variance_are_left_out() -> None:
    """Three of the 64 pixels of the digits are always 0; a sum of two features is no third direction."""
    assert PCA.fit(digits()).shape((8, 8, 1)) == (61,)
    x = table(features=2)
    both = np.concatenate([x, x.sum(axis=1, keepdims=True), np.full((300, 1), 7, np.float32)], axis=1)
    assert PCA.fit(both).shape((4,)) == (2,)
    strange = ZCA.fit(both, eps=0).apply(both + np.array([0, 0, 0, 1], np.float32))
    np.testing.assert_allclose(strange[:, 3], 0, atol=1e-4)


def test_fewer_rows_than_features() -> None:
    x = np.random.default_rng(0).normal(size=(5, 20)).astype(np.float32)
    fitted = PCA.fit(x)
    assert fitted.shape((20,)) == (4,)
    np.testing.assert_allclose(fitted.invert(fitted.apply(x)), x, atol=1e-5)
    with pytest.raises(
        SettingError, match=r"'keep' .* PCA must be at most 4, the directions in which .* Got 5 instead"
    ):
        PCA.fit(x, keep=5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 4])
def test_rows_that_do_not_differ_have_no_direction(kind: type[Transform], rows: int) -> None:
    with pytest.raises(DataError, match=f"{kind.name} found no direction"):
        kind.fit(np.full((rows, 3), 0.1, np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch, kind: type[Transform]) -> None:
    x = table()
    whole = kind.fit(x)
    monkeypatch.setattr(transform, "CHUNK", 7 * x.shape[1])
    for name, array in kind.fit(x).arrays().items():
        np.testing.assert_allclose(array, whole.arrays()[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_are_taken_for_the_mean(kind: type[Transform]) -> None:
    x = table()
    x[::5, 2] = np.nan
    x[1::9, 0] = np.nan
    filled = np.where(np.isnan(x), np.nanmean(x, axis=0, dtype=np.float64), x).astype(np.float32)
    expected = kind.fit(filled)
    np.testing.assert_allclose(kind.fit(x).apply(x), expected.apply(filled), atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_other_sizes_than_in_training(kind: type[Transform]) -> None:
    fitted = kind.fit(digits())
    with pytest.raises(DataError, match="expected examples of 8 x 8 x 1 values, as in training"):
        fitted.apply(np.zeros((2, 8, 9, 1), np.float32))
    with pytest.raises(DataError, match=r"expected 61 components|expected examples of 8 x 8 x 1"):
        fitted.invert(np.zeros((2, 1), np.float32))


def test_too_many_values_to_compare() -> None:
    with pytest.raises(DataError, match=r"pca compares .* 4,096 at most, found 64 x 64 x 3 = 12,288; use smaller"):
        PCA.fit(np.zeros((2, 64, 64, 3), np.float32))


@pytest.mark.parametrize("keep", [0, -1, 0.0, 1.5, 20.0, True, "all", float("nan")])
def test_settings_outside_their_range(keep: Any) -> None:
    with pytest.raises(
        SettingError, match="The 'keep' parameter of PCA must be a number of components of at least 1, or"
    ):
        PCA.with_(keep=keep)
    with pytest.raises(SettingError, match="The 'keep' parameter of PCA"):
        PCA.fit(table(), keep=keep)


@pytest.mark.parametrize("eps", [-1e-9, float("inf"), float("nan"), "0"])
def test_eps_outside_its_range(eps: Any) -> None:
    with pytest.raises(SettingError, match=r"The 'eps' parameter of ZCA must be a number in the range \[0, inf\)"):
        ZCA.with_(eps=eps)
