"""The data room: file or array -> Dataset -> split -> standardised arrays -> batches."""

from __future__ import annotations

from .batch import batches, steps
from .dataset import Column, Dataset, Parts
from .formats.idx import write_idx
from .read import Features, load, load_like
from .transform import Standardise

__all__ = [
    "Column",
    "Dataset",
    "Features",
    "Parts",
    "Standardise",
    "batches",
    "load",
    "load_like",
    "steps",
    "write_idx",
]
