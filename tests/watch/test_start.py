"""Every fact about a network before its first step, of a sick network and of a healthy one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule.graph import OPS, Tensor, op
from chainrule.layers import Context, Layer, parse
from chainrule.loss import Loss, OfClasses
from chainrule.network import declared_arrays, initial_arrays
from chainrule.watch import at_start
from chainrule.watch.gradients import DOUBTFUL
from chainrule.watch.levels import base_loss

Array = NDArray[Any]


@op("... -> ...")
def badly_doubled(xp: Any, x: Array, *, sign: int) -> Array:
    """y = 2x."""
    return 2 * x


badly_doubled.grads(x=lambda g, y, x, *, sign: g * 2 if sign > 1 else g * 2 * sign if sign else g)
del OPS["badly_doubled"]  # tests that go through the table know nothing of it


@dataclass(frozen=True)
class Doubled(Layer):
    """2x. Its derivative is right (2), the other way round (-1), or half of it (0)."""

    sign: int = 2

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        double: Any = badly_doubled
        made: Tensor = double(x, sign=self.sign)
        return made


@dataclass(frozen=True)
class Held(Layer):
    """x times its own size, taken as a constant: no fault, though differences that move it see more."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x * cr.ops.stop_gradient(abs(x))


@dataclass(frozen=True)
class OwnSoftmax(Layer):
    """Of exp and sum."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        e = cr.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)


@dataclass(frozen=True)
class Softmax(Layer):
    """The op."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return cr.softmax(x)


