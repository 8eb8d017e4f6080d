"""The table of activations: what it says of each against the formula, and against what a unit really does."""

from __future__ import annotations

import math
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.activations import ActivationTable, every_activation
from chainrule.errors import RunError, SettingError, ShapeError
from chainrule.layers import LAYERS, activation
from chainrule.picture import charts

INF = math.inf
# By hand: range, mean of f(x) for x of N(0, 1) where it has a closed form, steepest slope, dead from ... to, form.
BY_HAND: dict[str, tuple[float, float, float | None, float, tuple[float, float], str]] = {
    "Identity": (-INF, INF, 0.0, 1.0, (-INF, INF), "smooth"),
    "Threshold": (0.0, 1.0, 0.5, 0.0, (INF, -INF), "jump"),
    "Sigmoid": (0.0, 1.0, 0.5, 0.25, (-INF, INF), "smooth"),
    "Tanh": (-1.0, 1.0, 0.0, 1.0, (-INF, INF), "smooth"),
    "ReLU": (0.0, INF, 1 / math.sqrt(2 * math.pi), 1.0, (0.0, INF), "kink"),
    "LeakyReLU": (-INF, INF, 0.99 / math.sqrt(2 * math.pi), 1.0, (-INF, INF), "kink"),
    "PReLU": (-INF, INF, 0.75 / math.sqrt(2 * math.pi), 1.0, (-INF, INF), "kink"),
    "ELU": (-1.0, INF, None, 1.0, (-INF, INF), "smooth"),
    "SELU": (-1.0507009873554805 * 1.6732632423543772, INF, 0.0, 1.0507 * 1.67326, (-INF, INF), "kink"),
    "GELU": (-0.16997, INF, 1 / (2 * math.sqrt(math.pi)), 1.12890, (-INF, INF), "smooth"),
    "SiLU": (-0.27846, INF, None, 1.09984, (-INF, INF), "smooth"),
    "Softplus": (0.0, INF, None, 1.0, (-INF, INF), "smooth"),
}


@dataclass(frozen=True)
class HardSigmoid(cr.Layer):
    """A user's own: x / 6 + 1/2, held between 0 and 1. Flat on both sides."""

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Any) -> cr.Tensor:
        return cr.clip(x / 6 + 0.5, 0.0, 1.0)


@dataclass(frozen=True)
class Root(cr.Layer):
    """A user's own that has no value below 0."""

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Any) -> cr.Tensor:
        return cr.sqrt(x)


@cache
def measured() -> ActivationTable:
    return cr.activation_table(turns=0)


def row(name: str) -> Any:
    return next(r for r in measured() if r.name == name)


def test_every_activation_is_in_the_table() -> None:
    kinds = {k for k in LAYERS.values() if k.__module__ == activation.__name__ and k.word}
    assert {type(r.layer) for r in measured()} == kinds - {cr.MaxoutConv2d}
    assert {type(layer) for layer in every_activation()} == {type(r.layer) for r in measured()}


@pytest.mark.parametrize("name", BY_HAND)
def test_against_the_formula(name: str) -> None:
    low, high, mean, steepest, dead, form = BY_HAND[name]
    found = row(name)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert found.steepest == pytest.approx(steepest, abs=1e-4)
    assert found.dead == dead
    assert found.form == form
    if mean is not None:
        assert found.mean == pytest.approx(mean, abs=2e-4)
        assert found.centred == (mean == 0)


def test_saturation_against_the_normal_distribution() -> None:
    """Xavier's weights give N(0, 1) before the activation, large ones N(0, 500)."""
    flat = {"Tanh": math.acosh(10), "Sigmoid": math.acosh(49)}  # |x| from which f' < 0.01: sech^2 x, sech^2(x/2) / 4
    for name, edge in flat.items():
        found = row(name)
        assert found.saturated == pytest.approx(math.erfc(edge / math.sqrt(2)), abs=0.002)
        assert found.saturated_large == pytest.approx(math.erfc(edge / math.sqrt(1000)), abs=0.01)
    assert row("ReLU").saturated == pytest.approx(0.5, abs=0.02)
    assert row("Threshold").saturated == 1
    assert row("LeakyReLU").saturated_large == 0


def moved(layer: cr.Layer, side: float) -> float:
    """How far plain SGD moves a unit whose inputs to the activation all lie near +-8, away from any target."""
    x = np.linspace(-1, 1, 32)[:, None]
    y = np.where(x > 0, 0.9, 0.1)
    step = cr.Step(cr.Sequential(cr.Dense(1), layer), x, y, optimizer=cr.SGD(0.05), dtype="float64")
    step.arrays["dense1/b"] = np.array([8.0 * side])
    step.arrays["dense1/w"] = np.array([[1.0]])
    for _ in range(5):
        step(x, y)
    return float(abs(step.arrays["dense1/b"][0] - 8 * side) + abs(step.arrays["dense1/w"][0, 0] - 1))


