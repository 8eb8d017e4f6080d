"""Many steps in one call: the same bits as one by one, the end where a loss is not finite, and refusals instead of crashes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import native
from chainrule.optim import Optimizer

DRAW = np.random.default_rng(0)
IMAGES = DRAW.normal(size=(50, 6, 5, 2)).astype(np.float32)
LABELS = DRAW.integers(0, 3, 50)
ORDER = DRAW.permutation(48).reshape(6, 8)
ADAM = cr.Adam(0.01)
ENGINES = [pytest.param("native", marks=pytest.mark.skipif(not native.available(), reason="not built")), "reference"]


@dataclass(frozen=True)
class Accumulated(cr.Layer):
    """Running sums, which no kernel computes."""

    def forward(self, x: cr.Tensor, p: Mapping[str, cr.Tensor], ctx: Any) -> cr.Tensor:
        return cr.cumsum(x, 1)


def step(engine: str, optimizer: Optimizer = ADAM) -> cr.Step:
    net = "conv4-3 bn relu flatten dropout0.3 dense3"
    return cr.Step(net, IMAGES[:8], LABELS[:8], optimizer=optimizer, engine=engine)


def bits(of: cr.Step) -> dict[str, bytes]:
    return {path: array.tobytes() for path, array in of.arrays.items()}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 5, 6])
def test_steps_in_one_call_are_those_one_by_one(engine: str, count: int) -> None:
    lr = np.linspace(0.01, 0.001, count)
    at_once, singly = step(engine), step(engine)
    made = at_once.advance({"x": IMAGES, "y": LABELS}, ORDER[:count], lr, l2=0.1)
    alone = [
        singly.run({"x": IMAGES[rows], "y": LABELS[rows]}, float(rate), l2=0.1)
        for rows, rate in zip(ORDER, lr, strict=False)
    ]
    assert made["loss"].tolist() == [float(out["loss"]) for out in alone]
    assert made["output"].tobytes() == np.array([out["output"] for out in alone]).tobytes()
    assert bits(at_once) == bits(singly)
    assert at_once.count == singly.count == count
    assert at_once.peek("conv2d1/out").value.tobytes() == singly.peek("conv2d1/out").value.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_batches_of_other_sizes_between_change_nothing(engine: str) -> None:
    mixed, other = step(engine), step(engine)
    for of in (mixed, other):
        of.advance({"x": IMAGES, "y": LABELS}, ORDER[:3], 0.01)
        of.advance({"x": IMAGES, "y": LABELS}, ORDER[3:4, :5], 0.01)
    mixed.advance({"x": IMAGES, "y": LABELS}, ORDER[4:], 0.01)
    for rows in ORDER[4:]:
        other(IMAGES[rows], LABELS[rows])
    assert bits(mixed) == bits(other)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_loss_that_is_not_finite_ends_them(engine: str) -> None:
    images = IMAGES.copy()
    images[ORDER[2, 3]] = np.inf
    of = step(engine)
    with np.errstate(all="ignore"):
        made = of.advance({"x": images, "y": LABELS}, ORDER, 0.01)
    assert np.isfinite(made["loss"]).tolist() == [True, True, False]
    assert of.count == len(made["output"]) == 3


@pytest.mark.skipif(not native.available(), reason="not built")
def test_what_is_watched_op_by_op_moves_the_same_arrays() -> None:
    of, alone = step("native", cr.SGD(0.01)), step("native", cr.SGD(0.01))
    for i, rows in enumerate(ORDER):
        alone(IMAGES[rows], LABELS[rows])
        if i == 2:
            with cr.debug():
                of(IMAGES[rows], LABELS[rows])
        else:
            of(IMAGES[rows], LABELS[rows])
    for path, array in alone.arrays.items():
        np.testing.assert_allclose(of.arrays[path], array, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not native.available(), reason="not built")
def test_an_op_that_numpy_computes_among_the_steps() -> None:
    x = IMAGES.reshape(50, -1)
    net = cr.Sequential(Accumulated(), cr.Dense(3))
    of, alone = (cr.Step(net, x[:8], LABELS[:8], engine="native") for _ in range(2))
    assert "cumsum(float32" in of.plan()
    made = of.advance({"x": x, "y": LABELS}, ORDER, 0.01)
    assert made["loss"].tolist() == [alone.run({"x": x[r], "y": LABELS[r]}, 0.01)["loss"] for r in ORDER]


@pytest.mark.skipif(not native.available(), reason="not built")
class TestRefusals:
    def steps(self) -> tuple[Any, list[Any]]:
        extension = importlib.import_module(native.EXTENSION)
        fed = [np.zeros((4, 2), np.float32), np.zeros((), np.float32)]
        result = np.zeros((), np.float32)
        return extension.Steps([([], [])], fed, [result]), fed

    def test_without_a_program_rows_and_numbers_arrive(self) -> None:
        steps, (rows, number) = self.steps()
        given = np.arange(20, dtype=np.float32).reshape(10, 2)
        order = np.array([[0, 1, 2, 3], [9, 8, 9, 0]])
        made = np.ones(2, np.float32)
        done = steps.run(1, 0, order, [(0, given)], [(1, np.array([1, 5], np.float32))], [made])
        assert done == (2, None)
        assert rows.tolist() == given[order[1]].tolist()
        assert number == 5
        assert made.tolist() == [0, 0]

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"order": np.array([[0, 1, 2, 10]])}, "there is no row 10"),
            ({"order": np.array([[0, -1, 2, 3]])}, "there is no row -1"),
            ({"order": np.array([[0, 1, 2]])}, "another number of rows"),
            ({"order": np.array([[0, 1, 2, 3]], np.int32)}, "order holds no int64"),
            ({"rows": [(2, np.zeros((10, 2), np.float32))]}, "no array 2 is fed"),
            ({"rows": [(-1, np.zeros((10, 2), np.float32))]}, "no array -1 is fed"),
            ({"numbers": [(1, np.zeros(2, np.float32))]}, "a number for each step"),
            ({"turn": -1}, "turn of at least 0"),
            ({"results": [np.zeros(2, np.float32)]}, "room for the results"),
            ({"results": [np.zeros(1, np.float32)] * 2}, "fewer results"),
        ],
    )
    def test_what_does_not_fit(self, change: dict[str, Any], sentence: str) -> None:
        steps, _ = self.steps()
        given = {
            "threads": 1,
            "turn": 0,
            "order": np.array([[0, 1, 2, 3]]),
            "rows": [(0, np.zeros((10, 2), np.float32))],
            "numbers": [(1, np.zeros(1, np.float32))],
            "results": [np.zeros(1, np.float32)],
        }
        assert steps.run(**given) == (1, None)
        with pytest.raises(ValueError, match=sentence):
            steps.run(**{**given, **change})


@pytest.mark.skipif(not native.available(), reason="not built")
def test_what_was_looked_at_stays_when_steps_go_on() -> None:
    of = cr.Step("dense5 relu dense3", IMAGES.reshape(50, -1), LABELS, keep="layers", engine="native")
    seen, copies = [], []
    for i in range(6):
        of(IMAGES.reshape(50, -1), LABELS)
        peek = of.peek("dense1/out")
        assert not peek.value.flags.writeable
        if i % 2:  # the others are forgotten
            seen.append(peek.value[1:])
            copies.append(peek.value[1:].copy())
    assert all(np.array_equal(a, b) for a, b in zip(seen, copies, strict=True))
    assert not np.array_equal(copies[0], copies[1])


@pytest.mark.parametrize("engine", ENGINES)
class TestQuickly:
    """Calls on arrays of a kind that was taken before go straight to the program."""

    def test_a_wrong_label_is_refused_and_nothing_has_moved(self, engine: str) -> None:
        of = step(engine)
        for _ in range(3):
            of(IMAGES[:8], LABELS[:8])
        before, wrong = bits(of), LABELS[:8].copy()
        for label in (3, -1):
            wrong[5] = label
            with pytest.raises(cr.errors.DataError, match=f"class codes 0 to 2, found {label} in row 5"):
                of(IMAGES[:8], wrong)
        assert bits(of) == before
        assert np.isfinite(of(IMAGES[:8], LABELS[:8]))
        assert of.count == 4

    def test_arrays_with_gaps_are_the_same_batch(self, engine: str) -> None:
        of, alone = step(engine), step(engine)
        wide = np.repeat(IMAGES[:8], 2, axis=2)
        for _ in range(3):
            assert of(wide[:, :, ::2], LABELS[:8]) == alone(IMAGES[:8], LABELS[:8])
        assert of(IMAGES[:8], LABELS[:8]) == alone(wide[:, :, ::2], np.repeat(LABELS[:8], 2)[::2])
        assert bits(of) == bits(alone)

    def test_another_learning_rate_counts_from_the_next_call_on(self, engine: str) -> None:
        slow = step(engine, cr.SGD(0.01))
        for _ in range(3):
            slow(IMAGES[:8], LABELS[:8])
        before = bits(slow)
        slow.optimizer = cr.SGD(0.0 + 1e-30)
        slow(IMAGES[:8], LABELS[:8])
        moved = {path for path, array in bits(slow).items() if array != before[path]}
        assert moved <= {"batchnorm1/mean", "batchnorm1/var"}

    def test_the_latest_call_can_be_looked_at(self, engine: str) -> None:
        of, alone = step(engine), step(engine)
        for rows in ORDER[:4]:
            of(IMAGES[rows], LABELS[rows])
        alone.advance({"x": IMAGES, "y": LABELS}, ORDER[:4], 0.01)
        for node in ("conv2d1/out", "grad/dense1/w", "dense1/w"):
            assert of.peek(node).value.tobytes() == alone.peek(node).value.tobytes()


@pytest.mark.skipif(not native.available(), reason="not built")
def test_what_is_held_of_many_steps_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    of, alone = (
        cr.Step("dense5 relu dense3", IMAGES.reshape(50, -1), LABELS, keep=keep, engine="native")
        for keep in (True, False)
    )
    seen = []
    for i in range(7):
        for each in (of, alone):
            each(IMAGES.reshape(50, -1), LABELS)
        peeks = of.peek() if i % 3 else {"dense2/out": of.peek("dense2/out"), "dense1/w": of.peek("dense1/w")}
        seen.append([(peek.value, peek.value.copy()) for peek in peeks.values() if peek.value is not None])
        if i == 4:
            seen.clear()
    assert all(np.array_equal(a, b) for pairs in seen for a, b in pairs)
    assert bits(of) == bits(alone)
