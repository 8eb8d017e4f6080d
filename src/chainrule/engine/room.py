"""Whether there is room: what cannot fit this machine's memory is refused before any of it is asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

from ..errors import EngineError


def refuse_too_much(what: str, sizes: Mapping[str, int], total: int | None = None) -> None:
    """EngineError if `total` bytes (by default all `sizes` together) are more than there is; it names the largest."""
    needed, there = sum(sizes.values()) if total is None else total, memory()
    if there is None or needed <= there:
        return
    name = max(sizes, key=sizes.__getitem__)
    raise EngineError(
        f"{what} needs {told(needed)} of memory, the most of it for '{name}' ({told(sizes[name])}), and this machine has "
        f"{told(there)}: take a smaller batch, smaller inputs or a smaller layer"
    )


@functools.cache
def memory() -> int | None:
    """Bytes of this machine's memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def told(count: int) -> str:
    """Bytes for people: `1.5 MB`."""
    for unit, scale in (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count} bytes"
