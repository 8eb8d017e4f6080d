"""load: a file becomes a Dataset."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, SettingError, nearest, require
from . import encode, targets
from .dataset import Dataset, Missing
from .formats import SHIPPED, frame, holds_images, images, npy, reader
from .rows import Rows, kept
from .table import Table
from .targets import Label, TaskChoice

Source: TypeAlias = str | os.PathLike[str] | Any  # a path, the name of a shipped data set, or a DataFrame

DEFAULTS: tuple[Any, ...] = (None, False, [], "auto", "refuse")  # of the options of `load`


def load(
    source: Source,
    *,
    target: str | Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    task: TaskChoice = "auto",
    missing: Missing = "refuse",
    size: tuple[int, int] | None = None,
    classes: Sequence[Label] = (),
    signals: bool = False,
) -> Dataset:
    """A dataset from a file, a folder or a DataFrame, or by the name of one that is shipped ("digits": 1,797 images
    8x8x1, values 0 to 16).

    source   tables: .csv, .tsv (also .gz): a header line, then one row a line; .parquet; a pandas or polars DataFrame.
             `target` names the column to predict, or several: numbers, or yes/no labels. The columns in `ignore` are
             left out. A column of text is of numbers when at least half of its filled cells are numbers, else of
             categories, one-hot encoded; a typed column is what its type says; see `Dataset.types`.
             arrays: .npz with x and y, X and y, data and target, images and labels, or x_train and y_train (x_test and
             y_test are left alone); x.npy with y.npy beside it (other names in the same pairs), or a folder with both:
             memory-mapped, so that they may be larger than memory. .idx, and MNIST's own names (also .gz): images, with
             the labels in the file beside them. CIFAR-10 and -100, binary: a .bin file, or their folder.
             images: a folder with a folder of images for each class, or a .csv with the columns `file` (or path, image)
             and `label`; many of them are decoded only when they are needed. They stand upright, as their EXIF data say,
             and what is transparent lies on white.
    task     "classes", "labels" (yes or no) or "numbers" says what the target is; "auto": text is classes; in a table
             whole numbers are when there are at most 20 distinct ones, fewer than half the rows; in arrays whole numbers
             are, and truth values (n, k) are labels.
    missing  "refuse" an empty cell or NaN; or "fill" it: with the training part's mean in a column of numbers; in a
             category none of its features is 1. A missing target is always refused.
    size     (height, width) to which images of different sizes are resized
    classes  of arrays: what the class codes in y mean (0 is the first), for codes of any number of axes
    signals  of arrays: x as (n, a, b) is (n, length, channels), not grey images

    DataError names file, line and column; SettingError for a wrong `task`, or `target` where there are no columns.
    """
    tasks = ("auto", "classes", "labels", "numbers")
    require("load", "task", task, task in tasks, "'auto', 'classes', 'labels' or 'numbers'")
    require("load", "missing", missing, missing in ("refuse", "fill"), "'refuse' or 'fill'")
    asked = {"target": target, "ignore": ignore, "size": size, "classes": len(classes), "signals": signals}
    place = frame.NAME if frame.is_frame(source) else located(source)
    with naming(place):
        found = opened(source, place, images.is_list if target is None else no_list)
        check_asked(place, found, {name for name, value in asked.items() if value})
        if isinstance(found, Pictures):
            data = found.dataset(stem(place), task, missing, size)
        elif isinstance(found, Table):
            data = encode.dataset(found, target, ignore, task, stem(place), missing)
        else:
            x, y = found
            y = targets.for_task(np.asarray(y), task)
            data = Dataset.of(x, y, classes=classes, name=stem(place), missing=missing, signals=signals)
        data.check_learnable()
    options = {"target": target, "ignore": ignore, "task": task, "missing": missing, "size": size, "classes": classes}
    # The dataset is frozen, and nobody has seen it yet; replacing it would check every value once more.
    object.__setattr__(data, "source", came_from(source, {**options, "signals": signals}))
    return data


def from_chunks(
    chunks: Iterable[npy.Chunk],
    folder: str | os.PathLike[str] | None = None,
    *,
    name: str = "data",
    classes: Sequence[Label] = (),
    missing: Missing = "refuse",
    signals: bool = False,
) -> Dataset:
    """A dataset from (x, y) chunks that together are larger than memory, as a generator gives them.

    They are written once to `folder`, as x.npy and y.npy, and memory-mapped; `load(folder)` maps them again. Without a
    folder they go to a temporary one, which is removed with the dataset: where the system keeps that in memory (look for
    `tmpfs`), name a folder on a disk. Only y is held in memory. x is stored as float32, or in 8 or 16 bits if it comes so.

    DataError: no chunks, a chunk of another shape or type, infinite values, a disk that is full; nothing stays behind.
    """
    from tempfile import mkdtemp  # noqa: PLC0415  (it brings a dozen modules that only this function needs)

    place = Path(folder) if folder is not None else Path(mkdtemp(prefix="chainrule-"))
    try:
        npy.write_chunks(chunks, place)
        x, y = npy.read_folder(place, True)
        data = Dataset.of(x, y, classes=classes, name=name, missing=missing, signals=signals)
    except BaseException:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
        raise
    if folder is None:
        weakref.finalize(x, shutil.rmtree, place, ignore_errors=True)
    return data


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images that a folder or a list names, not yet decoded."""

    folder: Path
    table: Table | None = None  # the list, if there is one

    def dataset(self, name: str, task: str, missing: Missing, size: images.Size | None) -> Dataset:
        """With their classes; from a list also with numbers or yes/no labels."""
        if self.table is None:
            found, names = images.read_folder(self.folder, size)
            return Dataset.of(found, targets.for_task(names, task), name=name, missing=missing)
        column = images.list_column(self.table, images.LABELS) or ""
        y, classes = encode.answers(self.table, column, task)
        x = kept(images.listed(self.table, self.folder, size))
        where, place = self.table.lines, self.table.place
        return Dataset(x, y, classes, target=column, name=name, where=where, missing=missing, place=place, coded=False)

    def rows(self, shape: Sequence[int] | None) -> NDArray[np.uint8] | Rows:
        """To predict, in the shape that the network takes."""
        if self.table is None:
            return images.read_all(self.folder, shape)
        return images.listed(self.table, self.folder, *images.as_asked(shape))


