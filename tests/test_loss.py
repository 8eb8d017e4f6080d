"""One row per loss: a definition by probabilities or loops, PyTorch's where it has one, any size of the logits, a short training."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, SettingError, ShapeError, UnknownName, is_ours
from chainrule.graph import tensor
from chainrule.loss import LOSSES, Loss, from_settings, look_like_probabilities

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 4, 6)
REAL, BITS, COUNTS = rng.normal(size=(6, 4)), rng.integers(0, 2, (6, 4)) * 1.0, rng.integers(0, 5, (6, 4)) * 1.0


@dataclass
class Row:
    """`oracle(z, target)` gives the loss of one row; `torch(nn, z, t)` that of all rows."""

    loss: Loss
    target: Any
    oracle: Callable[[Any, Any], float]
    torch: Callable[[Any, Any, Any], Any] | None = None


def probabilities(z: Any) -> Any:
    return np.exp(z) / np.exp(z).sum()


def smooth(z: Any, c: int) -> float:
    weights = np.full(4, 0.2 / 4) + 0.8 * (np.arange(4) == c)
    return float(-(weights * np.log(probabilities(z))).sum())


def huber(e: float) -> float:
    return e * e / 2 if abs(e) <= 0.5 else 0.5 * (abs(e) - 0.25)


def bernoulli(z: Any, t: Any) -> float:
    p = 1 / (1 + np.exp(-z))
    return float(np.mean(-np.log(np.where(t == 1, p, 1 - p))))


ROWS = [
    Row(cr.CrossEntropy(), LABELS, lambda z, c: -math.log(probabilities(z)[c]), lambda nn, z, t: nn.cross_entropy(z, t, reduction="none")),
    Row(cr.CrossEntropy(0.2), LABELS, smooth, lambda nn, z, t: nn.cross_entropy(z, t, reduction="none", label_smoothing=0.2)),
    Row(cr.Focal(2.0), LABELS, lambda z, c: -((1 - probabilities(z)[c]) ** 2) * math.log(probabilities(z)[c])),
    Row(cr.Hinge(), LABELS, lambda z, c: sum(max(0, z[j] - z[c] + 1) for j in range(4) if j != c), lambda nn, z, t: 4 * nn.multi_margin_loss(z, t, reduction="none")),
    Row(cr.SquaredError(), REAL, lambda z, t: float(np.mean((z - t) ** 2)), lambda nn, z, t: nn.mse_loss(z, t, reduction="none").mean(1)),
    Row(cr.AbsoluteError(), REAL, lambda z, t: float(np.mean(np.abs(z - t))), lambda nn, z, t: nn.l1_loss(z, t, reduction="none").mean(1)),
    Row(cr.Huber(0.5), REAL, lambda z, t: float(np.mean([huber(e) for e in z - t])), lambda nn, z, t: nn.huber_loss(z, t, reduction="none", delta=0.5).mean(1)),
    Row(cr.BinaryCrossEntropy(), BITS, bernoulli, lambda nn, z, t: nn.binary_cross_entropy_with_logits(z, t, reduction="none").mean(1)),
    Row(cr.Poisson(), COUNTS, lambda z, t: float(np.mean(np.exp(z) - t * z)), lambda nn, z, t: nn.poisson_nll_loss(z, t, reduction="none").mean(1)),
]  # fmt: skip
EVERY = pytest.mark.parametrize("row", ROWS, ids=[repr(row.loss) for row in ROWS])
Z = rng.normal(size=(6, 4))


def leaves(kind: type[Loss]) -> Iterator[type[Loss]]:
    """Chainrule's own without subclasses: other tests define some."""
    below = [one for one in kind.__subclasses__() if is_ours(one)]
    for one in below:
        yield from leaves(one)
    if not below:
        yield kind


def test_every_loss_has_a_row() -> None:
    assert (
        {type(row.loss) for row in ROWS}
        == {kind for kind in leaves(Loss) if kind.assumes}
        == set(filter(is_ours, LOSSES.values()))
    )


