"""Pictures of graphs: the lecture's numbers at their lines, nothing on top of anything, files that open anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Tensor, scope
from chainrule.picture.graph import Picture
from chainrule.picture.graph.label import heat_levels
from chainrule.picture.graph.palette import PAINT
from chainrule.picture.graph.scene import Area, Band, Cells, Curve, Frame, Text, stacked
from chainrule.trace import Trace

pytest.importorskip("pygraphviz")
SVG = "{http://www.w3.org/2000/svg}"
GREEN, RED = PAINT["value"].fill, PAINT["gradient"].fill
rng = np.random.default_rng(0)


def normal(*shape: int, name: str) -> Tensor:
    return cr.tensor(rng.normal(size=shape).astype(np.float32), name)


def lecture() -> Tensor:
    x, y, z = cr.tensor(-2.0, "x"), cr.tensor(5.0, "y"), cr.tensor(-4.0, "z")
    return (x + y) * z


def neuron() -> Tensor:
    w0, x0, w1, x1, w2 = (cr.tensor(v, n) for v, n in zip((2.0, -1.0, -3.0, -2.0, -3.0), "abcde", strict=True))
    return 1 / (1 + cr.exp(-(w0 * x0 + w1 * x1 + w2)))


def residual(blocks: int = 6) -> Tensor:
    h = normal(4, 6, name="x")
    for i in range(blocks):
        with scope(f"block{i}"):
            h = h + cr.relu(h @ normal(6, 6, name="w") + normal(6, name="b"))
    with scope("loss"):
        return (h * h).sum()


def forked() -> Tensor:
    x = cr.tensor(-2.0, "x")
    return x * x + x


def infinite() -> Tensor:
    x = cr.tensor([np.nan, -np.inf, 1.0], "x")
    return (x * 2).sum()


def empty() -> Tensor:
    return (cr.tensor(np.zeros((0, 3)), "nothing") * 2).sum()


def recorded() -> Tensor:
    return (cr.placeholder((4, 3), name="a") * cr.placeholder((3,), name="b") + 1).sum()


def strange_names() -> Tensor:
    return cr.tensor(2e-7, '<a> & "b" ' + "long" * 14) / cr.tensor(12345.0, "$x_1$ \x01 \U0001f642")


def single() -> Tensor:
    return cr.tensor(2.0, "only")


GRAPHS = [lecture, neuron, forked, residual, infinite, empty, recorded, strange_names, single]
GRAPHS_BOTH = [(make, fold) for make in GRAPHS for fold in (False, True)]


def picture(output: Tensor, fold: bool | None = None) -> Picture:
    return Picture(Trace.of(output), fold)


def strips(drawn: Picture) -> Iterator[Band]:
    """Everything that is drawn, folded layers' insides too."""
    yield from drawn.bands
    yield from map(drawn.panel, drawn.layers)


def on_top_of_one_another(band: Band) -> list[tuple[str, str]]:
    """Labels with their whole area, boxes with their notes, names at the margin, and each text for itself."""
    groups = [group for group in band.groups if group.kind != "wire"]
    pairs = [(a.title, b.title) for a, b in combinations(groups, 2) if a.area.overlaps(b.area, 0.5)]
    texts = [item for group in groups for item in group.items if isinstance(item, Text | Cells)]
    return pairs + [(str(a), str(b)) for a, b in combinations(texts, 2) if a.area.overlaps(b.area, 0.5)]


def along(curve: Curve) -> Any:
    """Points of a curve."""
    t = np.linspace(0, 1, 24)[:, None]
    weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
    p = np.array(curve.points)
    return np.concatenate([sum(w * p[i + k] for k, w in enumerate(weights)) for i in range(0, len(p) - 1, 3)])


def solids(band: Band) -> Iterator[tuple[str, Area]]:
    """Where no wire may be: texts, heat maps, and boxes but for their rims."""
    for group in band.groups:
        for item in group.items:
            if isinstance(item, Text | Cells):
                yield str(item), item.area
            elif isinstance(item, Frame) and item.role == group.kind:
                yield group.title, Area(item.box[0] + 1, item.box[1] + 1, item.box[2] - 1, item.box[3] - 1)


