"""What is written in a picture of a graph: numbers, gates, heat maps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.picture.graph.bands import apart
from chainrule.picture.graph.gate import gate_text
from chainrule.picture.graph.label import heat_levels, number_text, part_of
from chainrule.picture.graph.scene import shortened


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7311, "0.73"), (-4.0, "-4.00"), (0.0, "0.00"), (-0.0, "0.00"), (1.2e-5, "1.2e-05"), (999.5, "999.50"), (1234.5, "1.2e+03"),
        (0.005, "0.01"), (0.0049, "4.9e-03"), (np.nan, "nan"), (-np.inf, "-inf"), (np.int64(7), "7"), (True, "True"),
    ],
)  # fmt: skip
def test_numbers_as_on_the_slides(value: float, text: str) -> None:
    assert number_text(value) == text


def test_gates_have_their_numbers_written_in() -> None:
    x = cr.tensor(2.0, "x")
    gates = [x + 1, 1 + x, x - 1, 1 - x, x * 0.5, x / 3, 1 / x, x**2, x + (-1), -x]
    assert [gate_text(g) for g in gates] == ["+1", "+1", "−1", "1−x", "×0.5", "x/3", "1/x", "^2", "−1", "×−1"]


def test_a_heat_map_shows_where_the_largest_are() -> None:
    array = np.zeros((40, 60))
    array[39, 0], array[0, 59] = -8.0, 4.0
    levels = np.array(heat_levels(array))
    assert levels.shape == (10, 20)
    assert levels[-1, 0] == 8
    assert levels[0, -1] == 4
    assert levels.sum() == 12
    assert heat_levels(np.array([[np.nan, np.inf, 1.0]])) == ((-1, -1, 8),)
    assert type(part_of(np.zeros((3, 3)), "value")).__name__ == "Numbers"
    assert type(part_of(np.zeros((3, 4)), "value")).__name__ == "Heat"


@given(st.lists(st.floats(-100, 100), max_size=20))
def test_names_at_the_margin_keep_their_distance(places: list[float]) -> None:
    moved = apart(sorted(places), 14)
    assert all(b - a >= 14 - 1e-6 for a, b in pairwise(moved))
    assert sum(moved) == pytest.approx(sum(places), abs=1e-6)


def test_a_long_name_keeps_its_two_ends() -> None:
    assert shortened("short", 28) == "short"
    assert shortened("a" * 30 + "z" * 30, 11) == "aaaaa…zzzzz"
