"""train: a network and data in, the record of a training out."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from . import data as data_room
from .choices import FROM_TARGET, GIVEN, ClassWeight, choose, default_epochs
from .data import Dataset, Parts
from .data.fingerprint import fingerprint
from .data.transform import Recipe
from .errors import DataError, is_number, is_ours, is_whole, require, require_number, require_seed
from .layers import Layer
from .layers.config import to_config
from .loss import Loss
from .model import load_model
from .optim import Adam, Optimizer
from .run import METHODS, Run
from .schedule import Cosine, Schedule
from .trainer import OnEpoch, Settings, Trainer
from .version import __version__

if TYPE_CHECKING:
    from .data import Augmentation

Data: TypeAlias = Dataset | tuple[ArrayLike, ArrayLike] | str | Path
NOT_SETTINGS = ("folder", "progress", "watch", "on_epoch")  # what does not change what is trained, but when it ends
Held: TypeAlias = float | tuple[ArrayLike, ArrayLike] | Dataset | None


def train(
    net: Layer | str | None,
    data: Data,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    schedule: Schedule | None = None,
    epochs: int | None = None,
    batch_size: int = 32,
    l2: float | None = None,
    l1: float = 0.0,
    class_weight: ClassWeight = None,
    prepare: str | Recipe | None = None,
    augment: str | Sequence[Augmentation] = (),
    shuffle: bool = True,
    start: Mapping[str, ArrayLike] | None = None,
    validation: Held = 0.1,
    test: Held = 0.2,
    seed: int = 0,
    folder: str | Path | None = None,
    engine: str = "auto",
    progress: bool = True,
    watch: bool = True,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train a network and record everything in a run folder.

    net         a layer, the notation (`"dense64 relu dense3"`), or None: a small CNN for images, an MLP for tables
    data        a Dataset, (x, y), or what `cr.data.load` takes; rows with `weights` count by them
    loss        default, from the target: cross-entropy for classes, binary cross-entropy for labels (several truth values
                for each row), squared error for numbers
    optimizer   default Adam(0.003);  schedule: default Cosine()
    epochs      passes over the training part; default: about 2,000 steps, at least 20 and at most 500 passes
    l2          precision of a Gaussian prior on the weights (not on biases and scales), 0 for none: 1 is a prior of
                standard deviation 1; its pull is shared among the rows. Default: 1 for classes, 30 for numbers
    l1          inverse scale of a Laplace prior on the weights: many of them become 0. It comes on top of l2
    class_weight  "balanced": every class counts as much as any other, n / (classes n of class); or {class: weight}
    prepare     what is done to the inputs, fitted on the training part and kept with the model: "standardise" (the
                default, but for codes that an Embedding reads), "mean_image", "mean_channel", "pca", "whiten", "zca",
                "none", or such as `cr.data.PCA.with_(keep=0.95)`
    augment     changes to training images, new in every epoch: "shift1 rotate10 flip", or (cr.data.Shift(1), ...)
    shuffle     whether the rows of every epoch come in an order of their own; False: in that of the data
    start       some of the initial arrays by path, {"dense1/w": ...}, as from `cr.pretrain` or `cr.lsuv`
    validation  a share of all rows, or (x, y): watched after every epoch; it chooses the epoch that is kept
    test        the same, only looked at once at the end
    seed        of the split, the initial weights, the shuffles, augmentation and dropout: one seed, one result to the bit
    folder      where the run is recorded; default `runs/<data>-<number>`; a folder with files in it is refused

    progress    a bar, and one line for each thing that is found wrong; to the terminal's standard error
    watch       measure data, network and training for `run.findings`, and stop where the loss is 3 times its start; it
                changes no bit of what is trained. False: do neither
    on_epoch    called after every epoch with its metrics, {"epoch": 3, "train/loss": 0.5, "validation/accuracy": ...}, and
                the model as it is then; where it gives True, that epoch is the last

    Raises DataError, ShapeError, SettingError for input that does not fit; RunError if the folder cannot be written.
    """
    # What is asked for, whatever arguments there are: nothing else has a name yet.
    asked = {name: value for name, value in locals().items() if name not in NOT_SETTINGS}
    dataset = dataset_of(data)
    optimizer, schedule = optimizer or Adam(0.003), schedule or Cosine()
    _check(optimizer, schedule, epochs, batch_size, l2, l1, seed, shuffle)
    chain = data_room.parse_augment(augment or ())
    data_room.check_augment(chain, dataset.x.shape[1:])
    parts = dataset.split(validation, test, seed)
    epochs = epochs or default_epochs(len(parts.train), batch_size)
    recipe, preparation, network = choose(parts, net=net, loss=loss, class_weight=class_weight, prepare=prepare)
    chosen = preparation.loss
    l2 = chosen.prior if l2 is None else l2
    settings = Settings(optimizer, schedule, epochs, batch_size, l2, l1, chain, seed, engine, shuffle)
    require("train", "watch", watch, isinstance(watch, bool), "True or False")
    trainer = Trainer(network, parts, preparation, settings, start)
    about = {
        "loss": {
            **chosen.settings(),
            "own": not is_ours(type(chosen)),
            "about": chosen.told(),
            "chosen": GIVEN if loss else FROM_TARGET,
        },
        "prepare": recipe.settings(),
        **settings.plain(),
        "net": to_config(network),
        "start": sorted(start or ()),
        "validation": _share(validation),
        "test": _share(test),
    }
    run = Run.create(folder, dataset.name, _about(dataset, parts, about))
    run.origin = {**asked, "data": dataset}
    trainer.fit(run, progress, watch, on_epoch)
    return run


