"""Finding: one thing that is wrong with a training: what was seen, why it matters, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # gravest first

# What can be done, in words; `fix` knows how each of them changes the settings of a training. "{}" is the cure's value.
CURES: Mapping[str, str] = {
    "lr": "multiply the learning rate by {:g}",
    "optimizer": "train with cr.Adam(0.003)",
    "epochs": "train {:g} times as many epochs",
    "batch_size": "use batches of {:g}",
    "shuffle": "shuffle the rows (shuffle=True)",
    "split": "draw the validation part at random from all rows (validation=0.1)",
    "prepare": "standardise the inputs (prepare='standardise')",
    "loss": "use the loss that fits the target (loss=None)",
    "class_weight": "weigh the classes (class_weight='balanced')",
    "l2": "use the default l2 (l2=None) and no l1",
    "more_l2": "multiply l2 by {:g}",
    "clip_norm": "clip the gradients (clip_norm={:g})",
    "init": "use the layers' default initial weights",
    "dropout": "bring dropout down to {:g}",
    "add_dropout": "add dropout of {:g} before the last layer",
    "relu": "put relu in place of the activations",
    "insert_relu": "put relu between the weight layers",
    "batch_norm": "put batch norm behind the hidden weight layers",
    "no_batch_norm": "take batch norm out",
    "linear_output": "end the network with a plain dense layer",
    "wider": "make the hidden layers {:g} times as wide",
    "narrower": "make the hidden layers 1/{:g} as wide",
}


@dataclass(frozen=True)
class Cure:
    """A change of the settings that `fix` can try: a name of `CURES` and its number, if it has one."""

    name: str
    value: float | None = None

    def __str__(self) -> str:
        return CURES[self.name].format(self.value)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a training.

    rule      name of the rule that found it, also its place in the docs
    severity  "error": nothing is learned like this; "warning": the outcome suffers; "note": worth knowing
    saw       what was measured, with its limit: "84% of the units never fire (limit 50%)"
    why       why it matters, one short sentence without its full stop
    do        what to do, most promising first: cures that `cr.fix` can try, or advice in words
    layer     path of the layer; empty: the whole network or the data
    step      the step at which it was seen; None: before or throughout the training
    source    where the limit comes from
    """

    rule: str
    severity: Severity
    saw: str
    why: str
    do: tuple[Cure | str, ...]
    layer: str = ""
    step: int | None = None
    source: str = ""

    def __str__(self) -> str:
        """One line: severity, rule, place, what was seen, why, what to do first."""
        place = " ".join(
            [*([self.layer] if self.layer else []), *([f"step {self.step}"] if self.step is not None else [])]
        )
        return (
            f"{self.severity}: {self.rule}{f', {place}' if place else ''}: {self.saw}. {self.why}. Try: {self.do[0]}."
        )

    @property
    def cures(self) -> tuple[Cure, ...]:
        """What `fix` can try."""
        return tuple(cure for cure in self.do if isinstance(cure, Cure))

    def plain(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {**asdict(self), "do": [str(what) for what in self.do]}
