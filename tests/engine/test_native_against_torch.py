"""Each op and its gradients on each path, no less exact than PyTorch's float32; the reference engine in float64 is exact.

The promise: on the same inputs, rms(ours - exact) <= 1.5 rms(theirs - exact) + eps / 2 rms(exact).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import native, plan
from chainrule.grad import backpropagate
from chainrule.graph import Graph, Shape, Tensor, placeholder

torch = pytest.importorskip("torch", reason="PyTorch is the measure here: pip install torch==2.13.0")
functional: Any = torch.nn.functional
pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")

FACTOR = 1.5
# Three roundings of the result. PyTorch's may be exact (a maximum) or rounded once (a variance, which it computes in
# float64); no factor of that allows for the two or three operations of a formula in float32. One rounding errs by up to
# half a unit in the last place, evenly spread: by unit / sqrt(12) in the root mean square, with a unit of at most eps |y|.
# Three independent ones err by sqrt(3) times that: eps |y| / 2. Every sum longer than a few terms loses more.
ROUNDINGS = float(np.finfo(np.float32).eps) / 2
LR = float(np.float32(0.01))
# Of every result so many values at least: a few errors are a matter of luck, their mean is not. Those of a row share its sum,
# so there are more of them than independent ones.
VALUES, MOST_RUNS = 3000, 100
Arrays: TypeAlias = dict[str, NDArray[Any]]
Axes: TypeAlias = tuple[int, ...]
FAR = 1000.0  # a mean that float32 has 3 digits left beside
# The same examples every time. What fails is not made smaller: the smallest that fails is the one that just does.
drawn = settings(
    max_examples=24, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture(autouse=True, scope="module")
def one_thread_of_theirs() -> Iterator[None]:
    """Threads that wait for each other take most of the time here, and how PyTorch cuts a sum depends on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Case:
    """What Hypothesis draws: the inputs' shapes, the op's attributes; the first input is centre + spread N(0, 1)."""

    shapes: tuple[Shape, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    centre: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class Row:
    """An op of tensors, and PyTorch's. `domain` turns normal numbers into those of the first input; inputs in `labels`
    are whole numbers below the last axis of the first; the op is differentiated by the inputs in `moving`."""

    ours: Callable[..., Tensor]
    theirs: Callable[..., Any]
    cases: st.SearchStrategy[Case]
    domain: Callable[[Any], Any] = lambda x: x
    labels: tuple[int, ...] = ()
    moving: tuple[int, ...] = (0,)


def graph_of(row: Row, case: Case, dtype: type[np.floating[Any]]) -> Graph:
    """The op of inputs x0, x1, ...: its output y, and its gradients g0, g1, ... for an upstream gradient u."""
    kinds = [np.int64 if i in row.labels else dtype for i in range(len(case.shapes))]
    x = [placeholder(shape, kind, f"x{i}") for i, (shape, kind) in enumerate(zip(case.shapes, kinds, strict=True))]
    y = row.ours(*x, **case.attrs)
    u = placeholder(y.shape, dtype, "u")
    found = backpropagate(y, u, [x[i] for i in row.moving])
    inputs = {f"x{i}": leaf for i, leaf in enumerate(x)} | {"u": u}
    return Graph(inputs, {"y": y} | {f"g{i}": found[x[i]] for i in row.moving})


def inputs_of(row: Row, case: Case, upstream: Shape, seed: int) -> Arrays:
    draw = np.random.default_rng(seed)
    first = row.domain(case.centre + case.spread * draw.normal(size=case.shapes[0]))
    more = {
        f"x{i}": draw.integers(0, case.shapes[0][-1], shape) if i in row.labels else draw.normal(size=shape)
        for i, shape in enumerate(case.shapes)
        if i > 0
    }
    return cast({"x0": first, **more, "u": draw.normal(size=upstream)}, np.float32)


def by_torch(row: Row, case: Case, inputs: Arrays) -> Arrays:
    """PyTorch's float32 results, by the names of `graph_of`."""
    x = [torch.from_numpy(inputs[f"x{i}"]) for i in range(len(case.shapes))]
    for i in row.moving:
        x[i].requires_grad_()
    y = row.theirs(*x, **case.attrs)
    y.backward(torch.from_numpy(inputs["u"]))
    return {"y": y.detach().numpy()} | {f"g{i}": x[i].grad.numpy() for i in row.moving}


def cast(arrays: Arrays, dtype: type[np.floating[Any]]) -> Arrays:
    return {name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in arrays.items()}


def stacked(runs: list[Arrays]) -> Arrays:
    """The results of several runs as one, in float64."""
    return {name: np.stack([run[name] for run in runs]).astype(np.float64) for name in runs[0]}


def rms(x: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


def refuse_less_exact(
    what: str, graphs: Mapping[Any, Graph], inputs: Callable[[int], Arrays], torchs: Callable[[Arrays], Arrays]
) -> None:
    """Runs both, on inputs by seed, and fails where on some path our errors are larger than the promise allows."""
    smallest = min(node.size for node in graphs[np.float64].outputs.values())
    samples = [inputs(seed) for seed in range(min(MOST_RUNS, math.ceil(VALUES / smallest)))]
    exact_plan = plan(graphs[np.float64], "reference")
    exact = stacked([exact_plan(cast(sample, np.float64)) for sample in samples])
    theirs = stacked([torchs(sample) for sample in samples])
    for path in native.paths():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CHAINRULE_CPU", path)
            run = plan(graphs[np.float32], "native")
        compare(f"{path}: {what}", stacked([run(sample) for sample in samples]), theirs, exact)


def compare(what: str, ours: Arrays, theirs: Arrays, exact: Arrays) -> None:
    """The message gives the errors in units of eps times the result."""
    assert set(ours) == set(theirs) == set(exact)
    for name, truth in exact.items():
        assert ours[name].shape == theirs[name].shape == truth.shape
        size = rms(truth)
        mine, other = rms(ours[name] - truth), rms(theirs[name] - truth)
        unit = size * float(np.finfo(np.float32).eps) or 1.0
        told = f"{what}, {name}: {mine / unit:.3g} against PyTorch's {other / unit:.3g} eps of the result's {size:.3g}"
        assert mine <= FACTOR * other + ROUNDINGS * size, told


# ---- What is drawn


def sizes(*most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*(st.integers(1, size) for size in most))


@st.composite
def numbers(draw: st.DrawFn, /, **attrs: float) -> Case:
    """Numbers of one magnitude at a time, so that the large ones do not hide what the small ones lose."""
    return Case((draw(sizes(40, 60)),), attrs, draw(st.floats(-8, 8)), draw(st.sampled_from([0.01, 1.0])))


@st.composite
def products(draw: st.DrawFn, n: int, k: int, m: int) -> Case:
    rows, inner, columns = draw(sizes(n, k, m))
    return Case(((rows, inner), (inner, columns)))


@st.composite
def convolutions(
    draw: st.DrawFn,
    channels: st.SearchStrategy[int],
    filters: st.SearchStrategy[int],
    window: int = 4,
    most: int = 12,
    plain: bool = False,
    groups: int = 1,
) -> Case:
    """Strides, paddings, dilations and windows that differ between rows and columns; `plain` is the form of VGG: stride 1,
    no dilation, a full window."""
    many = draw(st.integers(1, groups))
    c, o = many * draw(channels), many * draw(filters)
    size = (window, window) if plain else draw(sizes(window, window))
    stride, dilation = ((1, 1), (1, 1)) if plain else (draw(sizes(2, 3)), draw(sizes(2, 2)))
    around = draw(st.tuples(st.integers(0, min(2, size[0] - 1)), st.integers(0, min(2, size[1] - 1))))
    reach = [dilation[i] * (size[i] - 1) + 1 - 2 * around[i] for i in (0, 1)]
    image = tuple(max(least, 1) + draw(st.integers(0, most)) for least in reach)
    attrs = {"stride": stride, "padding": around, "dilation": dilation, "groups": many}
    return Case(((draw(st.integers(1, 4)), *image, c), (*size, c // many, o)), attrs)


@st.composite
def pools(draw: st.DrawFn) -> Case:
    size, stride = draw(sizes(3, 3)), draw(sizes(3, 3))
    padding = tuple(draw(st.integers(0, one // 2)) for one in size)
    image = tuple(one + draw(st.integers(0, 12)) for one in size)
    return Case(
        ((draw(st.integers(1, 4)), *image, draw(st.integers(1, 40))),),
        {"size": size, "stride": stride, "padding": padding},
    )


@st.composite
def reductions(draw: st.DrawFn, axes: tuple[Axes, ...], centre: float) -> Case:
    """Over axes of up to 2000 elements together, beside others of up to 20."""
    axis = draw(st.sampled_from(axes))
    most = {1: 2000, 2: 40, 3: 12}[len(axis)]
    shape = tuple(draw(st.integers(1, most if i in axis else 20)) for i in range(3))
    return Case((shape,), {"axis": axis}, centre)


@st.composite
def batches(draw: st.DrawFn, most: tuple[int, ...], centre: float = 0.0) -> Case:
    """Two rows or more of channels, with a scale and a shift."""
    *rows, channels = draw(sizes(*most, 70))
    return Case(((rows[0] + 1, *rows[1:], channels), (channels,), (channels,)), {}, centre)


@st.composite
def scores(draw: st.DrawFn, labels: bool = False) -> Case:
    rows, classes = draw(sizes(60, 120))
    return Case(
        ((rows, classes), (rows,)) if labels else ((rows, classes),), {}, 0.0, draw(st.sampled_from([0.1, 3.0, 30.0]))
    )


# ---- PyTorch's ops, on our axes


def channels_second(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def channels_last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def torch_conv(x: Any, k: Any, **attrs: Any) -> Any:
    """On copies in PyTorch's own layout: with others its gradients raise errors or destroy the heap (2.13.0)."""
    images, kernel = channels_second(x).contiguous(), k.permute(3, 2, 0, 1).contiguous()
    return channels_last(functional.conv2d(images, kernel, **attrs))


def torch_pool(pool: Any, **more: Any) -> Callable[..., Any]:
    return lambda x, size, **attrs: channels_last(pool(channels_second(x), size, **attrs, **more))


def batch_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    axes = tuple(range(x.ndim - 1))
    return cr.ops.standardise(x, x.mean(axes), x.var(axes), 1e-5) * scale + shift


def torch_batch_norm(x: Any, scale: Any, shift: Any) -> Any:
    second = x if x.ndim == 2 else channels_second(x)
    y = functional.batch_norm(second, None, None, scale, shift, training=True)
    return y if x.ndim == 2 else channels_last(y)


def layer_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return (x - x.mean(-1, keepdims=True)) / cr.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + shift


def torch_layer_norm(x: Any, scale: Any, shift: Any) -> Any:
    return functional.layer_norm(x, x.shape[-1:], scale, shift)


def elementwise(
    ours: Callable[..., Tensor], theirs: Any, domain: Callable[[Any], Any] = lambda x: x, **attrs: float
) -> Row:
    return Row(
        lambda x, **given: ours(x, *given.values()),
        lambda x, **given: theirs(x, *given.values()),
        numbers(**attrs),
        domain,
    )


REDUCTIONS: dict[str, tuple[Callable[..., Tensor], Callable[..., Any]]] = {
    "sum": (cr.sum, lambda x, axis: x.sum(axis)),
    "mean": (cr.mean, lambda x, axis: x.mean(axis)),
    "var": (cr.var, lambda x, axis: x.var(axis, unbiased=False)),
    "max": (cr.max, lambda x, axis: x.amax(axis)),
    "min": (cr.min, lambda x, axis: x.amin(axis)),
}
OVER: dict[str, tuple[Axes, ...]] = {
    "the first axes": ((0,), (0, 1)),
    "the last axes": ((2,), (1, 2)),
    "the axis between": ((1,),),
    "all axes": ((0, 1, 2),),
}
SIXTEENS = st.sampled_from([32, 48, 64])
BOTH = (0, 1)
ROWS: dict[str, Row] = {
    "matmul": Row(cr.matmul, torch.matmul, products(70, 130, 70), moving=BOTH),
    "matmul deep": Row(cr.matmul, torch.matmul, products(40, 800, 40), moving=BOTH),
    "matmul tall": Row(cr.matmul, torch.matmul, products(2000, 40, 20), moving=BOTH),
    "matmul flat": Row(cr.matmul, torch.matmul, products(6, 100, 600), moving=BOTH),
    "matmul of one row": Row(cr.matmul, torch.matmul, products(1, 800, 100), moving=BOTH),
    "conv2d": Row(cr.conv2d, torch_conv, convolutions(st.integers(1, 20), st.integers(1, 40)), moving=BOTH),
    "conv2d of groups": Row(cr.conv2d, torch_conv, convolutions(st.integers(1, 9), st.integers(1, 9), groups=4), moving=BOTH),
    "conv2d of an image": Row(cr.conv2d, torch_conv, convolutions(st.sampled_from([1, 3]), st.integers(1, 40), 5, 20), moving=BOTH),
    "conv2d of 1x1": Row(cr.conv2d, torch_conv, convolutions(st.integers(1, 70), st.integers(1, 70), 1), moving=BOTH),
    "conv2d by Winograd": Row(cr.conv2d, torch_conv, convolutions(SIXTEENS, SIXTEENS, 3, plain=True), moving=BOTH),
    "max pool": Row(cr.max_pool, torch_pool(functional.max_pool2d), pools()),
    "average pool": Row(cr.avg_pool, torch_pool(functional.avg_pool2d, count_include_pad=False), pools()),
    "batch norm": Row(batch_norm, torch_batch_norm, batches((900,)), moving=(0, 1, 2)),
    "batch norm far from 0": Row(batch_norm, torch_batch_norm, batches((900,), FAR), moving=(0, 1, 2)),
    "batch norm of images": Row(batch_norm, torch_batch_norm, batches((14, 14, 14)), moving=(0, 1, 2)),
    "batch norm of images far from 0": Row(batch_norm, torch_batch_norm, batches((14, 14, 14), FAR), moving=(0, 1, 2)),
    "layer norm": Row(layer_norm, torch_layer_norm, batches((300,)), moving=(0, 1, 2)),
    "layer norm far from 0": Row(layer_norm, torch_layer_norm, batches((300,), FAR), moving=(0, 1, 2)),
    "softmax": Row(cr.softmax, lambda z: torch.softmax(z, -1), scores()),
    "log-softmax": Row(cr.log_softmax, lambda z: torch.log_softmax(z, -1), scores()),
    "cross-entropy": Row(
        cr.ops.cross_entropy, lambda z, t: functional.cross_entropy(z, t, reduction="none"), scores(labels=True), labels=(1,)
    ),
    "relu": elementwise(cr.relu, torch.relu),
    "leaky relu": elementwise(cr.ops.leaky_relu, functional.leaky_relu, slope=0.01),
    "elu": elementwise(cr.ops.elu, functional.elu, alpha=1.0),
    "gelu": elementwise(cr.ops.gelu, functional.gelu),
    "silu": elementwise(cr.ops.silu, functional.silu),
    "sigmoid": elementwise(cr.sigmoid, torch.sigmoid),
    "tanh": elementwise(cr.tanh, torch.tanh),
    "softplus": elementwise(cr.softplus, functional.softplus),
    "exp": elementwise(cr.exp, torch.exp),
    "expm1": elementwise(cr.ops.expm1, torch.expm1),
    "log": elementwise(cr.log, torch.log, np.exp),
    "log1p": elementwise(cr.ops.log1p, torch.log1p, np.expm1),
    "sqrt": elementwise(cr.sqrt, torch.sqrt, np.exp),
    "erf": elementwise(cr.ops.erf, torch.erf),
    **{
        f"{name} over {where}{' far from 0' if centre else ''}": Row(*both, reductions(axes, centre))
        for name, both in REDUCTIONS.items()
        for where, axes in OVER.items()
        for centre in (0.0, FAR)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
@drawn
@given(data=st.data())
def test_ops_and_their_gradients(name: str, data: st.DataObject) -> None:
    row = ROWS[name]
    case = data.draw(row.cases)
    graphs = {dtype: graph_of(row, case, dtype) for dtype in (np.float32, np.float64)}
    upstream = graphs[np.float64].inputs["u"].shape
    refuse_less_exact(
        str(case), graphs, lambda seed: inputs_of(row, case, upstream, seed), lambda given: by_torch(row, case, given)
    )
