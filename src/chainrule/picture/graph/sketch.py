"""A graph as boxes and wires with everything written on them, before anything has a place.

`sketch` makes the whole picture, where layers may be folded into one box each; `inside` makes the picture of one layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ...graph import Tensor
from .facts import Facts
from .fold import layer_of
from .gate import gate_text
from .label import SMALL, Label, shape_text
from .scene import shortened, text_width

NAME, TITLE = 12.0, 13.0  # font sizes in boxes
LINE = 14.0  # from line to line in a folded box
NOTE = 13.0  # room for a small note over or under a box
LONGEST = 28  # letters of a name that are shown


@dataclass(frozen=True)
class Box:
    """A leaf, an op, a folded layer or a tensor from outside; `above` and `below` are small notes."""

    key: str
    kind: str
    lines: tuple[str, ...]
    title: str
    above: str = ""
    below: str = ""
    panel: str = ""

    @property
    def width(self) -> float:
        if self.kind == "fold":
            head = text_width(self.lines[0], TITLE, bold=True)
            return max([head + 14, *(text_width(line, SMALL) for line in self.lines[1:])]) + 20
        text = text_width(self.lines[0], TITLE if self.kind == "op" else NAME)
        return max(text + 18, 34.0)

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + 14 if self.kind == "fold" else 34.0 if self.kind == "op" else 28.0

    @property
    def room(self) -> tuple[float, float]:
        """Width and height with the notes; the box is in the middle of it."""
        notes = [text_width(note, SMALL) + 4 for note in (self.above, self.below) if note]
        return max([self.width, *notes]), self.height + (2 * NOTE if notes else 0)


class Wire(NamedTuple):
    """From box to box with a label; to nowhere (an empty target) where something leaves the picture."""

    source: str
    target: str
    name: str
    label: Label
    title: str


@dataclass
class Sketch:
    """All boxes and wires, sources first."""

    boxes: list[Box] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)


def sketch(facts: Facts, folded: Iterable[str]) -> Sketch:
    """The whole graph, these layers folded."""
    names = set(folded)
    draft = _Draft(facts, lambda node: layer if (layer := layer_of(node)) in names else "")
    for node in facts.trace.nodes:
        if not node.is_number or node is facts.trace.output:
            draft.add(node)
    draft.stub(facts.trace.output)
    return draft.finished()


def inside(facts: Facts, layer: str) -> Sketch:
    """One layer: its nodes, what comes in as leaves, what goes out as stubs."""
    draft = _Draft(facts, lambda node: "", layer)
    own = [node for node in facts.trace.nodes if layer_of(node) == layer and not node.is_number]
    for node in own:
        for x in node.inputs:
            if layer_of(x) != layer and not x.is_number:
                draft.outside(x)
        draft.add(node)
    for node in own:
        leaving = [(user, i) for user, i in facts.trace.users[node] if layer_of(user) != layer]
        if leaving or node is facts.trace.output:
            draft.stub(node, leaving)
    return draft.finished()


class _Draft:
    """A sketch in the making. `home` gives the folded layer that a node is drawn in, or nothing."""

    def __init__(self, facts: Facts, home: Callable[[Tensor], str], layer: str = "") -> None:
        self.facts, self.home, self.layer = facts, home, layer
        self.key: dict[Tensor, str] = {}
        self.boxes: dict[str, Box] = {}
        self.members: dict[str, list[Tensor]] = {}
        self.uses: dict[tuple[str, Tensor, str, int], list[tuple[Tensor, int]]] = {}
        self.stubs: list[tuple[Tensor, list[tuple[Tensor, int]]]] = []

    def add(self, node: Tensor) -> None:
        """A node, in a box of its own or in its layer's, and the wires that lead to it."""
        fold = self.home(node)
        key = self.key[node] = f"fold {fold}" if fold else f"box {len(self.key)}"
        self.members.setdefault(key, []).append(node)
        if not fold:
            self.boxes[key] = self._own_box(key, node)
        for i, x in enumerate(node.inputs):
            source = self.key.get(x)
            if source is not None and source != key:
                self.uses.setdefault((source, x, key, -1 if fold else i), []).append((node, i))

    def outside(self, node: Tensor) -> None:
        """A node of another layer, as a leaf under its full name."""
        if node not in self.key:
            key = self.key[node] = f"box {len(self.key)}"
            name = shortened(self.facts.name(node), 2 * LONGEST)
            self.boxes[key] = Box(key, "outside", (name,), self.facts.title(node))

    def stub(self, node: Tensor, leaving: list[tuple[Tensor, int]] | None = None) -> None:
        """A wire that leaves the picture."""
        self.stubs.append((node, leaving or []))

    def _own_box(self, key: str, node: Tensor) -> Box:
        if node.op is None:
            return Box(key, "leaf", (self._short(node),), self.facts.title(node))
        note = self._short(node) if node.name not in (None, node.op.name) else ""
        return Box(key, "op", (gate_text(node),), self.facts.title(node), note)

    def _short(self, node: Tensor) -> str:
        """Its name, without the layer's where that is plain."""
        if not (node.name or node.scope):
            return "tensor" if node.op is None else ""
        return shortened(self.facts.name(node).removeprefix(f"{self.layer}/" if self.layer else ""), LONGEST)

    def finished(self) -> Sketch:
        """The boxes of folded layers can be written only when all their nodes are known."""
        for key, nodes in self.members.items():
            if key not in self.boxes:
                self.boxes[key] = self._fold_box(key, nodes)
        self._note_sums()
        wires = [self._wire(*use, users) for use, users in self.uses.items()]
        return Sketch(list(self.boxes.values()), wires + [self._stub_wire(*stub) for stub in self.stubs])

    def _note_sums(self) -> None:
        """Where one tensor goes out on several wires, its box says what their gradients add up to."""
        ways = [(source, x) for source, x, _, _ in self.uses] + [(self.key[x], x) for x, _ in self.stubs]
        tensors = Counter(source for source, _ in set(ways))
        for (source, x), count in Counter(ways).items():
            if count > 1 and tensors[source] == 1 and self.boxes[source].kind != "outside":
                self.boxes[source] = replace(self.boxes[source], below=self.facts.total(x))

    def _fold_box(self, key: str, nodes: list[Tensor]) -> Box:
        name = key.removeprefix("fold ")
        ops = sum(node.op is not None for node in nodes)
        leaves = {self.facts.name(n).removeprefix(f"{name}/"): n for n in nodes if n.is_variable}
        arrays = wrapped([f"{shortened(leaf, LONGEST)} {shape_text(n.shape)}".rstrip() for leaf, n in leaves.items()])
        lines = (shortened(name, LONGEST), f"{ops} op{'' if ops == 1 else 's'}", *arrays)
        written = [f"{self.facts.name(n)}: {n.op.name if n.op else 'leaf'} {shape_text(n.shape)}" for n in nodes]
        title = "\n".join([f"{name}: a layer of {ops} ops", *written[:24], *(["…"] if len(written) > 24 else [])])
        return Box(key, "fold", lines, title, panel=name)

    def _wire(self, source: str, x: Tensor, target: str, i: int, users: list[tuple[Tensor, int]]) -> Wire:
        flow = self.facts.flow_into(x, users)
        end = target.removeprefix("fold ") if target.startswith("fold ") else self.facts.name(users[0][0])
        return Wire(source, target, self.facts.name(x), self.facts.label(x, flow), self.facts.wire_title(x, end, flow))

    def _stub_wire(self, node: Tensor, leaving: list[tuple[Tensor, int]]) -> Wire:
        facts = self.facts
        flow = facts.flow_into(node, leaving) if leaving else facts.gradient(node)
        end = ", ".join(sorted({facts.name(user) for user, _ in leaving})) or "the output"
        return Wire(self.key[node], "", facts.name(node), facts.label(node, flow), facts.wire_title(node, end, flow))


def wrapped(words: Iterable[str], most: int = 26) -> list[str]:
    """Comma-separated, in lines of about that many letters."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= most:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return lines