def dataset_of(data: Data) -> Dataset:
    """Data as `train` takes them, read and checked."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple):
        if len(data) != 2:
            raise DataError(f"data as a tuple is (x, y); found {len(data)} parts")
        return Dataset.of(*data)
    return data_room.load(data)


def _check(
    optimizer: Any, schedule: Any, epochs: Any, batch_size: Any, l2: Any, l1: Any, seed: Any, shuffle: Any
) -> None:
    """Refuse settings outside their ranges."""
    whole = "an int of at least 1"
    require("train", "optimizer", optimizer, isinstance(optimizer, Optimizer), "such as cr.SGD(0.1), or None")
    require("train", "schedule", schedule, isinstance(schedule, Schedule), "such as cr.OneCycle(), or None")
    require("train", "epochs", epochs, epochs is None or is_whole(epochs, 1), f"{whole}, or None")
    require("train", "batch_size", batch_size, is_whole(batch_size, 1), whole)
    pulls = l2 is None or (is_number(l2) and l2 >= 0)
    require("train", "l2", l2, pulls, "a number in the range [0, inf), or None")
    require_number("train", "l1", l1, "[0, inf)")
    require("train", "shuffle", shuffle, isinstance(shuffle, bool), "True or False")
    require_seed("train", seed)


def _share(held: Held) -> Any:
    """A share as it is; other data only by its kind."""
    return held if held is None or isinstance(held, int | float) else "given"


def _about(dataset: Dataset, parts: Parts, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json says."""
    held = {name: len(part) for name, part in vars(parts).items() if part is not None}
    return {
        "format": "chainrule-run-1",
        "name": dataset.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "about": dataset.describe(),
            "task": dataset.task,
            "shape": list(dataset.x.shape[1:]),
            "positions": list(dataset.y.shape[1:]) if dataset.task == "classes" else [],
            "classes": list(dataset.classes),
            "features": list(dataset.feature_names),
            "target": dataset.target,
            "targets": list(dataset.targets),
            "place": dataset.place,
            "rows": held,
            "source": dataset.source,
            "fingerprint": fingerprint(dataset),
        },
        "settings": dict(settings),
        "versions": {
            "chainrule": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
    }


METHODS["model"] = lambda run: load_model(run.checkpoint("best"))
