"""Trainings for the rules that no case of the zoo's tune half shows: a sick one and a healthy twin for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.graph import Tensor
from chainrule.layers import Context

SILENT: Mapping[str, Any] = {"validation": 0.2, "test": None, "progress": False}


@dataclass(frozen=True)
class Blind(cr.Layer):
    """y = 0 x: what stands behind it knows nothing of the inputs."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return 0.0 * x


@dataclass(frozen=True)
class ByHand:
    """A training of some rows: what it is given, and what its healthy twin is given instead."""

    sick: Mapping[str, Any]
    healthy: Mapping[str, Any]
    rows: Callable[[], tuple[Any, Any]]

    def train(self, folder: Path) -> cr.Run:
        """The sick one."""
        return cr.train(**{"data": self.rows(), **SILENT, **self.sick}, folder=folder)

    def twin(self, folder: Path) -> cr.Run:
        """The healthy one."""
        return replace(self, sick={**self.sick, **self.healthy}).train(folder)


def _classes(sort: bool = False) -> tuple[Any, Any]:
    """Four clouds in eight dimensions, 400 rows."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 400)
    y = np.sort(y) if sort else y
    return rng.normal(size=(4, 8))[y] * 1.5 + rng.normal(size=(400, 8)), y


def _slope() -> tuple[Any, Any]:
    """A plane over six features."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 6))
    return x, x @ rng.normal(size=6) + 0.3 * rng.normal(size=400)


def _far() -> tuple[Any, Any]:
    """The clouds, far from 0."""
    x, y = _classes()
    return x + 6, y


def _few() -> tuple[Any, Any]:
    x, y = _classes()
    return x[:60], y[:60]


def _normed(keep: float) -> cr.Sequential:
    return cr.Sequential(cr.Dense(16), cr.BatchNorm(keep=keep), cr.ReLU(), cr.Dense(4))


DEEP = " ".join(["dense16 sigmoid"] * 8)
BY_HAND: Mapping[str, ByHand] = {
    "oscillates": ByHand(
        {"net": "dense8 tanh dense1", "optimizer": cr.SGD(1.5), "schedule": cr.Constant(), "epochs": 24}
        | {"loss": cr.AbsoluteError(), "batch_size": 320},
        {"optimizer": cr.SGD(0.3)},
        _slope,
    ),
    "not_overfitting": ByHand(
        {"net": f"{DEEP} dense4", "optimizer": cr.SGD(0.01), "epochs": 60}, {"net": "dense16 relu dense4"}, _classes
    ),
    "ignores_inputs": ByHand(
        {"net": cr.Sequential(Blind(), cr.Dense(16), cr.ReLU(), cr.Dense(4)), "optimizer": cr.Adam(0.02), "epochs": 40}
        | {"shuffle": False},
        {"net": "dense16 relu dense4"},
        lambda: _classes(sort=True),
    ),
    "use_gap": ByHand(  # in 400 steps the running means come a third of the way from 0 to where the data are
        {"net": _normed(0.999), "prepare": "none", "epochs": 40}, {"net": _normed(0.9)}, _far
    ),
    "too_short": ByHand({"net": "dense16 relu dense4", "epochs": 2}, {"epochs": 60}, _few),
}
