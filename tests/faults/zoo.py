"""A case of the zoo: a TOML file that says how to train, what is wrong with it, and what its healthy twin does otherwise.

    data    = { name = "digits", rows = 900 }          a set of `material`, its settings, and how many rows
    spoil   = [{ how = "mislabel", share = 0.4 }]      what is done to it, of `spoil`, one after the other
    net     = "dense48 relu dense10"
    [train]                                            arguments of cr.train; parts as { name = "SGD", lr = 4.0 }
    [start]                                            "*/w" = { times = 30.0 }: the initial arrays of these paths

A sick one says besides: family, cause (rules that name it rightly, the best first), refused (a piece of chainrule's sentence,
where nothing is trained), curable (whether other settings can cure it), harms (whether the score suffers), and [twin], what
the healthy twin has instead: tables key by key, the rest as a whole. `least` is the score that a healthy training reaches.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from chainrule.layers import parse
from chainrule.loss import LOSSES
from chainrule.network import declared_arrays, initial_arrays
from chainrule.optim import OPTIMIZERS
from chainrule.schedule import SCHEDULES

from . import material_more, material_signals, parts  # noqa: F401  (they enter data sets and wrong parts by name)
from .material import SEQUENCES, Material, material
from .spoil import SPOILS

HERE = Path(__file__).parent
Kind: TypeAlias = Literal["sick", "healthy"]
Array: TypeAlias = NDArray[Any]
FLOOR = -1.0  # the lowest R^2 that is told apart
OF_SICK = {"family", "cause", "refused", "curable", "harms", "twin"}
TABLES = ("data", "train")  # of these a twin says key by key what differs
USUAL: Mapping[str, Any] = {
    "validation": 0.2,
    "test": None,
    "progress": False,
}  # the zoo has rows of its own to judge by
PARTS: Mapping[str, Mapping[str, Any]] = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "loss": LOSSES}
# Initial arrays from those that would be drawn.
CHANGES: Mapping[str, Callable[[Array, float, Any], Array]] = {
    "constant": lambda drawn, value, random: np.full_like(drawn, value),
    "times": lambda drawn, value, random: drawn * value,
    "normal": lambda drawn, value, random: value * random.normal(size=drawn.shape),
}


@dataclass(frozen=True)
class Case:
    """One file, read. The fields are its keys; `name` is its path below sick/ or healthy/, without .toml."""

    name: str
    kind: Kind
    half: Literal["tune", "held"]
    data: Mapping[str, Any]
    net: str
    train_with: Mapping[str, Any]
    least: float = 0.0
    start: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    spoil: tuple[Mapping[str, Any], ...] = ()
    family: str = ""
    cause: tuple[str, ...] = ()
    refused: str = ""
    curable: bool = False
    harms: bool = True
    other: Mapping[str, Any] = field(default_factory=dict)  # the twin's

    @classmethod
    def read(cls, file: Path) -> Case:
        """A ValueError names the file and the key where something is unknown, missing or of the wrong kind."""
        kind: Kind = "sick" if "sick" in file.relative_to(HERE).parts else "healthy"
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        _check_keys(file, kind, raw)
        values: dict[str, Any] = {
            _field(key): tuple(value) if isinstance(value, list) else value for key, value in raw.items()
        }
        return cls(name=file.relative_to(HERE / kind).with_suffix("").as_posix(), kind=kind, **values)

    @property
    def slug(self) -> str:
        """The name as a part of a folder's: `held-l2-too-strong-wine`."""
        return f"{self.half}-{self.name.replace('/', '-')}"

    def healthy(self) -> Case:
        """The twin as a case of its own."""
        merged = {key: {**getattr(self, _field(key)), **self.other.get(key, {})} for key in TABLES}
        rest = {key: tuple(v) if isinstance(v, list) else v for key, v in self.other.items() if key not in TABLES}
        changed: dict[str, Any] = {_field(key): value for key, value in {**merged, **rest}.items()}
        plain: dict[str, Any] = {"name": f"{self.name}+twin", "kind": "healthy", "refused": "", "other": {}}
        return replace(self, **plain, **changed)

    def material(self, seed: int) -> Material:
        """The data, as this case's user made it."""
        made = _drawn(seed, tuple(sorted(self.data.items())))
        for number, step in enumerate(self.spoil):
            settings = {key: value for key, value in step.items() if key != "how"}
            made = SPOILS[step["how"]](made, np.random.default_rng([seed, number]), **settings)
        return made

    def arguments(self, seed: int) -> dict[str, Any]:
        """Those of cr.train, but for the folder."""
        m, name = self.material(seed), str(self.data["name"])
        dataset = cr.Dataset.of(m.train.x, m.train.y, name=name, classes=m.classes, signals=name in SEQUENCES)
        given = {} if m.validation is None else {"validation": (m.validation.x, m.validation.y)}
        settings = {key: _made(key, value) for key, value in self.train_with.items()}
        start = {"start": self._start(dataset.x.shape[1:], seed)} if self.start else {}
        return {"net": self.net, "data": dataset, "seed": seed, **USUAL, **settings, **given, **start}

    def train(self, seed: int, folder: Path) -> cr.Run | cr.ChainruleError:
        """The training; a refusal by chainrule is a result, too."""
        try:
            return cr.train(**self.arguments(seed), folder=folder)
        except cr.ChainruleError as refusal:
            return refusal

    def twin(self, seed: int, folder: Path) -> cr.Run:
        """The healthy twin's training."""
        return cr.train(**self.healthy().arguments(seed), folder=folder)

    def score(self, run: cr.Run, seed: int | None = None) -> float:
        """The kept model on the rows that judge; a twin's run is scored by the twin, `case.healthy().score(run)`."""
        m = self.material(int(run.about["settings"]["seed"]) if seed is None else seed)
        with np.errstate(all="ignore"):
            predicted = np.asarray(run.model.predict(m.judge.x.astype(np.float32)))
        return score(m, predicted)

    def _start(self, shape: tuple[int, ...], seed: int) -> dict[str, Array]:
        """The initial arrays that the patterns change."""
        drawn = initial_arrays(declared_arrays(parse(self.net), (2, *shape)), (), seed)
        random = np.random.default_rng(seed)
        start: dict[str, Array] = {}
        for pattern, change in self.start.items():
            ((how, value),) = change.items()
            found = {
                path: CHANGES[how](array, value, random) for path, array in drawn.items() if fnmatch(path, pattern)
            }
            if not found:
                raise ValueError(f"{self.name}: start: no array of {self.net!r} is called like {pattern!r}")
            start |= found
        return start


