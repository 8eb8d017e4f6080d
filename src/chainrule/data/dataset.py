"""Dataset: rows of features and what is to be predicted from them, checked once, and how they are parted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError, require
from . import arrays
from .arrays import Label, some
from .split import stratified

Task = Literal["classes", "numbers"]


@dataclass(frozen=True)
class Column:
    """One column of a table. A category is one-hot encoded: one feature per category, in this (sorted) order."""

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many features the column becomes."""
        return len(self.features)

    @property
    def features(self) -> tuple[str, ...]:
        """Their names: `age`, or `colour=blue`, `colour=red`."""
        return (self.name,) if self.kind == "number" else tuple(f"{self.name}={c}" for c in self.categories)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """x, float32: a table (n, features) or images (n, h, w, c), channels last; values as in the file, not yet scaled.

    y: class codes, int64 (n,), with `classes` the original labels in code order; or numbers, float32 (n, k), and no
    classes. `where`, int64 (n,), is the line in the file of each row (tables), or its index from 0 (arrays).

    Anything array-like may be given: x as (n, h, w) gets one channel; y of whole numbers, truth values or text becomes
    classes, y of floats stays numbers. DataError when lengths differ, x is not 2-, 3- or 4-dimensional or empty, or a
    value is NaN, infinite or no number (row and column are named).
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    classes: tuple[Label, ...] = ()
    columns: tuple[Column, ...] = ()
    target: str = ""
    name: str = "data"
    where: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        x = arrays.features(self.x)
        y, classes = arrays.targets(self.y, tuple(self.classes))
        if len(x) != len(y):
            raise DataError(f"expected one target per row, found {len(x):,} rows in x and {len(y):,} in y")
        where = self.where if len(self.where) else np.arange(len(x), dtype=np.int64)
        for attribute, value in (("x", x), ("y", y), ("classes", classes), ("where", where)):
            object.__setattr__(self, attribute, value)

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike, *, name: str = "data") -> Dataset:
        """A dataset from plain arrays or lists, typed for what it accepts: the same checks as `Dataset(x, y)`."""
        return cls(arrays.plain(x, "x"), arrays.plain(y, "y"), name=name)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r}: {self.describe()}>"

    @property
    def task(self) -> Task:
        """What is predicted: a class, or numbers."""
        return "classes" if self.classes else "numbers"

    @property
    def is_image(self) -> bool:
        """Whether x is (n, h, w, c)."""
        return self.x.ndim == 4

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature of a table: from its columns, or `x0`, `x1`, ...; empty for images."""
        if self.is_image:
            return ()
        named = tuple(name for column in self.columns for name in column.features)
        return named or tuple(f"x{i}" for i in range(self.x.shape[1]))

    def take(self, index: Any) -> Dataset:
        """The rows that `index` picks (row numbers, a slice or a mask), in its order; at least one."""
        rows = np.atleast_1d(np.arange(len(self))[index])
        return Dataset(self.x[rows], self.y[rows], self.classes, self.columns, self.target, self.name, self.where[rows])

    def split(self, validation: Holdout = None, test: Holdout = None, seed: int = 0) -> Parts:
        """Part the rows in training, validation and test.

        validation, test: a share of all rows in [0, 1), both together below 1; or other rows, as (x, y) or a Dataset,
        held against the shapes and classes of this one; or None. Shares are taken at random, and of every class alike:
        each class gives its share within one row, and keeps at least one row for training. The same seed (an integer in
        [0, 2^32)) gives the same parts on every machine. Each part keeps the order of the file.

        SettingError for a share outside its range; DataError when a part would be empty, or nothing can be learned.
        """
        self.check_learnable()
        asked = {"validation": validation, "test": test}
        shares = [_share(name, part) for name, part in asked.items()]
        require("split", "validation + test", sum(shares), sum(shares) < 1, "below 1, to leave rows to train on")
        whole = isinstance(seed, int | np.integer)
        require("split", "seed", seed, whole and 0 <= seed < 2**32, "an int in the range [0, 2**32)")
        train, *held = stratified(self.y if self.classes else np.zeros(len(self), np.int64), shares, seed)
        parts = (self._part(name, part, rows) for (name, part), rows in zip(asked.items(), held, strict=True))
        return Parts(self.take(train), *parts)

    def check_learnable(self) -> None:
        """DataError unless there are two rows that differ in what is to be predicted."""
        if len(self) < 2:
            raise DataError("expected at least 2 rows to learn from, found 1")
        if (self.y == self.y[0]).all():
            same = f"class {self.classes[self.y[0]]!r}" if self.classes else f"target {some(self.y[0])}"
            raise DataError(f"expected at least two different targets to learn from, but every row has the {same}")

    def describe(self) -> str:
        """One line: `1,797 images 8x8x1, 10 classes (0 1 2 ...)`; single-row classes are named, for they stay in
        training."""
        if self.is_image:
            size = "x".join(str(side) for side in self.x.shape[1:])
            return f"{_count(len(self), 'image')} {size}, {self._aim()}"
        return f"{_count(len(self), 'row')}, {_count(self.x.shape[1], 'feature')}, {self._aim()}"

    def types(self) -> str:
        """A table of the columns, as guessed: name, kind, values. Empty when x was not made from a table."""
        if not self.columns:
            return ""
        starts = np.cumsum([0] + [column.width for column in self.columns])
        rows = [("column", "kind", "values")]
        for column, start in zip(self.columns, starts, strict=False):
            told = _span(self.x[:, start]) if column.kind == "number" else _listed(column.categories, "categories")
            rows.append((column.name, column.kind, told))
        rows.append((self.target, "target", _listed(self.classes, "classes") if self.classes else _span(self.y)))
        wide = [max(len(row[i]) for row in rows) for i in (0, 1)]
        return "\n".join(f"{name:<{wide[0]}}  {kind:<{wide[1]}}  {told}" for name, kind, told in rows)

    def _aim(self) -> str:
        if not self.classes:
            name = f"target {self.target!r}" if self.target else "target" if self.y.shape[1] == 1 else "targets"
            return f"{name} {_span(self.y)}"
        lone = [self.classes[code] for code in np.flatnonzero(np.bincount(self.y) == 1)]
        extra = f"; with a single row: {some(lone, 3)}" if lone else ""
        return f"{_count(len(self.classes), 'class', 'classes')} ({some(self.classes, 3, ' ')}){extra}"

    def _part(self, name: str, asked: Holdout, rows: NDArray[np.int64]) -> Dataset | None:
        if isinstance(asked, Dataset | tuple):
            try:
                return self._beside(asked)
            except DataError as error:
                raise DataError(f"{name} rows: {error}") from None
        if asked and not len(rows):
            raise DataError(
                f"a {name} share of {asked:g} of {_count(len(self), 'row')} leaves no row for the {name} part; "
                f"give a larger share, or {name}=None for none"
            )
        return self.take(rows) if asked else None

    def _beside(self, given: Dataset | tuple[ArrayLike, ArrayLike]) -> Dataset:
        """Rows from elsewhere, with the classes of this dataset."""
        other = given if isinstance(given, Dataset) else Dataset.of(*given)
        if other.x.shape[1:] != self.x.shape[1:]:
            raise DataError(f"expected x of shape (rows, {some(self.x.shape[1:])}), found {other.x.shape}")
        if self.columns and other.columns and other.columns != self.columns:
            raise DataError("expected the columns and categories of the training rows")
        labels = np.array(other.classes)[other.y] if other.classes else other.y
        y = arrays.encoded(labels, self.classes) if self.classes else arrays.numbers(labels)
        if y.shape[1:] != self.y.shape[1:]:
            raise DataError(f"expected y of shape (rows, {some(self.y.shape[1:])}), found {y.shape}")
        return Dataset(other.x, y, self.classes, self.columns, self.target, other.name, other.where)


Holdout: TypeAlias = float | tuple[ArrayLike, ArrayLike] | Dataset | None


@dataclass(frozen=True, eq=False)
class Parts:
    """What a network learns from, what its training is steered by, and what it is judged by in the end."""

    train: Dataset
    validation: Dataset | None = None
    test: Dataset | None = None


def _share(name: str, asked: Holdout) -> float:
    if isinstance(asked, Real) and not isinstance(asked, bool):
        require("split", name, asked, 0 <= asked < 1, "a share in the range [0, 1)")
        return float(asked)
    rows = isinstance(asked, Dataset) or (isinstance(asked, tuple) and len(asked) == 2)
    require("split", name, asked, asked is None or rows, "a share in the range [0, 1), (x, y), a Dataset or None")
    return 0.0


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _span(values: NDArray[Any]) -> str:
    return f"from {values.min():g} to {values.max():g}"


def _listed(items: Sequence[object], kind: str) -> str:
    return f"{len(items)} {kind}: {some(items, 8)}"
