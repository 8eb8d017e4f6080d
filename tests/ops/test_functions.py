"""What is written as in NumPy gives what NumPy gives; what NumPy would refuse, or leave the graph by, is a typed error."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DtypeError, OpError, PositionError, ReadOnlyError, SettingError, ShapeError
from chainrule.graph import Tensor, placeholder, tensor
from chainrule.graph.tensor import SPECS

A = np.arange(24.0).reshape(2, 3, 4) / 7 - 1
V = np.array([3.0, -1.0, 2.0, 0.5])
M = np.array([[1.0, 2.0, -0.5], [0.25, -3.0, 4.0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda np, t: t(A)[1],
        lambda np, t: t(A)[:, ::-2, 1:3],
        lambda np, t: t(A)[..., -1],
        lambda np, t: t(A)[None, 0, :, None],
        lambda np, t: t(A)[:, [2, 0]],
        lambda np, t: t(A)[[0, 1], [2, 1]],
        lambda np, t: t(A)[t(A) > 0.3],
        lambda np, t: t(V)[t([3, 0, 0])],
        lambda np, t: t([True, False]) * 5,
        lambda np, t: 1 - t([True, False]) + t([True, False]) * 0.5,
        lambda np, t: t([True, False]) == 2,
        lambda np, t: t([1, 2]) * 2.0 + t([1, 2]) * 0.5,
        lambda np, t: t(np.array([0, 255], np.uint8)) > 300,
        lambda np, t: np.argmin(t(np.array([0, 5], np.uint8))),
        lambda np, t: t([7, -7]) // 2 + t([7, -7]) % 2,
        lambda np, t: np.sum(a=t(M), axis=0, keepdims=True, dtype=None),
        lambda np, t: np.clip(t(V), a_min=0, a_max=1.5),
        lambda np, t: np.pad(t(M), pad_width=1, mode="constant"),
        lambda np, t: np.concatenate([t(M), t(V)[:2]], axis=None),
        lambda np, t: np.amax(t(M), axis=1) + np.amin(t(M), axis=1),
        lambda np, t: np.dot(t(M), 2.0),
        lambda np, t: np.dot(t(A), t(A)[0].T),
        lambda np, t: np.sum(t(A), axis=[0, 1][0]) + t(A).sum((0, 1)),
        lambda np, t: t(A).transpose((1, -1, 0)),
        lambda np, t: np.take_along_axis(t(M), np.array([[0, 2]]), axis=1),
        lambda np, t: t(A)[1:1],
        lambda np, t: t(A)[True],
        lambda np, t: t(A)[np.int64(1), np.int64(0) :],
        lambda np, t: t(A)[np.array([True, False])],
        lambda np, t: np.concatenate([t(M), t(M) * 2], axis=1),
        lambda np, t: np.stack([t(M), t(M)], axis=-1),
        lambda np, t: np.split(t(V), 2)[1],
        lambda np, t: np.split(t(V), [1, 3])[1],
        lambda np, t: np.split(t(V), [-1])[0],
        lambda np, t: np.split(t(V), [3, 2])[1],
        lambda np, t: np.pad(t(M), ((1, 0), (2, 1))),
        lambda np, t: np.pad(t(M), 1, constant_values=5.0),
        lambda np, t: np.flip(t(A)),
        lambda np, t: np.flip(t(A), axis=1),
        lambda np, t: np.take(t(A), np.array([[2, 0], [1, -1]]), axis=1),
        lambda np, t: np.take(t(A), np.array([5, 23])),
        lambda np, t: np.take_along_axis(t(M), np.array([[0], [2]]), axis=1),
        lambda np, t: np.cumsum(t(A), axis=1),
        lambda np, t: np.cumsum(t(M)),
        lambda np, t: np.prod(t(M), axis=0),
        lambda np, t: np.std(t(M), axis=1, keepdims=True),
        lambda np, t: np.argmax(t(M)),
        lambda np, t: np.argmin(t(M), axis=1),
        lambda np, t: np.max(t(A), axis=(0, 2)),
        lambda np, t: np.min(t(A), axis=-1),
        lambda np, t: np.clip(t(V), 0, None),
        lambda np, t: np.clip(t(V), -0.5, 1.5),
        lambda np, t: np.where(t(V) > 1, t(V), 0.0),
        lambda np, t: np.where(t(V) > 1, 1.0, -1.0),
        lambda np, t: np.matmul(t(M), t(V)[:3]),
        lambda np, t: t(V)[:2] @ t(M),
        lambda np, t: t(V) @ t(V),
        lambda np, t: np.tensordot(t(A), t(A), axes=3),
        lambda np, t: np.tensordot(t(A), t(M), axes=((0, 1), (0, 1))),
        lambda np, t: np.tensordot(t(V), t(V), axes=0),
        lambda np, t: np.einsum("ij,kj->ik", t(M), t(M)),
        lambda np, t: np.einsum("ij,jk", t(M), t(M).T),
        lambda np, t: np.einsum("ii->i", t(M)[:, :2]),
        lambda np, t: np.einsum("ii", t(M)[:, :2]),
        lambda np, t: np.einsum("...j,j->...", t(A), t(V)),
        lambda np, t: np.einsum("...ij,...jk->...ik", t(A), t(A)[:1].swapaxes(1, 2)),
        lambda np, t: np.einsum("b...->...", t(A)),
        lambda np, t: np.log2(np.exp2(t(V))) + np.log10(np.square(t(V))),
        lambda np, t: np.remainder(t(V), 1.5) + t(V) % 2,
        lambda np, t: np.add(M, t(M)) - np.negative(np.abs(t(M))) / np.maximum(t(M), 1.0),
        lambda np, t: np.rint(t(M)) + np.floor(t(M)) * np.sign(t(M)),
        lambda np, t: np.squeeze(t(A)[:, :1]),
        lambda np, t: np.expand_dims(t(M), 1),
        lambda np, t: np.swapaxes(t(A), 0, 2),
        lambda np, t: np.transpose(t(A), (2, 0, 1)),
        lambda np, t: np.reshape(t(A), (4, -1)),
        lambda np, t: np.ravel(t(A)),
        lambda np, t: np.broadcast_to(t(V), (2, 4)),
        lambda np, t: np.logical_and(t(V) > 0, ~(t(V) == 2)) | (t(V) <= -1),
        lambda np, t: (t(M) != 2) & (t(M) >= -3) & (t(M) < 4),
        lambda np, t: 2.0 ** t(V) + abs(t(V)) ** 0.5,
        lambda np, t: np.sum(t(M) > 0),
        lambda np, t: np.mean(t(M) > 0),
        lambda np, t: t([1, 2, 4]) / t([2, 2, 2]),
        lambda np, t: np.exp(t([0, 1])),
    ],
)
def test_as_numpy(call: Callable[[Any, Any], Any]) -> None:
    """Once with arrays, once with tensors, through NumPy's own functions: the same numbers, and still a node."""
    found, expected = call(np, tensor), np.asarray(call(np, np.asarray))
    assert isinstance(found, Tensor)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[:, ::-2, 1:3].sum(0),
        lambda x: x[[0, 1, 1], [2, 0, 0]],
        lambda x: cr.pad(x, 1, value=2.0) * 1.5,
        lambda x: cr.stack(cr.split(x, 2, axis=2), 1),
        lambda x: cr.einsum("aij,bij->ab", x, x),
        lambda x: cr.einsum("ijj->i", x[:, :3, :3]),
        lambda x: cr.tensordot(x, x, axes=((1, 2), (1, 2))),
        lambda x: cr.softmax(x, axis=0) + cr.log_softmax(x, axis=1),
        lambda x: cr.avg_pool(x, 3, 1, padding=1) + cr.max_pool(x, 3, 1, padding=1)[:, :, :1],
        lambda x: cr.conv1d(x, np.ones((2, 4, 3)), padding="same") * cr.global_avg_pool(x)[:, None, :1],
        lambda x: cr.scatter(x, np.array([4, 1, 1]), 6, axis=1).prod(2),
        lambda x: x.cumsum() * x.std(),
        lambda x: cr.take_along_axis(x, np.array([[[1], [3], [0]]] * 2), axis=2),
    ],
)
def test_gradients_of_compositions(f: Callable[[Any], Any]) -> None:
    cr.check_grads(f, [A], order=2)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: tensor(A)[2], PositionError, "slice: index 2 is outside axis 0 of size 2"),
        (lambda: tensor(A)[0, 0, 0, 0], PositionError, "slice: x (2, 3, 4) has 3 axes and is indexed by 4"),
        (lambda: tensor(A)[[7]], PositionError, "index 7 is out of bounds for axis 0 with size 2"),
        (lambda: cr.take(V, 9, axis=0), PositionError, "take: index 9 is out of bounds for axis 0 with size 4"),
        (lambda: cr.take(V, 0.5, axis=0), PositionError, "take: indices must be integers, found float64"),
        (lambda: tensor(A).sum(3), PositionError, "axis 3 is not there: the tensor has 3 axes"),
        (lambda: tensor(A).sum(cast("Any", "rows")), PositionError, "axis 'rows' is no integer"),
        (lambda: cr.argmax(A, cast("Any", (0, 1))), PositionError, "expected one axis, found (0, 1)"),
        (lambda: cr.split(V, cast("Any", "abc")), ShapeError, "split: a number of parts, or positions to cut at; found 'abc'"),
        (lambda: cr.pad(V, (1, 2, 3)), ShapeError, "pad: whole numbers: a width, or (before, after) for each of the 1 axes of x (4,)"),
        (lambda: tensor(V).reshape(cast("Any", 2.0)), ShapeError, "reshape: a shape is made of integers, found (2.0,)"),
        (lambda: tensor([[1, 2], [3]]), ShapeError, "the value given is no array of numbers"),
        (lambda: float(tensor(V)), ShapeError, "tensor (4,) is not one number: take one element"),
        (lambda: bool(tensor(V) > 0), ShapeError, "greater (4,) is not one number"),
        (lambda: tensor(A).sum((0, -3)), PositionError, "axes (0, -3) name one axis twice"),
        (cast("Any", cr.exp), SettingError, "exp takes (x; ), got 0 inputs"),
        (lambda: cast("Any", cr.exp)(V, V), SettingError, "exp takes (x; ), got 2 inputs"),
        (lambda: np.median(tensor(V)), DtypeError, "np.median is no op here, and would leave the graph"),
        (lambda: np.pad(tensor(V), 1, mode="edge"), DtypeError, "np.pad(mode=...) is no op here"),
        (lambda: np.sum(tensor(V), dtype="float32"), DtypeError, "np.sum(dtype=...) is no op here"),
        (lambda: np.where(tensor(V) > 0), DtypeError, "np.where: where() missing 2 required positional arguments"),
        (lambda: np.add.reduce(tensor(V)), DtypeError, "np.add.reduce is no op here"),
        (lambda: V.__iadd__(tensor(V)), ReadOnlyError, "write a = a + t for a += t"),
        (lambda: tensor([5]) & 1, DtypeError, "logical_and: a is of int64, expected bool: write a comparison"),
        (lambda: tensor(A)[::0], PositionError, "slice: ::0: slice step cannot be zero"),
        (lambda: tensor([2]) ** -1, OpError, "power: Integers to negative integer powers are not allowed"),
        (lambda: cr.one_hot(np.array([0, 1]), c=-3, dtype="float32"), ShapeError, "a size cannot be negative, found the shape (2, -3)"),
        (lambda: cr.conv_transpose2d(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 2)), padding=5), ShapeError, "would become -4 by -4"),
        (lambda: cr.conv_transpose2d(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 2)), padding="same"), SettingError, "padding 'same' does not say"),
        (lambda: cr.conv_transpose2d(np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 2)), groups=0), ShapeError, "groups must be at least 1"),
        (lambda: cr.einsum("ij->ii", M), ShapeError, "the output names an axis twice"),
        (lambda: cr.einsum("i....->i", M), ShapeError, "dots stand for axes in threes"),
        (lambda: cr.tensordot(M, M, cast("Any", "ab")), ShapeError, "tensordot: "),
        (lambda: cr.tensordot(M, M, -1), ShapeError, "tensordot: -1 axes of a (2, 3) and b (2, 3)"),
        (lambda: cr.cross_entropy(tensor([[1, 2]]), tensor([0])), DtypeError, "cross_entropy: expected logits of float32 or float64"),
        (lambda: cr.concat([V, M]), ShapeError, "concat: xs[1] (2, 3) and xs[0] (4,) do not join along axis 0"),
        (lambda: cr.concat([M, M.T]), ShapeError, "concat: axis 1 is 3 in xs[0] (2, 3) but 2 in xs[1] (3, 2)"),
        (lambda: cr.concat([]), ShapeError, "concat: there is nothing to join"),
        (lambda: cr.split(V, 3), ShapeError, "split: axis 0 of x (4,) has size 4, which 3 does not divide"),
        (lambda: cr.pad(V, -1), ShapeError, "pad: widths must be at least 0"),
        (lambda: cr.matmul(V, 2.0), ShapeError, "matmul: a (4,) and b (): a scalar has no axes"),
        (lambda: cr.einsum("ij,jk->ik", M, M), ShapeError, "axis 'j' is 3 in xs[0] (2, 3) but 2 in xs[1] (2, 3)"),
        (lambda: cr.einsum("ij->ijk", M), ShapeError, "the output names k, which no operand has"),
        (lambda: cr.einsum("ij", M, M), ShapeError, "1 operands are named, 2 are given"),
        (lambda: cr.einsum("i$", M), ShapeError, "$ is no letter"),
        (lambda: cr.tensordot(M, M, axes=((0,), (0, 1))), ShapeError, "tensordot: 1 axes of a (2, 3) against 2 of b (2, 3)"),
        (lambda: cr.max(np.zeros((0, 3)), 0), ShapeError, "max: x (0, 3) has no elements along axes (0,)"),
        (lambda: cr.softmax(np.zeros((2, 0))), ShapeError, "softmax: the last axis has size 0"),
        (lambda: cr.maximum(tensor(V), tensor(M)), ShapeError, "maximum: b (2, 3) does not broadcast with (4,)"),
        (lambda: cr.ops.compare.where(tensor(V), 1.0, 2.0), DtypeError, "where: the condition is of float64, expected bool"),
        (lambda: cr.max_pool(np.zeros((1, 4, 4, 1)), 2, padding=2), ShapeError, "pool: padding (2, 2) along h would make windows of 2"),
        (lambda: cr.conv2d(np.zeros((1, 4, 4, 3)), np.zeros((3, 3, 2, 5))), ShapeError, "conv2d: x has 3 channels but the kernel (3, 3, 2, 5) sees 2"),
        (lambda: cr.conv2d(np.zeros((1, 4, 4, 4)), np.zeros((3, 3, 2, 5)), groups=2), ShapeError, "5 output channels cannot be cut into 2 groups"),
        (lambda: cr.conv2d(np.zeros((1, 4, 4, 4)), np.zeros((3, 3, 4, 5)), dilation=2), ShapeError, "a window of 3 (dilated by 2: 5) does not fit along h"),
        (lambda: cr.conv2d(np.zeros((1, 4, 4, 4)), np.zeros((3, 3, 4, 5)), stride=0), SettingError, "stride must be an int of at least 1"),
        (lambda: cr.conv2d(np.zeros((1, 4, 4, 4)), np.zeros((3, 3, 4, 5)), padding="full"), SettingError, "Got 'full' instead"),
        (lambda: np.add(V, 1.0, out=cast("Any", tensor(V))), ReadOnlyError, "np.add: a tensor's value is not written to"),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Callable[[], Any], error: type[ChainruleError], sentence: str) -> None:
    with pytest.raises(error, match=re.escape(sentence)):
        call()


