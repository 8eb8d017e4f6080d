"""NaN and infinities, planted one by one: each is traced to its step, layer and op, on both engines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import native
from chainrule.graph import Tensor, tensor
from chainrule.init import ones
from chainrule.layers import Context, Layer, Param, parse
from chainrule.loss import OfNumbers
from chainrule.watch import Bad, first_bad, replay
from chainrule.watch.replay import AT_ONCE

Array = NDArray[Any]
needs_native = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
ENGINES = ["reference", pytest.param("native", marks=needs_native)]
ROWS, BATCH, STEPS = 96, 8, 12
MASK = np.array([0, -np.inf, 0, -np.inf], np.float32)
FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "log": lambda x: cr.log(cr.ops.relu(x)),
    "exp": cr.exp,
    "share": lambda x: x / abs(x).sum(-1, keepdims=True),
    "root": cr.sqrt,
    "power": lambda x: x**0.5,
    "by std": lambda x: (x - x.mean(0)) / x.std(0),
    "safe log": lambda x: cr.where(x > 0, cr.log(x), x),
    "cut": lambda x: cr.minimum(1 / abs(x), 1.0),
    "masked": lambda x: cr.softmax(x + tensor(MASK)),
    "steep": lambda x: cr.exp(10 * x),
    "either": lambda x: cr.where(x > 0, 1 / x, cr.exp(x + 100)),
    "nothing left": lambda x: cr.softmax(x + tensor(np.full(4, -np.inf, np.float32))),
    "column sums": lambda x: x + x.sum(0),
}


@dataclass(frozen=True)
class Formula(Layer):
    """One of the formulas."""

    name: str

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return FORMULAS[self.name](x)


@dataclass(frozen=True)
class Scale(Layer):
    """y = s x: what is 0 stays 0, however s is trained."""

    def build(self, shape: tuple[int, ...]) -> Mapping[str, Param]:
        return {"s": Param(shape[-1:], ones)}

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return p["s"] * x


@dataclass(frozen=True)
class Again(Layer):
    """One layer applied twice under one name."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return ctx.call("e", Formula("exp"), ctx.call("e", Formula("exp"), x))


