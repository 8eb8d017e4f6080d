"""Rows that are held out and come from elsewhere: of the shapes, columns and codes of those that are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from . import arrays
from .arrays import some
from .rows import Rows
from .targets import encoded, numbered, numbers

if TYPE_CHECKING:
    from .dataset import Column, Dataset


def beside(data: Dataset, given: Dataset | tuple[ArrayLike, ArrayLike]) -> Dataset:
    """Other rows, with the classes of `data`. DataError where they do not fit it."""
    other = paired(data, *given) if isinstance(given, tuple) else given
    if other.x.shape[1:] != data.x.shape[1:]:
        raise DataError(f"expected x of shape (rows, {some(data.x.shape[1:])}), found {other.x.shape}")
    if data.columns and other.columns and _as_read(other.columns) != _as_read(data.columns):
        raise DataError("expected the columns and categories of the training rows")
    y = as_in(data, other)
    if y.shape[1:] != data.y.shape[1:]:
        raise DataError(f"expected y of shape (rows, {some(data.y.shape[1:])}), found {y.shape}")
    return replace(
        other,
        y=y,
        classes=data.classes,
        columns=data.columns,
        target=data.target,
        targets=data.targets,
        coded=data.coded,
    )


def paired(data: Dataset, x: ArrayLike | Rows, y: ArrayLike) -> Dataset:
    """(x, y) as they were meant: whole numbers are codes where `data` was given codes, else names of classes."""
    array = arrays.plain(y, "y")
    if data.task == "numbers":
        array = numbers(array)
    coded = data.task == "classes" and (data.coded or array.dtype.kind == "U")
    if coded and array.ndim == data.y.ndim + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    known = coded or (data.task == "labels" and array.ndim == 2 and array.shape[1] == len(data.classes))
    made: Dataset = type(data).of(
        x, array, classes=data.classes if known else (), missing=data.missing, signals=data.signals
    )
    return made


def as_in(data: Dataset, other: Dataset) -> NDArray[Any]:
    """The targets of other rows in the codes, or in the order of labels, of `data`."""
    if data.task == "labels":
        return _labels(data, other)
    given = np.array(other.classes)[other.y] if other.task == "classes" else other.y
    return encoded(given, data.classes) if data.task == "classes" else numbers(given)


def _labels(data: Dataset, other: Dataset) -> NDArray[Any]:
    """By their names; those without names, which are then the numbers of the columns, by their place."""
    if other.task != "labels":
        raise DataError(f"expected truth values of shape (rows, {len(data.classes)}) in y, found {other.task}")
    if other.classes in (data.classes, numbered(len(data.classes))) or len(other.classes) != len(data.classes):
        return other.y
    if set(other.classes) != set(data.classes):
        raise DataError(f"expected the labels of the training rows ({some(data.classes)}), found {some(other.classes)}")
    return np.ascontiguousarray(other.y[:, [other.classes.index(name) for name in data.classes]])


def _as_read(columns: Sequence[Column]) -> list[Column]:
    """Columns but for whether cells may be missing."""
    return [replace(column, missing=False) for column in columns]
