"""What users do to their data, by name: material and settings in, material out. Some of it is wrong, some is not.

What is done to all inputs (a unit, a scaling) is done to the rows that judge, too; what is done to a part is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from .material import Array, Material, Rows

Spoil: TypeAlias = Callable[..., Material]
SPOILS: dict[str, Spoil] = {}


def spoil(function: Spoil) -> Spoil:
    """Enter it under its function's name."""
    SPOILS[function.__name__] = function
    return function


def _all_parts(m: Material, change: Callable[[Rows], Rows]) -> Material:
    """The same done to every part."""
    held = None if m.validation is None else change(m.validation)
    return replace(m, train=change(m.train), validation=held, judge=change(m.judge))


def _given(m: Material, change: Callable[[Rows], Rows]) -> Material:
    """The same done to the parts that the training gets, not to what judges."""
    held = None if m.validation is None else change(m.validation)
    return replace(m, train=change(m.train), validation=held)


def _labelled(m: Material, change: Callable[[Array], Array], judge: bool = False) -> Material:
    return (_all_parts if judge else _given)(m, lambda rows: Rows(rows.x, change(rows.y)))


def _moments(x: Array) -> tuple[Array, Array]:
    spread = x.std(0)
    return x.mean(0), np.where(spread > 0, spread, 1)


def _standardised(rows: Rows, of: Array) -> Rows:
    mean, spread = _moments(of)
    return Rows((rows.x - mean) / spread, rows.y)


# ---- inputs


@spoil
def scale(m: Material, random: Any, by: float | Sequence[float], plus: float = 0.0) -> Material:
    """Every input, or each feature, times a number: another unit. A list is repeated over the features."""
    factors = np.resize(np.asarray(by, float), m.train.x.shape[-1])
    return _all_parts(m, lambda rows: Rows(rows.x * factors + plus, rows.y))


@spoil
def standardise(m: Material, random: Any) -> Material:
    """Rightly: by the moments of the training rows, for all parts."""
    train = m.train.x
    return _all_parts(m, lambda rows: _standardised(rows, train))


@spoil
def standardise_whole(m: Material, random: Any) -> Material:
    """By the moments of all rows that the user has, held-out ones among them."""
    whole = np.concatenate([m.train.x] + ([] if m.validation is None else [m.validation.x]))
    return _all_parts(m, lambda rows: _standardised(rows, whole))


@spoil
def standardise_each(m: Material, random: Any) -> Material:
    """Every part by its own moments; what judges by those of the training rows, as in use."""
    train, given = m.train.x, _given(m, lambda rows: _standardised(rows, rows.x))
    return replace(given, judge=_standardised(m.judge, train))


@spoil
def scale_validation(m: Material, random: Any, by: float, plus: float = 0.0) -> Material:
    """The validation rows alone in another unit: scaled once more, or not at all."""
    assert m.validation is not None
    return replace(m, validation=Rows(m.validation.x * by + plus, m.validation.y))


@spoil
def add_constant(m: Material, random: Any, columns: int = 2) -> Material:
    """Further columns that are the same in every row: a version number, a sensor that is off."""
    return _all_parts(m, lambda rows: Rows(np.concatenate([rows.x, np.full((len(rows), columns), 3.0)], 1), rows.y))


@spoil
def add_copies(m: Material, random: Any, columns: int = 2) -> Material:
    """The first columns a second time."""
    return _all_parts(m, lambda rows: Rows(np.concatenate([rows.x, rows.x[:, :columns]], 1), rows.y))


@spoil
def put(m: Material, random: Any, value: float, row: int, column: int) -> Material:
    """One cell of the training rows."""
    x = m.train.x.copy()
    x.reshape(len(x), -1)[row, column] = value
    return replace(m, train=Rows(x, m.train.y))


@spoil
def shuffle_features(m: Material, random: Any) -> Material:
    """The rows of x in another order, those of y not."""
    return _given(m, lambda rows: Rows(rows.x[random.permutation(len(rows))], rows.y))


@spoil
def blank(m: Material, random: Any, keep: float = 0.0) -> Material:
    """Inputs that arrive all but empty: a loader that reads zeros."""
    return _given(m, lambda rows: Rows(rows.x * keep, rows.y))


# ---- targets


