"""The `loop` instruction of some units that share a domain: their tile program as numbers."""

from __future__ import annotations

import math
import struct

from .instruction import Instruction, Names, Operand
from .place import Places
from .schedule import Unit, memory_of
from .tile import COLUMN, FULL, ITSELF, SCALAR, VECTOR, Misfit, Tile
from .value import BOOL, FLOAT32, INT64, Value

MOST_LOADS, MOST_STORES, MOST_OPS, MOST_SLOTS = (
    240,
    60,
    900,
    250,
)  # of one instruction; a little less than `native/` takes


class TooLong(Exception):
    """Too much for one instruction."""


class LoopWriter:
    """Writes the tile program of some loops of one domain."""

    def __init__(self, places: Places, names: Names, group: list[Unit]) -> None:
        self.places, self.names, self.group = places, names, group
        self.rows, self.columns = group[0].domain
        self.segment_rows = max(group[0].rows, 1)
        self.tile = Tile(group[0].domain, places.schedule.leaf_test(group[0]))
        self.taken: set[int] = set()

    def instruction(self) -> Instruction:
        stores = [self._store(unit) for unit in self.group]
        self._keep_order(stores)
        self._share_slots({slot for slot, _, _ in stores})
        names, tile = self.names, self.tile
        number = self._numbers()
        if (
            len(tile.loads) > MOST_LOADS
            or len(stores) > MOST_STORES
            or len(tile.ops) > MOST_OPS
            or len(number) > MOST_SLOTS
        ):
            self._refuse()
        loads = [self._load(leaf, kind, number[slot]) for leaf, kind, slot in tile.loads]
        ints = [
            self.columns,
            self.rows // self.segment_rows,
            len(number),
            len(loads),
            len(stores),
            len(tile.first),
            len(tile.ops),
        ]
        for words, _ in loads:
            ints += words
        for op, slot, inputs, extra in [*tile.first, *tile.ops]:
            ints += [names.opcodes[op], number[slot], *self._operands_of(op, [number[x] for x in inputs], extra)]
        for slot, store, _ in stores:
            ints += [number[slot], names.stores[store]]
        operands = [operand for _, operand in loads if operand] + [operand for _, _, operand in stores]
        label = ", ".join(unit.value.label for unit in self.group)
        return Instruction("loop", ints, operands, label, tuple(self.group))

    def _refuse(self) -> None:
        """Of several units say so; of one say which value on the way had better be stored."""
        if len(self.group) > 1:
            raise TooLong
        inner = [value for value, _ in self.tile.slots if value.inputs and not self.tile.is_leaf(value)]
        large = max(value.size for value in inner if value is not self.group[0].root)
        inner = [value for value in inner if value.size == large and value is not self.group[0].root]
        raise Misfit(inner[len(inner) // 2], ITSELF)

    def _share_slots(self, kept: set[int]) -> None:
        """Tiles that are done with serve again: fewer of them stay in the first cache."""
        tile = self.tile
        last = {slot: i for i, op in enumerate(tile.ops) for slot in (op[1], *op[2])}
        made = {op[1] for op in tile.ops} - kept
        place: dict[int, int] = {}
        free: list[int] = []
        for i, (name, slot, inputs, extra) in enumerate(tile.ops):
            if slot in made and slot not in place and free:
                place[slot] = free.pop()
            tile.ops[i] = (name, place.get(slot, slot), [place.get(x, x) for x in inputs], extra)
            done = {x for x in (slot, *inputs) if x in made and last[x] == i}
            free.extend(place.get(x, x) for x in done)

    def _numbers(self) -> dict[int, int]:
        """The slots that are used, numbered anew."""
        tile = self.tile
        used = [slot for _, _, slot in tile.loads] + [op[1] for op in (*tile.first, *tile.ops)]
        return {slot: i for i, slot in enumerate(dict.fromkeys(used))}

    @staticmethod
    def _operands_of(op: str, inputs: list[int], extra: int) -> list[int]:
        if op == "uniform":
            return [*inputs, extra]
        return [*inputs, 0, 0, 0][:3]

    def _store(self, unit: Unit) -> tuple[int, str, Operand]:
        root, value = unit.root, unit.value
        assert root is not None
        kind = FULL if root.size == math.prod(unit.domain) else COLUMN
        self.tile.is_leaf = self.places.schedule.leaf_test(unit)
        slot = self.tile.slot(root, kind)
        if not unit.adds_up:
            slot = self._own(slot)
        return slot, self._store_kind(unit, value, kind), self.places.result(unit)

    def _own(self, slot: int) -> int:
        """A slot that an operation of each tile computes for this store alone."""
        if slot in self.taken or all(op[1] != slot for op in self.tile.ops):
            self.tile.count += 1
            self.tile.ops.append(("copy", self.tile.count - 1, [slot], 0))
            slot = self.tile.count - 1
        self.taken.add(slot)
        return slot

    def _store_kind(self, unit: Unit, value: Value, kind: str) -> str:
        if value.op in REDUCED:
            whole, by_column = REDUCED[value.op]
            return whole if value.shape == () and kind == FULL else by_column
        if kind == COLUMN or (value.dtype == INT64):
            return "column_int64" if value.dtype == INT64 else "column"
        return "full_bool" if value.dtype == BOOL else "full"

    def _load(self, leaf: Value, kind: str, slot: int) -> tuple[list[int], Operand | None]:
        number = self.names.loads
        if leaf.op == "column_index":
            return [slot, number["column_index"], 0, 0], None
        base = memory_of(leaf)
        if base.op == "constant" and base.shape == ():
            return [slot, number["constant"], 0, _bits(float(base.attrs["array"]))], None
        unit = self.group[0]
        if kind == COLUMN and self.rows == 1 and leaf.dtype != BOOL:
            kind = SCALAR
        if base.is_reduction:
            memory = self.places.memory[base]
            operand = self.places.operand(leaf, unit, kind == FULL)
            return [slot, number[PARTS[kind]], memory.parts, memory.bytes], operand
        name = LOADS[kind, leaf.dtype]
        return [slot, number[name], 0, 0], self.places.operand(leaf, unit, kind in (FULL, COLUMN))

    def _keep_order(self, stores: list[tuple[int, str, Operand]]) -> None:
        """A state is overwritten after the last operation that reads it, by a copy if need be."""
        for i, (slot, store, operand) in enumerate(stores):
            state = self.group[i].state
            loaded = [s for leaf, _, s in self.tile.loads if state is not None and memory_of(leaf) is state]
            made = next((k for k, op in enumerate(self.tile.ops) if op[1] == slot), None)
            if loaded and (made is None or any(set(loaded) & set(op[2]) for op in self.tile.ops[made + 1 :])):
                self.tile.count += 1
                self.tile.ops.append(("copy", self.tile.count - 1, [slot], 0))
                stores[i] = (self.tile.count - 1, store, operand)


REDUCED = {
    "colsum": ("total_sum", "column_sum"),
    "colmax": ("total_max", "column_max"),
    "colmin": ("column_min", "column_min"),
    "moments": ("moments", "moments"),
}
PARTS = {FULL: "full_parts", VECTOR: "vector_parts", SCALAR: "scalar_parts"}
LOADS = {
    (FULL, FLOAT32): "full",
    (VECTOR, FLOAT32): "vector",
    (COLUMN, FLOAT32): "column",
    (SCALAR, FLOAT32): "scalar",
    (FULL, BOOL): "full_bool",
    (COLUMN, BOOL): "column_bool",
    (COLUMN, INT64): "column_int64",
    (FULL, INT64): "column_int64",
    (SCALAR, INT64): "scalar_int64",
    ("raw", INT64): "scalar_raw",
}


def _bits(number: float) -> int:
    return int(struct.unpack("<i", struct.pack("<f", number))[0])
