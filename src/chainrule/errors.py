"""Every exception chainrule raises on purpose; each is a sentence: expected, found, where, what to do.

ChainruleError
├── ShapeError     (ValueError)   shapes that do not fit; names op or layer, axis and both sizes
├── DtypeError     (TypeError)    element types that do not fit
├── NoValueError   (TypeError)    a recorded tensor was asked for a value it does not have yet
├── OpError        (ValueError)   an op that its library cannot compute for these values; names the op
├── PositionError  (IndexError)   an index outside its axis; names op, axis and size
├── ReadOnlyError  (TypeError)    a tensor's value was to be written to
├── NonFiniteError (ArithmeticError) a NaN or infinity was born, under `cr.debug()`; names the op
├── GradientError  (ValueError)   a derivative that does not exist as asked for
├── UnknownName    (LookupError)  a name that is not there; suggests the nearest
├── SettingError   (ValueError)   an argument outside its range, a network notation that does not parse
├── DataError      (ValueError)   a data file or array; names file, line and column
├── ModelError     (ValueError)   a model file that is broken or does not fit its use
├── RunError       (OSError)      a run folder that cannot be read or written
├── EngineError    (RuntimeError) an engine that is missing or cannot run a graph
└── MissingExtra   (ImportError)  an optional package that is not installed; names the command that brings it

FindingWarning     (UserWarning)  not raised: what an estimator's training was found to suffer from
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


class ChainruleError(Exception):
    """Base of all exceptions above."""


class ShapeError(ChainruleError, ValueError):
    """Shapes that do not fit."""


class DtypeError(ChainruleError, TypeError):
    """Element types that do not fit."""


class NoValueError(ChainruleError, TypeError):
    """A recorded tensor was asked for a value it does not have yet."""


class OpError(ChainruleError, ValueError):
    """An op that its array library cannot compute for these values."""


class PositionError(ChainruleError, IndexError):
    """An index outside its axis."""


class ReadOnlyError(ChainruleError, TypeError):
    """A tensor's value was to be written to."""


class NonFiniteError(ChainruleError, ArithmeticError):
    """A NaN or an infinity was born."""


class GradientError(ChainruleError, ValueError):
    """A derivative that does not exist as asked for."""


class UnknownName(ChainruleError, LookupError):
    """A name that is not there; the message suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no {kind} '{name}'{nearest(str(name), known)}")


class SettingError(ChainruleError, ValueError):
    """An argument outside its range, a network notation that does not parse."""


class DataError(ChainruleError, ValueError):
    """A data file or array that is not what it should be; `line` counts from 1, `column` is a name."""

    def __init__(
        self, what: str, file: str | Path | None = None, line: int | None = None, column: str | None = None
    ) -> None:
        self.file, self.line, self.column = file, line, column
        place = [str(file)] if file is not None else []
        place += [f"line {line}"] if line is not None else []
        place += [f"column '{column}'"] if column is not None else []
        super().__init__(f"{', '.join(place)}: {what}" if place else what)


class ModelError(ChainruleError, ValueError):
    """A model file that is broken or does not fit its use."""


class RunError(ChainruleError, OSError):
    """A run folder that cannot be read or written."""


class EngineError(ChainruleError, RuntimeError):
    """An engine that is missing or cannot run a graph."""


class FindingWarning(UserWarning):
    """What is wrong with a training, told by an estimator."""


class MissingExtra(ChainruleError, ImportError):
    """An optional package that is not installed."""


def need(package: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say which command brings it."""
    try:
        return importlib.import_module(package)
    except ImportError as missing:
        raise MissingExtra(
            f"{purpose} needs the package '{package.partition('.')[0]}', which is not installed: "
            f'pip install "chainrule[{extra}]"'
        ) from missing


def nearest(name: str, known: Iterable[str], most: int = 3) -> str:
    """`; did you mean 'relu'?`, or the whole list when nothing is near."""
    import difflib  # noqa: PLC0415  (only a mistake needs it, and no import should wait for it)

    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, most, 0.5)
    if near:
        return "; did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
    return f"; there are: {', '.join(choices)}" if choices else ""


def require(owner: str, name: str, value: object, ok: bool, expected: str) -> None:
    """Refuse a parameter outside its range, in scikit-learn's sentence."""
    if not ok:
        raise SettingError(f"The '{name}' parameter of {owner} must be {expected}. Got {value!r} instead.")


def is_number(value: object) -> bool:
    """A finite number, NumPy's too; True and False are none."""
    kinds = int | float | np.integer | np.floating
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(-math.inf < value < math.inf)


def is_whole(value: object, least: int) -> bool:
    """A whole number of at least that, NumPy's too; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def require_number(owner: str, name: str, value: object, span: str, what: str = "a number") -> None:
    """Refuse what is no finite number in a range that is written as in the sentence: "[0, 1)"."""
    low, high = (float(end) for end in span[1:-1].split(","))
    ok = is_number(value) and low <= value <= high  # type: ignore[operator]
    ends = {low} if span[0] == "(" else set()
    ends |= {high} if span[-1] == ")" else set()
    require(owner, name, value, ok and value not in ends, f"{what} in the range {span}")


def require_seed(owner: str, seed: Any) -> None:
    """Refuse what is no seed."""
    require(owner, "seed", seed, is_whole(seed, 0) and seed < 2**32, "an int in the range [0, 2**32)")


def is_ours(part: Any) -> bool:
    """Whether a class or a function is chainrule's own: the user's stand in the same tables."""
    return str(part.__module__).startswith(f"{__package__}.")


def enter(table: dict[str, Any], kind: str, part: Any) -> None:
    """Put a part into the table of its kind, by its name; one's own may be defined anew, chainrule's may not."""
    name = part.__name__
    if name in table and is_ours(table[name]) and not is_ours(part):
        raise SettingError(
            f"chainrule has the {kind} '{name}', which saved models find by that name: give yours another one"
        )
    table[name] = part


def as_plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with NumPy's numbers as Python's, which JSON can write."""
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in settings.items()}
