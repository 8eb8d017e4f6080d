"""The data room: file or array -> Dataset -> split -> standardised arrays -> batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..later import later as _later
from .batch import batches, steps
from .components import PCA, ZCA, Whiten
from .dataset import Column, Dataset, Parts
from .prepare import TRANSFORMS, transform_of
from .rows import Rows
from .targets import TaskChoice
from .transform import MeanImage, MeanPerChannel, Recipe, Standardise, Transform, Unchanged

if TYPE_CHECKING:
    from .augment import (
        AUGMENTATIONS,
        Augmentation,
        Crop,
        Cutout,
        Flip,
        Jitter,
        Rotate,
        Shift,
        Zoom,
        augmented,
        check_augment,
        parse_augment,
    )
    from .formats.frame import is_frame
    from .formats.idx import write_idx
    from .like import Features, frame_features, load_like, rows_like
    from .read import from_chunks, load
else:
    __getattr__, __dir__ = _later(
        __name__,
        {
            "augment": "AUGMENTATIONS Augmentation Crop Cutout Flip Jitter Rotate Shift Zoom augmented check_augment "
            "parse_augment",
            "formats.idx": "write_idx",
            "formats.frame": "is_frame",
            "like": "Features frame_features load_like rows_like",
            "read": "from_chunks load",
        },
    )

__all__ = [
    "AUGMENTATIONS",
    "PCA",
    "TRANSFORMS",
    "ZCA",
    "Augmentation",
    "Column",
    "Crop",
    "Cutout",
    "Dataset",
    "Features",
    "Flip",
    "Jitter",
    "MeanImage",
    "MeanPerChannel",
    "Parts",
    "Recipe",
    "Rotate",
    "Rows",
    "Shift",
    "Standardise",
    "TaskChoice",
    "Transform",
    "Unchanged",
    "Whiten",
    "Zoom",
    "augmented",
    "batches",
    "check_augment",
    "frame_features",
    "from_chunks",
    "is_frame",
    "load",
    "load_like",
    "parse_augment",
    "rows_like",
    "steps",
    "transform_of",
    "write_idx",
]
