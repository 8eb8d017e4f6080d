"""What a run was trained with: as it remembers it, or as its folder tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..choices import FROM_TARGET, choose, choose_preparation, default_epochs
from ..data import Dataset, load, parse_augment, transform_of
from ..data.fingerprint import fingerprint
from ..errors import DataError, RunError, nearest
from ..layers.config import from_config
from ..loss import LOSSES
from ..optim import OPTIMIZERS, Adam
from ..run import Run
from ..schedule import SCHEDULES, Cosine
from ..train import Data, dataset_of
from .cures import Arguments, Case

AS_THEY_ARE = ("epochs", "batch_size", "l2", "l1", "shuffle", "seed", "engine")
CHOSEN = ("net", "loss", "class_weight", "prepare")  # from the data, where they are not given
GIVEN = "given"  # of a validation or test part: not a share of the rows


def case_of(run: Run, data: Data | None) -> tuple[Case, list[str]]:
    """The training of a run, ready to be repeated, and what of it could not be brought back.

    DataError: the data are not at hand, or not those of the run; RunError: the folder does not say enough.
    """
    notes: list[str] = []
    if run.origin is None:
        arguments = dict(_restored(run, notes))
        arguments["data"] = _of_run(run, _loaded(run, data))
    else:
        arguments = dict(run.origin)
        if data is not None:
            arguments["data"] = _of_run(run, _loaded(run, data))
    return complete(arguments), notes


def complete(arguments: Arguments) -> Case:
    """With what `train` chooses by itself: network, optimiser, schedule, epochs. What says a default says nothing."""
    data: Dataset = arguments["data"]
    parts = data.split(arguments["validation"], arguments["test"], arguments["seed"])
    recipe, preparation, net = choose(parts, **{name: arguments[name] for name in CHOSEN})
    made = {
        "net": net,
        "optimizer": arguments["optimizer"] or Adam(0.003),
        "schedule": arguments["schedule"] or Cosine(),
        "epochs": arguments["epochs"] or default_epochs(len(parts.train), arguments["batch_size"]),
        "augment": parse_augment(arguments["augment"] or ()),
        "prepare": None if recipe == choose_preparation(None, arguments["net"])[0] else recipe,
        "l2": None if arguments["l2"] == preparation.loss.prior else arguments["l2"],
    }
    return Case({**arguments, **made}, preparation.input_shape)


def _of_run(run: Run, data: Dataset) -> Dataset:
    """The data, refused if they are not those that the run was trained on."""
    about = run.about["data"]
    expected, found = about.get("about"), data.describe()
    if about.get("fingerprint", "") not in ("", fingerprint(data)) or (expected is not None and expected != found):
        differ = (
            f"found {found}" if found != expected else "found the same in number, but other values, or in another order"
        )
        raise DataError(
            f"{run.folder}: the data are not those of the run: expected {expected}, {differ}; give the ones it was "
            "trained on: cr.fix(run, data=(x, y))"
        )
    return data


def _loaded(run: Run, data: Data | None) -> Dataset:
    """The data, from a file as the run read them; another path says where that file is now."""
    source = run.about.get("data", {}).get("source")
    if isinstance(data, Dataset | tuple) or (data is not None and not source):
        return dataset_of(data)
    if not source:
        raise DataError(
            f"{run.folder}: the run was trained on arrays, which its folder does not hold: give them, "
            "cr.fix(run, data=(x, y)), or as a Dataset with its class names or weights"
        )
    options: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in source.items()}
    place = options.pop("source")
    return load(place if data is None else data, **options)


def _restored(run: Run, notes: list[str]) -> Arguments:
    """The arguments of `train`, but for the data, from run.json."""
    try:
        settings = run.about["settings"]
        if settings.get("start"):
            raise RunError(
                f"{run.folder}: the run began from arrays that were given ({', '.join(settings['start'])}), which its "
                "folder does not hold: fix the run that cr.train gives, cr.fix(run)"
            )
        return {
            **{name: settings[name] for name in AS_THEY_ARE},
            "net": from_config(settings["net"]),
            "loss": _loss(settings["loss"]),
            "optimizer": _made(OPTIMIZERS, "optimiser", settings["optimizer"]),
            "schedule": _made(SCHEDULES, "schedule", settings["schedule"]),
            "class_weight": None,  # the loss holds its weights
            "prepare": transform_of(settings["prepare"]),
            "augment": parse_augment(settings["augment"]),
            "start": None,
            "validation": _held(settings["validation"], "validation", 0.1, notes),
            "test": _held(settings["test"], "test", None, notes),
        }
    except KeyError as missing:
        raise RunError(
            f"{run.folder}: run.json does not say {missing}, so the training cannot be repeated: it was written by an "
            "older version, or changed by hand; train once more with this version"
        ) from None


def _held(value: Any, part: str, instead: float | None, notes: list[str]) -> float | None:
    """A share; of rows that were given apart only their number is recorded."""
    if value != GIVEN:
        share: float | None = value
        return share
    notes.append(
        f"the {part} rows were given apart and are not in the run's folder: here "
        + ("a tenth of the training rows is drawn" if instead else "there are none")
    )
    return instead


def _loss(plain: Mapping[str, Any]) -> Any:
    settings = {key: value for key, value in plain.items() if key not in ("about", "chosen", "own")}
    if plain["chosen"] == FROM_TARGET and not settings.get("weights"):
        return None
    return _made(LOSSES, "loss", settings)


def _made(table: Mapping[str, Callable[..., Any]], kind: str, plain: Mapping[str, Any]) -> Any:
    """A part from its `settings()`; a schedule may hold another one."""
    settings = {key: _value(table, kind, value) for key, value in plain.items()}
    name = settings.pop("name")
    if name not in table:
        raise RunError(
            f"the run uses the {kind} '{name}', which is not defined here{nearest(name, table)} "
            "If it is your own, import the file that defines it first (on the command line: --net FILE.py)"
        )
    return table[name](**settings)


def _value(table: Mapping[str, Callable[..., Any]], kind: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _made(table, kind, value)
    return tuple(value) if isinstance(value, list) else value