def crossed_by_wires(band: Band) -> list[tuple[str, str]]:
    """Things that a wire runs through."""
    curves = [(g.title, item) for g in band.groups if g.kind == "wire" for item in g.items if isinstance(item, Curve)]
    found = []
    for title, curve in curves:
        x, y = along(curve).T
        for name, (left, top, right, bottom) in solids(band):
            if ((x > left) & (x < right) & (y > top) & (y < bottom)).any():
                found.append((title, name))
    return found


def texts_of(svg: str) -> dict[str, list[tuple[float, float, str]]]:
    """(x, y, colour) of every text."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for node in ET.fromstring(svg).iter(f"{SVG}text"):
        place = float(node.attrib["x"]), float(node.attrib["y"]), node.attrib["fill"]
        found.setdefault(node.text or "", []).append(place)
    return found


@pytest.mark.parametrize(
    ("leaf", "value", "gradient"), [("x", "-2.00", "-4.00"), ("y", "5.00", "-4.00"), ("z", "-4.00", "3.00")]
)
def test_the_lectures_numbers_stand_at_their_lines(leaf: str, value: str, gradient: str) -> None:
    texts = texts_of(picture(lecture()).svg())
    x, y, _ = texts[leaf][0]
    above = [t for t in texts[value] if t[2] == GREEN and -18 < t[1] - y < -2 and 0 < t[0] - x < 120]
    below = [t for t in texts[gradient] if t[2] == RED and 2 < t[1] - y < 18 and 0 < t[0] - x < 120]
    assert len(above) == len(below) == 1
    assert above[0][0] == below[0][0]


def test_the_output_ends_in_its_value_and_one() -> None:
    texts = texts_of(picture(lecture()).svg())
    ((x, y, colour),) = texts["-12.00"]
    assert colour == GREEN
    assert [(t[0], t[2]) for t in texts["1.00"] if t[1] > y] == [(x, RED)]
    assert x == max(t[0] for ts in texts.values() for t in ts)


def test_the_neuron_reads_as_on_the_slide() -> None:
    texts = texts_of(picture(neuron()).svg())
    for number in ("0.73", "1.37", "0.37", "-1.00", "6.00"):
        assert GREEN in {t[2] for t in texts[number]}
    for number in ("-0.53", "-0.20", "0.39", "-0.59", "-0.39"):
        assert RED in {t[2] for t in texts[number]}
    assert {"+1", "1/x", "exp", "×−1"} <= set(texts)


def test_each_line_of_a_fork_has_its_own_gradient_and_the_box_their_sum() -> None:
    texts = texts_of(picture(forked()).svg())
    reds = sorted(text for text, places in texts.items() for t in places if t[2] == RED)
    assert reds == ["-2.00", "-2.00", "1.00", "1.00", "1.00", "sum -3.00"]


@pytest.mark.parametrize(("make", "fold"), GRAPHS_BOTH)
def test_nothing_lies_on_anything(make: Any, fold: bool) -> None:
    for band in strips(picture(make(), fold)):
        assert on_top_of_one_another(band) == []
        assert crossed_by_wires(band) == []


STEPS: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: cr.tanh(a), lambda a, b: a * 2.5
]  # fmt: skip


@st.composite
def dags(draw: st.DrawFn) -> Tensor:
    """Random graphs over scalars, vectors and matrices, in and out of layers."""
    shapes = [(), (3,), (5, 3)]
    nodes = [normal(*shape, name=f"leaf{i}") for i, shape in enumerate(shapes)]
    for _ in range(draw(st.integers(1, 14))):
        with scope(draw(st.sampled_from(["", "", "one", "two", "two/deep"]))):
            a, b = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
            made: Callable[[Tensor, Tensor], Tensor] = draw(st.sampled_from(STEPS))
            nodes.append(made(a, b))
    last = nodes[-1]
    for node in nodes[-4:-1]:
        last = last + node
    return last.sum()


@settings(max_examples=40)
@given(dags(), st.booleans())
def test_random_graphs_are_drawn_whole_and_free_of_overlaps(output: Tensor, fold: bool) -> None:
    drawn = picture(output, fold)
    for band in strips(drawn):
        assert on_top_of_one_another(band) == []
        assert crossed_by_wires(band) == []
    if not fold:
        inputs = [x for node in drawn.trace.nodes for x in node.inputs if x.is_variable or x.op]
        labels = [g for g in stacked(drawn.bands).groups if g.kind == "label"]
        assert len(labels) == len(inputs) + 1  # and the output's stub


@pytest.mark.parametrize("make", [lecture, residual, forked])
def test_every_edge_runs_from_box_to_box(make: Any) -> None:
    drawn = picture(make(), fold=False)
    names = {drawn.facts.name(node): node for node in drawn.trace.nodes}
    wanted = sorted(
        (drawn.facts.name(x), name) for name, node in names.items() for x in node.inputs if x.is_variable or x.op
    )
    titles = [g.title.splitlines()[0].split(" → ") for g in stacked(drawn.bands).groups if g.kind == "label"]
    assert sorted((a, b) for a, b in titles if b != "the output") == wanted
    heads = [g for g in stacked(drawn.bands).groups if g.kind == "wire" and type(g.items[0]).__name__ == "Arrow"]
    assert len(heads) == len(wanted) + 1


def test_a_wide_picture_wraps_and_names_the_wires_it_cuts() -> None:
    drawn = picture(residual(8), fold=False)
    assert len(drawn.bands) > 2
    assert all(band.width < 1700 for band in drawn.bands)
    for left, right in pairwise(drawn.bands):
        ends = {g.title for g in left.groups if g.kind == "margin" and g.area.left > left.width / 2}
        starts = {g.title for g in right.groups if g.kind == "margin" and g.area.left < right.width / 2}
        assert ends == starts != set()


def test_a_folded_layer_is_one_box_with_its_parameters() -> None:
    drawn = picture(residual(), fold=True)
    texts = texts_of(drawn.svg())
    assert drawn.layers == [f"block{i}" for i in range(6)] + ["loss"]
    assert {"block0", "4 ops", "w 6×6, b 6", "loss", "2 ops"} <= set(texts)
    assert "@" not in texts
    inner = {text.text for g in drawn.panel("block1").groups for text in g.items if isinstance(text, Text)}
    assert {"block0/add#2", "w", "b", "@", "ReLU"} <= inner
    ends = [g.title.splitlines()[0] for g in drawn.panel("loss").groups if g.kind == "label"]
    assert ends[-1] == "loss/sum → the output"


def test_many_nodes_fold_by_themselves_and_few_do_not() -> None:
    assert picture(residual(12)).layers
    assert not picture(residual(2)).layers
    assert repr(picture(lecture())) == "<Picture of 5 nodes, output 'mul'>"


def test_a_layer_that_would_stand_before_and_behind_another_stays_unfolded() -> None:
    x = cr.tensor(2.0, "x")
    with scope("one"):
        a = x * x
    with scope("two"):
        b = cr.tanh(cr.exp(a))
    with scope("one"):
        c = a + b
    assert picture(c, fold=True).layers == ["one"] or picture(c, fold=True).layers == ["two"]


def test_text_is_never_small_and_tooltips_tell_everything() -> None:
    svg = picture(residual(), fold=False).svg()
    sizes = {float(size) for size in re.findall(r'font-size="([\d.]+)"', svg)}
    assert min(sizes) >= 10
    titles = [node.text or "" for node in ET.fromstring(svg).iter(f"{SVG}title")]
    about = next(t for t in titles if t.startswith("block3/matmul: matmul"))
    assert re.search(r"shape 4×6, float32\nvalue: min \S+, mean \S+, max \S+\ngradient: min ", about)


def test_the_heat_map_of_an_image_is_its_first_example() -> None:
    x = cr.tensor(rng.normal(size=(2, 8, 8, 3)), "x")
    drawn = picture((x * x).sum())
    cells = [item for g in drawn.bands[0].groups for item in g.items if isinstance(item, Cells)]
    assert cells[0].levels == heat_levels(np.asarray(x)[0, :, :, 0], square=True)
    assert any("shown: n=0, c=0" in g.title for g in drawn.bands[0].groups)
    rims = [item for g in drawn.bands[0].groups for item in g.items if isinstance(item, Frame) and "rim" in item.role]
    assert len(rims) == len(cells)
