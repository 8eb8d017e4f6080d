"""Tensors, shapes and frozen graphs."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import sys
import weakref
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.engine import plan
from chainrule.errors import ChainruleError, DtypeError, NoValueError, SettingError, ShapeError, UnknownName
from chainrule.graph import Graph, node_names, placeholder, scope, tensor, topological


def test_operators_compute_at_once_and_are_nodes() -> None:
    x, y = tensor(3.0, "x"), tensor(-4.0, "y")
    z = (x + y) ** 2
    assert float(z) == 1.0
    assert z.op.name == "power"
    assert z.inputs[0].inputs == (x, y)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda t: 1 - t, [0.5, -1.0]),
        (lambda t: 2 / t, [4.0, 1.0]),
        (lambda t: np.array([1.0, 1.0]) - t, [0.5, -1.0]),
        (lambda t: -t, [-0.5, -2.0]),
        (lambda t: t.reshape(2, 1) @ t.reshape(1, 2), [[0.25, 1.0], [1.0, 4.0]]),
        (lambda t: t.mean(), 1.25),
        (lambda t: t.var(), 0.5625),
        (lambda t: t.reshape(1, 2).T, [[0.5], [2.0]]),
    ],
)
def test_operators(expression: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(expression(tensor([0.5, 2.0]))), expected)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: np.zeros((64, 784)) @ tensor(np.zeros((100, 10))), "matmul: axis 'k' is 784 in a (64, 784) but 100 in b (100, 10)"),
        (lambda: tensor([1.0, 2.0]) + tensor([1.0, 2.0, 3.0]), "add: b (3,) does not broadcast with (2,)"),
        (lambda: ops.cross_entropy(tensor([1.0]), tensor([0])), "cross_entropy: logits (1,) has 1 axes, expected (n, c)"),
        (lambda: tensor(np.zeros((2, 3))).reshape(4, -1), "reshape: (2, 3) has 6 elements and does not fill (4, -1)"),
        (lambda: tensor([1.0, 2.0]).broadcast_to((3,)), "broadcast: (2,) does not broadcast to (3,)"),
        (lambda: tensor([[1.0, 2.0]]).transpose(0, 0), "transpose: (0, 0) is not an order of the 2 axes of (1, 2)"),
        (
            lambda: ops.conv2d(np.zeros((1, 3, 3, 2)), np.zeros((5, 5, 2, 1))),
            "conv2d: a window of 5 does not fit along h: 3 + 0 + 0 (padding) = 3 is less than 5",
        ),
        (
            lambda: ops.conv.conv2d_x(np.zeros((1, 3, 3, 2)), np.zeros((1, 1, 1, 2)), h=5, w=3, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1),
            "conv2d: a gradient of (3, 3) for an output of (5, 3)",
        ),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(call: Any, sentence: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        call()


def test_element_types() -> None:
    with pytest.raises(DtypeError, match=r"add: element types differ \(a float32, b float64\)"):
        tensor([1.0], dtype="float32") + tensor([1.0])
    with pytest.raises(DtypeError, match=r"1e\+300 does not fit a tensor of float32"):
        tensor([1.0], dtype="float32") * 1e300
    with pytest.raises(DtypeError, match="does not fit a tensor of int64"):
        tensor(3) * 10**30
    with pytest.raises(DtypeError, match="a tensor holds numbers or booleans"):
        tensor("text")
    assert (tensor([1.0], dtype="float32") * 2.5).dtype == np.float32


def test_a_value_is_a_copy_that_cannot_be_written_to() -> None:
    source = np.ones(2)
    t = tensor(source)
    source[0] = 5
    assert float(t.value[0]) == 1
    with pytest.raises(ValueError, match="read-only"):
        t.value[0] = 2


def test_a_recorded_tensor_has_no_value() -> None:
    x = placeholder((2,), name="x")
    assert (x * 2).value is None
    with pytest.raises(NoValueError, match="Python cannot branch on it"):
        bool(x)
    with pytest.raises(NoValueError, match="recorded and has no value yet"):
        np.asarray(x)


def small_graph(rows: int) -> Graph:
    x, w = placeholder((rows, 3), name="x"), placeholder((3, 2), name="w")
    with scope("dense1"):
        y = cr.tanh(x @ w) + cr.tanh(x @ w)
    return Graph({"x": x, "w": w}, {"y": y})


def test_freezing_merges_what_is_equal() -> None:
    ops_left = [n.op.name for n in small_graph(4).order if n.op]
    assert ops_left == ["matmul", "tanh", "add"]


def test_names_do_not_depend_on_batch_size_or_rebuild() -> None:
    assert (
        list(small_graph(4).names)
        == list(small_graph(7).names)
        == ["y", "x", "w", "dense1/matmul", "dense1/tanh", "dense1/add"]
    )


def test_find_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="there is no node 'dense1/tan'; did you mean 'dense1/tanh'"):
        small_graph(1).find("dense1/tan")


def test_an_engine_refuses_wrong_feeds() -> None:
    ready = plan(small_graph(2))
    x, w = np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32)
    with pytest.raises(NoValueError, match=r"input 'w'.*was not fed"):
        ready({"x": x})
    with pytest.raises(ShapeError, match=r"input 'x': expected shape \(2, 3\), found \(3, 3\)"):
        ready({"x": np.zeros((3, 3), np.float32), "w": w})
    with pytest.raises(DtypeError, match="input 'x': expected float32, found float64"):
        ready({"x": x.astype(float), "w": w})
    with pytest.raises(NoValueError, match="nothing feeds lost"):
        plan(Graph({}, {"y": placeholder((), name="lost") * 2}))
    with pytest.raises(UnknownName, match="there is no engine that runs graphs 'nativ'"):
        plan(small_graph(1), "nativ")


def test_a_plan_keeps_what_it_is_asked_to() -> None:
    x, w = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)
    outputs, kept = plan(small_graph(2), keep=["dense1/matmul"]).run({"x": x, "w": w})
    np.testing.assert_array_equal(kept["dense1/matmul"], x @ w)
    np.testing.assert_allclose(outputs["y"], 2 * np.tanh(x @ w), rtol=1e-6)


def test_long_chains_need_no_recursion_and_leave_no_circle() -> None:
    x = tensor(1.0)
    y = x
    for _ in range(20_000):
        y = y + 0.0
    y.backward()
    assert x.grad is not None
    assert float(x.grad) == 1
    watched = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert watched() is None
    finally:
        gc.enable()


def test_a_mistake_leaves_nothing_behind() -> None:
    """Shapes (3,) and (3.0,) are equal as keys: a wrong one must not be remembered for the right one."""
    for wrong in ((3, 2.5), (-1, 2), (None, 2), "ab"):
        with pytest.raises(ShapeError):
            placeholder(wrong)  # type: ignore[arg-type]
    with pytest.raises(ChainruleError):
        cr.scatter([1.0, 2.0], [0, 1], 7.0)  # type: ignore[arg-type]
    assert tensor(np.ones(7)).shape == (7,)
    assert all(isinstance(size, int) for size in tensor(np.ones((7, 2))).shape)
    with pytest.raises(DtypeError, match="numbers or booleans in this machine's byte order"):
        placeholder((2,), ">f4")
    with pytest.raises(DtypeError, match="astype: a tensor holds numbers or booleans"):
        tensor(1.0).astype(complex)
    with pytest.raises(DtypeError, match="a tensor has no mask"):
        tensor(np.ma.array([1.0, 2.0], mask=[False, True]))
    with pytest.raises(SettingError, match="a name is text"):
        tensor(1.0, 5)  # type: ignore[arg-type]


def test_copies_and_pickles() -> None:
    x = tensor([1.0, 2.0], "x")
    y = x * 2
    assert copy.deepcopy(y) is y
    restored = pickle.loads(pickle.dumps(y))
    np.testing.assert_array_equal(restored, y)
    assert restored.op is None
    assert not restored.value.flags.writeable
    with pytest.raises(NoValueError):
        pickle.dumps(placeholder((2,)))


def test_a_scope_can_be_entered_again_inside_itself() -> None:
    block = scope("a")
    with block:
        with block:
            pass
        assert tensor(1.0, "x").label == "a/x"
    assert tensor(1.0, "x").label == "x"


def test_shared_numbers_keep_no_name() -> None:
    two = (tensor(3.0) * 2.0).inputs[1]
    assert two.named("oops").name == "oops"
    assert (tensor(3.0) * 2.0).inputs[1].name is None


def test_every_node_has_a_name_of_its_own() -> None:
    z = tensor(1.0, "x#2") * tensor(1.0, "x") * tensor(2.0, "x")
    names = node_names(topological([z]))
    assert len(names) == 5
    with scope("grad"):
        assert "grad/mul" in (tensor(2.0) * tensor(3.0)).explain()


def test_equal_is_by_element_and_a_node_is_itself() -> None:
    x, y = tensor([1.0, 2.0]), tensor([1.0, 3.0])
    assert (x == y).tolist() == [True, False]
    assert (x != y).tolist() == [False, True]
    assert {x: 1}[x] == 1
    assert x is not None
    assert (x == None) is False  # noqa: E711


def test_numpys_masks_may_be_half_imported_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy.ma", ModuleType("numpy.ma"))
    assert tensor([1.0, 2.0]).shape == (2,)