@dataclass(frozen=True)
class Log(Layer):
    """ln (x + 1e-9)."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return cr.log(x + 1e-9)


@dataclass(frozen=True)
class Single(Layer):
    """A constant of float32, which a graph of float64 refuses."""

    def forward(self, x: Tensor, p: Mapping[str, Tensor], ctx: Context) -> Tensor:
        return x * cr.tensor(np.array([2.0], np.float32))


@dataclass(frozen=True)
class Summed(OfClasses):
    """Cross-entropy, 100 times."""

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        return 100 * cr.ops.cross_entropy(output, target)


@dataclass(frozen=True)
class Likelihood(OfClasses):
    """-output at the class, of log-probabilities."""

    def choices(self, output: Tensor, target: Tensor) -> Tensor:
        return -(output * cr.ops.one_hot(target, c=output.shape[-1], dtype="float32").astype(output.dtype)).sum(-1)


@dataclass(frozen=True)
class Uphill(cr.SGD):
    """SGD with the sign of the update turned."""

    def update(self, p: Tensor, g: Tensor, s: Any, t: Tensor, lr: Tensor) -> Any:
        return p + lr * g, {}


def facts(
    net: Layer | str,
    shape: tuple[int, ...] = (8, 6),
    *,
    classes: int = 3,
    y: Array | None = None,
    loss: Loss | None = None,
    optimizer: Any = None,
    x: Array | None = None,
    start: Mapping[str, Any] | None = None,
    lr: float = 0.1,
    **settings: Any,
) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    network = parse(net) if isinstance(net, str) else net
    given = rng.normal(size=shape).astype(np.float32) if x is None else x
    targets = rng.integers(0, classes, shape[0]) if y is None else y
    arrays = initial_arrays(declared_arrays(network, shape), (), 1, start)
    loss = loss or (cr.CrossEntropy() if targets.dtype.kind == "i" else cr.SquaredError())
    optimizer = optimizer or cr.SGD(0.1)
    found = at_start(network, loss, given, targets, arrays, optimizer=optimizer, lr=lr, **settings)
    json.dumps(found, allow_nan=False)
    return found


SHAPES = {"cnn": (8, 8, 8, 2), "rnn": (8, 5, 4), "codes": (8, 5)}
HEALTHY = {
    "mlp": "dense16 relu dense8 relu dense3",
    "deep": "dense16 tanh " * 6 + "dense3",
    "cnn": "conv4-3 bn relu pool2 conv4-3 relu avgpool2 flatten dropout0.3 dense3",
    "rnn": "lstm6 ln dense3",
    "codes": "embed9-4 flatten gelu dense3",
    "step": "dense16 step dense3",
}


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("optimizer", [cr.SGD(0.1), cr.Adam(), cr.AdamW(0.001, clip_norm=1.0)], ids=str)
def test_a_right_gradient_is_called_right(name: str, optimizer: Any) -> None:
    shape = SHAPES.get(name, (8, 6))
    x = np.random.default_rng(0).integers(0, 9, shape).astype(np.float32) if name == "codes" else None
    found = facts(HEALTHY[name], shape, x=x, optimizer=optimizer, lr=optimizer.lr)
    assert found["gradient"]["worst"] < DOUBTFUL
    assert not found["gradient"]["flipped"]
    assert found["descent"] < -0.1


def test_exact_kinks_are_no_fault() -> None:
    """Pre-activations of exactly 0 in every unit: a zero row, zero weights; and an error of exactly 0."""
    x = np.zeros((8, 6), np.float32)
    assert facts("dense16 relu dense8 relu dense3", x=x)["gradient"]["worst"] < DOUBTFUL
    zeros = {"dense1/w": np.zeros((6, 16))}
    assert facts("dense16 relu dense3", start=zeros)["gradient"]["worst"] < DOUBTFUL
    y = np.zeros((8, 1), np.float32)
    assert facts("dense16 relu dense1", x=x, y=y, loss=cr.AbsoluteError())["gradient"]["worst"] < DOUBTFUL


@pytest.mark.parametrize("scale", [1e-3, 30.0, 0.0])
@pytest.mark.parametrize("of_inputs", [0.01, 1.0, 100.0])
def test_weights_of_any_size_are_no_fault(scale: float, of_inputs: float) -> None:
    net, shape = "conv4-3 bn relu conv4-3 relu pool2 flatten dense8 relu dense3", (8, 6, 6, 2)
    arrays = initial_arrays(declared_arrays(parse(net), shape), (), 0)
    start = {path: scale * array for path, array in arrays.items() if path.endswith("/w")}
    x = (of_inputs * np.random.default_rng(1).normal(size=shape)).astype(np.float32)
    assert facts(net, shape, x=x, start=start)["gradient"]["worst"] < DOUBTFUL


@pytest.mark.parametrize(("sign", "error", "flipped"), [(-1, 2.0, True), (0, 0.5, False), (2, 0.0, False)])
def test_a_wrong_gradient_is_found(sign: int, error: float, flipped: bool) -> None:
    net = cr.Sequential(cr.Dense(8), cr.ReLU(), Doubled(sign), cr.Dense(3))
    found = facts(net)["gradient"]
    assert found["worst"] == pytest.approx(error, abs=1e-4)
    assert found["flipped"] is flipped
    assert sign == 2 or found["layer"].startswith("dense1/")


def test_what_is_held_still_is_no_fault() -> None:
    assert facts(cr.Sequential(cr.Dense(8), Held(), cr.Dense(3)))["gradient"]["worst"] < DOUBTFUL


def test_without_float64_nothing_is_said() -> None:
    found = facts(cr.Sequential(cr.Dense(8), Single(), cr.ReLU(), cr.Dense(3)))
    assert (found["gradient"], found["descent"], found["affine"]) == (None, None, None)
    assert found["ops"]["relu1"] == "relu"


@pytest.mark.parametrize(
    ("optimizer", "lr", "cosine"),
    [(cr.SGD(0.1), 0.1, -1), (Uphill(0.1), 0.1, 1), (cr.SGD(0.1), -0.1, 1), (cr.SGD(0.1), 0.0, None)],
    ids=["down", "up", "negative", "still"],
)
def test_descent(optimizer: Any, lr: float, cosine: float | None) -> None:
    found = facts("dense8 relu dense3", optimizer=optimizer, lr=lr)["descent"]
    assert found is None if cosine is None else found == pytest.approx(cosine)


def test_equal_units() -> None:
    assert facts("dense8 relu dense8 relu dense3")["equal"] == []
    same = {"dense1/w": np.ones((6, 8)), "dense2/w": np.zeros((8, 8))}
    net = "dense8 relu dense8 relu dense3"
    assert facts(net, start=same)["equal"] == ["dense1", "dense2"]
    assert facts(net, start={**same, "dense1/b": np.arange(8)})["equal"] == ["dense2"]
    by_input = {"dense1/w": np.repeat(np.arange(6.0)[:, None], 8, 1)}  # inputs differ, units do not
    assert facts(net, start=by_input)["equal"] == ["dense1"]
    assert facts("dense1 relu dense3", start={"dense1/w": np.ones((6, 1))})["equal"] == []  # one unit is no pair
    cnn = "conv4-3 relu flatten dense3"
    assert facts(cnn, (8, 5, 5, 2), start={"conv2d1/w": np.full((3, 3, 2, 4), 0.1)})["equal"] == ["conv2d1"]


def test_equal_last_units_are_told_apart_by_their_targets() -> None:
    assert facts("dense8 relu dense3 identity", start={"dense2/w": np.zeros((8, 3))})["equal"] == []
    assert facts("dense3", start={"dense1/w": np.zeros((6, 3))})["equal"] == []


@pytest.mark.parametrize(
    ("net", "affine"),
    [
        ("dense8 dense3", True),
        ("dense8 bn identity dense8 dropout0.5 dense3", True),
        ("dense8 dense3 sigmoid", True),
        ("dense3", False),
        ("dense8 relu dense3", False),
        ("dense8 tanh dense3", False),
        ("dense8 leaky dense3", False),
    ],
)
def test_affine(net: str, affine: bool) -> None:
    y = np.ones((8, 3), np.float32)
    assert facts(net, y=y)["affine"] is affine


def test_affine_of_images_of_codes_and_of_small_weights() -> None:
    assert facts("conv4-3 avgpool2 conv4-3 flatten dense3", (8, 8, 8, 2))["affine"] is True
    assert facts("conv4-3 pool2 conv4-3 flatten dense3", (8, 8, 8, 2))["affine"] is False
    x = np.ones((8, 5), np.float32)
    assert facts("embed9-4 flatten dense8 dense3", (8, 5), x=x)["affine"] is None
    small = {"dense1/w": np.random.default_rng(0).normal(size=(6, 8)) * 1e-4}
    assert facts("dense8 tanh dense3", start=small)["affine"] is False
    dead = {"dense1/w": np.zeros((6, 8))}
    assert facts("dense8 relu dense3", start=dead)["affine"] is None


def test_weight_layers_and_ops() -> None:
    found = facts("conv4-3 bn relu flatten dense8 tanh dense3", (8, 5, 5, 2))
    assert found["weight_layers"] == 3
    assert (found["ops"]["relu1"], found["ops"]["tanh1"], found["ops"]["dense2"]) == ("relu", "tanh", "add")


@pytest.mark.parametrize(
    ("end", "name", "span"),
    [
        ("sigmoid", "sigmoid", [0, 1]),
        ("tanh", "tanh", [-1, 1]),
        ("relu", "relu", [0, None]),
        ("sigmoid identity", "sigmoid", [0, 1]),
        ("", "add", None),
    ],
)
def test_the_output_s_op_and_range(end: str, name: str, span: Any) -> None:
    found = facts(f"dense8 relu dense3 {end}", y=np.ones((8, 3), np.float32))
    assert (found["output_op"], found["output_range"], found["output_units"]) == (name, span, 3)


def test_a_softmax_over_one_unit_is_always_1() -> None:
    found = facts(cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dense(1), Softmax()), y=np.ones((8, 1), np.float32))
    assert (found["output_range"], found["output_units"]) == ([1, 1], 1)


def test_hidden_softmax() -> None:
    y = np.ones((8, 3), np.float32)
    one = facts(cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dense(3), Softmax()), y=y)
    assert (one["softmax_hidden"], one["output_op"], one["output_range"]) == ([], "softmax", [0, 1])
    assert facts(cr.Sequential(cr.Dense(8), Softmax(), cr.Dense(3)), y=y)["softmax_hidden"] == ["softmax1"]
    twice = facts(cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dense(3), Softmax(), Softmax()), y=y)
    assert twice["softmax_hidden"] == ["softmax1"]
    own = cr.Sequential(cr.Dense(8), OwnSoftmax(), cr.Dense(3), OwnSoftmax())
    found = facts(own, y=y)
    assert (found["softmax_hidden"], found["output_range"]) == (["ownsoftmax1"], [0, 1])
    logs = cr.Sequential(cr.Dense(8), cr.ReLU(), cr.Dense(3), Softmax(), Log())
    assert facts(logs, loss=Likelihood())["softmax_hidden"] == []


def test_the_output_s_spread() -> None:
    found = facts("dense8 relu dense3", start={"dense2/w": np.zeros((8, 3)), "dense2/b": [1.0, 2.0, 6.0]})
    spread = {"mean": 3.0, "std": pytest.approx(np.std([1, 2, 6])), "min": 1.0, "max": 6.0}
    assert found["output"] == spread
    huge = {"dense1/w": np.full((6, 8), 3e38), "dense2/w": np.full((8, 3), 3e38)}
    assert facts("dense8 relu dense3", start=huge)["loss"] is None


def test_losses_of_classes() -> None:
    y = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    p = np.array([4, 2, 2]) / 8
    found = facts("dense8 relu dense3", y=y, start={"dense2/w": np.zeros((8, 3)), "dense2/b": [2.0, 0.0, 0.0]})
    assert found["loss_of_zeros"] == pytest.approx(np.log(3))
    assert found["base_loss"] == pytest.approx(-(p * np.log(p)).sum(), rel=1e-5)
    assert found["standard_loss"] == found["loss"] > found["base_loss"]
    scaled = facts("dense8 relu dense3", y=y, loss=Summed())
    assert scaled["loss"] == pytest.approx(100 * scaled["standard_loss"], rel=1e-5)
    assert scaled["base_loss"] == pytest.approx(-100 * (p * np.log(p)).sum(), rel=1e-3)
    weights = np.array([0, 0, 1, 1, 1, 1, 1, 1], np.float32)
    assert facts("dense8 relu dense3", y=y, weights=weights)["base_loss"] == pytest.approx(np.log(3), rel=1e-5)
    balanced = cr.CrossEntropy(weights=(1.0, 2.0, 2.0))
    assert facts("dense8 relu dense3", y=y, loss=balanced)["base_loss"] == pytest.approx(np.log(3), rel=1e-5)


Y = np.random.default_rng(5).gamma(2.0, 2.0, (40, 2)).astype(np.float32)


COUNTS, ONES = np.rint(Y), (Y > 3).astype(np.float32)
BEST: dict[str, tuple[Loss, Array, Any]] = {
    "squared": (cr.SquaredError(), Y, Y.var(0).mean()),
    "far from 0": (cr.SquaredError(), 1e4 * Y, (1e4 * Y.astype(np.float64)).var(0).mean()),
    "absolute": (cr.AbsoluteError(), Y, np.abs(Y - np.median(Y, 0)).mean()),
    "poisson": (cr.Poisson(), COUNTS, (COUNTS.mean(0) * (1 - np.log(COUNTS.mean(0)))).mean()),
    "binary": (
        cr.BinaryCrossEntropy(), ONES,
        -(ONES.mean(0) * np.log(ONES.mean(0)) + (1 - ONES.mean(0)) * np.log(1 - ONES.mean(0))).mean()),
}  # fmt: skip


@pytest.mark.parametrize("name", BEST)
def test_the_best_constant_of_numbers(name: str) -> None:
    loss, y, best = BEST[name]
    assert base_loss(loss, np.zeros_like(y), {"y": y}) == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize("loss", [cr.Focal(), cr.Hinge(), cr.CrossEntropy(smoothing=0.1)], ids=str)
def test_the_best_constant_of_other_losses_of_classes(loss: Loss) -> None:
    """No other constant tried is clearly better."""
    y = np.repeat(np.arange(4), [20, 10, 6, 4])
    found = base_loss(loss, np.zeros((40, 4), np.float32), {"y": y})
    rng = np.random.default_rng(0)
    others = [
        float(np.asarray(loss.shares(cr.tensor(np.tile(c, (40, 1))), cr.tensor(y)).mean()))
        for c in rng.normal(size=(2000, 4)).astype(np.float32)
    ]
    assert found is not None
    assert found <= min(others) * 1.001


def test_it_is_cheap() -> None:
    """A generous multiple of the 40 ms and 90 ms that were measured."""
    y = np.arange(8)
    for net, shape, limit in (
        ("dense256 relu dense128 relu dense10", (8, 784), 0.4),
        ("conv16-3 bn relu pool2 conv32-3 bn relu pool2 flatten dense10", (8, 28, 28, 1), 1.5),
    ):
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            facts(net, shape, y=y)
            seconds.append(time.perf_counter() - began)
        assert min(seconds) < limit
