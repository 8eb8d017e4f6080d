"""Every figure against NumPy on the values of the same step; and a training that is probed goes as one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule import statistics
from chainrule.diagnose import Probes, probed
from chainrule.diagnose.probes import SATURATED
from chainrule.engine import Batches, States, native, plan
from chainrule.errors import ShapeError
from chainrule.graph import Graph, Tensor, placeholder
from chainrule.layers import Context, Layer
from chainrule.network import training_graph
from chainrule.step import _batch

Array = NDArray[Any]
OF_OUTPUTS, OF_PARAMETERS = ["mean", "std", "zero"], ["norm", "gradient_norm", "update_ratio"]
needs_native = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
ENGINES = ["reference", pytest.param("native", marks=needs_native)]


@dataclass(frozen=True)
class Twice(Layer):
    """One layer applied two times under one name."""

    def forward(self, x: Tensor, p: Any, ctx: Context) -> Tensor:
        return ctx.call("d", cr.Dense(5), ctx.call("d", cr.Dense(5), x))


@dataclass(frozen=True)
class Flat(Layer):
    """The first column, (n, c) -> (n,)."""

    def forward(self, x: Tensor, p: Any, ctx: Context) -> Tensor:
        return x[:, 0] * 2


@dataclass(frozen=True)
class Case:
    """A network, the shape of a batch, and the layers that have something to tell: of outputs, and of parameters."""

    make: Callable[[], Layer]
    shape: tuple[int, ...]
    outputs: str
    parameters: str
    classes: bool = True

    def step(self, engine: str = "reference", batch: int = 0, **settings: Any) -> tuple[cr.Step, Array, Array]:
        rng = np.random.default_rng(4)
        shape = (batch or self.shape[0], *self.shape[1:])
        x = rng.normal(size=shape).astype(np.float32)
        y = rng.integers(0, 3, len(x)) if self.classes else rng.normal(size=(len(x), 3)).astype(np.float32)
        settings = {"optimizer": cr.SGD(0.05, momentum=0.9), **settings}
        return cr.Step(self.make(), x, y, engine=engine, seed=1, **settings), x, y


def parsed(notation: str) -> Callable[[], Layer]:
    return lambda: cr.layers.parse(notation)


CASES = {
    "mlp": Case(
        parsed("flatten dense33 tanh dense20 sigmoid dense3"), (16, 2, 4),
        "dense1 tanh1 dense2 sigmoid1 dense3", "dense1 dense2 dense3"),
    "cnn": Case(
        parsed("conv4-3 bn relu conv5-3 relu pool2 dropout0.2 flatten dense3"), (8, 6, 6, 2),
        "conv2d1 batchnorm1 relu1 conv2d2 relu2 maxpool2d1 dropout1 dense1", "conv2d1 batchnorm1 conv2d2 dense1"),
    "rnn": Case(parsed("rnn6 dense3"), (7, 5, 4), "simplernn1 dense1", "simplernn1 dense1"),
    "sequence": Case(
        lambda: cr.Sequential(cr.SimpleRNN(6, sequence=True), cr.LSTM(4), cr.Dense(3)), (7, 5, 4),
        "simplernn1 lstm1 dense1", "simplernn1 lstm1 dense1"),
    "regression": Case(
        parsed("dense9 relu dense3"), (16, 5), "dense1 relu1 dense2", "dense1 dense2", classes=False),
    "branches": Case(
        lambda: cr.Sequential(
            cr.Dense(5), cr.Residual(cr.Sequential(cr.Tanh(), cr.Identity())), cr.Concat(cr.ReLU(), cr.Dense(2)), cr.Dense(3)),
        (9, 5), "dense1 residual1/inner/tanh1 residual1 concat1/branch1 concat1/branch2 dense2",
        "dense1 concat1/branch2 dense2"),
    "twice": Case(lambda: cr.Sequential(t=Twice(), last=cr.Dense(3)), (9, 5), "t/d t/d#2 last", "t/d last"),
    "alone": Case(lambda: cr.Dense(3), (9, 5), "", ""),
}  # fmt: skip
SATURATING = {"tanh1": "tanh", "residual1/inner/tanh1": "tanh", "sigmoid1": "sigmoid", "simplernn1": "tanh"}


def graph_of(step: cr.Step, x: Array, y: Array) -> Graph:
    """The training graph of a step for such a batch."""
    return step.ready(feeds(step, x, y)).graph


def feeds(step: cr.Step, x: Array, y: Array, i: int = 0) -> dict[str, Any]:
    return {**_batch(x, y, None, step.loss, step.dtype), "step": i, "seed": 1, "lr": 0.05, "l2": 0.01}


def figures(step: cr.Step, x: Array, y: Array, engine: str, **knobs: float) -> dict[str, float]:
    """What the probes alone give for a batch, by layer and name."""
    graph = graph_of(step, x, y)
    found = plan(probed(graph), engine)({**step.arrays, **feeds(step, x, y), **knobs})["probes"]
    return Probes.of(graph).named(found)


def joined(layer: str, name: str) -> str:
    return f"{layer}/{name}" if layer else name


def names(case: Case) -> list[str]:
    """Every figure that the case should have, in order."""
    return list(_names(case))


def _names(case: Case) -> Iterator[str]:
    for layer in case.outputs.split(" "):
        yield from (f"{layer}/{what}" for what in [*OF_OUTPUTS, *(["saturated"] if layer in SATURATING else [])])
    for layer in case.parameters.split(" "):
        yield from (f"{layer}/{what}" for what in OF_PARAMETERS)


def by_numpy(value: dict[str, Array], before: dict[str, Array], layer: str, what: str) -> float:
    """A figure in float64, from the values of a step by name and the parameters before it."""
    path, _, repeat = layer.partition("#")
    if what in OF_PARAMETERS:
        inside = [p for p in before if p.rpartition("/")[0] == path and f"grad/{p}" in value]

        def norm(arrays: list[Array]) -> float:
            return float(np.sqrt(sum((a.astype(np.float64) ** 2).sum() for a in arrays)))

        p, g = norm([before[p] for p in inside]), norm([value[f"grad/{p}"] for p in inside])
        moved = norm([value[p].astype(np.float64) - before[p] for p in inside])
        return {"norm": p, "gradient_norm": g, "update_ratio": moved / p}[what]
    y = value[joined(path, "out") + (f"#{repeat}" if repeat else "")].astype(np.float64)
    low, high = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}[SATURATING.get(layer, "tanh")]
    outside = (y < np.float32(low)) | (y > np.float32(high))
    return float({"mean": y.mean(), "std": y.std(), "zero": (y == 0).mean(), "saturated": outside.mean()}[what])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_every_figure_is_that_of_numpy(name: str, engine: str) -> None:
    case = CASES[name]
    step, x, y = case.step(engine)
    for _ in range(3):  # batch norm's shift, biases and momentum are no longer 0
        step(4 * x, y)
    graph = graph_of(step, x, y)
    wanted = [
        n for n in (*graph.names, *graph.gradient_names) if n.startswith("grad/") or "out" in n.rpartition("/")[2]
    ]
    before = {path: step.arrays[path] for path in step.of_network}
    given = {**step.arrays, **feeds(step, 4 * x, y, 3)}
    out, kept = plan(graph, engine, wanted).run(given)
    found = Probes.of(graph).named(plan(probed(graph), engine)(given)["probes"])
    assert list(found) == names(case)
    for figure, value in found.items():
        expected = by_numpy({**kept, **out}, before, *figure.rsplit("/", 1))
        assert value == pytest.approx(expected, rel=3e-5, abs=1e-6), figure


def test_the_figures_are_not_all_the_same() -> None:
    """What the comparisons above compare: some zeros, some saturation, some movement."""
    for name, layer, what in (("mlp", "tanh1", "saturated"), ("cnn", "relu1", "zero"), ("cnn", "dropout1", "zero")):
        step, x, y = CASES[name].step()
        x = 4 * x
        assert 0.1 < figures(step, x, y, "reference")[f"{layer}/{what}"] < 0.9


def test_the_limits_are_those_of_the_statistics() -> None:
    assert {kind.__name__.lower(): limits for kind, limits in statistics.SATURATED.items()} == SATURATED


@pytest.mark.parametrize("name", CASES)
def test_the_probes_are_the_only_output(name: str) -> None:
    step, x, y = CASES[name].step()
    plain = graph_of(step, x, y)
    watched = probed(plain)
    assert list(watched.outputs) == ["probes"]
    assert watched.outputs["probes"].shape == (len(names(CASES[name])),)


@needs_native
@pytest.mark.parametrize("name", CASES)
def test_nothing_of_it_is_left_to_numpy(name: str) -> None:
    step, x, y = CASES[name].step("native")
    plain = graph_of(step, x, y)
    before, after = (str(plan(g, "native")).partition("computed by NumPy")[2] for g in (plain, probed(plain)))
    assert after.count("\n") == before.count("\n")
    assert "probe/" not in after


LARGER = {
    "cnn, 64": Case(parsed("conv16-3 bn relu conv16-3 bn relu pool2 dropout0.2 flatten dense3"), (64, 12, 12, 3), "", ""),
    "dense, 256": Case(parsed("dense33 ln gelu dense33 sigmoid dense3"), (256, 20), "", ""),
}  # fmt: skip
BATCHES = {"mlp": 64, "cnn": 8, "rnn": 16, "sequence": 16, "regression": 64}


def trained(case: Case, engine: str, probing: bool, batch: int = 0, steps: int = 20) -> States:
    """The arrays after some steps, with or without probes beside every third of them."""
    step, x, y = case.step(engine, batch)
    graph = graph_of(step, x, y)
    usual, states, watching = plan(graph, engine), States(step.arrays), plan(probed(graph), engine)
    for i in range(steps):
        given = feeds(step, x, y, i)
        if probing and i % 3 == 0:
            assert np.isfinite(watching({**states, **given})["probes"]).all()
        rows = {name: given.pop(name) for name in ("x", "y")}
        usual.advance(states, Batches(rows, np.arange(len(rows["x"]))[None], given), ["loss"])
    return states


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [*BATCHES, *LARGER])
def test_probes_change_no_bit(name: str, engine: str) -> None:
    case, batch = {**CASES, **LARGER}[name], BATCHES.get(name, 0)
    plain, watched = (trained(case, engine, probing, batch) for probing in (False, True))
    start = case.step(engine, batch)[0].arrays
    assert all(not np.array_equal(plain[path], start[path]) for path in plain)  # they were trained
    for path, array in plain.items():
        np.testing.assert_array_equal(watched[path], array, err_msg=path)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_gradient_is_without_penalty_and_clipping_and_the_update_is_with_them(engine: str) -> None:
    case, found = CASES["regression"], []
    for optimizer in (cr.SGD(0.1), cr.SGD(0.1, clip_norm=1e-3)):
        step, x, y = case.step(engine, optimizer=optimizer)
        found.append(figures(step, x, y, engine, l2=0.5))
    free, clipped = found
    assert free["dense2/gradient_norm"] == pytest.approx(clipped["dense2/gradient_norm"], rel=1e-6)
    assert clipped["dense2/update_ratio"] < free["dense2/update_ratio"] / 10


@pytest.mark.parametrize("engine", ENGINES)
def test_parameters_of_0_have_a_huge_ratio_and_no_warning(engine: str) -> None:
    net = cr.Sequential(cr.Dense(4), cr.Dense(3, init=cr.init.zeros))
    step, x, y = Case(lambda: net, (8, 5), "", "").step(engine)
    row = figures(step, x, y, engine)
    assert row["dense2/norm"] == 0
    assert 1e20 < row["dense2/update_ratio"] < np.inf
    assert row["dense1/gradient_norm"] == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_an_output_of_one_number_an_example(engine: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 4)).astype(np.float32), rng.normal(size=12).astype(np.float32)
    net = cr.Sequential(cr.Dense(2), Flat())
    graph = training_graph(net, cr.SquaredError(), cr.SGD(0.1), x.shape, y.shape, y.dtype)
    step = cr.Step(cr.Dense(2), x, np.stack([y, y], 1))
    arrays = {f"dense1/{key}": step.arrays[key] for key in ("w", "b")}
    ready = plan(probed(graph), engine)
    assert "computed by NumPy" not in str(ready)
    out = ready({**arrays, "x": x, "y": y, "step": 0, "seed": 0, "lr": 0.1, "l2": 0.0})["probes"]
    row = dict(zip(Probes.of(graph).names, out, strict=True))
    expected = 2 * (x @ arrays["dense1/w"] + arrays["dense1/b"])[:, 0]
    assert (row["flat1/mean"], row["flat1/std"]) == pytest.approx((expected.mean(), expected.std()), rel=1e-5)


def test_float64() -> None:
    step, x, y = CASES["cnn"].step(dtype="float64")
    graph = probed(graph_of(step, x, y))
    assert plan(graph)({**step.arrays, **feeds(step, x, y)})["probes"].dtype == np.float64


def test_a_graph_without_layers_has_no_probes() -> None:
    x = placeholder((3, 2), np.float32, "x")
    graph = Graph({"x": x}, {"loss": (x * x).mean()})
    assert probed(graph) is graph
    assert Probes.of(graph).named(np.zeros(0)) == {}


def test_a_vector_of_another_network_is_refused() -> None:
    table = Probes(("dense1/mean", "dense1/std"))
    assert table.named(np.array([0.5, 2.0])) == {"dense1/mean": 0.5, "dense1/std": 2.0}
    with pytest.raises(ShapeError, match=r"expected the 2 figures of this network as a vector, found \(3,\)"):
        table.named(np.zeros(3))
