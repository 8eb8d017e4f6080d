"""What lower files must find without knowing it: ops by name, and methods that modules further up fill in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .tensor import Tensor

Axis: TypeAlias = int | tuple[int, ...] | None

OPS: dict[str, Callable[..., Tensor]] = {}  # filled by @op
METHODS: dict[str, Callable[..., Any]] = {}  # of Tensor: "getitem", "backward", "show", ...