def score(m: Material, predicted: Array) -> float:
    """Accuracy, balanced accuracy or R^2, whatever the task was taken for."""
    if m.measure == "r2":
        true, found = m.judge.y.reshape(len(m.judge), -1), predicted.reshape(len(predicted), -1).astype(float)
        r2 = 1 - ((found - true) ** 2).sum() / ((true - true.mean(0)) ** 2).sum()
        return float(max(r2, FLOOR)) if np.isfinite(r2) else FLOOR
    if m.judge.y.ndim > 1:  # labels, or a class for each pixel: what is judged is each of them
        return float((predicted == m.judge.y).mean())
    if predicted.dtype.kind == "b":  # one yes or no for each row
        predicted = predicted[:, 0]
    if predicted.dtype.kind == "f":  # classes that were given as numbers
        predicted = predicted.argmax(1) if predicted.shape[1] > 1 else np.rint(np.nan_to_num(predicted[:, 0]))
    right = predicted == m.judge.y
    of_each = [right[m.judge.y == code].mean() for code in np.unique(m.judge.y)]
    return float(np.mean(of_each) if m.measure == "balanced accuracy" else right.mean())


@cache
def cases(kind: Kind | None = None, half: str | None = None) -> tuple[Case, ...]:
    """All files, or those of a kind and half, in the order of their names."""
    kinds: tuple[Kind, ...] = ("sick", "healthy") if kind is None else (kind,)
    found = (Case.read(file) for k in kinds for file in sorted((HERE / k).rglob("*.toml")))
    return tuple(case for case in found if half in (None, case.half))


@cache
def _drawn(seed: int, settings: tuple[tuple[str, Any], ...]) -> Material:
    return material(seed=seed, **dict(settings))


def _made(key: str, value: Any) -> Any:
    """A part by its name and settings; other arguments as they are. TOML knows no None: `validation = false`."""
    if key not in PARTS:
        return None if value is False and key == "validation" else value
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k != "name"}
    return PARTS[key][value["name"]](**settings)


def _field(key: str) -> str:
    """The field that a key of the file is kept in."""
    return {"train": "train_with", "twin": "other"}.get(key, key)


def _check_keys(file: Path, kind: Kind, raw: Mapping[str, Any]) -> None:
    """Strictly: a word that is mistyped would leave a case that tests something else."""
    known = {f.name for f in fields(Case)} - {"name", "kind", "train_with", "other"} | {"train", "twin"}
    wanted = {"half", "data", "net", "train"} | ({"family", "cause", "twin"} if kind == "sick" else {"least"})
    _refuse(file, "keys", set(raw) - (known if kind == "sick" else known - OF_SICK))
    _refuse(file, "keys of the twin", set(raw.get("twin", ())) - (known - OF_SICK - {"half"}))
    if missing := wanted - set(raw):
        raise ValueError(f"{file}: expected the keys {sorted(missing)}, found none of that name")
    for table in (raw, raw.get("twin", {})):
        _refuse(file, "ways to spoil data", {step.get("how") for step in table.get("spoil", ())} - set(SPOILS))
        _refuse(
            file,
            "changes of initial arrays",
            {how for c in table.get("start", {}).values() for how in c} - set(CHANGES),
        )
        for key in set(PARTS) & set(table.get("train", {})):
            _refuse(file, f"parts for {key}", {table["train"][key].get("name")} - set(PARTS[key]))


def _refuse(file: Path, what: str, unknown: set[Any]) -> None:
    if unknown:
        raise ValueError(f"{file}: unknown {what}: {sorted(map(str, unknown))}")
