"""Optimisers, schedules and what PyTorch has no loss for, step by step with it, in float64; skipped where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import is_ours
from chainrule.graph import tensor
from chainrule.optim import Optimizer
from chainrule.schedule import Schedule

torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
optim: Any = torch.optim

OPTIMIZERS: list[tuple[Optimizer, Callable[[Any], Any]]] = [
    (cr.SGD(0.1), lambda p: optim.SGD(p, 0.1)),
    (cr.SGD(0.1, 0.9), lambda p: optim.SGD(p, 0.1, 0.9)),
    (cr.SGD(0.1, 0.9, nesterov=True), lambda p: optim.SGD(p, 0.1, 0.9, nesterov=True)),
    (cr.AdaGrad(0.1), lambda p: optim.Adagrad(p, 0.1)),
    (cr.RMSProp(0.001, 0.95), lambda p: optim.RMSprop(p, 0.001, 0.95)),
    (cr.Adam(0.01), lambda p: optim.Adam(p, 0.01)),
    (cr.AdamW(0.01, decay=0.1), lambda p: optim.AdamW(p, 0.01, weight_decay=0.1)),
]


def every(kind: type[Any]) -> Iterator[type[Any]]:
    """All classes of chainrule below a class; other tests define some."""
    for below in filter(is_ours, kind.__subclasses__()):
        yield below
        yield from every(below)


def test_every_optimiser_has_a_row() -> None:
    assert {type(ours) for ours, _ in OPTIMIZERS} == set(every(Optimizer))


@pytest.mark.parametrize(("ours", "theirs"), OPTIMIZERS, ids=[repr(o) for o, _ in OPTIMIZERS])
def test_a_hundred_steps(ours: Optimizer, theirs: Callable[[Any], Any]) -> None:
    """On f(p) = sum of cos(p)^2 + p^4 / 20, whose gradient both compute at their own place."""
    start = np.random.default_rng(0).normal(size=(3, 4))
    q = torch.tensor(start, requires_grad=True)
    optimizer = theirs([q])
    p, state = tensor(start), {slot: tensor(np.zeros((3, 4))) for slot in ours.slots}
    gradient = cr.grad(lambda p: (cr.cos(p) ** 2 + p**4 / 20).sum())
    lr = tensor(ours.lr)
    for t in range(1, 101):
        p, state = ours.update(ours.decayed(p, lr), gradient(p).detach(), state, tensor(float(t)), lr)
        p, state = p.detach(), {slot: value.detach() for slot, value in state.items()}
        optimizer.zero_grad()
        (torch.cos(q) ** 2 + q**4 / 20).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(np.asarray(p), q.detach().numpy(), rtol=0, atol=1e-10)


def test_clipping_by_norm_and_value() -> None:
    values = [np.random.default_rng(i).normal(size=(2, 3)) for i in range(3)]
    cases: list[tuple[Optimizer, Callable[[Any], Any]]] = [
        (cr.SGD(1.0, clip_norm=0.7), lambda p: torch.nn.utils.clip_grad_norm_(p, 0.7)),
        (cr.SGD(1.0, clip_value=0.3), lambda p: torch.nn.utils.clip_grad_value_(p, 0.3)),
    ]
    for ours, clip in cases:
        parameters = [torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.float64)) for _ in values]
        for parameter, value in zip(parameters, values, strict=True):
            parameter.grad = torch.tensor(value)
        clip(parameters)
        clipped = ours.clipped({tensor(np.zeros((2, 3))): tensor(value) for value in values})
        for mine, parameter in zip(clipped.values(), parameters, strict=True):
            np.testing.assert_allclose(np.asarray(mine), parameter.grad.numpy(), rtol=0, atol=1e-12)


def then(first: Any, second: Any, at: int) -> Callable[[Any], Any]:
    """One of theirs for `at` steps, then another."""
    return lambda o: optim.lr_scheduler.SequentialLR(o, [first(o), second(o)], [at])


def linear(steps: int) -> Callable[[Any], Any]:
    return lambda o: optim.lr_scheduler.LambdaLR(o, lambda i: min(i / steps, 1))


def cosine(steps: int) -> Callable[[Any], Any]:
    return lambda o: optim.lr_scheduler.CosineAnnealingLR(o, steps)


# Theirs goes up until step pct_start total - 1 and ends in step total - 1, so 101 steps have 100 ways between them.
def one_cycle(o: Any) -> Any:
    return optim.lr_scheduler.OneCycleLR(o, 1.0, 101, pct_start=31 / 101, cycle_momentum=False)


SCHEDULES: list[tuple[Schedule, Callable[[Any], Any]]] = [
    (cr.Constant(), lambda o: optim.lr_scheduler.ConstantLR(o, 1.0)),
    (cr.Steps(0.1, (0.3, 0.6)), lambda o: optim.lr_scheduler.MultiStepLR(o, [30, 60])),
    (cr.Exponential(0.01), lambda o: optim.lr_scheduler.ExponentialLR(o, 0.01**0.01)),
    (cr.Cosine(), cosine(100)),
    (cr.Cosine(0.2), then(linear(20), cosine(80), 20)),
    (cr.WarmUp(0.2), linear(20)),
    (cr.WarmUp(0.2, cr.Cosine()), then(linear(20), cosine(80), 20)),
    (cr.OneCycle(0.3), one_cycle),
]


def test_every_schedule_has_a_row() -> None:
    """Plateau looks at losses, and has a test of its own below."""
    assert {type(ours) for ours, _ in SCHEDULES} | {cr.Plateau} == set(every(Schedule))


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize(("ours", "theirs"), SCHEDULES, ids=[repr(s) for s, _ in SCHEDULES])
def test_a_hundred_factors(ours: Schedule, theirs: Callable[[Any], Any]) -> None:
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = theirs(optimizer)
    for i in range(100):
        assert ours.factor(i / 100) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12), i
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("shape", [(5, 4), (3, 3, 2, 4), (4,)])
def test_the_norm_of_each_unit(shape: tuple[int, ...]) -> None:
    p = np.random.default_rng(0).normal(size=shape)
    for limit in (0.5, 1.0, 100.0):
        # theirs shrinks to norm / (norm + 1e-7), a hair below the limit; so the factor is taken without it
        norms = torch.linalg.vector_norm(torch.tensor(p).reshape(-1, 4), dim=0)
        expected = torch.where(norms > limit, torch.tensor(p) * (limit / norms), torch.tensor(p))
        found = np.asarray(cr.SGD(0.1, max_norm=limit).constrained(tensor(p)))
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-12)
        renormed = torch.renorm(torch.tensor(p).reshape(-1, 4), 2, 1, limit).reshape(shape)
        np.testing.assert_allclose(found, renormed.numpy(), rtol=1e-6)
    assert cr.SGD(0.1).constrained(q := tensor(p)) is q


def test_focal_loss() -> None:
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    theirs = torch.tensor(z, requires_grad=True)
    log_p = torch.log_softmax(theirs, -1)[range(6), labels]
    expected = -((1 - log_p.exp()) ** 1.5) * log_p
    expected.sum().backward()
    found, pull = cr.vjp(lambda z: cr.Focal(1.5).rows(z, tensor(labels)), z)
    np.testing.assert_allclose(np.asarray(found), expected.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.asarray(pull(np.ones(6))[0]), theirs.grad.numpy(), rtol=0, atol=1e-10)


def test_plateau() -> None:
    losses = np.random.default_rng(0).random(60).tolist()
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3, eps=0)
    for i in range(60):
        assert cr.Plateau(0.1, 3).factor(0.5, losses[:i]) == pytest.approx(
            optimizer.param_groups[0]["lr"], rel=1e-12
        ), i
        scheduler.step(losses[i])