def test_a_value_is_not_written_to() -> None:
    x = tensor([1.0, 2.0])
    y = x * 2
    with pytest.raises(ReadOnlyError, match="make a new one, such as"):
        x[0] = 5.0
    for t in (x, y, x.reshape(2, 1), x[:1], x @ x):
        if t.ndim:
            with pytest.raises(ValueError, match="read-only"):
                t.value[0] = 5


def test_other_libraries_read_a_copy() -> None:
    x = tensor([1.0, 2.0])
    shared = np.from_dlpack(x)
    np.testing.assert_array_equal(shared, [1, 2])
    assert not np.shares_memory(shared, x.value)
    np.testing.assert_array_equal(np.asarray(x), [1, 2])
    assert x.tolist() == [1, 2]
    assert x[1].item() == 2
    assert [float(v) for v in x] == [1, 2]
    assert list(range(5))[tensor(3)] == 3


def test_functions_without_a_gradient_compute_on_plain_arrays() -> None:
    assert np.isfinite(tensor(V)).all()
    assert np.allclose(tensor(V), V)
    np.testing.assert_array_equal(np.histogram(tensor(V), bins=2)[0], [2, 2])
    np.testing.assert_array_equal(np.argsort(tensor(V)), np.argsort(V))


def test_recorded_tensors_are_indexed_without_values() -> None:
    labels = placeholder((3,), np.int64, "labels")
    assert placeholder((5, 2), name="x")[labels].shape == (3, 2)
    assert placeholder((5, 2), name="x")[1:, [0, 0, 1]].shape == (4, 3)
    x = placeholder((5, 2), name="x")
    with pytest.raises(ChainruleError, match="recorded and has no value"):
        x[x > 0]


