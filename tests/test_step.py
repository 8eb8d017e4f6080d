"""A compiled step can be looked into: the same names and numbers as op by op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engine import plan
from chainrule.errors import DataError, DtypeError, NonFiniteError, NoValueError, SettingError, ShapeError, UnknownName
from chainrule.grad import gradients
from chainrule.graph import Graph, placeholder
from chainrule.trace import Trace

NET = "conv4-3 bn relu pool2 dropout0.2 flatten dense5"
rng = np.random.default_rng(0)
X = rng.normal(size=(8, 6, 6, 2)).astype(np.float32)
Y = rng.integers(0, 5, 8)


def test_a_step_moves_the_parameters_and_lowers_the_loss() -> None:
    step = cr.Step(NET, X, Y, optimizer=cr.SGD(0.05))
    losses = [step(X, Y) for _ in range(30)]
    assert losses[-1] < losses[0] / 2


def test_any_node_by_name() -> None:
    step = cr.Step(NET, X, Y)
    before = step.arrays["dense1/w"]
    loss = step(X, Y)
    assert float(step.peek("loss").value) == loss
    assert step.peek("conv2d1/out").value.shape == step.peek("conv2d1/out").gradient.shape == (8, 6, 6, 4)
    np.testing.assert_array_equal(step.peek("grad/dense1/w").value, step.peek("dense1/w").gradient)
    np.testing.assert_array_equal(step.peek("dense1/w").value, before)
    everything = step.peek()
    assert {"x", "y", "conv2d1/w", "batchnorm1/batch_mean", "relu1/out", "dropout1/mask", "loss/mean"} <= set(
        everything
    )
    assert all(p.value is not None for p in everything.values())
    with pytest.raises(UnknownName, match="there is no node 'conv2d1/ou'; did you mean 'conv2d1/out'"):
        step.peek("conv2d1/ou")


@pytest.mark.parametrize("keep", [False, True])
def test_compiled_and_eager_agree_name_by_name(keep: bool) -> None:
    step = cr.Step(NET, X, Y, keep=keep)
    step(X, Y)
    eager = {p.name: p for p in Trace.of(step.eager(X, Y))}
    step(X, Y)
    compiled = step.peek()
    assert set(eager) == set(compiled)
    for name, (_, value, gradient) in compiled.items():
        np.testing.assert_allclose(np.asarray(eager[name].value), value, rtol=1e-4, atol=1e-5, err_msg=name)
        if gradient is not None:  # the compiled step has none of the batch itself: nobody needs it
            np.testing.assert_allclose(np.asarray(eager[name].gradient), gradient, rtol=1e-3, atol=1e-5, err_msg=name)


def test_peeking_changes_nothing() -> None:
    plain, watched = cr.Step(NET, X, Y), cr.Step(NET, X, Y, keep=True)
    for _ in range(3):
        assert plain(X, Y) == watched(X, Y)
        watched.peek("relu1/out")
        plain.peek("grad/conv2d1/w")
    for path, array in plain.arrays.items():
        np.testing.assert_array_equal(array, watched.arrays[path])


def test_a_step_explains_itself() -> None:
    step = cr.Step("dense3 tanh dense1", X.reshape(8, -1), rng.normal(size=8))
    step(X.reshape(8, -1), rng.normal(size=8))
    assert "the tanh gate scales" in step.explain()
    assert "dense1/w" in step.explain()


def test_what_does_not_fit_a_step() -> None:
    with pytest.raises(NoValueError, match="the step was not run yet"):
        cr.Step(NET, X, Y).peek("loss")
    with pytest.raises(ShapeError, match=r"found x \(8, 6, 6, 2\), y \(5,\)"):
        cr.Step(NET, X, Y[:5])
    with pytest.raises(ShapeError, match=r"the step takes inputs of \(6, 6, 2\) per example, found \(6, 6, 1\)"):
        cr.Step(NET, X, Y)(X[..., :1], Y)
    with pytest.raises(DtypeError, match="holds numbers or booleans, found <U1 in y"):
        cr.Step(NET, X, list("abcdeabc"))
    with pytest.raises(ShapeError, match="n at least 1"):
        cr.Step(NET, X, Y)(X[:0], Y[:0])
    with pytest.raises(DataError, match="expected class codes 0 to 4, found 9 in row 3"):
        cr.Step(NET, X, Y)(X, np.where(np.arange(len(Y)) == 3, 9, Y))
    with pytest.raises(DataError, match=r"expected class codes, whole numbers, in y, found \d\.5"):
        cr.Step(NET, X, Y, loss=cr.CrossEntropy())(X, Y + 0.5)


def test_shapes_of_network_and_targets_must_agree() -> None:
    for net, x, y in (("dense5", X.reshape(8, -1), Y * 1.0), ("conv4-3", X, np.ones((8, 4)))):
        with pytest.raises(ShapeError, match=r"the network gives .* for each example, but the numbers to predict are"):
            cr.Step(net, x, y)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"net": 5}, "The 'net' parameter of Step must be a layer, or a notation"),
        ({"loss": "mse"}, "The 'loss' parameter of Step must be a Loss"),
        ({"optimizer": "sgd"}, "The 'optimizer' parameter of Step must be such as cr.SGD"),
        ({"seed": -1}, "The 'seed' parameter of Step must be an int in the range"),
    ],
)
def test_settings_of_a_step(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        cr.Step(**{"net": NET, "x": X, "y": Y, **setting})


def test_what_is_peeked_at_cannot_be_written_to() -> None:
    step = cr.Step(NET, X, Y, keep=True)
    step(X, Y)
    for peek in step.peek().values():
        if peek.value.ndim:
            with pytest.raises(ValueError, match="read-only"):
                peek.value[...] = 0
    with pytest.raises(ValueError, match="read-only"):
        step.arrays["dense1/w"][...] = 0
    assert X.flags.writeable


def test_debug_names_the_op_in_which_a_nan_was_born() -> None:
    x = cr.tensor([1.0, -1.0], "x")
    with (
        cr.debug(),
        cr.scope("head"),
        pytest.raises(NonFiniteError, match=r"head/log: made nan at \(1,\) of x \(2,\) in \[-1, 1\]"),
    ):
        cr.log(x)
    with cr.debug(), pytest.raises(NonFiniteError, match=r"div: made inf of a = 1, b = 0"):
        cr.tensor(1.0) / 0.0
    with cr.debug():  # what came in is not the op's fault
        assert np.isnan(np.asarray(cr.tensor([np.nan]) * 2)).all()
        cr.sqrt(cr.tensor([4.0]))
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.asarray(cr.log(x))).any()


def test_debug_is_not_blinded_by_a_mask_of_infinities() -> None:
    with cr.debug(), pytest.raises(NonFiniteError, match=r"log: made -inf at \(1,\)"):
        cr.log(cr.tensor([np.inf, 0.0, 2.0]))
    with cr.debug(), pytest.raises(NonFiniteError, match=r"softmax: made nan at \(0,\)"):
        cr.softmax(cr.tensor([-np.inf, -np.inf]))
    with cr.debug():
        np.testing.assert_array_equal(cr.softmax(cr.tensor([-np.inf, 0.0])), [0, 1])
        cr.log(cr.tensor([np.nan, 1.0]))


def test_debug_reaches_into_a_compiled_step_and_its_gradients() -> None:
    x = placeholder((2,), np.float64, "x")
    with cr.scope("layer"):
        y = cr.sqrt(x).sum()
    ready = plan(Graph({"x": x}, {"g": gradients(y, [x])[0]}))
    with cr.debug(), pytest.raises(NonFiniteError, match="back/layer/div: made inf"):
        ready({"x": np.array([1.0, 0.0])})
    step = cr.Step("dense3 relu dense5", X.reshape(8, -1), Y)
    step.arrays["dense1/w"] = np.full_like(step.arrays["dense1/w"], 3e38)
    with cr.debug(), pytest.raises(NonFiniteError, match="dense1/matmul: made"):
        step(X.reshape(8, -1), Y)


def test_feeds_of_the_other_byte_order() -> None:
    x = placeholder((2,), np.float64, "x")
    ready: Any = plan(Graph({"x": x}, {"y": x * 2}))
    np.testing.assert_array_equal(ready({"x": np.array([1.0, 2.0]).astype(">f8")})["y"], [2, 4])
    with pytest.raises(DtypeError, match="expected float64, found float32"):
        ready({"x": np.ones(2, np.float32)})
