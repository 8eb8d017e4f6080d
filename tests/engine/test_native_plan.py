"""What the native engine promises beside right numbers: bits, threads, forks, room, faults, and a plan that can be read."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import native, plan
from chainrule.graph import Graph, placeholder

pytestmark = pytest.mark.skipif(not native.available(), reason=native.missing_reason() or "")
DRAW = np.random.default_rng(0)
IMAGES = DRAW.normal(size=(24, 10, 9, 3)).astype(np.float32)
LABELS = DRAW.integers(0, 4, 24)


@pytest.fixture(autouse=True)
def _any_number_of_threads() -> Iterator[None]:
    yield
    cr.set_threads(None)


def network() -> Any:
    """A CNN with batch norm and dropout."""
    return cr.Sequential(
        cr.Conv2d(16, 3), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2d(2), cr.Conv2d(24, 3), cr.BatchNorm(), cr.ReLU(),
        cr.Flatten(), cr.Dropout(0.4), cr.Dense(4),
    )  # fmt: skip


def trained(steps: int = 50) -> dict[str, bytes]:
    """The bits of every array after some steps."""
    step = cr.Step(network(), IMAGES, LABELS, optimizer=cr.Adam(0.01), engine="native")
    for _ in range(steps):
        step(IMAGES, LABELS)
    return {path: array.tobytes() for path, array in step.arrays.items()}


def test_any_number_of_threads_gives_the_same_bits() -> None:
    found = []
    for count in (1, 2, 3, 4):
        cr.set_threads(count)
        found.append(trained())
    assert found[0] == found[1] == found[2] == found[3]


def test_many_threads_at_once_change_nothing() -> None:
    cr.set_threads(2)
    alone = trained(5)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(lambda _: trained(5), range(8)))


def test_one_step_called_from_many_threads_takes_turns() -> None:
    step = cr.Step(network(), IMAGES, LABELS, optimizer=cr.SGD(1e-9), engine="native")
    first = step(IMAGES[:8], LABELS[:8])
    graph = step.ready({"x": IMAGES, "y": LABELS})
    feeds = {**step.arrays, "x": IMAGES, "y": LABELS, "step": 0, "seed": 0, "lr": 0.0, "l2": 0.0}
    with ThreadPoolExecutor(8) as pool:
        losses = {float(out[0]["loss"]) for out in pool.map(lambda _: graph.run(feeds), range(40))}
    assert len(losses) == 1
    assert np.isfinite(first)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_processes_compute_the_same() -> None:
    cr.set_threads(2)
    alone = trained(5)
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert all(found == alone for found in pool.map(trained, [5] * 8))


def test_every_path_trains_to_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    curves = []
    for path in native.paths():
        monkeypatch.setenv("CHAINRULE_CPU", path)
        step = cr.Step(network(), IMAGES, LABELS, optimizer=cr.SGD(0.02, momentum=0.9), engine="native")
        curves.append([step(IMAGES, LABELS) for _ in range(10)])
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=1e-3)


def test_the_curve_of_200_steps_is_that_of_the_reference() -> None:
    curves = {}
    for engine in ("native", "reference"):
        step = cr.Step(
            "dense32 tanh dense16 tanh dense4", IMAGES.reshape(24, -1), LABELS, optimizer=cr.SGD(0.05), engine=engine
        )
        curves[engine] = [step(IMAGES.reshape(24, -1), LABELS) for _ in range(200)]
    np.testing.assert_allclose(curves["native"], curves["reference"], rtol=1e-3, atol=1e-5)
    assert curves["native"][-1] < 0.1 * curves["native"][0]


def test_threads_are_set_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (0, -1, 2.5, "two", True):
        with pytest.raises(cr.errors.SettingError, match="set_threads"):
            cr.set_threads(wrong)  # type: ignore[arg-type]
    cr.set_threads(3)
    assert native.thread_count() == 3
    cr.set_threads(None)
    monkeypatch.setenv("CHAINRULE_THREADS", "5")
    assert native.thread_count() == 5
    cr.set_threads(None)
    monkeypatch.setenv("CHAINRULE_THREADS", "many")
    with pytest.raises(cr.errors.SettingError, match=r"CHAINRULE_THREADS must be .*'many'"):
        native.thread_count()


def test_nan_in_nan_out() -> None:
    x = IMAGES.copy()
    x[3, 4, 4, 1] = np.nan
    step = cr.Step(network(), x, LABELS, optimizer=cr.SGD(0.1), engine="native")
    assert np.isnan(step(x, LABELS))
    model = cr.Step(
        "dense8 relu dense3", x.reshape(24, -1), LABELS % 3, optimizer=cr.SGD(1e-9), engine="native", keep=True
    )
    model(x.reshape(24, -1), LABELS % 3)
    output = model.peek("dense2/out").value
    assert np.isnan(output[3]).all()
    assert np.isfinite(np.delete(output, 3, 0)).all()


def test_a_label_outside_is_a_sentence_and_the_step_goes_on() -> None:
    logits, labels = placeholder((3, 4), np.float32, "x"), placeholder((3,), np.int64, "y")
    ready = plan(Graph({"x": logits, "y": labels}, {"loss": cr.cross_entropy(logits, labels).mean()}), "native")
    x = np.zeros((3, 4), np.float32)
    with pytest.raises(
        cr.errors.PositionError, match=r"cross_entropy: label 7 in row 1 is none of the 4 classes 0\.\.3"
    ):
        ready({"x": x, "y": np.array([0, 7, 9])})
    assert float(ready({"x": x, "y": np.array([0, 1, 2])})["loss"]) == pytest.approx(np.log(4))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_cannot_fit_is_refused_before_it_is_asked_for(engine: str) -> None:
    with pytest.raises(cr.errors.EngineError, match=r"needs .*TB of memory, the most of it for 'dense1/w' .*TB"):
        cr.Step("dense200000000000 dense3", np.zeros((2, 10), np.float32), np.zeros(2, int), engine=engine)
    a, b = placeholder((10**7, 1), np.float32, "a"), placeholder((1, 10**7), np.float32, "b")
    with pytest.raises(cr.errors.EngineError, match=r"the most of it for 'outer' \(363\.8 TB\)"):
        plan(Graph({"a": a, "b": b}, {"y": (a @ b).named("outer")}), engine)


def test_the_plan_says_what_is_fused_and_what_numpy_computes() -> None:
    step = cr.Step(network(), IMAGES, LABELS, engine="native")
    text = step.plan()
    assert "native engine, path" in text
    assert "batchnorm1/batch_mean" in text
    assert "computed by NumPy" not in text
    x = placeholder((4, 3), np.float32, "x")
    mixed = str(plan(Graph({"x": x}, {"y": cr.cumsum(cr.exp(x), 1) * 2}), "native"))
    assert "cumsum = cumsum(float32 (4, 3))" in mixed
    assert "reference engine" in str(plan(Graph({"x": x}, {"y": x * 2}), "reference"))


def test_numpy_between_native_stretches() -> None:
    x = placeholder((4, 3), np.float32, "x")
    y = cr.exp(cr.cumsum(cr.cumsum(x * 2, 0).sum(1, keepdims=True) + x, 1)) @ np.ones((3, 2), np.float32)
    values = DRAW.normal(size=(4, 3)).astype(np.float32)
    found, expected = (
        plan(Graph({"x": x}, {"y": y}), engine)({"x": values})["y"] for engine in ("native", "reference")
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_broadcasting_of_any_two_shapes() -> None:
    shapes = [
        (),
        (1,),
        (2,),
        (3,),
        (2, 1),
        (1, 2),
        (2, 2),
        (2, 1, 1),
        (1, 2, 1),
        (2, 3),
        (2, 1, 3),
        (2, 2, 3),
        (1, 1, 3),
        (2, 2, 2, 1),
    ]
    for a, b in [(a, b) for a in shapes for b in shapes if _broadcasts(a, b)]:
        x, y = placeholder(a, np.float32, "x"), placeholder(b, np.float32, "y")
        feeds = {"x": DRAW.normal(size=a).astype(np.float32), "y": DRAW.normal(size=b).astype(np.float32)}
        found = plan(Graph({"x": x, "y": y}, {"z": x * y - cr.exp(y)}), "native")(feeds)["z"]
        np.testing.assert_allclose(
            found, feeds["x"] * feeds["y"] - np.exp(feeds["y"]), rtol=1e-5, atol=1e-6, err_msg=f"{a} {b}"
        )


def _broadcasts(*shapes: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("op", ["max", "min", "sum", "mean", "var", "std"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_reductions_that_many_tasks_share(op: str, axis: int | None) -> None:
    x = placeholder((700, 300), np.float32, "x")
    values = DRAW.normal(3, 2, (700, 300)).astype(np.float32)
    found = plan(Graph({"x": x}, {"y": getattr(cr, op)(x, axis)}), "native")({"x": values})["y"]
    np.testing.assert_allclose(found, getattr(np, op)(values.astype(float), axis), rtol=1e-5)


def test_kept_layers_are_those_of_a_full_trace() -> None:
    step = cr.Step(network(), IMAGES, LABELS, engine="native", keep="layers")
    step(IMAGES, LABELS)
    kept = step.peek("conv2d2/out")
    every = step.trace().peek("conv2d2/out")
    np.testing.assert_allclose(kept.value, np.asarray(every.value), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(kept.gradient, np.asarray(every.gradient), rtol=1e-4, atol=1e-6)
    with pytest.raises(cr.errors.UnknownName, match="conv2d1/out"):
        cr.Step(network(), IMAGES, LABELS, keep=["conv2d1/ou"])


def test_models_that_share_a_plan_keep_their_own_weights(tmp_path: Path) -> None:
    rows = IMAGES.reshape(24, -1)
    data = (rows, LABELS)
    run = cr.train(
        "dense24 relu dense4", data, epochs=1, validation=None, test=None, progress=False, folder=tmp_path / "run"
    )
    one = run.model
    first = one.predict_proba(rows)
    other = one.with_arrays({path: array * 2 for path, array in one.arrays.items()})
    second = other.predict_proba(rows)
    assert np.abs(first - second).max() > 0.001
    for _ in range(3):
        np.testing.assert_array_equal(one.predict_proba(rows), first)
        np.testing.assert_array_equal(other.predict_proba(rows), second)


def test_arrays_of_a_step_are_copies_and_can_be_given() -> None:
    step = cr.Step("dense4", IMAGES.reshape(24, -1), LABELS, optimizer=cr.SGD(0.1, momentum=0.9), engine="native")
    before = step.arrays
    weights = before["dense1/w"].copy()
    step(IMAGES.reshape(24, -1), LABELS)
    np.testing.assert_array_equal(before["dense1/w"], weights)
    assert (step.arrays["dense1/w"] != weights).any()
    after = step.arrays["dense1/w"]
    step.arrays = before
    step(IMAGES.reshape(24, -1), LABELS)
    np.testing.assert_array_equal(step.arrays["dense1/w"], after)
