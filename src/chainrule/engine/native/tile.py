"""One `loop` instruction: a tile program that computes several expressions over one domain of R rows and C columns.

What a value is to the domain decides how it is loaded: `full` (R, C), a `vector` (C) that all rows share, a `column` (R)
with one number a row, or a `scalar`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...graph import Shape
from .value import BOOL, IN_A_ROW, ROW_REDUCTIONS, SAME_ELEMENTS, Value

ITSELF = -1
FULL, VECTOR, COLUMN, SCALAR = "full", "vector", "column", "scalar"
Domain = tuple[int, int]  # rows, columns
ONE_ROW, ONE_COLUMN = {VECTOR: FULL, SCALAR: COLUMN}, {COLUMN: FULL, VECTOR: SCALAR}


class Misfit(Exception):
    """Input number `index` of `value` is repeated in a way that no load does: it must be repeated in memory first.

    With index ITSELF the value itself belongs to rows of another kind, and must be stored on its own.
    """

    def __init__(self, value: Value, index: int) -> None:
        self.value, self.index = value, index


def expression_inputs(value: Value, is_leaf: Callable[[Value], bool]) -> Iterator[Value]:
    """The expressions behind `value`, itself included, up to the leaves, which are not."""
    stack, seen = [value], {id(value)}
    while stack:
        node = stack.pop()
        yield node
        for x in node.inputs:
            if not is_leaf(x) and id(x) not in seen:
                seen.add(id(x))
                stack.append(x)


def domain_of(root: Value, reduced: int | None, is_leaf: Callable[[Value], bool]) -> tuple[int, int] | None:
    """The domain that an expression asks for, or None where any will do.

    `reduced` is how many leading axes of the root are added up, None if it is stored.
    """
    if reduced is not None and 0 < reduced < len(root.shape):
        return domain_at(root.shape, reduced)
    nodes = [] if is_leaf(root) else list(expression_inputs(root, is_leaf))
    for node in nodes:
        if _asks_for_rows(node) and _holds(_rows_of(node), root, node):
            return _rows_of(node)
    for node in nodes:
        if node.size == root.size and node.size > 1:
            for x in node.inputs:
                split = _split_between(node.shape, x.shape) if x.size not in (1, node.size) else None
                if split is not None:
                    return split[0]
    return None


def domain_at(shape: Shape, axes: int) -> Domain:
    """The domain whose rows are the first `axes` axes."""
    return math.prod(shape[:axes]), math.prod(shape[axes:])


def _asks_for_rows(node: Value) -> bool:
    """Whether it is computed of whole rows."""
    return node.op in IN_A_ROW or any(x.op == "column_index" for x in node.inputs)


def _rows_of(node: Value) -> Domain:
    """What such an op takes as rows: all axes but those it reduces, or but the last, whose index it looks at."""
    if node.op not in IN_A_ROW:
        return domain_at(node.shape, len(node.shape) - 1)
    rows = node.size
    return rows, node.inputs[0].size // rows if rows else 0


def _holds(domain: Domain, root: Value, node: Value) -> bool:
    """Whether the root is all of a domain, or a number each row: no truth value, and of empty rows the reduction alone."""
    if root.size == math.prod(domain):
        return True
    return root.size == domain[0] and root.dtype != BOOL and (domain[1] > 0 or root is node)


def _split_between(shape: Shape, part: Shape) -> tuple[Domain, str] | None:
    """Where a shape must be cut so that `part` lies on one side: as a vector behind the cut or as a column before it."""
    padded = (1,) * (len(shape) - len(part)) + part
    there = [i for i, m in enumerate(padded) if m != 1]
    repeated = [i for i, (n, m) in enumerate(zip(shape, padded, strict=True)) if m == 1 and n != 1]
    if there and repeated and max(repeated) < min(there):
        return domain_at(shape, min(there)), VECTOR
    if there and repeated and max(there) < min(repeated):
        return domain_at(shape, min(repeated)), COLUMN
    return None


def _behind(x: Value) -> Value:
    """What is seen under another shape."""
    while x.op == "reshape":
        x = x.inputs[0]
    return x


@dataclass
class Tile:
    """The tile program under construction: slots for values, operations, and what is loaded and stored."""

    domain: Domain
    is_leaf: Callable[[Value], bool]
    slots: dict[tuple[Value, str], int] = field(default_factory=dict)
    loads: list[tuple[Value, str, int]] = field(default_factory=list)  # leaf, kind, slot
    first: list[tuple[str, int, list[int], int]] = field(default_factory=list)
    ops: list[tuple[str, int, list[int], int]] = field(default_factory=list)
    count: int = 0

    def slot(self, value: Value, kind: str) -> int:
        """The slot that holds `value`, computed now if it is not there yet."""
        kind = self._plain(kind)
        if (value, kind) not in self.slots:
            self._compute(value, kind)
        return self.slots[value, kind]

    def _plain(self, kind: str) -> str:
        """One name for one thing: in a domain of one row a vector is all there is, of one column a column is."""
        rows, columns = self.domain
        if rows == 1:
            kind = ONE_ROW.get(kind, kind)
        return ONE_COLUMN.get(kind, kind) if columns == 1 else kind

    def _compute(self, value: Value, kind: str) -> None:
        """Inputs before their users, without recursion: chains can be thousands long."""
        stack = [(value, kind)]
        while stack:
            node, kind = stack[-1]
            if (node, kind) in self.slots:
                stack.pop()
                continue
            if self.is_leaf(node) or node.op in ("constant", "column_index"):
                self.slots[node, kind] = self._load(node, kind)
                continue
            inputs = [(x, self._plain(k)) for x, k in zip(node.inputs, self._input_kinds(node, kind), strict=True)]
            missing = [pair for pair in inputs if pair not in self.slots]
            if missing:
                stack.extend(reversed(missing))
            else:
                self.slots[node, kind] = self._emit(node, kind, [self.slots[pair] for pair in inputs])

    def _load(self, node: Value, kind: str) -> int:
        self.count += 1
        self.loads.append((node, kind, self.count - 1))
        return self.count - 1

    def _emit(self, node: Value, kind: str, inputs: list[int]) -> int:
        if node.op in SAME_ELEMENTS:
            return inputs[0]
        self.count += 1
        invariant = kind in (VECTOR, SCALAR) and node.op != "uniform"
        op = (node.op, self.count - 1, inputs, node.attrs.get("stream", 0))
        (self.first if invariant else self.ops).append(op)
        return self.count - 1

    def _input_kinds(self, node: Value, kind: str) -> list[str]:
        if node.op in ROW_REDUCTIONS or node.op in ("rowargmax", "rowargmin"):
            return [self._row_input(node, kind)]
        if node.op == "take_column":
            return [self._row_input(node, kind), COLUMN]
        if node.op == "uniform":
            if kind != FULL:  # a number for each place in the domain
                raise Misfit(node, ITSELF)
            return ["raw", "raw"]
        return [self._input_kind(node, kind, i, x) for i, x in enumerate(node.inputs)]

    def _row_input(self, node: Value, kind: str) -> str:
        """Within a row one can only reduce what fills the row."""
        if kind not in (COLUMN, FULL) or _rows_of(node) != self.domain:
            raise Misfit(node, ITSELF)
        return FULL

    def _input_kind(self, node: Value, kind: str, index: int, x: Value) -> str:
        found, leaf = self._plain(self._kind_of(node, kind, index, x)), _behind(x)
        if node.op == "reshape" or not self.is_leaf(leaf):
            return found
        if leaf.dtype == BOOL and leaf.op != "constant" and found in (VECTOR, SCALAR):
            raise Misfit(
                node, ITSELF if x.size == node.size else index
            )  # truth values are loaded for every element or row
        if leaf.is_reduction and found == COLUMN and self.domain[0] > 1:
            raise Misfit(node, index)  # parts are added up for the whole domain, or for every column
        return found

    def _kind_of(self, node: Value, kind: str, index: int, x: Value) -> str:
        if x.op == "column_index":
            if kind != FULL or _rows_of(node) != self.domain:
                raise Misfit(node, ITSELF)
            return VECTOR
        if x.size == node.size:
            return kind
        if x.size == 1:
            return SCALAR
        if kind == FULL:
            split, side = _split_between(node.shape, x.shape) or (None, "")
            if split == self.domain:
                return side
        raise Misfit(node, index)
