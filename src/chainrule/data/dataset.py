"""Dataset: rows of features and what is to be predicted from them, checked once, and how they are parted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError, require, require_seed
from . import arrays, held, told
from .arrays import some
from .rows import Rows, kept
from .split import stratified
from .targets import TASKS, Label, Task, names_of, targets, weights_of

Missing: TypeAlias = Literal["refuse", "fill"]
Place: TypeAlias = Literal["line", "index"]


@dataclass(frozen=True)
class Column:
    """One column of a table. A category is one-hot encoded: one feature per category, in this (sorted) order.

    Where cells may be `missing`, an empty one is NaN as a number, and as a category 0 in all its features.
    """

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()
    missing: bool = False

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
    """x, float32: a table (n, features), images (n, h, w, c), channels last, or rows of any shape; values as in the
    file, not yet scaled. A memory map is not read as a whole: it becomes `Rows`, read batch by batch.

    y, by its dtype: class codes, int64, of every row (n,) or of every position (n, h, w), with `classes` the original
    labels in code order; yes/no labels, bool (n, k), with `classes` their k names; or numbers, float32 (n, k), or
    (n, h, w, c) to predict an image, and no classes. `where`, int64 (n,), is the line in the file of each row (tables),
    or its index from 0 (arrays and typed tables); `place` says which. `weights`, float32 (n,), is what each row counts: at
    least 0, not all 0; None: alike. `targets` are the names of what is predicted, `target` the same as it is shown, with
    a comma and a space between.

    Anything array-like may be given: x as (n, h, w) gets one channel, unless `signals` says that it is (n, length,
    channels). y of floats stays numbers, truth values (n, k) are labels; whole numbers, truth values or text (n,) and
    whole numbers (n, h, w) become classes. Where `classes` is given (text or whole numbers, each once), whole numbers are
    codes, over any number of axes; `coded` remembers that they were given so, for rows that are held out as (x, y).
    `source` is what `load` was called with, of data that came from a file and are all that it gave.

    missing="fill": NaN in x stands for a missing value, which the training part's mean replaces later; "refuse": none.

    DataError when lengths differ, x has a single axis or is empty, a code is outside its classes, or a value is NaN,
    infinite or no number (row and column are named; of `Rows` when they are read).
    """

    x: NDArray[np.float32] | Rows
    y: NDArray[Any]
    classes: tuple[Label, ...] = ()
    columns: tuple[Column, ...] = ()
    target: str = ""
    name: str = "data"
    where: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    weights: NDArray[np.float32] | None = None
    missing: Missing = "refuse"
    signals: bool = False
    place: Place = "index"
    targets: tuple[str, ...] = ()
    coded: bool | None = None
    source: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        require("Dataset", "missing", self.missing, self.missing in ("refuse", "fill"), "'refuse' or 'fill'")
        require("Dataset", "place", self.place, self.place in ("line", "index"), "'line' or 'index'")
        x = kept(self.x, missing=self.missing == "fill", signals=self.signals)
        given = arrays.plain(self.y, "y")
        y, classes = targets(given, self.classes)
        if y.ndim == 3 and y.dtype.kind == "f" and x.ndim == 4:
            y = y[..., None]  # a grey image to predict has its channel, as x has
        if len(x) != len(y):
            raise DataError(f"expected one target per row, found {len(x):,} rows in x and {len(y):,} in y")
        where = self.where if len(self.where) else np.arange(len(x), dtype=np.int64)
        checked = {"x": x, "y": y, "classes": classes, "where": where, "weights": weights_of(self.weights, len(x))}
        coded = len(self.classes) > 0 and given.dtype.kind in "iu" if self.coded is None else self.coded
        target, names = names_of(self.target, self.targets, y)
        for attribute, value in {**checked, "coded": coded, "target": target, "targets": names}.items():
            object.__setattr__(self, attribute, value)

    @classmethod
    def of(
        cls,
        x: ArrayLike | Rows,
        y: ArrayLike,
        *,
        classes: Sequence[Label] = (),
        name: str = "data",
        weights: ArrayLike | None = None,
        missing: Missing = "refuse",
        signals: bool = False,
    ) -> Dataset:
        """A dataset from plain arrays or lists, typed for what it accepts: the same checks as `Dataset(x, y)`."""
        rows = x if isinstance(x, Rows | np.memmap) else arrays.plain(x, "x")
        counts = None if weights is None else arrays.plain(weights, "weights")
        y = arrays.plain(y, "y")
        return cls(rows, y, tuple(classes), name=name, weights=counts, missing=missing, signals=signals)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r}: {self.describe()}>"

    @property
    def task(self) -> Task:
        """What is predicted: classes, yes/no labels, or numbers."""
        return TASKS[self.y.dtype.kind]

    @property
    def one_class_each(self) -> bool:
        """Whether every row has one class, not one for each position."""
        return self.task == "classes" and self.y.ndim == 1

    @property
    def is_image(self) -> bool:
        """Whether x is (n, h, w, c)."""
        return self.x.ndim == 4

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature of a table: from its columns, or `x0`, `x1`, ...; empty for images and signals."""
        if self.x.ndim != 2:
            return ()
        named = tuple(name for column in self.columns for name in column.features)
        return named or tuple(f"x{i}" for i in range(self.x.shape[1]))

    def take(self, index: Any) -> Dataset:
        """The rows that `index` picks (row numbers, a slice or a mask), in its order; at least one."""
        rows = np.atleast_1d(np.arange(len(self))[index])
        x = self.x.take(rows) if isinstance(self.x, Rows) else self.x[rows]
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, x=x, y=self.y[rows], where=self.where[rows], weights=weights, source=None)

    def split(self, validation: Holdout = None, test: Holdout = None, seed: int = 0) -> Parts:
        """Part the rows in training, validation and test.

        validation, test: a share of all rows in [0, 1), both together below 1; or other rows, as (x, y) or a Dataset,
        held against the shapes and classes of this one; or None. In (x, y) whole numbers are codes if this dataset was
        given codes, else names of classes; the classes and labels of a Dataset are matched by their names. Shares are
        taken at random, and where each row has one class, of every class alike: each gives its share within one row, and
        keeps at least one row for training. The same seed (an integer in [0, 2^32)) gives the same parts on every
        machine. Each part keeps the order of the file.

        SettingError for a share outside its range; DataError when a part would be empty, or nothing can be learned.
        """
        self.check_learnable()
        asked = {"validation": validation, "test": test}
        shares = [_share(name, part) for name, part in asked.items()]
        require("split", "validation + test", sum(shares), sum(shares) < 1, "below 1, to leave rows to train on")
        require_seed("split", seed)
        train, *others = stratified(self.y if self.one_class_each else np.zeros(len(self), np.int64), shares, seed)
        parts = (self._part(name, part, rows) for (name, part), rows in zip(asked.items(), others, strict=True))
        found = Parts(self.take(train), *parts)
        found.check_weights()
        return found

    def check_learnable(self) -> None:
        """DataError unless there are two rows that differ in what is to be predicted."""
        if len(self) < 2:
            raise DataError("expected at least 2 rows to learn from, found 1")
        if self.weights is not None and not self.weights.any():
            raise DataError("expected a weight above 0, but every row has the weight 0")
        if all((part == self.y[0]).all() for part in np.array_split(self.y, -(-self.y.size // arrays.CHUNK))):
            raise DataError(f"expected at least two different targets to learn from, but every row has {self._first()}")

    def _first(self) -> str:
        """The target of the first row, in words."""
        if self.one_class_each:
            return f"the class {self.classes[self.y[0]]!r}"
        if self.task == "labels":
            return (
                f"the labels {some([name for name, yes in zip(self.classes, self.y[0], strict=True) if yes]) or 'none'}"
            )
        return f"the target {some(self.y[0])}" if self.y.ndim == 2 else "the same target"

    def describe(self) -> str:
        """One line: `1,797 images 8x8x1, 10 classes (0 1 2 ...)`; single-row classes are named, for they stay in
        training."""
        return told.described(self)

    def types(self) -> str:
        """A table of the columns, as guessed: name, kind, values. Empty when x was not made from a table."""
        return told.table_of_types(self)

    def _part(self, name: str, asked: Holdout, rows: NDArray[np.int64]) -> Dataset | None:
        if isinstance(asked, Dataset | tuple):
            try:
                return held.beside(self, asked)
            except DataError as error:
                raise DataError(f"{name} rows: {error}") from None
        if asked and not len(rows):
            raise DataError(
                f"a {name} share of {asked:g} of {told.counted(len(self), 'row')} leaves no row for the {name} part; "
                f"give a larger share, or {name}=None for none"
            )
        return self.take(rows) if asked else None


Holdout: TypeAlias = float | tuple[ArrayLike, ArrayLike] | Dataset | None


@dataclass(frozen=True, eq=False)
class Parts:
    """What a network learns from, what its training is steered by, and what it is judged by in the end."""

    train: Dataset
    validation: Dataset | None = None
    test: Dataset | None = None

    def check_weights(self) -> None:
        """DataError for a part of rows that count nothing: there is no mean over them."""
        for name, part in vars(self).items():
            if part is not None and part.weights is not None and not part.weights.any():
                raise DataError(
                    f"expected a weight above 0 among the {name} rows, but each of the {len(part):,} has the weight 0; "
                    "leave such rows out, or split with another seed or share"
                )


def _share(name: str, asked: Holdout) -> float:
    if isinstance(asked, Real) and not isinstance(asked, bool):
        require("split", name, asked, 0 <= asked < 1, "a share in the range [0, 1)")
        return float(asked)
    rows = isinstance(asked, Dataset) or (isinstance(asked, tuple) and len(asked) == 2)
    expected = "a share in the range [0, 1), (x, y), a Dataset or None"
    require("split", name, arrays.Brief(asked), asked is None or rows, expected)
    return 0.0
