"""Names of a package that are imported when they are first asked for: most programs do without, and start faster.

Source: PEP 562.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def later(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package, from its `modules` and the names that each of them brings.

    A type checker does not look behind them: it is told the same names by imports under TYPE_CHECKING.
    """
    places = {name: module for module, names in modules.items() for name in [module, *names.split()]}

    def found(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{places[name]}")
        return module if name in modules else getattr(module, name)

    def known() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return found, known
