"""What the data decide where the user does not: the loss, the network, how long; and whether a choice fits the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from .data import Dataset, Parts
from .data.prepare import transform_of
from .data.transform import Recipe
from .errors import SettingError, ShapeError, UnknownName, require
from .graph import Shape
from .layers import Embedding, Layer, Sequential, parse, record
from .layers.default import default_net
from .loss import BY_TASK, LOSSES, Loss, OfClasses, Task, refuse_probabilities
from .model import Preparation

ClassWeight: TypeAlias = Literal["balanced"] | Mapping[Any, float] | None
FROM_TARGET, GIVEN = "chosen from the target", "as given"
STEPS = 2000  # a training without `epochs` takes about as many, so that small data sets are seen often enough


class Chosen(NamedTuple):
    """What a training begins with, fitted on its training part."""

    recipe: Recipe
    preparation: Preparation
    net: Layer


def choose(
    parts: Parts, *, net: Layer | str | None, loss: Loss | None, class_weight: ClassWeight, prepare: str | Recipe | None
) -> Chosen:
    """Loss, preparation and network, as given or by the data; each is checked to fit them."""
    fitting = choose_loss(loss, parts, class_weight)
    recipe, codes = choose_preparation(prepare, net)
    preparation = Preparation.fit(parts.train, recipe, fitting, codes)
    return Chosen(recipe, preparation, resolve_net(net, preparation, parts.train))


def default_epochs(rows: int, batch_size: int) -> int:
    """Passes that make about STEPS steps, between 20 and 500."""
    return min(max(STEPS // max(rows // batch_size, 1), 20), 500)


def choose_loss(loss: Loss | None, parts: Parts, class_weight: ClassWeight = None) -> Loss:
    """The loss, checked to fit the targets of every part; by the task if none is given."""
    train = parts.train
    chosen = loss or BY_TASK[train.task]
    require("train", "loss", loss, isinstance(chosen, Loss), "a Loss such as cr.Huber(), or None")
    if train.task not in chosen.tasks:
        fitting = sorted(name for name, kind in LOSSES.items() if train.task in kind.tasks)
        raise SettingError(
            f"{type(chosen).__name__} is a loss for {' or '.join(chosen.tasks)}, but the target of these data is "
            f"{train.task}: choose {', '.join(fitting)}, or give the target as {chosen.tasks[0]}"
        )
    for part in (train, parts.validation, parts.test):
        if part is not None and train.task == "numbers":
            chosen.check(part.y)
    weights = chosen.weights_of_classes()
    if weights is not None and len(weights) != len(train.classes):
        raise SettingError(f"{len(weights)} class weights were given for {len(train.classes)} classes")
    if class_weight is None:
        return chosen
    if not isinstance(chosen, OfClasses):
        raise SettingError(f"class_weight needs classes to weigh; the target of these data is {train.task}")
    if weights is not None:
        raise SettingError(
            f"class_weight and the weights of {type(chosen).__name__} say the same twice: give one of them"
        )
    return replace(chosen, weights=class_weights(class_weight, train))


def choose_preparation(prepare: str | Recipe | None, net: Layer | str | None) -> tuple[Recipe, int]:
    """The recipe, and how many codes an Embedding reads, if the network begins with one: those are not standardised."""
    first = parse(net) if isinstance(net, str) else net
    while isinstance(first, Sequential) and first.layers:
        first = first.layers[0][1]
    codes = first.codes if isinstance(first, Embedding) else 0
    recipe = transform_of(prepare or ("none" if codes else "standardise"))
    if codes and recipe != transform_of("none"):
        raise SettingError(
            f"the network begins with {first}, which reads codes as they are: leave prepare='{recipe}' out"
        )
    return recipe, codes


def class_weights(asked: ClassWeight, train: Dataset) -> tuple[float, ...]:
    """One weight for each class; "balanced" is n / (classes n of class).   Source: King and Zeng (2001), as scikit-learn."""
    if asked == "balanced":
        counts = np.bincount(train.y.ravel(), minlength=len(train.classes))
        return tuple((train.y.size / (len(counts) * np.maximum(counts, 1))).tolist())
    fine = isinstance(asked, Mapping) and all(isinstance(w, int | float | np.number) for w in asked.values())
    require("train", "class_weight", asked, fine, "'balanced', {class: weight} or None")
    assert isinstance(asked, Mapping)
    for label in asked:
        if label not in train.classes:
            raise UnknownName("class", str(label), map(str, train.classes))
    return tuple(float(asked.get(label, 1.0)) for label in train.classes)


def resolve_net(net: Layer | str | None, preparation: Preparation, train: Dataset) -> Layer:
    """The network, checked to fit the data: its input and what it must give."""
    positions = preparation.positions
    wanted = (*positions, len(preparation.classes)) if preparation.task == "classes" else train.y.shape[1:]
    if net is None:
        net = default_net(preparation.input_shape, wanted[-1], pixels=len(wanted) == 3)
    network = parse(net) if isinstance(net, str) else net
    fits = 'a layer, a notation such as "dense64 relu dense10", or None'
    require("train", "net", net, isinstance(network, Layer), fits)
    output = record(network, (2, *preparation.input_shape))[2]
    if output.shape[1:] != wanted:
        raise ShapeError(_unfit_output(output.shape[1:], wanted, preparation.task))
    refuse_probabilities(preparation.loss, output)
    return network


def _unfit_output(given: Shape, wanted: Shape, task: Task) -> str:
    """What is wrong with what the network gives, and how to end it."""
    needs = {"classes": "classes", "labels": "labels", "numbers": "numbers to predict"}[task]
    needs = "number to predict" if wanted[-1] == 1 else needs
    start = f"the network gives {given} for each example, but the target has {wanted[-1]} {needs}"
    if len(wanted) > 1:
        end = f"'conv{wanted[-1]}-1'" if len(wanted) == 3 else f"'dense{wanted[-1]}'"
        return f"{start} at each of {'x'.join(map(str, wanted[:-1]))} positions, so {wanted} is expected: end it with {end}"
    flat = "'flatten' and " if len(given) > 1 else ""
    return f"{start}, so {wanted} is expected: end the network with {flat}'dense{wanted[-1]}'"