Found: TypeAlias = Table | Pictures | tuple[NDArray[Any] | Rows, ...]
KINDS: dict[type, tuple[str, tuple[str, ...]]] = {  # what a source holds, and which settings say something about it
    Table: ("a table", ("target", "ignore")),
    Pictures: ("images", ("size",)),
    tuple: ("arrays", ("classes", "signals")),
}


def no_list(table: Table) -> bool:
    """Of a table that is meant as one."""
    return False


def opened(source: Source, place: Path | str, listed: Callable[[Table], bool], *, labels: bool = True) -> Found:
    """What the source holds. `listed` says which table is a list of images."""
    if isinstance(place, str):
        return frame.read(source)
    if holds_images(place):
        return Pictures(place)
    found = reader(place)(place, labels)
    if isinstance(found, Table) and listed(found):
        return Pictures(place.parent, found)
    return found


def check_asked(place: Path | str, found: Found, asked: set[str]) -> None:
    """Refuse a setting that says nothing about what was found."""
    kind, fitting = KINDS[type(found)]
    for other, settings in KINDS.values():
        if wrong := [name for name in settings if name in asked and name not in fitting]:
            raise SettingError(f"{place}: '{wrong[0]}' is a setting for {other}, but this holds {kind}")


def located(source: Source) -> Path:
    """The path of a shipped dataset, or of a file or folder that is there."""
    known = isinstance(source, str | os.PathLike)
    require("load", "source", type(source).__name__, known, "a path, the name of a shipped data set or a DataFrame")
    if source in SHIPPED:
        return SHIPPED[str(source)]
    path = Path(source).expanduser()
    if not path.exists():
        beside = [file.name for file in path.parent.glob("*")]
        near = nearest(path.name, [*SHIPPED, *beside])
        raise DataError(f"there is no such file{near if near.startswith('; did you mean') else ''}", path)
    return path


def stem(place: Path | str) -> str:
    """The name without its suffix and `.gz`; of a DataFrame "data"."""
    return "data" if isinstance(place, str) else Path(place.name.removesuffix(".gz")).stem


@contextmanager
def naming(place: Path | str) -> Iterator[None]:
    """A DataError from arrays does not know its file: add it."""
    try:
        yield
    except DataError as error:
        if error.file is not None:
            raise
        raise DataError(str(error), place) from None


def came_from(source: Any, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """A file and how it was read, as plain data for `load(**...)`; None for what is in memory only, such as a DataFrame.

    Paths are absolute: a run is opened again from another folder.
    """
    if not isinstance(source, str | os.PathLike):
        return None
    place = str(source) if source in SHIPPED else str(Path(source).expanduser().absolute())
    given = {name: _plain(value) for name, value in options.items()}
    return {"source": place, **{name: value for name, value in given.items() if value not in DEFAULTS}}


def _plain(value: Any) -> Any:
    """What JSON has: a list in place of a tuple, Python's numbers in place of NumPy's."""
    if isinstance(value, str) or not np.iterable(value):
        return value.item() if isinstance(value, np.generic) else value
    return [_plain(item) for item in value]
