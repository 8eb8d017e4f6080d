"""The table of transforms, by name, and the words for them: "standardise", "mean-image", "pca0.95"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..errors import ModelError, SettingError, UnknownName
from .components import PCA, ZCA, Whiten
from .transform import Float32, MeanImage, MeanPerChannel, Recipe, Standardise, Transform, Unchanged

WORD = re.compile(r"([a-z_-]*[a-z_])(\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)*)?")

TRANSFORMS: Mapping[str, type[Transform]] = {
    kind.name: kind for kind in (Unchanged, Standardise, MeanImage, MeanPerChannel, PCA, Whiten, ZCA)
}


def transform_of(spec: str | type[Transform] | Recipe | Mapping[str, Any]) -> Recipe:
    """A recipe from a word ("zca", "mean-image", "pca0.95"), a class (`PCA`), a recipe, or a recipe's `settings()`.

    The numbers of a word are the settings in their order: "pca20" keeps 20 components, "pca0.95" 95% of the variance,
    "whiten0.99-0.01" 99% with eps 0.01. UnknownName suggests the nearest word, SettingError says what does not fit.
    """
    if isinstance(spec, Recipe):
        return spec
    if isinstance(spec, type) and issubclass(spec, Transform):
        return Recipe(spec)
    if isinstance(spec, Mapping):
        return Recipe(_named(spec.get("name", "")), {key: value for key, value in spec.items() if key != "name"})
    if isinstance(spec, str):
        return _worded(spec)
    raise SettingError(f"expected a transform such as 'zca', or PCA.with_(keep=0.95), found {spec!r}")


def _named(name: str) -> type[Transform]:
    if name not in TRANSFORMS:
        raise UnknownName("transform", name, TRANSFORMS)
    return TRANSFORMS[name]


def _worded(spec: str) -> Recipe:
    word, numbers = word_and_numbers(spec, "transform", "pca0.95")
    kind = _named(word.replace("-", "_"))
    if len(numbers) > len(kind.takes):
        takes = f"takes {' and '.join(kind.takes)}" if kind.takes else "takes no number"
        raise SettingError(f"'{spec}' does not fit {kind.__name__}, which {takes}")
    return Recipe(kind, dict(zip(kind.takes, numbers, strict=False)))


def from_arrays(name: str, arrays: Mapping[str, Float32]) -> Transform:
    """The fitted transform whose `name` and `arrays()` these are, from a model file; ModelError when some are missing."""
    kind = _named(name)
    wanted = {f.name for f in fields(kind)}
    if wanted != set(arrays):
        raise ModelError(f"the transform '{name}' needs the arrays {sorted(wanted)}, found {sorted(arrays)}")
    return kind(**arrays)


def word_and_numbers(token: str, kind: str, example: str) -> tuple[str, list[float]]:
    """`"pca0.95"` -> ("pca", [0.95]); several numbers stand between hyphens."""
    match = WORD.fullmatch(token.strip().lower())
    if match is None:
        raise SettingError(f"'{token}' is no {kind}: expected a word with its numbers, such as {example}")
    return match[1], [int(n) if n.isdigit() else float(n) for n in match[2].split("-")] if match[2] else []
