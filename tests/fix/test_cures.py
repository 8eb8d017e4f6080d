"""Every cure has its function, which changes what it says and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnose.finding import CURES, Cure
from chainrule.fix.cures import CHANGES, Case
from chainrule.init import zeros
from chainrule.layers import parse

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
CLASSES = cr.Dataset(X, np.arange(60) % 3)
HEALTHY: dict[str, Any] = {
    "net": parse("dense8 relu dense3"), "data": CLASSES, "loss": None, "optimizer": cr.Adam(0.003), "schedule": cr.Cosine(),
    "epochs": 10, "batch_size": 32, "l2": None, "l1": 0.0, "class_weight": "balanced", "prepare": None, "augment": (),
    "shuffle": True, "start": None, "validation": 0.1, "test": 0.2, "seed": 0, "engine": "auto",
}  # fmt: skip
SGD = cr.SGD(1.0, momentum=0.9, clip_value=3.0)
# the cure, what is wrong, and what it is changed to; what only healthy arguments would say is left out
TABLE: list[tuple[Cure, dict[str, Any], dict[str, Any]]] = [
    (Cure("lr", 0.1), {"optimizer": SGD}, {"optimizer": cr.SGD(0.1, momentum=0.9, clip_value=3.0)}),
    (Cure("optimizer"), {"optimizer": SGD}, {"optimizer": cr.Adam(0.003, clip_value=3.0)}),
    (Cure("epochs", 3), {"epochs": 5}, {"epochs": 15}),
    (Cure("batch_size", 32), {"batch_size": 1}, {"batch_size": 32}),
    (Cure("shuffle"), {"shuffle": False}, {"shuffle": True}),
    (Cure("split"), {"validation": (X, np.arange(60) % 3)}, {"validation": 0.1}),
    (Cure("split"), {"validation": None}, {"validation": 0.1}),
    (Cure("prepare"), {"prepare": "none"}, {"prepare": "standardise"}),
    (Cure("loss"), {"loss": cr.Focal()}, {"loss": None}),
    (Cure("class_weight"), {"class_weight": None}, {"class_weight": "balanced"}),
    (Cure("class_weight"), {"class_weight": None, "loss": cr.Focal(weights=(1, 9, 1))}, {"class_weight": "balanced", "loss": cr.Focal()}),
    (Cure("l2"), {"l2": 1e4, "l1": 3.0}, {"l2": None, "l1": 0.0}),
    (Cure("more_l2", 10), {"l2": 2.0}, {"l2": 20.0}),
    (Cure("more_l2", 10), {"l2": 0.0}, {"l2": 1.0}),
    (Cure("more_l2", 10), {}, {"l2": 10.0}),
    (Cure("clip_norm", 1), {"optimizer": SGD}, {"optimizer": cr.SGD(1.0, momentum=0.9, clip_value=3.0, clip_norm=1)}),
    (Cure("init"), {"net": cr.Dense(3, zeros)}, {"net": cr.Dense(3)}),
    (Cure("init"), {"start": {"dense1/w": np.zeros((4, 8))}}, {"start": None}),
    (Cure("dropout", 0.2), {"net": parse("dropout0.8 dense3")}, {"net": parse("dropout0.2 dense3")}),
    (Cure("add_dropout", 0.5), {}, {"net": parse("dense8 relu dropout0.5 dense3")}),
    (Cure("relu"), {"net": parse("dense8 sigmoid dense3")}, {"net": parse("dense8 relu dense3")}),
    (Cure("insert_relu"), {"net": parse("dense8 dense3")}, {"net": parse("dense8 relu dense3")}),
    (Cure("batch_norm"), {}, {"net": parse("dense8 bn relu dense3")}),
    (Cure("no_batch_norm"), {"net": parse("dense8 bn relu dense3")}, {"net": parse("dense8 relu dense3")}),
    (Cure("linear_output"), {"net": parse("dense8 relu dense3 sigmoid")}, {"net": parse("dense8 relu dense3")}),
    (Cure("wider", 2), {}, {"net": parse("dense16 relu dense3")}),
    (Cure("narrower", 2), {}, {"net": parse("dense4 relu dense3")}),
]  # fmt: skip
ALWAYS = ("lr", "epochs", "more_l2", "add_dropout", "batch_norm", "wider", "narrower", "clip_norm")


def test_every_cure_has_its_function_and_its_row() -> None:
    assert {*CHANGES} == {*CURES} == {cure.name for cure, _, _ in TABLE}


@pytest.mark.parametrize(("cure", "wrong", "right"), TABLE, ids=lambda value: getattr(value, "name", ""))
def test_a_cure(cure: Cure, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    case = Case({**HEALTHY, **wrong}, (4,))
    cured = case.cured(cure)
    assert cured is not None
    assert {name: value for name, value in cured.arguments.items() if value is not case[name]} == right


@pytest.mark.parametrize("name", [name for name in CURES if name not in ALWAYS])
def test_where_there_is_nothing_to_do_nothing_is_changed(name: str) -> None:
    assert Case({**HEALTHY, "batch_size": 32}, (4,)).cured(Cure(name, 32)) is None


def test_settings_that_say_the_default_are_no_fault() -> None:
    said = {"loss": cr.CrossEntropy(), "l2": 1.0, "prepare": "standardise", "optimizer": cr.Adam(0.003, clip_norm=0.5)}
    case = Case({**HEALTHY, **said}, (4,))
    cures = (Cure("loss"), Cure("l2"), Cure("prepare"), Cure("optimizer"), Cure("clip_norm", 1))
    assert [case.cured(cure) for cure in cures] == [None] * 5
    codes = Case({**HEALTHY, "net": parse("embed9-4 flatten dense3")}, (4,))
    assert codes.cured(Cure("prepare")) is None
    labels = Case({**HEALTHY, "data": cr.Dataset(X, X[:, :2] > 0), "class_weight": None}, (4,))
    assert labels.cured(Cure("class_weight")) is None
