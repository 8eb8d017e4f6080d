"""Steps tried on the side: what they tell is what the same steps by hand tell, and they leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import chainrule as cr
from chainrule.engine import native
from chainrule.watch import Feed, steps_of_forks
from chainrule.watch.after import after, further, gap
from chainrule.watch.forks import FACTORS, Fork, forked, outcome, overfitted, tried

Array = NDArray[Any]
needs_native = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
ENGINES = ["reference", pytest.param("native", marks=needs_native)]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = (X @ RNG.normal(size=(4, 1)) + 0.1 * RNG.normal(size=(64, 1))).astype(np.float32)
ROWS = {"x": X, "y": Y}
STEPS = 10  # of a fork: the last two are its outcome
NET = "dense8 bn relu dropout0.3 dense1"
OPTIMIZERS: dict[str, Callable[[], cr.optim.Optimizer]] = {
    "sgd": lambda: cr.SGD(0.05, momentum=0.9),
    "adam": lambda: cr.Adam(0.02, clip_norm=1.0),
}


def order(steps: int, batch: int = 8) -> NDArray[np.int64]:
    """The rows of some steps."""
    return np.random.default_rng(1).integers(0, len(X), (steps, batch))


def made(engine: str, optimizer: str = "adam", steps: int = 5, net: str = NET) -> cr.Step:
    """A step that was at work for a while."""
    step = cr.Step(net, X[:8], Y[:8], optimizer=OPTIMIZERS[optimizer](), seed=3, engine=engine)
    step.advance(ROWS, order(steps), 0.02)
    return step


@pytest.fixture(params=[(engine, name) for engine in ("reference", "native") for name in OPTIMIZERS], ids=" ".join)
def step(request: pytest.FixtureRequest) -> Iterator[cr.Step]:
    """Its arrays and its count are the same to the bit after the test, and so are its next steps."""
    engine, name = request.param
    if engine == "native" and not native.available():
        pytest.skip(native.missing_reason() or "")
    step, twin = made(engine, name), made(engine, name)
    before = {path: array.copy() for path, array in step.arrays.items()}
    with np.errstate(all="ignore"):  # as in a training
        yield step
    assert step.count == twin.count == 5
    assert {path: array.tobytes() for path, array in step.arrays.items()} == {p: a.tobytes() for p, a in before.items()}
    ahead = [one.advance(ROWS, order(6), 0.01, 0.1)["loss"] for one in (step, twin)]
    np.testing.assert_array_equal(ahead[0], ahead[1])
    for path, array in twin.arrays.items():
        np.testing.assert_array_equal(step.arrays[path], array)


def by_hand(step: cr.Step, arrays: Mapping[str, Array] | None, feed: Feed) -> tuple[Array, Mapping[str, Array]]:
    """The losses of these steps one by one, and the arrays at their end, on a twin of the step."""
    start = made(step.engine, "sgd" if isinstance(step.optimizer, cr.SGD) else "adam")
    if arrays is not None:
        start.arrays, start.count = arrays, 0
    losses = []
    for i, one in enumerate(feed.order):
        rate = float(feed.lr[i]) if np.ndim(feed.lr) else feed.lr
        rows = {name: rows[one] for name, rows in feed.rows.items()}
        losses.append(start.run(rows, rate, feed.l2, feed.l1)["loss"])
    return np.array(losses), start.arrays


def first(step: cr.Step, judge: Any = None, **settings: Any) -> Fork:
    """Some steps from fresh arrays."""
    fresh = cr.Step(NET, X[:8], Y[:8], optimizer=step.optimizer, seed=9).arrays
    return Fork(fresh, Feed(ROWS, order(STEPS), 0.02, **settings), judge)


def test_the_outcome_is_that_of_the_same_steps_by_hand(step: cr.Step) -> None:
    fork = first(step, l2=0.01, l1=0.001)
    losses, _ = by_hand(step, fork.arrays, fork.feed)
    assert tried(step, fork) == pytest.approx((losses[-2:].mean(),) * 2, rel=1e-5)
    freed = fork.free()
    assert (freed.feed.l2, freed.feed.l1) == (0.0, 0.0)
    assert tried(step, freed)[0] == pytest.approx(by_hand(step, fork.arrays, freed.feed)[0][-2:].mean(), rel=1e-5)
    assert tried(step, freed) != tried(step, fork) != tried(step, fork.at(10.0))


def test_a_judge_is_given_the_arrays_at_the_end(step: cr.Step) -> None:
    seen: list[Mapping[str, Array]] = []

    def judge(arrays: Mapping[str, Any]) -> float:
        seen.append({path: array.copy() for path, array in arrays.items()})
        return 42.0

    fork = first(step, judge)
    losses, arrays = by_hand(step, fork.arrays, fork.feed)
    assert tried(step, fork) == pytest.approx((42.0, losses[-2:].mean()), rel=1e-5)
    for path, array in arrays.items():
        np.testing.assert_allclose(seen[0][path], array, rtol=1e-4, atol=1e-6)


def test_a_fork_that_diverges_is_none_and_is_not_judged(step: cr.Step) -> None:
    def judge(arrays: Mapping[str, Any]) -> float:
        raise AssertionError

    fork = first(step, judge)
    rows = {**ROWS, "y": np.full_like(Y, 3e38)}
    assert tried(step, replace(fork, feed=replace(fork.feed, rows=rows))) == (None, None)


def test_a_fork_that_raises_leaves_no_trace(step: cr.Step) -> None:
    def judge(arrays: Mapping[str, Any]) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(step, first(step, judge))


def test_forks_in_forks(step: cr.Step) -> None:
    with forked(step) as one:
        one.advance(ROWS, order(3), 0.1)
        here = {path: array.copy() for path, array in one.arrays.items()}
        tried(one, first(step))
        assert one.count == 8
        for path, array in here.items():
            np.testing.assert_array_equal(one.arrays[path], array)


def test_further_steps_go_on_from_the_end_and_slow_down(step: cr.Step) -> None:
    def judge(arrays: Mapping[str, Any]) -> float:
        return float(np.square(arrays["dense1/w"], dtype=np.float64).sum())

    fork = first(step, judge, l2=0.01)
    falling = replace(fork.feed, lr=0.02 * (1 - np.arange(STEPS) / STEPS))
    _, arrays = by_hand(step, None, falling)
    found = further(step, fork)
    assert found == {"steps": STEPS, "validation": [judge(step.arrays), pytest.approx(judge(arrays), rel=1e-5)]}
    assert found["validation"][0] != found["validation"][1]


def test_after_tries_each_rate_and_no_prior(step: cr.Step) -> None:
    fork = first(step, l2=5.0)
    found = after(step, fork, finished=True)
    assert set(found) == {"trials"}  # nothing is further without a judge
    assert (found["trials"]["steps"], len(FACTORS)) == (STEPS, 7)
    for factor in FACTORS:
        assert found["trials"]["train"][f"{factor:g}"] == tried(step, fork.at(factor))[1]
    assert found["trials"]["loss"] == found["trials"]["train"]
    assert found["trials"]["unpenalised"] == tried(step, fork.free())[0] != found["trials"]["loss"]["1"]
    judged = first(step, lambda arrays: 1.0)
    assert set(after(step, judged, finished=True)) == {"trials", "further"}
    assert set(after(step, judged, finished=False)) == {"trials"}
    assert "unpenalised" not in after(step, judged, finished=False)["trials"]


# --- one batch learned by heart


def test_overfitted_is_one_batch_again_and_again(step: cr.Step) -> None:
    feed = Feed(ROWS, order(1), 0.02, l2=3.0)
    ends, zeroed = {}, {}
    found = overfitted(step, feed, 10)
    for lr in (0.02, 0.002, 0.2):
        again = Feed(ROWS, np.repeat(feed.order, 10, 0), lr)
        losses, _ = by_hand(step, None, again)
        ends[lr] = losses[-2:].mean()
        zeros = Feed({"x": 0 * X, "y": Y}, feed.order, lr)
        both = Feed({"x": np.concatenate([X, 0 * X]), "y": np.concatenate([Y, Y])}, _then(again, zeros), lr)
        zeroed[lr] = by_hand(step, None, both)[0][-1]
        start = losses[0]
        if ends[lr] < 0.5 * start:
            break
    best = min(ends, key=lambda lr: ends[lr])
    expected = {"steps": 10, "start": start, "end": ends[best], "zeroed": zeroed[best]}
    assert found == pytest.approx(expected, rel=1e-4)


def _then(one: Feed, other: Feed) -> NDArray[np.int64]:
    return np.concatenate([one.order, other.order + len(X)])


@pytest.mark.parametrize("engine", ENGINES)
def test_what_starts_beyond_float32_has_no_figures(engine: str) -> None:
    w = np.full((4, 1), 1e38)
    step = cr.Step("dense1", X[:8], Y[:8], start={"dense1/w": w}, engine=engine)
    with np.errstate(all="ignore"):
        found = overfitted(step, Feed(ROWS, order(1), 0.1), 4)
    assert found["steps"] == 4
    assert (found["start"], found["end"]) == (None, None)
    np.testing.assert_array_equal(step.arrays["dense1/w"], w.astype(np.float32))


# --- batch norm between training and use


@pytest.mark.parametrize("engine", ENGINES)
def test_the_gap(engine: str) -> None:
    """Of batch norm that has seen 5 batches, and of one whose running moments are wrong by far."""
    step = made(engine, net="dense8 bn relu dense1")
    feed = Feed(ROWS, order(12), 0.02, l2=1.0)
    before = {path: array.copy() for path, array in step.arrays.items()}
    found = gap(step, feed)
    moments = {path: array for path, array in step.arrays.items() if path in ("batchnorm1/mean", "batchnorm1/var")}
    assert len(moments) == 2
    h = [X[rows].astype(np.float64) @ before["dense1/w"] + before["dense1/b"] for rows in feed.order[:8]]

    def loss(at: Any, mean: Any, var: Any, y: Array) -> float:
        z = (at - mean) / np.sqrt(var + 1e-5) * before["batchnorm1/scale"] + before["batchnorm1/shift"]
        out = np.maximum(z, 0) @ before["dense2/w"] + before["dense2/b"]
        return float(np.square(out - y).mean())

    y = [Y[rows].astype(np.float64) for rows in feed.order[:8]]
    own = np.mean([loss(a, a.mean(0), a.var(0), b) for a, b in zip(h, y, strict=True)])
    use = loss(np.concatenate(h), moments["batchnorm1/mean"], moments["batchnorm1/var"], np.concatenate(y))
    assert found == pytest.approx({"training": own, "use": use}, rel=1e-3)
    for path, array in before.items():
        np.testing.assert_array_equal(step.arrays[path], array)
    step.arrays = {**step.arrays, "batchnorm1/var": np.full(8, 1e-4, np.float32)}
    worse = gap(step, feed)
    assert (worse["use"] or 0) > 10 * (worse["training"] or np.inf)


# --- outcomes


@pytest.mark.parametrize(
    ("losses", "steps", "found"),
    [
        ([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], 10, 0.5),
        ([4.0, 2.0, 3.0], 3, 3.0),
        ([1.0], 1, 1.0),
        ([1.0, 2.0], 3, np.inf),  # it ended early
        ([1.0, np.nan], 2, np.inf),
        ([1.0, np.inf], 2, np.inf),
    ],
)
def test_outcome(losses: list[float], steps: int, found: float) -> None:
    assert outcome(losses, steps) == found


@pytest.mark.parametrize(
    ("units", "total", "steps"), [(4, 1, 100), (4, 1500, 150), (4, 9000, 200), (2000, 1, 20), (2000, 900, 90)]
)
def test_steps_of_forks(units: int, total: int, steps: int) -> None:
    """A tenth of the training; of a small network, whose steps take no time, some more."""
    step = cr.Step(f"dense{units} relu dense2", np.ones((2, 30), np.float32), np.arange(2), engine="reference")
    assert steps_of_forks(step, total) == steps