@dataclass(frozen=True)
class Squaring(Layer):
    """h' = h^2 / 2, from the first of the steps on."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        h = x[:, 0]
        for _ in range(1, x.shape[1]):
            h = 0.5 * (h * h)
        return h


@dataclass(frozen=True)
class LogError(OfNumbers):
    """-ln output."""

    def errors(self, output: Tensor, target: Tensor) -> Tensor:
        return -cr.log(output) + 0 * target


@dataclass(frozen=True)
class Unclipped(cr.SGD):
    """Gradients times their own norm."""

    def clipped(self, gradients: Mapping[Tensor, Tensor]) -> Mapping[Tensor, Tensor]:
        squares = [(g * g).sum() for g in gradients.values()]
        norm = cr.sqrt(sum(squares[1:], squares[0]))
        return {p: g * norm for p, g in gradients.items()}


def net(*layers: Any) -> Layer:
    """Words and layers, one after the other."""
    return cr.Sequential(*(inner for one in layers for inner in ([one] if isinstance(one, Layer) else _words(one))))


def _words(text: str) -> list[Layer]:
    return [inner for _, inner in parse(text).layers]


@dataclass
class Case:
    """What is trained, what is planted into the rows of step `at`, and what should be found: layer, op, phase, words of why."""

    net: Layer
    found: tuple[str, str, str, str]
    plant: Any = None  # what the first row of that step is, from one such row
    at: int = 5
    shape: tuple[int, ...] = (4,)
    optimizer: Any = field(default_factory=lambda: cr.SGD(1e-3))
    loss: Any = None
    start: Mapping[str, Any] | None = None
    lr: float | None = None  # of that step
    l2: float = 0.0  # of that step
    target: float | None = None  # of that row
    weight: float | None = None  # of that row
    value: str | None = None
    node: str | None = None


CASES: dict[str, Case] = {
    "log of 0": Case(net(Formula("log"), "dense1"), ("formula1", "log", "forward", "logarithm of 0"), -1.0, 3, value="-inf"),
    "overflow in exp": Case(net(Formula("exp"), "dense1"), ("formula1", "exp", "forward", "e to 100: above 88.7"), 100.0, 4, value="inf"),
    "0 / 0": Case(net(Formula("share"), "dense1"), ("formula1", "div", "forward", "0 / 0"), 0.0, 7, value="nan"),
    "infinite input": Case(net("dense3 relu dense1"), ("", "", "input", "x holds inf in row 40, column 0"), np.inf, 5, node="x"),
    "NaN input": Case(net("dense3 relu dense1"), ("", "", "input", "x holds nan in row 16, column 0"), np.nan, 2, node="x"),
    "NaN target": Case(net("dense3 relu dense1"), ("", "", "input", "y holds nan in row 48"), at=6, target=np.nan, node="y"),
    "infinite weight of a row": Case(net("dense3 relu dense1"), ("", "", "input", "weights holds inf in row 8 "), at=1, weight=np.inf, node="weights"),
    "exploding recurrence": Case(
        net(Squaring(), "dense1"), ("squaring1", "mul", "forward", "product beyond float32"),
        1e6, 9, (4, 1), value="inf", node="squaring1/mul#5"),
    "infinite gradient of sqrt at 0": Case(
        net(Scale(), Formula("root"), "dense1"), ("formula1", "div", "backward", "/ 0"), 0.0, 6),
    "division by a batch's std of 0": Case(net(Formula("by std"), "dense1"), ("formula1", "div", "forward", "0 / 0"), "same", 8),
    "power of a negative number": Case(net(Formula("power"), "dense1"), ("formula1", "power", "forward", "a negative number, -1, to a power"), -1.0, 1),
    "overflow of the update": Case(
        net("dense1"), ("dense1", "mul", "update", "product beyond float32"), 1000.0, 5, lr=3e38, target=-1e5),
    "Adam's slots": Case(
        net("dense1"), ("dense1", "mul", "update", "product beyond float32"), 1e21, 5, optimizer=cr.Adam(1e-3), loss=cr.AbsoluteError(),
        start={"dense1/w": np.full((4, 1), 1e-10)}),
    "born only in backward": Case(
        net(Scale(), Formula("power"), "dense1"), ("formula1", "power", "backward", "0 to a negative power"), 0.0, 10),
    "the second of two equal layers": Case(
        cr.Sequential(first=Formula("exp"), second=Formula("exp"), last=cr.Dense(1)), ("second", "exp", "forward", "e to 148.4"), 5.0, 4),
    "the second use of a layer": Case(
        cr.Sequential(both=Again(), last=cr.Dense(1)), ("both/e", "exp", "forward", "e to 148.4"), 5.0, 4, node="both/e/out#2"),
    "a residual branch": Case(
        net(cr.Residual(Formula("log")), "dense1"), ("residual1/inner", "log", "forward", "logarithm of 0"), -1.0, 11),
    "the loss": Case(net("dense1"), ("loss", "log", "forward", "logarithm of a negative number"), -30.0, 3, loss=LogError(), start={"dense1/w": np.ones((4, 1))}),
    "after batch norm in a conv net": Case(
        net("conv2-1 bn", Formula("steep"), "flatten dense1"), ("formula1", "exp", "forward", "beyond float32"), np.concatenate([np.full((1, 1, 2), 100.0), *[np.zeros((1, 1, 2))] * 15]).reshape(4, 4, 2), 5, (4, 4, 2),
        start={"dense1/w": np.zeros((32, 1))}, optimizer=cr.SGD(1e-30)),
    "running moments of batch norm": Case(net("bn dense1"), ("batchnorm1", "var", "forward", "sum of squares beyond float32"), 1e25, 6),
    "the norm of all gradients": Case(
        net("dense1"), ("dense1", "mul", "update", "product beyond float32"), 1e21, 5, optimizer=Unclipped(1e-30), loss=cr.AbsoluteError(),
        start={"dense1/w": np.full((4, 1), 1e-10)}),
    "under dropout": Case(net("dropout0.5 dense1"), ("dropout1", "mul", "forward", "product beyond float32"), 3e38, 2),
    "the ragged last batch": Case(net(Formula("log"), "dense1"), ("formula1", "log", "forward", "logarithm of 0"), -1.0, STEPS),
    "where, backward": Case(
        net(Scale(), Formula("safe log"), "dense1"), ("formula1", "div", "backward", "0 / 0"), 0.0, 6),
    "l2": Case(net("dense3 tanh dense1"), ("dense1", "mul", "update", "product beyond float32"), at=4, l2=3e38, start={"dense1/w": np.full((4, 3), 20.0), "dense2/w": np.full((3, 1), 0.1)}),
    "a matrix product": Case(net("dense3 relu dense1"), ("dense1", "matmul", "forward", "sum of products beyond float32"), 1e30, 3, start={"dense1/w": np.full((4, 3), 1e10)}, optimizer=cr.SGD(1e-30), loss=cr.AbsoluteError()),
    "a convolution": Case(
        net("conv2-3 relu flatten dense1"), ("conv2d1", "conv2d", "forward", "sum of products beyond float32"), 1e30, 3, (4, 4, 2),
        start={"conv2d1/w": np.full((3, 3, 2, 2), 1e10)}, optimizer=cr.SGD(1e-30), loss=cr.AbsoluteError()),
    "a learning rate beyond float32": Case(net("dense1"), ("", "", "input", "lr is inf"), at=3, lr=1e39, node="lr"),
    "the branch that is taken": Case(
        net(Formula("either"), "dense1"), ("formula1", "exp", "forward", "e to 100"), 0.0, 2, node="formula1/exp"),
    "a mask of nothing but -inf": Case(
        net(Formula("nothing left"), "dense1"), ("formula1", "add", "forward", "an infinite constant came in"), at=0),
    "infinities that are cut off": Case(net(Formula("cut"), Formula("log"), "dense1"), ("", "", "none", ""), 0.0, 3),
    "a mask of -inf": Case(net(Formula("masked"), "dense1"), ("", "", "none", "")),
    "nothing": Case(net("dense3 bn relu dropout0.5 dense1"), ("", "", "none", ""), optimizer=cr.Adam(1e-3, clip_norm=1.0)),
}  # fmt: skip


def rows_of(case: Case) -> dict[str, Array]:
    """Positive inputs, small targets, and the plant."""
    rng = np.random.default_rng(0)
    count = ROWS + 3
    x = rng.uniform(0.5, 1.5, (count, *case.shape)).astype(np.float32)
    y = rng.uniform(0.5, 1.5, (count, 1)).astype(np.float32)
    at = case.at * BATCH
    if isinstance(case.plant, str):
        x[at : at + BATCH] = x[at]
    elif isinstance(case.plant, float) and not np.isfinite(case.plant):
        x[at, 0] = case.plant
    elif case.plant is not None:
        x[at] = case.plant
    rows = {"x": x, "y": y}
    if case.target is not None:
        y[at] = case.target
    if case.weight is not None:
        rows["weights"] = np.ones(count, np.float32)
        rows["weights"][at] = case.weight
    return rows


def feeds_of(case: Case, rows: Mapping[str, Array]) -> Iterator[tuple[Any, ...]]:
    """Twelve steps of eight rows, and one of the three that are left."""
    for i, start in enumerate(range(0, ROWS + 3, BATCH)):
        order = np.arange(start, min(start + BATCH, ROWS + 3))[None]
        here = i == case.at
        yield rows, order, case.lr if here and case.lr else case.optimizer.lr, case.l2 if here else 0.0, 0.0


def step_of(case: Case, engine: str, **settings: Any) -> cr.Step:
    rows = {name: array[:BATCH] for name, array in rows_of(Case(case.net, case.found, shape=case.shape)).items()}
    given = {"loss": case.loss, "optimizer": case.optimizer, "start": case.start, "seed": 1, **settings}
    return cr.Step(case.net, rows["x"], rows["y"], engine=engine, **given)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_it_is_traced_to_its_step_layer_and_op(name: str, engine: str) -> None:
    case = CASES[name]
    step = step_of(case, engine)
    found = first_bad(step, step.arrays, 0, feeds_of(case, rows_of(case)))
    layer, op, phase, reason = case.found
    if phase == "none":
        assert found is None
        return
    assert found is not None
    assert (found.step, found.layer, found.op, found.phase) == (case.at, layer, op, phase), found
    assert reason in found.why
    assert case.value in (None, found.value)
    assert case.node in (None, found.node)
    assert bool(found.inputs) == bool(op)
    json.dumps(found.plain(), allow_nan=False)


def test_there_are_enough_cases() -> None:
    assert sum(case.found[2] != "none" for case in CASES.values()) >= 20


@pytest.mark.parametrize("engine", ENGINES)
def test_many_steps_in_one_feed(engine: str) -> None:
    """As the trainer has them: (steps, batch) at once, each with a learning rate of its own."""
    case = CASES["overflow in exp"]
    case = Case(case.net, case.found, case.plant, AT_ONCE + 2)
    step = step_of(case, engine)
    order = np.arange(ROWS).reshape(STEPS, BATCH)
    found = first_bad(step, step.arrays, 0, [(rows_of(case), order, np.full(STEPS, 1e-3))])
    assert found is not None
    assert (found.step, found.layer, found.op) == (AT_ONCE + 2, "formula1", "exp")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_explodes(engine: str) -> None:
    """Of a learning rate that is too high; where the window begins changes nothing, and the step is left as it was."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, 4)).astype(np.float32)
    y = rng.normal(size=(16, 1)).astype(np.float32)
    step = cr.Step("dense8 dense1", x, y, optimizer=cr.SGD(0.5), engine=engine)
    states = [step.arrays]
    with np.errstate(all="ignore"):
        while np.isfinite(step(x, y)) and all(np.isfinite(a).all() for a in step.arrays.values()):
            states.append(step.arrays)
    last = len(states) - 1
    assert last > 2
    after, count = step.arrays, step.count
    feed = ({"x": x, "y": y}, np.arange(16)[None], 0.5)
    found = [first_bad(step, states[k], k, [feed] * (last + 3 - k)) for k in (0, 1, last)]
    assert found[0] is not None
    assert found[0] == found[1] == found[2]
    assert found[0].step == last
    assert step.count == count
    for path, array in step.arrays.items():
        np.testing.assert_array_equal(array, after[path])


