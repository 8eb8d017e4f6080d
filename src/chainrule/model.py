"""A trained network with all that its use needs: arrays, standardisation, classes, columns. One file holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .data import Column, Dataset, Standardise
from .engine import Plan, plan
from .errors import ModelError, SettingError, ShapeError
from .exchange import safetensors
from .graph import Shape
from .layers import Layer
from .layers.config import from_config, to_config
from .layers.summary import Row, layer_table, summary_rows
from .loss import BY_TASK, Loss, Task
from .step import Arrays, declared_arrays, prediction_graph

FORMAT = "chainrule-model-1"
CHUNK = 512  # rows predicted at once: enough to be fast, few enough to stay in memory
RESERVED = "~"  # arrays under this prefix are not the network's: standardisation, optimiser state


@dataclass(frozen=True, eq=False)
class Preparation:
    """How the user's values become the network's, fitted on the training part and kept with the model."""

    shape: Shape  # of one example
    input: Standardise
    target: Standardise | None  # None for classes
    classes: tuple[int | str, ...] = ()
    columns: tuple[Column, ...] = ()
    target_name: str = ""

    @classmethod
    def fit(cls, train: Dataset) -> Preparation:
        target = Standardise.fit(train.y) if train.task == "numbers" else None
        return cls(train.x.shape[1:], Standardise.fit(train.x), target, train.classes, train.columns, train.target)

    @property
    def task(self) -> Task:
        return "numbers" if self.target else "classes"

    def inputs(self, x: ArrayLike) -> NDArray[np.float32]:
        """Standardised rows; a ShapeError if they are not of the shape the network was trained on."""
        rows = np.asarray(x, np.float32)
        if rows.ndim == len(self.shape) and self.shape[-1:] == (1,):
            rows = rows[..., None]  # grey images without a channel axis
        if rows.shape[1:] != self.shape:
            size = " x ".join(map(str, self.shape))
            raise ShapeError(
                f"expected rows of {size} values, shape (n, {size}), found {np.shape(x)}; one row alone is x[None]"
            )
        return self.input.apply(rows)

    def targets(self, y: NDArray[Any]) -> NDArray[Any]:
        """Targets as the loss wants them."""
        return self.target.apply(y) if self.target else y

    def in_unit(self, output: NDArray[Any]) -> NDArray[Any]:
        """What the network gave, in the data's unit; for classes as it is."""
        return self.target.invert(output) if self.target else output

    def arrays(self) -> Arrays:
        """The fitted numbers, as a model file keeps them."""
        named = {"input": self.input} | ({"target": self.target} if self.target else {})
        return {f"{RESERVED}{part}/{key}": getattr(fit, key) for part, fit in named.items() for key in ("mean", "std")}