@spoil
def scale_targets(m: Material, random: Any, by: float, plus: float = 0.0) -> Material:
    """Numbers to predict in another unit."""
    return _labelled(m, lambda y: y * by + plus, judge=True)


@spoil
def squash_targets(m: Material, random: Any, low: float = -1.0, high: float = 1.0) -> Material:
    """Numbers to predict brought into [low, high]."""
    least, most = m.train.y.min(), m.train.y.max()
    return _labelled(m, lambda y: low + (high - low) * ((y - least) / (most - least)).clip(0, 1), judge=True)


@spoil
def floats(m: Material, random: Any) -> Material:
    """Class codes as floats 0.0, 1.0, 2.0."""
    return _labelled(m, lambda y: y.astype(float))


@spoil
def one_hot(m: Material, random: Any) -> Material:
    """Class codes as floats, a column a class."""
    count = int(m.train.y.max()) + 1
    return _labelled(m, lambda y: np.eye(count)[y])


@spoil
def truths(m: Material, random: Any) -> Material:
    """Two classes as truth values, one column."""
    return _labelled(m, lambda y: y.astype(bool)[:, None])


@spoil
def name_classes(m: Material, random: Any) -> Material:
    """All classes are named, so that those the training rows lack are known, too."""
    return replace(m, classes=tuple(range(int(m.judge.y.max()) + 1)))


@spoil
def whole(m: Material, random: Any, levels: int = 100) -> Material:
    """Numbers to predict rounded to whole ones: they are taken for so many classes."""
    low, high = m.train.y.min(), m.train.y.max()
    given = _labelled(m, lambda y: ((y - low) / (high - low) * levels).clip(0, levels).round().astype(np.int64))
    to_unit = Rows(m.judge.x, (m.judge.y - low) / (high - low) * levels)
    return replace(given, judge=to_unit, classes=tuple(range(levels + 1)))


@spoil
def whole_floats(m: Material, random: Any, levels: int = 100) -> Material:
    """The same as floats: they stay numbers."""
    return replace(_labelled(whole(m, random, levels), lambda y: y.astype(float)), classes=())


@spoil
def mislabel(m: Material, random: Any, share: float) -> Material:
    """So many rows get another class, or the number of another row."""

    def change(y: Array) -> Array:
        wrong, changed = random.random(len(y)) < share, y.copy()
        if y.dtype.kind == "f":
            changed[wrong] = random.permutation(y[wrong])
        else:
            count = int(y.max()) + 1
            changed[wrong] = (y[wrong] + random.integers(1, count, wrong.sum())) % count
        return changed

    return _labelled(m, change)


# ---- rows and parts


@spoil
def hold_out(m: Material, random: Any, share: float = 0.2) -> Material:
    """Rightly: validation rows at random."""
    order, count = random.permutation(len(m.train)), round(share * len(m.train))
    return replace(m, train=m.train.take(np.sort(order[count:])), validation=m.train.take(np.sort(order[:count])))


@spoil
def hold_out_last(m: Material, random: Any, share: float = 0.2) -> Material:
    """The last rows as validation rows, whatever their order."""
    count, at = round((1 - share) * len(m.train)), np.arange(len(m.train))
    return replace(m, train=m.train.take(at[:count]), validation=m.train.take(at[count:]))


@spoil
def validate_on_train(m: Material, random: Any, share: float = 0.3) -> Material:
    """Validation rows that are training rows."""
    chosen = random.permutation(len(m.train))[: round(share * len(m.train))]
    return replace(m, validation=m.train.take(chosen))


@spoil
def repeat(m: Material, random: Any, times: int = 3) -> Material:
    """Every row several times, before the parts are drawn: oversampling at the wrong place."""
    return replace(m, train=m.train.take(random.permutation(np.tile(np.arange(len(m.train)), times))))


@spoil
def sort(m: Material, random: Any) -> Material:
    """The rows sorted by what is to be predicted."""
    return replace(m, train=m.train.take(np.argsort(m.train.y, kind="stable")))


@spoil
def imbalance(m: Material, random: Any, keep: Sequence[float]) -> Material:
    """Of every class so large a share; judged is the balanced accuracy."""
    kept = random.random(len(m.train)) < np.asarray(keep)[m.train.y]
    return replace(m, train=m.train.take(np.flatnonzero(kept)), measure="balanced accuracy")
