"""One step of each optimiser on the native engine, from a state that it may have come to, no less exact than PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_native_against_torch import LR, Arrays, drawn, refuse_less_exact, sizes

import chainrule as cr
from chainrule.engine import native
from chainrule.graph import Graph, Shape, placeholder
from chainrule.optim import Optimizer

torch = pytest.importorskip("torch", reason="PyTorch is the measure here: pip install torch==2.13.0")
pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")

OPTIMIZERS: dict[str, tuple[Optimizer, Callable[[Any], Any], dict[str, str]]] = {
    "sgd": (cr.SGD(LR, 0.9), lambda p: torch.optim.SGD(p, LR, 0.9), {"velocity": "momentum_buffer"}),
    "adam": (cr.Adam(LR), lambda p: torch.optim.Adam(p, LR), {"m": "exp_avg", "v": "exp_avg_sq"}),
    "rmsprop": (cr.RMSProp(LR), lambda p: torch.optim.RMSprop(p, LR), {"squares": "square_avg"}),
    "adagrad": (cr.AdaGrad(LR), lambda p: torch.optim.Adagrad(p, LR), {"squares": "sum"}),
}
SQUARES = ("v", "squares")


def step_graph(optimizer: Optimizer, shape: Shape, dtype: type[np.floating[Any]]) -> Graph:
    p, g, *state = (placeholder(shape, dtype, name) for name in ("p", "g", *optimizer.slots))
    slots = dict(zip(optimizer.slots, state, strict=True))
    t, lr = placeholder((), dtype, "t"), placeholder((), dtype, "lr")
    after, moved = optimizer.update(p, g, slots, t, lr)
    return Graph({"p": p, "g": g, **slots, "t": t, "lr": lr}, {"p": after, **moved})


def step_by_torch(name: str, given: Arrays) -> Arrays:
    _, make, names = OPTIMIZERS[name]
    p = torch.nn.Parameter(torch.from_numpy(given["p"].copy()))
    p.grad = torch.from_numpy(given["g"])
    optimizer = make([p])
    state = {theirs: torch.from_numpy(given[slot].copy()) for slot, theirs in names.items()}
    optimizer.state[p] = {"step": torch.tensor(float(given["t"]) - 1), **state}
    optimizer.step()
    return {"p": p.detach().numpy()} | {slot: state[theirs].numpy() for slot, theirs in names.items()}


@pytest.mark.parametrize("name", OPTIMIZERS)
@drawn
@given(shape=sizes(40, 60), t=st.integers(1, 2000), size=st.sampled_from([0.0, LR, 1.0]))
def test_steps_of_optimisers(name: str, shape: Shape, t: int, size: float) -> None:
    """With parameters of the size of the steps, too: the rounding of large ones hides what the step is."""
    optimizer = OPTIMIZERS[name][0]

    def inputs(seed: int) -> Arrays:
        draw = np.random.default_rng(seed)
        state = {slot: draw.normal(size=shape) ** (2 if slot in SQUARES else 1) for slot in optimizer.slots}
        every = {"p": size * draw.normal(size=shape), "g": draw.normal(size=shape), **state, "t": t, "lr": LR}
        return {key: np.asarray(x, np.float32) for key, x in every.items()}

    graphs = {dtype: step_graph(optimizer, shape, dtype) for dtype in (np.float32, np.float64)}
    refuse_less_exact(f"{shape}, step {t}", graphs, inputs, lambda given: step_by_torch(name, given))