class Model:
    """A network in use. Call it for the raw output; `predict` and `predict_proba` give what the output means."""

    def __init__(
        self, net: Layer, arrays: Mapping[str, NDArray[Any]], preparation: Preparation, engine: str = "auto"
    ) -> None:
        self.net, self.arrays, self.preparation, self.engine = net, dict(arrays), preparation, engine
        self._plans: dict[int, Plan] = {}

    @property
    def classes(self) -> tuple[int | str, ...]:
        return self.preparation.classes

    @cached_property
    def loss(self) -> Loss:
        return BY_TASK[self.preparation.task]

    def __call__(self, x: ArrayLike) -> NDArray[np.float32]:
        """The last layer's output: logits for classes, standardised numbers else."""
        output: NDArray[np.float32] = self.outputs(x)["output"]
        return output

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """The probability of each class, shape (n, classes), in the order of `classes`."""
        if self.preparation.task != "classes":
            raise SettingError("predict_proba needs a model of classes; this one predicts numbers: use predict")
        probabilities: NDArray[np.float32] = self.outputs(x)["prediction"]
        return probabilities

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The most probable class, as it was called in the data, shape (n,); or numbers in the data's unit, (n, k)."""
        output = self(x)
        if self.classes:
            called: NDArray[Any] = np.asarray(self.classes)[np.argmax(output, axis=-1)]
            return called
        return self.preparation.in_unit(output)

    def outputs(self, x: ArrayLike) -> dict[str, NDArray[Any]]:
        """`output`, as the last layer gives it, and `prediction`, what it means; a chunk of rows at a time."""
        rows = self.preparation.inputs(x)
        starts = range(0, max(len(rows), 1), CHUNK)
        parts = [self._plan(len(c))({**self.arrays, "x": c}) for c in (rows[i : i + CHUNK] for i in starts)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _plan(self, count: int) -> Plan:
        if count not in self._plans:
            kept = {CHUNK: self._plans[CHUNK]} if CHUNK in self._plans else {}
            graph = prediction_graph(self.net, self.loss, (count, *self.preparation.shape))
            self._plans = {**kept, count: plan(graph, self.engine)}
        return self._plans[count]

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Model:
        """The same network with other parameters; ready plans are shared."""
        other = Model(self.net, {k: arrays[k] for k in self.arrays}, self.preparation, self.engine)
        other._plans = self._plans
        return other

    def rows(self) -> list[Row]:
        """The layers with output shape, parameter count and receptive field, as data."""
        return summary_rows(self.net, self.preparation.shape)

    def summary(self) -> str:
        """The layers with output shape, parameter count and receptive field, as text."""
        return layer_table(self.rows(), self.preparation.shape)

    def save(self, path: str | Path) -> None:
        """Write the model as one safetensors file; the architecture stands in its metadata."""
        save_arrays(path, self)

    def __repr__(self) -> str:
        return f"<Model {self.preparation.shape} -> {self.preparation.task}, {self.net!r}>"


def save_arrays(
    path: str | Path, model: Model, extra: Mapping[str, NDArray[Any]] | None = None, **metadata: int
) -> None:
    """A model file; `extra` arrays (an optimiser's state, under `~`) make it a checkpoint of the training."""
    preparation = model.preparation
    about = {
        "format": FORMAT,
        "net": json.dumps(to_config(model.net)),
        "shape": json.dumps(preparation.shape),
        "classes": json.dumps(preparation.classes),
        "columns": json.dumps([asdict(column) for column in preparation.columns]),
        "target": preparation.target_name,
        **{key: str(value) for key, value in metadata.items()},
    }
    safetensors.save(path, {**model.arrays, **preparation.arrays(), **(extra or {})}, about)


def load_model(path: str | Path, engine: str = "auto") -> Model:
    """A model from its file; a ModelError says what is wrong with a file that is none."""
    arrays, about = safetensors.load(path)
    if about.get("format") != FORMAT:
        raise ModelError(
            f"{path}: a safetensors file, but not a model of chainrule (format {about.get('format')!r}, expected {FORMAT!r})"
        )
    net = from_config(json.loads(about["net"]))
    fits = {
        part: Standardise(arrays[f"{RESERVED}{part}/mean"], arrays[f"{RESERVED}{part}/std"])
        for part in ("input", "target")
        if f"{RESERVED}{part}/mean" in arrays
    }
    columns = tuple(Column(c["name"], c["kind"], tuple(c["categories"])) for c in json.loads(about["columns"]))
    preparation = Preparation(
        tuple(json.loads(about["shape"])),
        fits["input"],
        fits.get("target"),
        tuple(json.loads(about["classes"])),
        columns,
        about["target"],
    )
    own = {name: array for name, array in arrays.items() if not name.startswith(RESERVED)}
    _check_arrays(path, net, own, preparation.shape)
    return Model(net, own, preparation, engine)


def _check_arrays(path: str | Path, net: Layer, arrays: Arrays, shape: Shape) -> None:
    """The file must hold exactly what its network declares."""
    declared = {name: spec.shape for name, spec in declared_arrays(net, (2, *shape)).items()}
    found = {name: array.shape for name, array in arrays.items()}
    for name in sorted(declared.keys() | found.keys()):
        if declared.get(name) != found.get(name):
            raise ModelError(
                f"{path}: '{name}' should be {declared.get(name, 'absent')} but is {found.get(name, 'absent')}"
            )