def test_transposed_convolution_undoes_the_shape() -> None:
    x, k = np.random.default_rng(0).normal(size=(2, 7, 6, 3)), np.ones((3, 2, 3, 4))
    y = cr.conv2d(x, k, stride=2, padding=1)
    assert cr.conv_transpose2d(y, k, stride=2, padding=1).shape == (2, 7, 6, 3)
    assert cr.conv_transpose2d(y, k, stride=2, padding=1, extra=1).shape == (2, 8, 7, 3)
    assert cr.conv_transpose1d(np.ones((1, 3, 4)), np.ones((2, 5, 4)), stride=2).shape == (1, 6, 5)


def test_a_row_is_chosen_without_looking_at_the_others() -> None:
    """Positions of the whole tensor would take 8 bytes for each of its elements."""
    table = tensor(np.zeros((6000, 500), np.float32))
    for rows in (np.array([3, 5]), [3, 5], tensor([3, 5])):
        tracemalloc.start()
        assert table[rows].shape == (2, 500)
        assert tracemalloc.get_traced_memory()[1] < 100_000
        tracemalloc.stop()


def test_padding_never_wins_a_maximum() -> None:
    routed = cr.grad(lambda x: cr.max_pool(x, 2, 2, 1).sum())(np.full((1, 2, 2, 1), -np.inf))
    np.testing.assert_array_equal(np.asarray(routed).ravel(), [1, 1, 1, 1])


def test_what_is_remembered_is_bounded() -> None:
    x = tensor(np.zeros(SPECS + 10))
    for i in range(SPECS + 5):
        x[i]
    assert len(cr.graph.OPS["slice"].specs) <= SPECS  # type: ignore[attr-defined]