@pytest.mark.parametrize("name", BY_HAND)
def test_dead_means_that_descent_does_not_come_back(name: str) -> None:
    found = row(name)
    assert (moved(found.layer, -1) == 0) == (found.dead[0] > -7)
    assert (moved(found.layer, 1) == 0) == (found.dead[1] < 7)
    assert found.can_die == (found.dead[0] > -7 or found.dead[1] < 7)


def test_an_activation_of_ones_own() -> None:
    (found,) = cr.activation_table(HardSigmoid(), turns=0)
    assert (found.low, found.high, found.form) == (0, 1, "kink")
    assert found.dead == pytest.approx((-3, 3), abs=0.02)
    assert found.saturated == pytest.approx(math.erfc(3 / math.sqrt(2)), abs=0.002)
    assert "x <= -3, x >= 3" in repr(cr.activation_table(HardSigmoid(), turns=0))


@dataclass(frozen=True)
class ReLU6(cr.Layer):
    """Cut off at 6: Howard et al. (2017)."""

    def forward(self, x: Any, p: Any, ctx: Any) -> Any:
        return cr.clip(x, 0.0, 6.0)


@dataclass(frozen=True)
class Above(cr.Layer):
    """Never near 0."""

    def forward(self, x: Any, p: Any, ctx: Any) -> Any:
        return cr.tanh(x) + 7.0


def test_relu6_dies_on_both_sides() -> None:
    (found,) = cr.activation_table(ReLU6(), turns=0)
    assert found.dead == pytest.approx((0, 6), abs=1e-6)


def test_a_function_far_from_zero_is_drawn_the_right_way_up() -> None:
    for layer, low, high in ((Above(), 0, 8), (cr.Tanh(), -1, 1), (cr.ReLU(), 0, 3)):
        (row,) = cr.activation_table(layer, turns=0)
        bottom, top = charts._shown(row.y, row.slope)
        assert bottom < low < high < top


@settings(max_examples=15)
@given(st.floats(0.02, 0.9))
def test_a_slope_is_found_again(slope: float) -> None:
    (found,) = cr.activation_table(cr.LeakyReLU(slope), turns=0)
    assert found.mean == pytest.approx((1 - slope) / math.sqrt(2 * math.pi), abs=2e-4)
    assert found.form == "kink"
    np.testing.assert_allclose(found.slope[found.x < -0.05], slope)
    np.testing.assert_allclose(found.y, np.where(found.x > 0, found.x, slope * found.x), atol=1e-12)


def test_the_table_as_text_and_as_rows() -> None:
    lines = repr(measured()).splitlines()
    head = ["activation", "range", "mean", "centred", "steepest", "saturated", "large", "w", "dead", "form"]
    assert lines[0].split() == head
    assert len(lines) == 1 + len(measured())
    assert any(line.startswith("Threshold") and "everywhere" in line for line in lines)
    assert repr(cr.activation_table(turns=0)) == repr(measured())  # the same in every run
    assert [r.name for r in measured()[:2]] == [measured()[0].name, measured()[1].name]
    assert len(repr(measured()[:2]).splitlines()) == 3


def test_the_cost() -> None:
    found = cr.activation_table("relu leaky", cr.Tanh(), turns=2)
    assert [r.name for r in found] == ["ReLU", "LeakyReLU", "Tanh"]
    assert all(r.cost is not None and 0 < r.cost < 1e5 for r in found)
    relu, leaky = (line.split() for line in repr(found).splitlines()[1:3])
    assert relu[-1] == "1.0"
    assert float(leaky[-1]) == pytest.approx(float(leaky[-2]) / float(relu[-2]), abs=0.2)
    assert repr(found).splitlines()[0].endswith("ns  x ReLU")


def test_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert measured().save(tmp_path / "a.svg").read_text().startswith("<svg")
    assert measured()[:3].save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    measured()[:1].show()
    assert opened[0].startswith("file:")
    assert Path(capsys.readouterr().out.strip()).read_text().startswith("<svg")


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"expected an activation, \(n, 1\) -> \(n, 1\), found Dense\(units=3\)"):
        cr.activation_table(cr.Dense(3))
    with pytest.raises(SettingError, match=r"Root\(\) is NaN at x = -10: an activation needs a value for every number"):
        cr.activation_table(Root())
    with pytest.raises(SettingError, match="'layers' parameter of activation_table must be layers or notation"):
        cr.activation_table(np.tanh)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="'turns' parameter of activation_table must be an int of at least 0"):
        cr.activation_table(turns=-1)
    with pytest.raises(SettingError, match=r"a chart is saved as \.svg or \.png, found '\.gif'"):
        measured().save(tmp_path / "a.gif")
    with pytest.raises(RunError, match="cannot be written"):
        measured()[:1].save(tmp_path / "missing" / "a.svg")
