"""What seeing costs: eager ops, building a graph and its gradient, planning a step, capturing every value, drawing it.

    python benchmarks/graph.py

Every line is a median; the two sides of a ratio take turns in one run. No peer is timed here.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.engine import plan
from chainrule.grad import backpropagate
from chainrule.graph import OPS, Tensor, placeholder, scope
from chainrule.layers import Context, parse
from chainrule.loss import CrossEntropy
from chainrule.network import training_graph

DEEP = " ".join(["conv16-3 bn relu"] * 20) + " flatten dense10"
CNN = "conv32-3 bn relu pool2 conv64-3 bn relu pool2 flatten dense10"


def seconds(f: Callable[[], Any], times: int = 1) -> float:
    """How long one call takes, over `times` calls."""
    start = time.perf_counter()
    for _ in range(times):
        f()
    return (time.perf_counter() - start) / times


def in_turns(a: Callable[[], Any], b: Callable[[], Any], rounds: int, times: int = 1) -> tuple[float, float]:
    """Medians of two things that take turns, after one round to warm up."""
    pairs = [(seconds(a, times), seconds(b, times)) for _ in range(rounds + 1)][1:]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def eager_overhead() -> None:
    """Microseconds that an eager op costs over its own forward, 4x4 operands; all ops take turns, 101 rounds."""
    rng = np.random.default_rng(0)
    cases = eager_cases(rng.uniform(0.2, 0.8, (4, 4)), rng.uniform(0.2, 0.8, (4, 4)))
    measured: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(101):
        for name, (inputs, attrs) in cases.items():
            measured[name].append(overhead(OPS[name], inputs, attrs) * 1e6)
    found = {name: statistics.median(times) for name, times in measured.items()}
    slowest = sorted(found, key=lambda name: -found[name])[:5]
    print(
        f"an eager op over its own forward, 4x4, {len(found)} ops: median {statistics.median(found.values()):.2f} us; "
        f"most: {', '.join(f'{name} {found[name]:.2f}' for name in slowest)}"
    )


def overhead(op: Any, inputs: list[Any], attrs: dict[str, Any]) -> float:
    """Seconds that one call costs beside its forward.

    The forward is replaced by one that gives its result at once, and that one's own time is taken off: the difference of
    two whole calls would drown in the noise of a slow forward (erf takes 80 us, the call around it 2).
    """
    tensors = [cr.tensor(x) for x in inputs]
    arrays = [t.value for t in tensors]
    ready, forward = op.forward(np, *arrays, **attrs), op.forward
    op.forward = lambda *_, **__: ready
    try:
        return seconds(lambda: op(*tensors, **attrs), 50) - seconds(lambda: op.forward(np, *arrays, **attrs), 50)
    finally:
        op.forward = forward


def eager_cases(a: Any, b: Any) -> dict[str, tuple[list[Any], dict[str, Any]]]:
    """Every op that takes one or two 4x4 matrices, and the main ones with attributes."""
    axis = {"axis": (0,), "keepdims": False}
    one = (
        "neg exp expm1 log log1p sqrt sigmoid softplus sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh relu "
        "abs sign floor ceil round erf softmax log_softmax stop_gradient"
    )
    two = "add sub mul div mod power arctan2 less greater equal maximum minimum matmul"
    cases: dict[str, tuple[list[Any], dict[str, Any]]] = {name: ([a], {}) for name in one.split()}
    cases |= {name: ([a, b], {}) for name in two.split()}
    cases |= {name: ([a], axis) for name in ("sum", "mean", "var", "prod", "max", "min", "logsumexp", "argmax")}
    cases |= {
        "where": ([a > 0.5, a, b], {}),
        "clip": ([a, a * 0 + 0.3, b], {}),
        "cumsum": ([a], {"axis": 0}),
        "reshape": ([a], {"to": (2, 8)}),
        "transpose": ([a], {"order": (1, 0)}),
        "broadcast": ([a], {"to": (2, 4, 4)}),
        "slice": ([a], {"at": ((1, 1, 2), (0, 1, 4))}),
        "concat": ([a, b], {"axis": 0}),
        "take": ([a, np.array([0, 2])], {"axis": 0}),
        "einsum": ([a, b], {"subscripts": "ij,jk->ik"}),
    }
    return cases


def building() -> None:
    """Milliseconds to record the graph of a 20-layer CNN with batch norm and its gradient, and to plan its Adam step."""
    net, x, y = parse(DEEP), (32, 8, 8, 3), (32,)

    def record() -> Tensor:
        ctx = Context(train=True)
        out = ctx.call("", net, placeholder(x, name="x"))
        with scope("loss"):
            loss = CrossEntropy().rows(out, placeholder(y, np.int64, "y")).mean()
        backpropagate(loss, cr.tensor(np.float32(1)), ctx.leaves.values())
        return loss

    def whole() -> None:
        plan(training_graph(net, CrossEntropy(), cr.Adam(), x, y, np.dtype(np.int64)))

    built, planned = in_turns(record, whole, 21)
    print(
        f"20-layer CNN with batch norm: graph and gradient {built * 1e3:.1f} ms, Adam step planned {planned * 1e3:.1f} ms"
    )


def capturing() -> None:
    """A CNN step with every value and gradient kept, against the same step without."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 28, 28, 1)).astype(np.float32), rng.integers(0, 10, 64)
    plain, kept = cr.Step(CNN, x, y), cr.Step(CNN, x, y, keep=True)
    ratios = []
    for _ in range(5):
        without, with_all = in_turns(lambda: plain(x, y), lambda: kept(x, y), 7)
        ratios.append(with_all / without)
    count = sum(p.value is not None for p in kept.peek().values())
    shown = ", ".join(f"{r:.3f}" for r in sorted(ratios))
    nodes = len(kept.plan({"x": x, "y": y}, True).graph.names)
    print(
        f"capturing all of a CNN step ({nodes} nodes, {count} of them forward): "
        f"{statistics.median(ratios):.3f} of the step without ({shown}); one step {without * 1e3:.1f} ms"
    )


def drawing() -> None:
    """Seconds to draw the 20-layer CNN."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 8, 8, 3)).astype(np.float32), rng.integers(0, 10, 8)
    step = cr.Step(DEEP, x, y)
    step(x, y)
    step.peek()
    with tempfile.TemporaryDirectory() as folder:
        for ending in ("svg", "html", "png"):
            target = Path(folder) / f"net.{ending}"
            took = statistics.median(seconds(partial(step.save, target)) for _ in range(3))
            print(f"its picture as .{ending}: {took:.2f} s")


if __name__ == "__main__":
    eager_overhead()
    building()
    capturing()
    drawing()