@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_that_were_not_finite_before(engine: str) -> None:
    case = Case(net("dense3 relu dense1"), ("", "", "", ""), optimizer=cr.Adam(1e-3))
    step = step_of(case, engine)
    arrays = {path: array.copy() for path, array in step.arrays.items()}
    arrays["~dense2/w/v"][1, 0] = np.inf
    found = first_bad(step, arrays, 7, feeds_of(case, rows_of(case)))
    assert found is not None
    assert (found.step, found.layer, found.node, found.phase) == (7, "dense2", "~dense2/w/v", "input")
    assert "(1, 0)" in found.why


@pytest.mark.parametrize("engine", ENGINES)
def test_under_debug_it_does_not_stop_at_an_infinity_that_is_cut_off(engine: str) -> None:
    case = CASES["infinities that are cut off"]
    step = step_of(case, engine)
    with cr.debug():
        assert first_bad(step, step.arrays, 0, feeds_of(case, rows_of(case))) is None
        with pytest.raises(cr.errors.NonFiniteError):
            cr.log(np.float32(0))


@needs_native
def test_what_only_the_native_engine_s_order_of_sums_gives() -> None:
    """Terms that cancel: in NumPy's order the sum stays finite, in that of the kernel it does not."""
    rng = np.random.default_rng(0)
    y, tried = np.zeros((8, 1), np.float32), net(Formula("column sums"), "dense1")
    settings: Any = {"optimizer": cr.SGD(1e-38), "loss": cr.AbsoluteError()}
    seen = 0
    for _ in range(400):
        columns = int(rng.integers(5, 80))
        x = np.zeros((8, columns), np.float32)
        x[:, 0] = rng.choice([-2e38, 0, 2e38], 8)
        start = {"dense1/w": np.full((columns, 1), 1e-3)}
        by_engine = [cr.Step(tried, x, y, engine=engine, start=start, **settings) for engine in ("reference", "native")]
        before = by_engine[1].arrays
        with np.errstate(all="ignore"):
            losses = [step(x, y) for step in by_engine]
        if np.isfinite(losses[0]) and not np.isfinite(losses[1]):
            seen += 1
            found = first_bad(by_engine[1], before, 0, [({"x": x, "y": y}, np.arange(8)[None], 1e-38)])
            assert found is not None
            assert (found.step, found.layer, found.op, found.phase) == (0, "formula1", "sum", "forward")
        if seen == 2:
            return
    pytest.skip("both engines add in one order here")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("overflow in exp", (4, "loss", "fused", "loss", "forward")),
        ("Adam's slots", (5, "dense1", "fused", "~dense1/w/v", "update")),
    ],
)
def test_what_nobody_sees_is_told_by_its_outcome(name: str, found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a kernel that rounds otherwise as soon as its inner values are kept."""
    monkeypatch.setattr(replay, "traced", lambda step, feed: None)
    case = CASES[name]
    step = step_of(case, "reference")
    told = first_bad(step, step.arrays, 0, feeds_of(case, rows_of(case)))
    assert told is not None
    assert (told.step, told.layer, told.op, told.node, told.phase) == found


def test_it_reads_as_a_sentence() -> None:
    bad = Bad(41, "dense2", "exp", "dense2/exp", "inf", ("x (2, 3) in [0, 100]",), "forward", "e to 100")
    assert str(bad) == "step 41, dense2, forward: exp (dense2/exp) made inf: e to 100"
    fed = Bad(3, "", "", "x", "nan", (), "input", "x holds nan in row 16, column 0 (counted from 0)")
    assert str(fed) == "step 3, input: x holds nan in row 16, column 0 (counted from 0)"
