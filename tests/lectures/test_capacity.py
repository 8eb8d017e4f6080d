"""What pieces, width and depth buy, measured over ten seeds.

Sources: Goodfellow et al. (2013), maxout, section 4; Cybenko (1989) and Hornik (1991) on width; Montufar et al. (2014) and
Telgarsky (2016) on depth. Errors are root mean squares over the rows; of a training, the least.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr

Floats = NDArray[np.float64]
SEEDS = range(10)
PIECES = (1, 2, 4, 8)
WIDTHS = (1, 2, 4, 8, 32)
FOLDS = 3
STEPS = 300
ROWS = 2**FOLDS * 8
X = np.linspace(-1, 1, 64)[:, None]


def lowest(net: cr.Layer | str, x: Floats, y: Floats, lr: float, seed: int, arrays: Any = ()) -> float:
    """The least error of STEPS steps of Adam."""
    step = cr.Step(net, x, y, optimizer=cr.Adam(lr), seed=seed, dtype="float64")
    step.arrays.update(arrays)
    return math.sqrt(min(step(x, y) for _ in range(STEPS)))


@cache
def by_pieces() -> Floats:
    nets = [cr.Sequential(cr.Maxout(1, pieces=k)) for k in PIECES]
    return np.array([[lowest(net, X, X**2, 0.02, seed) for net in nets] for seed in SEEDS])


def test_maxouts_error_on_a_parabola_falls_with_the_pieces() -> None:
    """In the median with every doubling, in every seed with four times the pieces: some pieces start below all others."""
    errors = by_pieces()
    assert (np.diff(np.median(errors, axis=0)) < 0).all()
    assert (errors[:, 2:] < errors[:, :-2] / 2).all()


def test_maxout_comes_near_the_best_of_all_lines_and_never_below() -> None:
    """k lines leave an error of at least sqrt(4/45) / k^2 on [-1, 1]; two of them get within a tenth in most seeds."""
    errors = by_pieces()
    best = np.array([math.sqrt(np.mean(least_with_lines(X[:, 0] ** 2, k))) for k in PIECES])
    np.testing.assert_allclose(best, math.sqrt(4 / 45) / np.array(PIECES) ** 2, rtol=0.15)  # rows are not the interval
    assert (errors >= best * (1 - 1e-9)).all()
    assert np.median(errors[:, 1] / best[1]) < 1.1


def test_one_hidden_layers_error_falls_with_its_width() -> None:
    """In the median at every step, in every seed from 1 unit to 4, and from 2 to 32."""
    y = np.sin(3 * X) + np.abs(X)
    errors = np.array([[lowest(f"dense{k} tanh dense1", X, y, 0.05, s) for k in WIDTHS] for s in SEEDS])
    assert (np.diff(np.median(errors, axis=0)) < 0).all()
    assert (errors[:, [2, 4]] < errors[:, [0, 1]]).all()
    assert np.median(errors[:, -1]) < 0.1 * np.median(errors[:, 0])


def sawtooth(x: Floats, folds: int) -> Floats:
    """Each fold maps [0, 1] onto itself twice: 2^folds straight pieces."""
    for _ in range(folds):
        x = 1 - np.abs(2 * x - 1)
    return x


def folding(folds: int) -> dict[str, Floats]:
    """Two ReLU units a layer that fold: relu(2x) - relu(4x - 2)."""
    fold, join = np.array([[2.0, 4.0]]), np.array([[1.0], [-1.0]])
    arrays = {f"dense{i}/w": join @ fold for i in range(2, folds + 1)}
    arrays |= {f"dense{i}/b": np.array([0.0, -2.0]) for i in range(1, folds + 1)}
    return arrays | {"dense1/w": fold, f"dense{folds + 1}/w": join}


def deep(folds: int) -> str:
    return " ".join(["dense2 relu"] * folds) + " dense1"


def pieces_of(y: Floats) -> int:
    """Straight pieces of a function on evenly spaced points; a corner between two of them bends at both, and is one."""
    bends = np.abs(np.diff(y, 2)) > 1e-9
    return int((bends[1:] & ~bends[:-1]).sum()) + int(bends[0]) + 1


@pytest.mark.parametrize("folds", [1, 2, 3, 5, 8])
def test_depth_folds(folds: int) -> None:
    """2k units in k layers give 2^k pieces, exactly; one layer of m units gives at most m + 1, so it needs 2^k - 1."""
    x = np.linspace(0, 1, 2**folds * 4 + 1)[:, None]
    y = sawtooth(x, folds)
    step = cr.Step(deep(folds), x, y, optimizer=cr.SGD(0.1), dtype="float64")
    step.arrays.update(folding(folds))
    assert step(x, y) == 0
    assert pieces_of(step.peek(f"dense{folds + 1}/out").value[:, 0]) == 2**folds


@pytest.mark.parametrize("folds", [1, 2, 3, 5, 8])
def test_one_layer_bends_once_for_each_unit(folds: int) -> None:
    """As many units and parameters as in `test_depth_folds`: 2k + 1 pieces, with corners wherever one likes, and no more."""
    x, units = np.linspace(0, 1, 1001)[:, None], 2 * folds
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        step = cr.Step(f"dense{units} relu dense1", x, x, dtype="float64")
        corners = (np.arange(units) + rng.uniform(0.1, 0.9, units)) / units
        side = rng.choice([-1.0, 1.0], units)
        step.arrays |= {"dense1/w": side[None], "dense1/b": -side * corners}
        step.arrays["dense2/w"] = rng.choice([-1.0, 1.0], (units, 1)) * rng.uniform(1, 2, (units, 1))
        step(x, x)
        assert pieces_of(step.peek("dense2/out").value[:, 0]) == units + 1
        assert size(step) == 6 * folds + 1


@pytest.mark.parametrize("folds", [3, 5])
def test_trained_or_not_one_layer_makes_no_more_pieces(folds: int) -> None:
    """From three folds on that is fewer than the 2^k of the deep net: here after steps towards its very output."""
    x, units = np.linspace(-1, 1, 4001)[:, None], 2 * folds
    y = sawtooth((x + 1) / 2, folds)
    step = cr.Step(f"dense{units} relu dense1", x, y, optimizer=cr.Adam(0.02), dtype="float64")
    for _ in range(100):
        step(x, y)
    step(x, y)
    assert 2 <= pieces_of(step.peek("dense2/out").value[:, 0]) <= units + 1 < 2**folds == pieces_of(y[:, 0])


def size(step: cr.Step) -> int:
    return sum(step.arrays[path].size for path in step.of_network)


def least_with_lines(y: Floats, lines: int) -> Floats:
    """The squared errors, on average over the rows, that are left by the best cut into so many lines, joined or not."""
    n = len(y)
    rest = np.array([[_off_a_line(y[i:j]) for j in range(n + 1)] for i in range(n)])
    best = np.where(np.arange(n + 1) == 0, 0.0, np.inf)
    for _ in range(lines):
        best = np.array([min([best[i] + rest[i, j] for i in range(j)], default=0.0) for j in range(n + 1)])
    return best[n:] / n


def _off_a_line(y: Floats) -> float:
    """Squared distances from the line through y that fits best."""
    if len(y) < 3:
        return 0.0
    x = np.arange(len(y)) - (len(y) - 1) / 2
    level = y - y.mean()
    return float(max(level @ level - (x @ level) ** 2 / (x @ x), 0.0))


def test_what_depth_reaches_and_one_layer_cannot() -> None:
    """Eight pieces, 19 parameters on both sides: no training brings one layer below the best seven lines; the deep net,
    its weights shaken by 2%, finds back to a tenth of that."""
    x = (np.arange(ROWS)[:, None] + 0.5) / ROWS
    y = sawtooth(x, FOLDS)
    bound = math.sqrt(least_with_lines(y[:, 0], 2 * FOLDS + 1)[0])
    assert bound > 0.1
    for seed in SEEDS:
        noise = np.random.default_rng(seed)
        shaken = {path: w * (1 + 0.02 * noise.normal(size=w.shape)) for path, w in folding(FOLDS).items()}
        assert lowest(f"dense{2 * FOLDS} relu dense1", 2 * x - 1, y, 0.02, seed) >= bound
        assert lowest(deep(FOLDS), x, y, 0.003, seed, shaken) < bound / 10
