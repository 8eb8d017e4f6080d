"""What NetClassifier and NetRegressor share: from X and y to `cr.train` and back."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..choices import choose
from ..data import Column, Dataset, Parts, Recipe, frame_features, is_frame, rows_like
from ..data.arrays import plain
from ..data.batch import shuffled
from ..data.dataset import Missing
from ..data.fingerprint import keys_of_rows
from ..errors import DataError, FindingWarning, SettingError, is_whole, require
from ..layers import Dense, Flatten, Layer, ReLU, Sequential, parse
from ..loss import Loss
from ..model import Model
from ..optim import Adam, Optimizer
from ..run import Run
from ..schedule import Schedule
from ..step import ONLY_LOSS, Step
from ..train import train
from .callbacks import Callbacks, Told, with_callbacks

if TYPE_CHECKING:
    from ..data import Augmentation

Array = NDArray[Any]
Own = TypeVar("Own", bound="Net")
PASSED = ("loss", "schedule", "epochs", "batch_size", "l2", "l1", "prepare", "augment", "engine", "progress", "watch")
SEEDS = 2**31 - 1
MOST, MOST_COPIES = 2_000_000, 64  # numbers of X, and rows for each of a batch, up to which equal rows are looked for


@dataclass
class Passes:
    """What `partial_fit` remembers between two calls, beside the model."""

    seed: int
    arrays: Mapping[str, Array] = field(default_factory=dict)
    calls: int = 0
    steps: int = 0
    rows: int = 0


@dataclass(eq=False, repr=False)
class Net(Callbacks, BaseEstimator):  # type: ignore[misc]
    """What both estimators share; the fields are the parameters, told in `net`."""

    hidden: tuple[int, ...] | int | None = None
    _: KW_ONLY
    layers: Layer | str | None = None
    net: Layer | str | None = None
    loss: Loss | None = None
    optimizer: Optimizer | None = None
    lr: float | None = None
    schedule: Schedule | None = None
    epochs: int | None = None
    batch_size: int = 32
    l2: float | None = None
    l1: float = 0.0
    prepare: str | Recipe | None = None
    augment: str | Sequence[Augmentation] = ()
    missing: Missing = "refuse"
    validation: float | tuple[Any, Any] | None = None
    patience: int | None = None
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None
    engine: str = "auto"
    folder: str | Path | None = None
    progress: bool = False
    watch: bool = True

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(self: Own, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Own:
        """Train on X and y. A row of `sample_weight` 2 counts as if it were there twice."""
        again = self.warm_start and hasattr(self, "model_")
        data = self._dataset(X, y, sample_weight, known=again)
        held = self._held(data)
        if held is None and not self.augment:
            data = _merged(data, self.batch_size)
        with tempfile.TemporaryDirectory() as temporary, self._telling(self.epochs, X, y) as told:
            run = train(
                self._network(data),
                data,
                **{name: getattr(self, name) for name in PASSED},
                optimizer=self._optimizer(),
                class_weight=self._class_weight(),
                start=self.model_.arrays if again else None,
                validation=held,
                test=None,
                seed=self._seed(),
                folder=self._folder(Path(temporary)),
                on_epoch=self._on_epoch(told),
            )
            self._keep(run)
        return self

    def _keep(self, run: Run) -> None:
        """What a run tells, so that its folder is needed no more."""
        self.model_ = run.model
        self.run_ = None if self.folder is None else str(run.folder)
        self.findings_ = tuple(run.findings)
        self.history_ = run.metrics
        self.n_iter_ = len(self.history_)
        self.loss_curve_ = [row["train/loss"] for row in self.history_]
        self.validation_curve_ = [row["validation/loss"] for row in self.history_ if "validation/loss" in row]
        self._passes: Passes | None = None
        for finding in self.findings_:
            if finding.severity != "note":
                warnings.warn(str(finding), FindingWarning, stacklevel=4)

    def _folder(self, temporary: Path) -> Path:
        """One of its own for every fit: a search makes many, some at the same time."""
        room = temporary if self.folder is None else Path(self.folder)
        for number in count(1):
            with suppress(FileExistsError):
                (room / str(number)).mkdir(parents=True)
                return room / str(number)
        raise AssertionError("numbers do not end")

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(SEEDS))

    def _on_epoch(self, told: Told) -> Callable[[Mapping[str, Any], Model], bool]:
        """Whether an epoch was the last: by patience, or as a callback of scikit-learn says."""
        patience = self.patience
        fine = patience is None or is_whole(patience, 1)
        require(type(self).__name__, "patience", patience, fine, "an int of at least 1, or None")
        if patience is not None and self.validation is None:
            raise SettingError("patience needs validation rows: give validation=0.1, or (X, y)")
        losses: list[float] = []

        def on_epoch(row: Mapping[str, Any], model: Model) -> bool:
            losses.append(row.get("validation/loss", 0.0))
            waited = len(losses) - 1 - int(np.argmin(losses))
            return told(row, {"model_": model}) or (patience is not None and waited >= patience)

        return on_epoch

    # --- the network

    def _network(self, data: Dataset) -> Layer | str | None:
        """`net` as it is; `hidden` and `layers` with an output for each class, label or number."""
        given = [name for name in ("hidden", "layers", "net") if getattr(self, name) is not None]
        if len(given) > 1:
            raise SettingError(f"{' and '.join(given)} both say what the network is: give one of them")
        if given == ["hidden"]:
            units = [self.hidden] if is_whole(self.hidden, 1) else list(self.hidden or ())  # type: ignore[arg-type]
            fine = all(is_whole(some, 1) for some in units)
            require(type(self).__name__, "hidden", self.hidden, fine, "ints of at least 1, such as (64, 64), or None")
            inner: list[Layer] = [layer for some in units for layer in (Dense(int(some)), ReLU())]  # type: ignore[arg-type]
            inner = [Flatten(), *inner] if data.x.ndim > 2 else inner
        elif given == ["layers"]:
            body = parse(self.layers) if isinstance(self.layers, str) else self.layers
            require(type(self).__name__, "layers", self.layers, isinstance(body, Layer), "a layer, a notation or None")
            inner = [layer for _, layer in body.layers] if isinstance(body, Sequential) else [body]  # type: ignore[list-item]
        else:
            return self.net
        return Sequential(*inner, Dense(len(data.classes) or data.y.shape[1]))

    def _optimizer(self) -> Optimizer | None:
        return self.optimizer if self.lr is None else replace(self.optimizer or Adam(), lr=self.lr)

    def _class_weight(self) -> Any:
        return None

    # --- the data

    def _dataset(self, x: Any, y: Any, weights: ArrayLike | None, known: bool, classes: Any = None) -> Dataset:
        """Rows to learn from; `known`: of the columns and classes of a model that is there."""
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        rows, columns = self._known_rows(x) if known else self._first_rows(x)
        targets, names = self._targets(y, known, classes)
        if len(rows) != len(targets):
            raise DataError(f"expected one target per row, found {len(rows):,} rows in X and {len(targets):,} in y")
        counts = None if weights is None else plain(weights, "sample_weight")
        if counts is not None and not counts.any():
            raise DataError("expected a sample_weight that is non-zero, but all of them are 0")
        return Dataset(rows, targets, names, columns, weights=counts, missing=self.missing)

    def _first_rows(self, x: Any) -> tuple[Array, tuple[Column, ...]]:
        """X as numbers, and the columns that say how further rows become numbers, too."""
        if is_frame(x):
            validate_data(self, x, skip_check_array=True)
            return frame_features(x, self.missing)
        return _dense(validate_data(self, x, ensure_min_samples=2, **LOOSE)), ()

    def _known_rows(self, x: Any) -> tuple[Array, tuple[Column, ...]]:
        """Further rows."""
        preparation = self.model_.preparation
        if is_frame(x) and preparation.columns:
            validate_data(self, x, skip_check_array=True, reset=False)
        else:
            x = _dense(validate_data(self, x, reset=False, **LOOSE))
        return np.asarray(preparation.rows(x)), preparation.columns

    def _rows(self, x: Any) -> Array:
        """Rows to predict."""
        check_is_fitted(self, "model_")
        return self._known_rows(x)[0]

    def _held(self, data: Dataset) -> Any:
        """The validation part: a share, or rows as those of the training are."""
        if not isinstance(self.validation, tuple):
            return self.validation
        if len(self.validation) != 2:
            raise DataError(f"expected validation as a share or (X, y), found {len(self.validation)} parts")
        x, y = self.validation
        if not (is_frame(x) and data.columns):
            x = _dense(check_array(x, **LOOSE))
        rows = np.asarray(rows_like(x, data.columns, data.x.shape[1:], data.missing))
        targets, names = self._targets(y, True)
        return Dataset(rows, targets, names, data.columns, missing=data.missing)

    def _targets(self, y: Any, known: bool, classes: Any = None) -> tuple[Array, tuple[Any, ...]]:
        """y as a `Dataset` takes it, and the names of its classes."""
        raise NotImplementedError

    # --- passes

    def _pass(self: Own, data: Dataset) -> Own:
        """One pass over these rows, at the optimiser's own rate."""
        if not hasattr(self, "model_"):
            parts = Parts(data)
            _, preparation, net = choose(
                parts, net=self._network(data), loss=self.loss, class_weight=self._class_weight(), prepare=self.prepare
            )
            start = None
        else:
            preparation, net, start = self.model_.preparation, self.model_.net, self.model_.arrays
        passes = getattr(self, "_passes", None) or Passes(self._seed())
        loss, size = preparation.loss, min(self.batch_size, len(data))
        rows = {"x": preparation.inputs(np.asarray(data.x)), "y": preparation.targets(data.y)}
        rows |= {} if data.weights is None else {"weights": data.weights / data.weights.mean()}
        first: dict[str, Any] = {name: array[:size] for name, array in rows.items()}
        optimizer = self._optimizer() or Adam(0.003)
        step = Step(net, **first, loss=loss, optimizer=optimizer, start=start, seed=passes.seed, engine=self.engine)
        step.arrays, step.count = {**step.arrays, **passes.arrays}, passes.steps
        order = shuffled(len(data), size, passes.seed, passes.calls)
        l2, total = loss.prior if self.l2 is None else self.l2, passes.rows + len(data)
        whole = len(order) // size * size
        losses = []
        for batches in (order[:whole].reshape(-1, size), order[None, whole:]):
            if batches.size:
                scale = loss.width(1.0) / total
                made = step.advance(rows, batches, optimizer.lr, l2 * scale, self.l1 * scale, wanted=ONLY_LOSS)
                losses.append(made["loss"])
        arrays = step.arrays
        self.model_ = Model(net, {path: arrays[path] for path in step.of_network}, preparation, self.engine)
        slots = {path: array for path, array in arrays.items() if path not in self.model_.arrays}
        self._passes = Passes(passes.seed, slots, passes.calls + 1, step.count, total)
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), float(np.concatenate(losses).mean())]
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.missing == "fill"
        return tags


# What scikit-learn looks at in X. Chainrule's own sentences say where a value is that is no number.
LOOSE: Mapping[str, Any] = {"accept_sparse": True, "ensure_all_finite": False, "allow_nd": True}


def _dense(x: Any) -> Array:
    return np.asarray(x.toarray() if sparse.issparse(x) else x)


def _merged(data: Dataset, size: int) -> Dataset:
    """Equal rows as one that weighs as much as all, in an order of their own, where a batch holds all of them: there
    neither copies nor order may matter, and so they do not, to the last bit."""
    if not isinstance(data.x, np.ndarray) or data.x.size > MOST or len(data) > MOST_COPIES * size:
        return data
    table = np.column_stack([data.x.reshape(len(data), -1), data.y.reshape(len(data), -1)]).astype(np.float64)
    keys = np.array(keys_of_rows(table), dtype=object)
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    weights = np.bincount(same, np.ones(len(data)) if data.weights is None else data.weights)
    first, weights = first[weights > 0], weights[weights > 0]
    if len(first) > size or len(first) < 2:
        return data
    merged = data.take(first)
    return replace(merged, weights=None if (weights == weights[0]).all() else weights.astype(np.float32))
