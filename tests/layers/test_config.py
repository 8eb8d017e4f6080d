"""Networks as plain data: what is one's own is read back, and what could not be is refused at once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SettingError
from chainrule.layers import Layer
from chainrule.layers.config import from_config, to_config


class Block(cr.Sequential):
    """Made from other things than it holds."""

    def __init__(self, units: int) -> None:
        super().__init__(cr.Dense(units), act=cr.Tanh())


class Plain(cr.Sequential):
    """Nothing of its own."""


class Fork(cr.Net):
    """A net with a name."""


@dataclass(frozen=True, init=False, repr=False)
class Scaled(cr.Sequential):
    """A setting of its own beside the layers."""

    by: float

    def __init__(self, by: float, *layers: Layer) -> None:
        super().__init__(*layers)
        object.__setattr__(self, "by", by)


def again(layer: Layer) -> Layer:
    return from_config(json.loads(json.dumps(to_config(layer))))


@pytest.mark.parametrize(
    "layer",
    [
        Block(3),
        Plain(cr.Dense(3)),
        Fork(a=cr.Tanh(), b=("sum", "a", "x")),
        Scaled(0.5, cr.Dense(2)),
        cr.Sequential(self=cr.Dense(2)),
        cr.Net(self=cr.Tanh(), layers=("sum", "self", "x")),
    ],
    ids=str,
)
def test_what_is_made_of_layers_is_read_back(layer: Layer) -> None:
    assert again(layer) == layer
    assert type(again(layer)) is type(layer)


@pytest.mark.parametrize(
    ("layer", "plain"),
    [
        (cr.Dense(np.int64(3)), cr.Dense(3)),  # type: ignore[arg-type]
        (cr.LeakyReLU(np.float32(0.25)), cr.LeakyReLU(0.25)),  # type: ignore[arg-type]
        (cr.Conv2d(2, (np.int32(3), 5)), cr.Conv2d(2, (3, 5))),  # type: ignore[arg-type]
        (cr.Reshape(np.int64(4), 2), cr.Reshape(4, 2)),  # type: ignore[arg-type]
        (cr.Dense(3, cr.init.Normal(np.float64(0.5))), cr.Dense(3, cr.init.Normal(0.5))),
    ],
    ids=str,
)
def test_numbers_of_numpy_are_saved_as_numbers(layer: Layer, plain: Layer) -> None:
    assert again(layer) == plain


def mine(shape: Any, draw: Any) -> Any:
    return draw.normal(shape)


@dataclass(frozen=True)
class Mine:
    std: float = 1.0

    def __call__(self, shape: Any, draw: Any) -> Any:
        return draw.normal(shape) * self.std


@pytest.mark.parametrize(
    "init",
    [mine, Mine(), lambda shape, draw: np.ones(shape), partial(mine)],
    ids=["function", "class", "lambda", "partial"],
)
def test_an_initialiser_that_is_not_registered_is_refused_before_training(init: Any) -> None:
    net, x = cr.Sequential(cr.Dense(3, init)), np.zeros((4, 2))
    assert cr.Step(net, x, np.zeros((4, 3)))(x, np.zeros((4, 3))) >= 0  # one step needs no file
    with pytest.raises(SettingError, match=r"is not registered, .* write @cr.init.initializer above"):
        to_config(net)


OWN = """
import json
from dataclasses import dataclass
import numpy as np
import chainrule as cr
from chainrule.layers.config import from_config, to_config

def said(make):
    try:
        make()
        print("made")
    except Exception as problem:
        print(type(problem).__name__, problem)

def init(name):
    def own(shape, draw): return np.ones(shape)
    own.__name__ = own.__qualname__ = name
    return cr.init.initializer(own)

for name, base in (("Dense", cr.Layer), ("SGD", cr.optim.Optimizer), ("Cosine", cr.schedule.Schedule)):
    said(lambda: type(name, (base,), {}))
    said(lambda: (type("Mine", (base,), {}), type("Mine", (base,), {})))
said(lambda: init("he_normal"))
said(lambda: (init("mine"), init("mine")))
said(lambda: type("Other", (cr.Layer,), {"word": "dense"}))
print(from_config(json.loads(json.dumps(to_config(cr.Dense(3, init("mine")))))).init.__name__)

@cr.init.initializer
class Plain:
    def __call__(self, shape, draw): return np.ones(shape)

print(type(from_config(json.loads(json.dumps(to_config(cr.Dense(3, Plain()))))).init) is Plain)
print(type(cr.layers.parse("dense3").layers[0][1]) is cr.Dense)
"""


def test_a_name_of_chainrules_is_not_taken_over() -> None:
    """In a process of its own, for the tables are the library's."""
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    kinds = {"layer": "Dense", "optimiser": "SGD", "schedule": "Cosine", "initialiser": "he_normal"}
    refused = [
        f"SettingError chainrule has the {kind} '{name}', which saved models find by that name: give yours another one"
        for kind, name in kinds.items()
    ]
    assert lines[:8] == [line for sentence in refused for line in (sentence, "made")]
    assert lines[8:] == [
        "SettingError the word 'dense' stands for Dense in the notation: take another one",
        "mine",
        "True",
        "True",
    ]
