"""What every cure of `diagnose.finding.CURES` does to the arguments of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..choices import choose_preparation
from ..data import transform_of
from ..diagnose.finding import Cure
from ..graph import Shape
from ..loss import BY_TASK, Loss, OfClasses
from ..optim import Adam, Optimizer
from . import surgery

Arguments: TypeAlias = Mapping[str, Any]  # of `cr.train`, all of them but `folder` and `progress`


@dataclass(frozen=True, eq=False)
class Case:
    """A training that may be cured: its arguments, with the network, the optimiser and the epochs as they came to be."""

    arguments: Arguments
    shape: Shape  # of one example as the network gets it

    def cured(self, cure: Cure) -> Case | None:
        """The same with that cure; None where it changes nothing."""
        changes = CHANGES[cure.name](self, cure.value if cure.value is not None else 0.0)
        new = {name: value for name, value in changes.items() if not _same(value, self.arguments[name])}
        return Case({**self.arguments, **new}, self.shape) if new else None

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    @property
    def loss(self) -> Loss:
        """As it is chosen."""
        chosen: Loss = self["loss"] or BY_TASK[self["data"].task]
        return chosen


Change: TypeAlias = Callable[[Case, float], Arguments]


def _same(value: Any, other: Any) -> bool:
    """Whether an argument is what it was; arrays are only the same as themselves."""
    plain = not isinstance(value, Mapping) and not isinstance(other, Mapping | tuple)
    return value is other or bool(plain and value == other)


def _optimizer(case: Case, **changes: Any) -> Arguments:
    return {"optimizer": replace(case["optimizer"], **changes)}


def _network(change: Callable[..., Any], with_value: bool = False) -> Change:
    """A cure that is surgery."""
    return lambda case, value: {"net": change(case["net"], case.shape, *([value] if with_value else []))}


def _more_l2(case: Case, times: float) -> Arguments:
    """A prior that is not there yet begins with the default."""
    now = case.loss.prior if case["l2"] is None else case["l2"]
    return {"l2": float(now * times) if now else case.loss.prior}


def _weigh(case: Case, _: float) -> Arguments:
    """The weights of classes, said once; other targets have none."""
    if case["data"].task != "classes" or case["class_weight"] == "balanced" or not isinstance(case.loss, OfClasses):
        return {}
    return {"class_weight": "balanced", "loss": replace(case["loss"], weights=None) if case["loss"] else None}


def _default_l2(case: Case, _: float) -> Arguments:
    same = case["l2"] in (None, case.loss.prior) and not case["l1"]
    return {} if same else {"l2": None, "l1": 0.0}


def _default_loss(case: Case, _: float) -> Arguments:
    return {} if case.loss == BY_TASK[case["data"].task] else {"loss": None}


def _standardise(case: Case, _: float) -> Arguments:
    """Codes that an Embedding reads stay as they are."""
    recipe, codes = choose_preparation(case["prepare"], case["net"])
    return {} if codes or recipe == transform_of("standardise") else {"prepare": "standardise"}


def _clip_norm(case: Case, norm: float) -> Arguments:
    now = case["optimizer"].clip_norm
    return {} if now is not None and now <= norm else _optimizer(case, clip_norm=norm)


def _default_init(case: Case, _: float) -> Arguments:
    return {"net": surgery.default_init(case["net"]), "start": case["start"] and None}


def _adam(case: Case, _: float) -> Arguments:
    """Its limits on the gradients are not what is changed."""
    now: Optimizer = case["optimizer"]
    return {"optimizer": Adam(0.003, clip_value=now.clip_value, clip_norm=now.clip_norm, max_norm=now.max_norm)}


def _split(case: Case, _: float) -> Arguments:
    return {"validation": 0.1} if not isinstance(case["validation"], float) or not case["validation"] else {}


CHANGES: Mapping[str, Change] = {
    "lr": lambda case, times: _optimizer(case, lr=case["optimizer"].lr * times),
    "optimizer": _adam,
    "epochs": lambda case, times: {"epochs": max(round(case["epochs"] * times), 1)},
    "batch_size": lambda case, size: {"batch_size": int(size)},
    "shuffle": lambda case, _: {"shuffle": True},
    "split": _split,
    "prepare": _standardise,
    "loss": _default_loss,
    "class_weight": _weigh,
    "l2": _default_l2,
    "more_l2": _more_l2,
    "clip_norm": _clip_norm,
    "init": _default_init,
    "dropout": lambda case, rate: {"net": surgery.less_dropout(case["net"], rate)},
    "add_dropout": _network(surgery.add_dropout, with_value=True),
    "relu": _network(surgery.relu),
    "insert_relu": _network(surgery.insert_relu),
    "batch_norm": _network(surgery.batch_norm),
    "no_batch_norm": _network(surgery.no_batch_norm),
    "linear_output": _network(surgery.linear_output),
    "wider": _network(surgery.wider, with_value=True),
    "narrower": lambda case, times: {"net": surgery.wider(case["net"], case.shape, 1 / times)},
}
