"""A trained network with all that its use needs: arrays, standardisation, classes, columns. One file holds it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import data as data_room
from .data import Column, Dataset, Rows
from .data.dataset import Missing
from .data.prepare import from_arrays, transform_of
from .data.transform import Recipe, Standardise, Transform
from .engine import Plan, plan
from .errors import ChainruleError, DataError, ModelError, SettingError, nearest
from .exchange import safetensors
from .graph import Array, Shape, Tensor, tensor
from .layers import Context, Layer, record
from .layers.config import from_config, to_config
from .layers.summary import Row, layer_table, summary_rows
from .loss import BY_TASK, Loss, Task, from_settings
from .network import Arrays, prediction_graph

FORMAT = "chainrule-model-1"
CHUNK = 1 << 17  # values, and at most so many rows, predicted at once: enough to be fast, few enough to stay in memory
MOST_ROWS = 1024
# What a file says as JSON, and what it means when a file of version 0.1 does not say it.
PLAIN = {"classes": "[]", "columns": "[]", "positions": "[]", "loss": "null", "codes": "0"}
FLOAT32 = np.dtype(np.float32)
RESERVED = "~"  # arrays under this prefix are not the network's: standardisation, optimiser state


@dataclass(frozen=True, eq=False)
class Preparation:
    """How the user's values become the network's, fitted on the training part and kept with the model; and what for."""

    shape: Shape  # of one example, as the user has it
    input: Transform
    loss: Loss
    task: Task
    target: Transform | None = None  # of numbers, where the loss wants them at mean 0 and spread 1
    classes: tuple[int | str, ...] = ()  # or the names of the labels
    columns: tuple[Column, ...] = ()
    target_names: tuple[str, ...] = ()
    positions: Shape = ()  # where an example has a class for each of them: pixels, steps of a sequence
    missing: Missing = "refuse"  # "fill": NaN may be among the inputs
    codes: int = 0  # where the inputs are codes 0 to codes - 1 that an Embedding reads

    @classmethod
    def fit(
        cls, train: Dataset, prepare: str | Recipe = "standardise", loss: Loss | None = None, codes: int = 0
    ) -> Preparation:
        """Fitted on the training part."""
        loss = loss or BY_TASK[train.task]
        target = Standardise.fit(train.y) if train.task == "numbers" and loss.standardised else None
        fitted = transform_of(prepare).fit(train.x)
        return cls(
            shape=train.x.shape[1:],
            input=fitted,
            loss=loss,
            task=train.task,
            target=target,
            classes=train.classes,
            columns=train.columns,
            target_names=train.targets,
            positions=train.y.shape[1:] if train.task == "classes" else (),
            missing=train.missing,
            codes=codes,
        )

    @property
    def input_shape(self) -> Shape:
        """Of one example as the network gets it."""
        return self.input.shape(self.shape)

    def rows(self, x: Any) -> NDArray[np.float32] | Rows:
        """Rows as the user has them, checked to be like the training's; ShapeError or DataError if they are not."""
        return data_room.rows_like(x, self.columns, self.shape, self.missing)

    def inputs(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Checked rows as the network gets them."""
        if self.codes:
            self._check_codes(rows)
        return self.input.apply(rows)

    def _check_codes(self, rows: NDArray[np.float32]) -> None:
        wrong = np.argwhere((rows != np.rint(rows)) | (rows < 0) | (rows >= self.codes))
        if len(wrong):
            raise DataError(
                f"expected codes 0 to {self.codes - 1}, as the network's Embedding reads, found {rows[tuple(wrong[0])]:g} "
                f"in row {wrong[0][0]} (counted from 0)"
            )

    def targets(self, y: NDArray[Any]) -> NDArray[Any]:
        """Targets as the loss wants them."""
        if self.task == "labels":
            return y.astype(np.float32)
        return self.target.apply(y) if self.target else y

    def in_unit(self, prediction: NDArray[Any]) -> NDArray[Any]:
        """What the network predicts, in the data's unit; of classes and labels the probabilities, as they are."""
        return self.target.invert(prediction) if self.target else prediction

    def arrays(self) -> Arrays:
        """The fitted numbers, as a model file keeps them."""
        named: dict[str, Transform] = {"input": self.input} | ({"target": self.target} if self.target else {})
        return {f"{RESERVED}{part}/{key}": array for part, fit in named.items() for key, array in fit.arrays().items()}


class Model:
    """A network in use. Call it for the raw output; `predict` and `predict_proba` give what the output means."""

    def __init__(
        self, net: Layer, arrays: Mapping[str, NDArray[Any]], preparation: Preparation, engine: str = "auto"
    ) -> None:
        self.net, self.preparation, self.engine = net, preparation, engine
        self.arrays = {path: _unchanging(array) for path, array in arrays.items()}
        self._plans: dict[int, Plan] = {}
        # What predicts an array of a shape, if it is finite; None after the first time.
        self._quick: dict[Shape, Callable[[Array], Arrays | None] | None] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """As what it was made of: plans belong to this process."""
        return Model, (self.net, self.arrays, self.preparation, self.engine)

    @property
    def classes(self) -> tuple[int | str, ...]:
        return self.preparation.classes

    @property
    def loss(self) -> Loss:
        return self.preparation.loss

    @property
    def chunk(self) -> int:
        """How many rows are predicted at once."""
        return min(max(1, CHUNK // math.prod(self.preparation.input_shape)), MOST_ROWS)

    def __call__(self, x: ArrayLike) -> NDArray[np.float32]:
        """The last layer's output: logits for classes and labels, standardised numbers for squared errors."""
        output: NDArray[np.float32] = self.outputs(x)["output"]
        return output

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """The probability of each class, (n, ..., classes), in the order of `classes`; or of each label, (n, labels)."""
        if self.preparation.task == "numbers":
            raise SettingError("predict_proba needs a model of classes; this one predicts numbers: use predict")
        if not self.loss.from_logits:
            raise SettingError(
                f"predict_proba needs a loss of probabilities; {type(self.loss).__name__} gives scores: use model(x)"
            )
        probabilities: NDArray[np.float32] = self.outputs(x)["prediction"]
        return probabilities

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """What the network takes each example for.

        Classes: the most probable, as it was called in the data, (n,), or one for each position, (n, ...). Labels: truth
        values (n, k), from a probability of 1/2 on. Numbers: in the data's unit, (n, k).
        """
        prediction = self.outputs(x)["prediction"]
        if self.preparation.task == "classes":
            called: NDArray[Any] = np.asarray(self.classes)[np.argmax(prediction, axis=-1)]
            return called
        return prediction >= 0.5 if self.preparation.task == "labels" else self.preparation.in_unit(prediction)

    def outputs(self, x: ArrayLike | Rows) -> dict[str, NDArray[Any]]:
        """`output`, as the last layer gives it, and `prediction`, what it means; a chunk of rows at a time."""
        if isinstance(x, np.ndarray) and x.dtype == FLOAT32 and x.flags.c_contiguous:
            quick = self._quick.get(x.shape)
            if quick is not None and (made := quick(x)) is not None:
                return made
        rows = self.preparation.rows(x)
        starts = range(0, max(len(rows), 1), self.chunk)
        chunks = (self.preparation.inputs(rows[i : i + self.chunk]) for i in starts)
        parts = [self._predicted(chunk, len(rows) > self.chunk) for chunk in chunks]
        if isinstance(x, np.ndarray) and len(parts) == 1 and rows.shape == x.shape and not self.preparation.codes:
            self._be_quick(x.shape)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _predicted(self, rows: NDArray[np.float32], one_of_many: bool) -> Arrays:
        """The outputs for some rows. The last of many chunks is filled up: a plan of its own would cost more."""
        count = len(rows)
        if one_of_many and count < self.chunk:
            rows = np.concatenate([rows, np.broadcast_to(rows[-1:], (self.chunk - count, *rows.shape[1:]))])
        made = self._plan(len(rows))({**self.arrays, "x": rows})
        return {name: array[:count] for name, array in made.items()}

    def _be_quick(self, shape: Shape) -> None:
        """From its second time on, what is predicted in one size needs no second look at anything but the numbers."""
        again = shape in self._quick
        ready = self._plan(shape[0]).ready(self.arrays, "x", self.preparation.input.moved) if again else None
        self._quick = {**dict(list(self._quick.items())[-3:]), shape: ready}

    def tensor(self, x: ArrayLike | Tensor) -> Tensor:
        """The last layer's output as a tensor: every layer's output and gradient can be looked at, and x's too.

        An array is prepared first, and is the leaf named `x`. A tensor is taken as prepared already, so that an image
        can be moved along its gradient:

            score = model.tensor(images)[0, 3]
            score.peek("conv2d1/out").gradient, score.peek("x").gradient
        """
        ctx = Context(train=False, values=self.arrays)
        leaf = (
            x if isinstance(x, Tensor) else tensor(self.preparation.inputs(np.asarray(self.preparation.rows(x))), "x")
        )
        return ctx.call("", self.net, leaf)

    def _plan(self, count: int) -> Plan:
        ready = self._plans.get(count)
        if ready is None:
            graph = prediction_graph(self.net, self.loss, (count, *self.preparation.input_shape))
            ready = plan(graph, self.engine, hold=self.arrays)
            # In place: models of the same network share the dict. Other threads may be here, too.
            for other in [other for other in list(self._plans) if other != self.chunk]:
                self._plans.pop(other, None)
            self._plans[count] = ready
        return ready

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Model:
        """The same network with other parameters; ready plans are shared."""
        other = Model(self.net, {k: arrays[k] for k in self.arrays}, self.preparation, self.engine)
        other._plans = self._plans
        return other

    def rows(self) -> list[Row]:
        """The layers with output shape, parameter count and receptive field, as data."""
        return summary_rows(self.net, self.preparation.input_shape)

    def summary(self) -> str:
        """The layers with output shape, parameter count and receptive field, as text."""
        return layer_table(self.rows(), self.preparation.input_shape)

    def save(self, path: str | Path) -> None:
        """Write the model as one safetensors file; the architecture stands in its metadata."""
        save_arrays(path, self)

    def __repr__(self) -> str:
        return f"<Model {self.preparation.shape} -> {self.preparation.task}, {self.net!r}>"


def _unchanging(array: NDArray[Any]) -> NDArray[Any]:
    """The array, if nobody can write to it, else a copy: engines keep what they made of a model's parameters."""
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


def save_arrays(
    path: str | Path, model: Model, extra: Mapping[str, NDArray[Any]] | None = None, **metadata: int
) -> None:
    """A model file; `extra` arrays (an optimiser's state, under `~`) make it a checkpoint of the training."""
    preparation = model.preparation
    about = {
        "format": FORMAT,
        "net": json.dumps(to_config(model.net)),
        "task": preparation.task,
        "loss": json.dumps(preparation.loss.settings()),
        "input": preparation.input.name,
        "shape": json.dumps(preparation.shape),
        "positions": json.dumps(preparation.positions),
        "missing": preparation.missing,
        "codes": str(preparation.codes),
        "classes": json.dumps(preparation.classes),
        "columns": json.dumps([asdict(column) for column in preparation.columns]),
        "target": json.dumps(preparation.target_names),
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
    own = {name: array for name, array in arrays.items() if not name.startswith(RESERVED)}
    try:
        net, preparation = from_config(json.loads(about["net"])), _preparation(arrays, about)
    except KeyError as problem:
        raise ModelError(f"{path}: the file's description of the model lacks {problem}") from None
    except (ChainruleError, TypeError, ValueError, AttributeError) as problem:
        raise ModelError(f"{path}: the file's description of the model does not fit: {problem}") from None
    _check_arrays(path, net, own, preparation)
    return Model(net, own, preparation, engine)


def _preparation(arrays: Arrays, about: Mapping[str, str]) -> Preparation:
    """What the file says of the data. Files of version 0.1 hold no task, loss or kind of preparation."""
    plain = {key: json.loads(about.get(key, default)) for key, default in PLAIN.items()}
    classes = tuple(plain["classes"])
    task: Any = about.get("task", "classes" if classes else "numbers")
    if task not in BY_TASK:
        raise ModelError(f"there is no task '{task}'{nearest(task, BY_TASK)}")
    fitted = {"input": about.get("input", "standardise"), "target": "standardise"}
    fits = {part: from_arrays(name, found) for part, name in fitted.items() if (found := _under(part, arrays))}
    return Preparation(
        shape=tuple(map(int, json.loads(about["shape"]))),
        input=fits["input"],
        loss=from_settings(plain["loss"]) if plain["loss"] else BY_TASK[task],
        task=task,
        target=fits.get("target"),
        classes=classes,
        columns=tuple(Column(**{**column, "categories": tuple(column["categories"])}) for column in plain["columns"]),
        target_names=_names(about["target"]),
        positions=tuple(map(int, plain["positions"])),
        missing=about.get("missing", "refuse"),  # type: ignore[arg-type]
        codes=int(plain["codes"]),
    )


def _names(text: str) -> tuple[str, ...]:
    """The targets' names; a file of version 0.1 holds a single one as it is."""
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError):
        return (text,) if text else ()


def _under(part: str, arrays: Arrays) -> Arrays:
    start = f"{RESERVED}{part}/"
    return {path.removeprefix(start): array for path, array in arrays.items() if path.startswith(start)}


def _check_arrays(path: str | Path, net: Layer, arrays: Arrays, preparation: Preparation) -> None:
    """The file must hold exactly what its network declares, and a score for every class or label."""
    ctx, _, output = record(net, (2, *preparation.input_shape))
    declared = {name: spec.shape for name, spec in ctx.declared.items()}
    found = {name: array.shape for name, array in arrays.items()}
    for name in sorted(declared.keys() | found.keys()):
        if declared.get(name) != found.get(name):
            raise ModelError(
                f"{path}: '{name}' should be {declared.get(name, 'absent')} but is {found.get(name, 'absent')}"
            )
    if preparation.task != "numbers" and output.shape[-1] != len(preparation.classes):
        raise ModelError(
            f"{path}: the network gives {output.shape[1:]}, but there are {len(preparation.classes)} classes"
        )
