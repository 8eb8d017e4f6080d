"""Every initialiser with PyTorch's: the fans, and the spread that theirs asks its generator for; skipped without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule import init

torch = pytest.importorskip("torch", reason="PyTorch is the oracle here: pip install torch==2.13.0")
theirs: Any = torch.nn.init
SHAPES = [(6, 4), (4, 6), (5, 3, 4), (3, 3, 8, 5)]  # dense, wide, of signals, of images: (size ..., i, o)

# What draws at random: their call, which is given their layout (o, i, size ...).
DRAWN: dict[str, Callable[[Any], Any]] = {
    "he_normal": lambda w: theirs.kaiming_normal_(w, nonlinearity="relu"),
    "he_uniform": lambda w: theirs.kaiming_uniform_(w, nonlinearity="relu"),
    "lecun_normal": lambda w: theirs.kaiming_normal_(w, nonlinearity="linear"),
    "xavier_normal": theirs.xavier_normal_,
    "xavier_uniform": theirs.xavier_uniform_,
    "Normal": lambda w: theirs.normal_(w, 0.0, 0.01),
}
FIXED: dict[str, Callable[[Any], Any]] = {
    "zeros": theirs.zeros_,
    "ones": theirs.ones_,
    "Constant": lambda w: theirs.constant_(w, 0.0),
}


def test_every_initialiser_has_a_row() -> None:
    assert {*DRAWN, *FIXED, "orthogonal"} == set(init.INITIALIZERS)


def as_theirs(shape: tuple[int, ...]) -> Any:
    """An empty array for a kernel of ours, in their layout."""
    return torch.empty((shape[-1], shape[-2], *shape[:-2]), dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_fans(shape: tuple[int, ...]) -> None:
    assert theirs._calculate_fan_in_and_fan_out(as_theirs(shape)) == (init.fan_in(shape), init.fan_out(shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", DRAWN)
def test_the_spread_asked_for(name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Our numbers are draws of spread 1 times that of PyTorch, whose call is listened to."""
    asked: list[tuple[str, float, float]] = []
    for method in ("normal_", "uniform_"):

        def listen(self: Any, a: float = 0.0, b: float = 1.0, method: str = method, **_: Any) -> Any:
            asked.append((method, a, b))
            return self

        monkeypatch.setattr(torch.Tensor, method, listen)
    DRAWN[name](as_theirs(shape))
    draw = init.Draw(0, "w")
    [(method, a, b)] = asked
    unit = draw.normal(shape) if method == "normal_" else draw.uniform(shape)
    assert a == (0 if method == "normal_" else -b)
    np.testing.assert_allclose(init.from_plain(name)(shape, draw), unit * b, rtol=1e-12)
    assert method == "uniform_" or abs(unit.std() - 1) < 5 / math.sqrt(2 * unit.size)


@pytest.mark.parametrize("name", FIXED)
def test_fixed_values(name: str) -> None:
    expected = FIXED[name](as_theirs((3, 3, 2, 5))).numpy()
    found = init.from_plain(name)((3, 3, 2, 5), init.Draw(0, "w"))
    np.testing.assert_array_equal(found, expected.transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(init.Constant(0.25)((3,), init.Draw(0, "w")), theirs.constant_(torch.empty(3), 0.25))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (9, 8)])
def test_orthogonal_of_the_same_draws(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs is (o, i): its transpose must be ours if it is handed our normal numbers."""
    draw = init.Draw(0, "w")

    def normal(self: Any, *_: Any, **__: Any) -> Any:
        ours = torch.tensor(draw.normal((max(shape), min(shape))))
        return self.copy_(ours.T if self.shape[0] < self.shape[1] else ours)

    monkeypatch.setattr(torch.Tensor, "normal_", normal)
    expected = theirs.orthogonal_(as_theirs(shape)).numpy().T
    np.testing.assert_allclose(init.orthogonal(shape, draw), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("shape", [(3, 3, 2, 5), (2, 2, 8, 40)])
def test_orthogonal_kernels(shape: tuple[int, ...]) -> None:
    """Of both, the filters as rows are orthonormal, or the inputs where there are more filters."""
    ours = init.orthogonal(shape, init.Draw(0, "w")).reshape(-1, shape[-1])
    other = theirs.orthogonal_(as_theirs(shape)).reshape(shape[-1], -1).numpy().T
    for w in (ours, other):
        small = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
        np.testing.assert_allclose(small, np.eye(min(w.shape)), atol=1e-10)
