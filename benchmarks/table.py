"""Numbers as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.table import table

__all__ = ["as_bar", "as_ms", "as_range", "as_share", "table"]


def as_ms(ms: float) -> str:
    """Three figures."""
    return f"{ms:.3g}" if ms < 1000 else f"{ms:.0f}"


def as_range(values: Sequence[float]) -> str:
    """Least and greatest."""
    return f"{as_ms(min(values))}-{as_ms(max(values))}"


def as_share(share: float) -> str:
    """Percent; nothing where it is not known."""
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}" if share else ""


def as_bar(ratio: Mapping[str, float]) -> str:
    """A ratio with its range."""
    return f"{ratio['median']:.2f} ({as_range([ratio['least'], ratio['most']])})"
