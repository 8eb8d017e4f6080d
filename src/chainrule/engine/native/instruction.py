"""What a program is made of. Its numbers go by the names that the extension gives; there is no second table.

The numbers themselves: native/program/instruction.hpp and the kernels beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .schedule import Unit

Operand = tuple[int, int, int, int]  # space, offset, bytes a row, bytes a task


@dataclass(frozen=True)
class Names:
    """The numbers that the extension gives to names."""

    kinds: dict[str, int]
    opcodes: dict[str, int]
    loads: dict[str, int]
    stores: dict[str, int]

    @classmethod
    def of(cls, ext: Any) -> Names:
        """As the extension lists them."""
        lists = (ext.kinds(), ext.opcodes(), ext.loads(), ext.stores())
        return cls(*({name: i for i, name in enumerate(names)} for names in lists))


@dataclass
class Instruction:
    """One kernel's call: its integers and operands, and the units that it is for."""

    kind: str
    ints: list[int]
    operands: list[Operand]
    label: str
    units: tuple[Unit, ...] = field(repr=False, default=())
