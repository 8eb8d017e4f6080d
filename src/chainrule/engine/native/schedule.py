"""When what is computed: units of work, put into stages, and within a stage into segments that share their rows.

A unit is one kernel's work: a product, a pooling, a store of an expression, a reduction. Where row i of a unit needs only
row i of another, both stand in one *segment*: a task takes some rows through all its units while they are in cache. What
needs all rows of something waits for the next stage. Expressions are no units: each unit computes those it needs, tile by
tile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from .fuse import KEPT, topological
from .tile import domain_at, domain_of
from .value import COLUMN_REDUCTIONS, GIVEN, Value

COPIES = frozenset(["copy_axes", "slice", "place", "concat", "expand"])
SETUP = -1  # the level of what is computed once for many runs
WHOLE = frozenset(["pack", "merge_moments", "host"])  # they take all of their inputs at once


@dataclass(eq=False)
class Unit:
    """One kernel's work. `value` is what it makes; a loop's `root` is the expression that is stored or reduced."""

    value: Value
    root: Value | None = None  # of loops
    reads: dict[Value, bool] = field(default_factory=dict)  # memory, and whether row i needs row i alone
    domain: tuple[int, int] = (1, 1)  # of loops
    rows: int = 1
    level: int = 0
    depth: int = 0
    segment: Segment | None = None
    target: str | None = None  # the output whose array it writes
    state: Value | None = None  # the input that it writes over
    beside: Value | None = None  # a second result: of a max pooling, where the largest stood
    own: bool = True  # there for the graph's own sake, not for those who look on

    @property
    def made(self) -> tuple[Value, ...]:
        return (self.value,) if self.beside is None else (self.value, self.beside)

    @property
    def is_loop(self) -> bool:
        return self.root is not None

    @property
    def adds_up(self) -> bool:
        """Whether every task makes its own part of the result."""
        return self.value.is_reduction

    @property
    def is_image(self) -> bool:
        return len((self.value if self.root is None else self.root).shape) > 2


@dataclass(eq=False)
class Segment:
    """Units that go through the same rows together, in this order."""

    level: int
    rows: int
    units: list[Unit]
    tasks: int = 1
    chunk: int = 0  # rows at a time; 0: all of the task's


def merged(a: Unit, b: Unit) -> bool:
    """Whether two units become one instruction: loops over one domain, none of which waits for another kernel."""
    alike = a.is_loop and b.is_loop and a.depth == b.depth and a.domain == b.domain
    return a is b or (alike and a.segment is b.segment)


def memory_of(value: Value) -> Value:
    """The value whose memory holds this one: its elements under another shape, or one of its parts."""
    while value.op in ("reshape", "moment"):
        value = value.inputs[0]
    return value


class Schedule:
    """All units of the outputs, with levels and segments.

    Those who look on change no bit: the graph's own units are what they are without them, and never read what lookers store.
    Lookers have units and segments of their own, which read what stands in memory and compute all else again.

    `states` names, for outputs, the input they take the place of. What follows from `held` inputs and constants alone stands
    on the level SETUP, which is not run every time.
    """

    def __init__(
        self,
        outputs: Mapping[str, Value],
        states: Mapping[str, Value],
        held: Set[str] = frozenset(),
        in_place: bool = True,
    ) -> None:
        self.held, self.in_place = held, in_place
        self.order = topological(outputs.values())
        self.outputs, self.states = outputs, states
        own = {name: value for name, value in outputs.items() if not name.startswith(KEPT)}
        own_order = topological(own.values()) if len(own) < len(outputs) else self.order
        self.own, self.own_stored = set(own_order), self._stored(own, own_order)
        self.stored = self._stored(outputs, self.order) | self.own_stored
        self.units = [self._unit(value) for value in self.order if self._is_unit(value)]
        self.by_value = {unit.value: unit for unit in self.units}
        for value in self.order:
            if value.op == "pool_argmax":
                unit = self.by_value[value] = self.by_value[value.inputs[1]]
                unit.beside = value
        for unit in self.units:
            unit.level = SETUP if self._is_held(unit) else self._level(unit)
        self.segments = self._segments()
        self._choose_targets()

    @staticmethod
    def _stored(outputs: Mapping[str, Value], order: list[Value]) -> set[Value]:
        """Expressions that must stand in memory: outputs, and what kernels other than loops take."""
        wanted = [memory_of(value) for value in outputs.values()]
        for value in order:
            if not (value.is_expression or value.op in GIVEN or value.op in COLUMN_REDUCTIONS):
                wanted.extend(memory_of(x) for x in value.inputs)
        return {value for value in wanted if value.is_expression}

    def _is_unit(self, value: Value) -> bool:
        if value.op in GIVEN or value.op in ("moment", "pool_argmax"):
            return False
        return not value.is_expression or value in self.stored

    def _unit(self, value: Value) -> Unit:
        unit = Unit(value, own=value in (self.own_stored if value.is_expression else self.own))
        if value.op in COLUMN_REDUCTIONS:
            unit.root = value.inputs[0]
            return self._loop(unit, unit.root, len(unit.root.shape) - self._left(value))
        if value.is_expression:
            unit.root = value
            return self._loop(unit, value, None)
        unit.rows = self._rows(value)
        for i, x in enumerate(value.inputs):
            base, same = memory_of(x), self._row_by_row(value, i, x)
            same = same and base.shape[:1] == x.shape[:1]
            unit.reads[base] = unit.reads.get(base, True) and same
        return unit

    @staticmethod
    def _left(value: Value) -> int:
        """How many axes a reduction leaves."""
        return len(value.shape) - (value.op == "moments")

    def _rows(self, value: Value) -> int:
        if value.op in WHOLE:
            return value.shape[0] if value.op == "pack" else 1
        if value.op == "conv_kernel":
            return value.inputs[0].shape[0]
        if value.op in COPIES and not all(self._row_by_row(value, i, x) for i, x in enumerate(value.inputs)):
            return 1
        return value.shape[0]

    @staticmethod
    def _row_by_row(value: Value, index: int, x: Value) -> bool:
        """Whether row i of `value` needs of input `index` only row i."""
        if value.op in WHOLE:
            return False
        if value.op in ("gemm", "conv"):
            return index == 0 and not value.attrs.get("a_flipped")
        if value.op in COPIES:
            return ROW_BY_ROW[value.op](value, x)
        return True

    def _loop(self, unit: Unit, root: Value, reduced: int | None) -> Unit:
        inner = self.leaf_test(unit)
        rows = root.shape[0] if root.shape else 1
        asked = domain_of(root, reduced, inner)
        unit.domain = asked or domain_at(root.shape, max(1, len(root.shape) - 1))
        self._walk(unit, root, inner)
        unit.rows = rows
        if rows == 0 or unit.domain[0] % rows:  # its rows are not those of anything else
            unit.rows = unit.domain[0]
            unit.reads = dict.fromkeys(unit.reads, False)
        return unit

    def leaf_test(self, unit: Unit) -> _LeafTest:
        """What a loop loads from memory."""
        return _LeafTest(self.own_stored if unit.own else self.stored, unit.root)

    def _walk(self, unit: Unit, root: Value, is_leaf: _LeafTest) -> None:
        """Find what the expression reads. A value read both row by row and otherwise is read as a whole."""
        if is_leaf(root):
            self._read(unit, root, True)
            return
        seen: dict[Value, bool] = {}
        stack = [(root, True)]
        while stack:
            node, aligned = stack.pop()
            for x in node.inputs:
                same = aligned and _same_rows(node, x)
                if is_leaf(x):
                    self._read(unit, x, same)
                elif seen.get(x) is None or (seen[x] and not same):
                    seen[x] = same
                    stack.append((x, same))

    def _read(self, unit: Unit, leaf: Value, same: bool) -> None:
        base = memory_of(leaf)
        same = same and base.shape[:1] == leaf.shape[:1] and base.op != "merge_moments"
        unit.reads[base] = unit.reads.get(base, True) and same

    def _is_held(self, unit: Unit) -> bool:
        """Whether it follows from what seldom changes."""
        outputs = {memory_of(x) for name, x in self.outputs.items() if not (unit.own and name.startswith(KEPT))}
        given = all(
            self.by_value[base].level == SETUP
            if base in self.by_value
            else base.op == "constant" or base.attrs["name"] in self.held
            for base in unit.reads
        )
        return bool(unit.reads) and given and unit.value.op != "host" and unit.value not in outputs

    def _level(self, unit: Unit) -> int:
        return max((self._after(unit, base, same) for base, same in unit.reads.items()), default=0)

    def _after(self, unit: Unit, base: Value, same: bool) -> int:
        maker = self.by_value.get(base)
        if maker is None or maker.level == SETUP:
            return 0
        return maker.level + (0 if same and self._together(maker, unit) else 1)

    @staticmethod
    def _together(maker: Unit, unit: Unit) -> bool:
        """Whether two units can go through their rows together. Images and their vectors would want other chunks."""
        apart = maker.adds_up or maker.value.op in WHOLE or maker.own != unit.own
        return not apart and maker.rows == unit.rows and maker.is_image == unit.is_image

    def _choose_targets(self) -> None:
        """Who writes the states anew: in place where nothing else reads the old one or shows it, else beside it."""
        readers: dict[Value, list[Unit]] = {}
        for unit in self.units:
            for base in unit.reads:
                readers.setdefault(base, []).append(unit)
        shown = {memory_of(value) for value in self.outputs.values()}
        for name, state in self.states.items():
            keeper = self.by_value.get(memory_of(self.outputs[name]))
            if keeper is None or not keeper.is_loop or keeper.adds_up or keeper.target is not None:
                continue  # copied when all is done
            keeper.target = name
            reading = readers.get(state, [])
            row_by_row = all(merged(reader, keeper) and reader.reads[state] for reader in reading)
            if self.in_place and reading and row_by_row and state not in shown:
                keeper.state = state

    def _segments(self) -> list[Segment]:
        groups = _Groups(self.units)
        by_leaf: dict[tuple[Value, int, int, bool, bool], Unit] = {}
        for unit in self.units:
            for base, same in unit.reads.items():
                maker = self.by_value.get(base)
                if same and maker is not None and maker.level == unit.level:
                    groups.join(maker, unit)
                elif same:
                    first = by_leaf.setdefault((base, unit.level, unit.rows, unit.is_image, unit.own), unit)
                    groups.join(first, unit)
        segments = []
        for members in groups.members():
            self._free_rows(members)
            segment = Segment(members[0].level, members[0].rows, self._in_order(members))
            for unit in members:
                unit.segment = segment
            segments.append(segment)
        return segments

    @staticmethod
    def _free_rows(members: list[Unit]) -> None:
        """Loops of one domain among themselves can be cut at any row of it."""
        domain = members[0].domain
        if all(unit.is_loop and unit.domain == domain for unit in members):
            for unit in members:
                unit.rows = domain[0]

    def _in_order(self, members: list[Unit]) -> list[Unit]:
        """Loops of one domain stand next to each other, unless another kernel must run between them."""
        inside = {value: unit for unit in members for value in unit.made}
        for unit in members:
            unit.depth = 0
            for base in unit.reads:
                maker = inside.get(base)
                if maker is not None and maker is not unit:
                    merges = maker.is_loop and unit.is_loop and maker.domain == unit.domain
                    unit.depth = max(unit.depth, maker.depth + (not merges))
        return sorted(members, key=lambda unit: (unit.depth, not unit.is_loop, unit.domain if unit.is_loop else (0, 0)))


@dataclass(eq=False, frozen=True)
class _LeafTest:
    """Whether a value is loaded from memory by the loop that computes `root`, which is no leaf of its own.

    Loops see through reshapes: what stores a value may read it, too.
    """

    stored: Set[Value]
    root: Value | None

    def __call__(self, value: Value) -> bool:
        return not value.is_expression or (value in self.stored and value is not self.root)


class _Groups:
    """Units that belong together, found by joining pairs."""

    def __init__(self, units: list[Unit]) -> None:
        self.leader = {unit: unit for unit in units}

    def find(self, unit: Unit) -> Unit:
        while self.leader[unit] is not unit:
            self.leader[unit] = self.leader[self.leader[unit]]
            unit = self.leader[unit]
        return unit

    def join(self, a: Unit, b: Unit) -> None:
        self.leader[self.find(b)] = self.find(a)

    def members(self) -> list[list[Unit]]:
        groups: dict[Unit, list[Unit]] = {}
        for unit in self.leader:
            groups.setdefault(self.find(unit), []).append(unit)
        return list(groups.values())


def _same_rows(node: Value, x: Value) -> bool:
    """Whether row i of an expression needs only row i of x. What is repeated for the only row is no row of it."""
    alike = x.shape[:1] == node.shape[:1] and (len(x.shape) == len(node.shape) or node.op == "reshape")
    return alike and (x.size >= node.size or x.shape[0] > 1)


def _whole_first_axis(value: Value, x: Value) -> bool:
    return bool(value.attrs["at"]) and value.attrs["at"][0][:2] == (0, 1) and value.shape[0] == x.shape[0]


ROW_BY_ROW: dict[str, Callable[[Value, Value], bool]] = {
    "copy_axes": lambda value, x: bool(value.shape) and value.attrs["order"][0] == 0,
    "slice": _whole_first_axis,
    "place": _whole_first_axis,
    "concat": lambda value, x: value.attrs["axis"] != 0,
    "expand": lambda value, x: len(x.shape) == len(value.shape) and bool(x.shape) and x.shape[0] == value.shape[0],
}