@EVERY
def test_definition_and_gradients(row: Row) -> None:
    found = row.loss.rows(tensor(Z), tensor(row.target))
    np.testing.assert_allclose(
        np.asarray(found), [row.oracle(z, t) for z, t in zip(Z, row.target, strict=True)], rtol=1e-12
    )
    cr.check_grads(lambda z: row.loss.rows(z, tensor(row.target)), [Z])


@EVERY
def test_as_pytorch(row: Row) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
    if row.torch is None:
        assert type(row.loss) is cr.Focal  # PyTorch has none of it; its definition is checked above
        return
    theirs = torch.tensor(Z, requires_grad=True)
    expected = row.torch(torch.nn.functional, theirs, torch.tensor(row.target))
    expected.sum().backward()
    found, pull = cr.vjp(lambda z: row.loss.rows(z, tensor(row.target)), Z)
    np.testing.assert_allclose(np.asarray(found), expected.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.asarray(pull(np.ones(6))[0]), theirs.grad.numpy(), rtol=0, atol=1e-10)


STABLE = [row for row in ROWS if not isinstance(row.loss, cr.Poisson)]  # a mean of e^10000 is beyond every number


@pytest.mark.parametrize("row", STABLE, ids=[repr(row.loss) for row in STABLE])
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_no_size_of_the_output_overflows(row: Row, size: float) -> None:
    z = np.array([[size, -size, 0.0, 1.0]] * 6)
    value, gradient = cr.value_and_grad(lambda z: row.loss.rows(z, tensor(row.target)).mean())(z)
    assert np.isfinite(float(value))
    assert np.isfinite(np.asarray(gradient)).all()


@EVERY
def test_a_short_training_lowers_it(row: Row) -> None:
    x = rng.normal(size=(6, 5))
    step = cr.Step("dense16 tanh dense4", x, row.target, loss=row.loss, optimizer=cr.Adam(0.02))
    first = step(x, row.target)
    for _ in range(100):
        last = step(x, row.target)
    assert last < first - 0.1 * abs(first)


def test_predictions() -> None:
    np.testing.assert_allclose(np.asarray(cr.CrossEntropy().prediction(tensor(Z))).sum(1), 1)
    np.testing.assert_allclose(np.asarray(cr.BinaryCrossEntropy().prediction(tensor(Z))), 1 / (1 + np.exp(-Z)))
    np.testing.assert_allclose(np.asarray(cr.Poisson().prediction(tensor(Z))), np.exp(Z))


