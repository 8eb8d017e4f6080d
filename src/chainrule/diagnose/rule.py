"""Rules: functions of a record that yield findings, in the order in which causes come before what they cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from .finding import SEVERITIES, Finding
from .record import Record

Rule: TypeAlias = Callable[[Record], Iterator[Finding]]
RULES: dict[str, Rule] = {}  # by name, filled as the families of symptoms are imported; the name of each finding's rule


def rule(function: Rule) -> Rule:
    """Enter a rule under its function's name."""
    RULES[function.__name__] = function
    return function


def judged(record: Record) -> list[Finding]:
    """All that the rules find, gravest first; among equals causes come before what they cause, as `RULES` has them."""
    found = [finding for find in RULES.values() for finding in find(record)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
