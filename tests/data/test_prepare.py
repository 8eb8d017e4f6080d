"""The table of transforms: words, settings as plain data, fitted numbers as arrays."""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
import pytest

from chainrule.data import PCA, TRANSFORMS, ZCA, MeanImage, Recipe, Standardise, Whiten, transform_of
from chainrule.data.prepare import from_arrays
from chainrule.errors import ModelError, SettingError, UnknownName

WORDS: dict[str, Recipe] = {
    "none": Recipe(TRANSFORMS["none"]),
    "standardise": Recipe(Standardise),
    "mean-image": Recipe(MeanImage),
    "mean_channel": Recipe(TRANSFORMS["mean_channel"]),
    "pca": PCA.with_(keep=1.0),
    "PCA20": PCA.with_(keep=20),
    "pca0.95": PCA.with_(keep=0.95),
    "whiten0.99-0.01": Whiten.with_(keep=0.99, eps=0.01),
    "zca": ZCA.with_(),
    "zca0.1": ZCA.with_(eps=0.1),
}


@pytest.mark.parametrize("word", WORDS)
def test_words_classes_recipes_and_their_settings(word: str) -> None:
    recipe = transform_of(word)
    assert recipe == WORDS[word]
    assert transform_of(recipe) is recipe
    assert transform_of(json.loads(json.dumps(recipe.settings()))) == transform_of(str(recipe)) == recipe


def test_every_transform_has_a_word() -> None:
    assert {recipe.kind for recipe in WORDS.values()} == set(TRANSFORMS.values())
    assert all(transform_of(kind) == transform_of(name) for name, kind in TRANSFORMS.items())


@pytest.mark.parametrize("kind", TRANSFORMS.values(), ids=TRANSFORMS)
def test_settings_not_given_are_those_of_fit(kind: Any) -> None:
    taken = {name: p.default for name, p in inspect.signature(kind.fit).parameters.items() if name != "x"}
    assert taken == kind.takes


@pytest.mark.parametrize("name", TRANSFORMS)
def test_fitted_numbers_as_arrays_and_back(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(30, 2, 2, 1)).astype(np.float32)
    fitted = transform_of(name).fit(x)
    arrays = fitted.arrays()
    assert all(array.dtype == np.float32 for array in arrays.values())
    restored = from_arrays(name, arrays)
    assert type(restored) is TRANSFORMS[name]
    np.testing.assert_array_equal(restored.apply(x), fitted.apply(x))


def test_settings_reach_the_fit() -> None:
    x = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    assert PCA.with_(keep=np.int64(2)).fit(x).shape((5,)) == (2,)  # type: ignore[arg-type]
    np.testing.assert_array_equal(transform_of("zca0.5").fit(x).apply(x), ZCA.fit(x, eps=0.5).apply(x))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("pca0", "The 'keep' parameter of PCA must be"),
        ("pca1.5", "The 'keep' parameter of PCA must be"),
        ("pca3-4", r"'pca3-4' does not fit PCA, which takes keep"),
        ("standardise2", "does not fit Standardise, which takes no number"),
        ("pca-3", "no transform: expected a word with its numbers, such as pca0.95"),
        ("pca0.9.5", "no transform"),
        ("", "no transform"),
        (3, r"expected a transform such as 'zca', or PCA.with_\(keep=0.95\), found 3"),
    ],
)
def test_what_is_no_transform(spec: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        transform_of(spec)


def test_settings_of_another_transform() -> None:
    with pytest.raises(SettingError, match="ZCA takes eps, found 'keep'"):
        ZCA.with_(keep=0.5)
    with pytest.raises(SettingError, match="MeanImage takes no settings, found 'keep'"):
        MeanImage.with_(keep=0.5)


@pytest.mark.parametrize(("word", "near"), [("standardize", "standardise"), ("mean_img", "mean_image"), ("zac", "zca")])
def test_a_typing_mistake_suggests_the_nearest(word: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f"there is no transform '{word}'; did you mean .*'{near}'"):
        transform_of(word)
    with pytest.raises(UnknownName, match=f"did you mean .*'{near}'"):
        from_arrays(word, {})


def test_arrays_of_another_transform() -> None:
    with pytest.raises(
        ModelError, match=r"'pca' needs the arrays \['axes', 'mean', 'scale'\], found \['mean', 'std'\]"
    ):
        from_arrays("pca", Standardise.fit(np.array([[1], [2]], np.float32)).arrays())