WEIGHTS = (0.5, 2.0, 0.0, 1.25)
PIXELS = rng.integers(0, 4, (6, 3, 2))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
def test_weights_and_positions_as_pytorch(weights: tuple[float, ...] | None) -> None:
    """sum(w loss) / sum(w), one choice for each example or for each pixel of it; PyTorch has the classes second."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
    loss = cr.CrossEntropy(0.0, weights=weights)
    for shape, target in (((6, 4), LABELS), ((6, 3, 2, 4), PIXELS)):
        z = np.random.default_rng(1).normal(size=shape)
        theirs = torch.tensor(np.moveaxis(z, -1, 1), requires_grad=True)
        w = None if weights is None else torch.tensor(weights, dtype=torch.float64)
        expected = torch.nn.functional.cross_entropy(theirs, torch.tensor(target), weight=w)
        expected.backward()

        def mean(z: Any, target: Any = target) -> Any:
            return loss.shares(z, tensor(target)).mean()

        value, gradient = cr.value_and_grad(mean)(z)
        assert float(value) == pytest.approx(expected.item(), abs=1e-12)
        np.testing.assert_allclose(np.moveaxis(np.asarray(gradient), -1, 1), theirs.grad.numpy(), atol=1e-12)


@EVERY
def test_a_weight_of_two_is_a_row_given_twice(row: Row) -> None:
    twice, weights = np.repeat(np.arange(6), [1, 2, 1, 2, 0, 1]), np.array([1.0, 2, 1, 2, 0, 1])
    expected = row.loss.shares(tensor(Z[twice]), tensor(row.target[twice])).mean()
    found = row.loss.shares(tensor(Z), tensor(row.target), tensor(weights)).mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-12)
    cr.check_grads(lambda z: row.loss.shares(z, tensor(row.target), tensor(weights)).mean(), [Z])


def test_a_batch_without_weight_moves_nothing() -> None:
    value, gradient = cr.value_and_grad(lambda z: cr.Focal().shares(z, tensor(LABELS), tensor(np.zeros(6))).mean())(Z)
    assert float(value) == 0
    assert not np.asarray(gradient).any()


@EVERY
def test_settings_come_back(row: Row) -> None:
    assert from_settings(json.loads(json.dumps(row.loss.settings()))) == row.loss


def test_settings_with_weights_come_back() -> None:
    loss = cr.Focal(1.5, weights=WEIGHTS)
    assert from_settings(json.loads(json.dumps(loss.settings()))) == loss
    with pytest.raises(UnknownName, match="there is no loss 'Hubr'; did you mean 'Huber'"):
        from_settings({"name": "Hubr"})


@pytest.mark.parametrize("end", ["softmax", "sigmoid"])
def test_probabilities_are_no_logits(end: str) -> None:
    probabilities = getattr(cr, end)(tensor(Z))
    for loss, target in ((cr.CrossEntropy(), LABELS), (cr.Focal(), LABELS), (cr.BinaryCrossEntropy(), BITS)):
        with pytest.raises(
            SettingError, match=rf"gives probabilities \({end}\), but {type(loss).__name__} expects logits"
        ):
            loss.rows(probabilities, tensor(target))
    cr.SquaredError().rows(probabilities, tensor(BITS))  # that one may well be given probabilities


def test_what_probabilities_look_like() -> None:
    assert look_like_probabilities(np.asarray(cr.softmax(tensor(Z))))
    assert not look_like_probabilities(Z)
    assert not look_like_probabilities(np.zeros((3, 4)))
    assert not look_like_probabilities(np.ones((3, 1)))  # one number each, as of a regression


def test_targets_that_the_distribution_cannot_give() -> None:
    cr.Poisson().check(COUNTS)
    with pytest.raises(DataError, match=r"Poisson expects targets from 0 to inf, found \[-1\.\] in row 2"):
        cr.Poisson().check(np.array([[0.0], [3], [-1]]))
    with pytest.raises(DataError, match=r"BinaryCrossEntropy expects targets from 0 to 1, found .* in row 0"):
        cr.BinaryCrossEntropy().check(np.full((2, 3, 3, 1), 255.0))


def test_what_does_not_fit() -> None:
    with pytest.raises(SettingError, match="The 'weights' parameter of CrossEntropy"):
        cr.CrossEntropy(weights=(1.0, -1.0))
    with pytest.raises(ShapeError, match="3 class weights were given for 4 classes"):
        cr.CrossEntropy(weights=(1.0, 1.0, 1.0)).shares(tensor(Z), tensor(LABELS))
    with pytest.raises(ShapeError, match=r"one class code for each of \(3, 2\): expected \(3, 2, 4\)"):
        cr.CrossEntropy().rows(tensor(Z), tensor(PIXELS))
    with pytest.raises(SettingError, match="The 'smoothing' parameter of CrossEntropy"):
        cr.CrossEntropy(1.0)
    with pytest.raises(SettingError, match="The 'delta' parameter of Huber"):
        cr.Huber(0)
    with pytest.raises(
        ShapeError, match=r"the network gives \(4,\) for each example, but the numbers to predict are \(3,\)"
    ):
        cr.AbsoluteError().rows(tensor(Z), tensor(REAL[:, :3]))
