"""Rules: functions of a record that yield findings, in the order in which causes come before what they cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from ..run import METHODS, Run
from .finding import Finding
from .record import ENOUGH_STEPS, Record

Find: TypeAlias = Callable[[Record], Iterator[Finding]]
RULES: dict[str, Find] = {}  # by name, which is that of its findings; filled as the families of symptoms are imported
EARLY: set[str] = set()  # those that hold before a training has ended


def rule(find: Find) -> Find:
    """Enter a rule that judges a training that has ended."""
    RULES[find.__name__] = find
    return find


def early(find: Find) -> Find:
    """Enter a rule that holds from the first step on."""
    EARLY.add(find.__name__)
    return rule(find)


def diagnose(run: Run | str | Path) -> list[Finding]:
    """What is wrong with a training, on the run or its folder: causes before what they cause, notes behind all others.

    Nothing is trained and no engine is asked; a run of last year or of another machine is read like one of today. While
    the training goes on only what holds from the start is told. RunError if the folder is no run.
    """
    record = Record(run if isinstance(run, Run) else Run(run))
    ended = record.status is not None
    short = ended and record.steps < ENOUGH_STEPS and not record.diverged
    rules = {*EARLY, "too_short"} if short else RULES if ended else EARLY
    found = [finding for name, find in RULES.items() if name in rules for finding in find(record)]
    return sorted(found, key=lambda finding: finding.severity == "note")


METHODS["findings"] = diagnose
