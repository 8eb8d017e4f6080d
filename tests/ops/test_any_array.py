"""Any array NumPy can hold gives what its contiguous copy gives, or a typed error; and no input is ever changed.

Shapes with 0, 1 and odd sizes, fitting or not; negative strides, gaps, broadcast views, read-only and big-endian arrays;
eagerly and as feeds of a recorded graph. 500 examples for each family of ops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import broadcastable_shapes

import chainrule as cr
from chainrule import ops
from chainrule.engine import plan
from chainrule.errors import ChainruleError
from chainrule.graph import Graph, placeholder
from chainrule.ops import compare, elementwise, norm, trigonometric

Draw = Any
SIZES = st.sampled_from([0, 1, 1, 2, 3, 5])
SMALL = st.integers(1, 3)
ELEMENTWISE = "add sub mul div mod power neg exp expm1 log log1p sqrt sigmoid softplus stop_gradient"
COMPARE = "less equal greater_equal logical_and logical_not where maximum minimum clip relu abs sign floor round"
TRIGONOMETRIC = "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh"
REDUCE = "sum mean var std prod max min logsumexp argmax argmin cumsum"


class Call(NamedTuple):
    """A function of tensors, with the shape and the kind (f, i, b) of each; integers are drawn below `below`."""

    f: Callable[..., Any]
    inputs: list[tuple[tuple[int, ...], str]]
    below: int = 3


def shape(draw: Draw, least: int = 0, most: int = 3) -> tuple[int, ...]:
    return tuple(draw(st.lists(SIZES, min_size=least, max_size=most)))


def alike(draw: Draw, count: int) -> list[tuple[int, ...]]:
    """Shapes that mostly broadcast to one, and sometimes do not."""
    first = shape(draw)
    if draw(st.integers(0, 9)) == 0:
        return [first, *(shape(draw) for _ in range(count - 1))]
    return [first, *(draw(broadcastable_shapes(first, max_dims=3, max_side=5)) for _ in range(count - 1))]


def some_axis(draw: Draw, ndim: int) -> Any:
    """None, one axis or several; sometimes one that is not there."""
    one = st.integers(-ndim - (draw(st.integers(0, 9)) == 0), max(ndim - 1, 0))
    return draw(st.none() | one | st.lists(one, max_size=3).map(tuple))


def elementwise_call(draw: Draw) -> Call:
    op = draw(st.sampled_from([getattr(elementwise, n) for n in ELEMENTWISE.split()]))
    return Call(op, [(s, "f") for s in alike(draw, len(op.args))])


def compare_call(draw: Draw) -> Call:
    op = draw(st.sampled_from([getattr(compare, n) for n in COMPARE.split()]))
    kinds = {"where": "bff", "logical_and": "bb", "logical_not": "b"}.get(op.name, "fff")
    return Call(op, list(zip(alike(draw, len(op.args)), kinds, strict=False)))


def trigonometric_call(draw: Draw) -> Call:
    names = TRIGONOMETRIC.split()
    op = draw(st.sampled_from([*(getattr(trigonometric, n) for n in names), cr.erf]))
    return Call(op, [(s, "f") for s in alike(draw, len(op.args))])


def reduce_call(draw: Draw) -> Call:
    name = draw(st.sampled_from(REDUCE.split()))
    s = shape(draw)
    axis = some_axis(draw, len(s))
    if name in ("argmax", "argmin", "cumsum"):
        axis = axis[0] if isinstance(axis, tuple) and axis else None if isinstance(axis, tuple) else axis
        return Call(lambda x: getattr(cr, name)(x, axis), [(s, "f")])
    keepdims = draw(st.booleans())
    return Call(lambda x: getattr(cr, name)(x, axis, keepdims), [(s, draw(st.sampled_from("ffib")))])


def a_slice(draw: Draw) -> Any:
    ends = st.none() | st.integers(-4, 4)
    return draw(
        st.none()
        | st.just(...)
        | st.integers(-3, 3)
        | st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1, -3]))
    )


def move_call(draw: Draw) -> Call:
    s = shape(draw)
    axis = draw(st.integers(-max(len(s), 1), max(len(s), 1) - 1))
    index = tuple(a_slice(draw) for _ in range(draw(SMALL)))
    to = shape(draw)
    widths = draw(st.integers(-1, 2))
    f = draw(
        st.sampled_from(
            [
                lambda x: x[index],
                lambda x: x.reshape(to),
                lambda x: x.reshape((-1, *to)),
                lambda x: x.broadcast_to(to),
                lambda x: x.transpose(*range(1, x.ndim), *range(min(x.ndim, 1))),
                lambda x: cr.flip(x, axis),
                lambda x: cr.pad(x, widths, 1.5),
                lambda x: cr.split(x, 2, axis)[-1],
                lambda x: x.squeeze(),
                lambda x: x.swapaxes(0, axis),
            ]
        )
    )
    if draw(st.booleans()):
        return Call(f, [(s, "f")])
    others = [s if draw(st.integers(0, 4)) else shape(draw) for _ in range(2)]
    return Call(lambda *xs: cr.concat(xs, axis), [(o, "f") for o in [s, *others]])


def index_call(draw: Draw) -> Call:
    s, at = shape(draw, 1), shape(draw, 0, 2)
    axis = draw(st.integers(-len(s), len(s) - 1))
    same = tuple(draw(SIZES) if i == axis % len(s) else n for i, n in enumerate(s))
    return draw(  # type: ignore[no-any-return]
        st.sampled_from(
            [
                Call(lambda x, i: cr.take(x, i, axis), [(s, "f"), (at, "i")]),
                Call(cr.take, [(s, "f"), (at, "i")]),
                Call(lambda x, i: x[i], [(s, "f"), (at, "i")]),
                Call(lambda x, i: cr.take_along_axis(x, i, axis), [(s, "f"), (same, "i")]),
                Call(lambda g, i: cr.scatter(g, i, 3), [((*at, *s), "f"), (at, "i")]),
            ]
        )
    )


def linear_call(draw: Draw) -> Call:
    n, k, m = draw(SIZES), draw(SIZES), draw(SIZES)
    wrong = draw(SIZES) if draw(st.integers(0, 5)) == 0 else k
    lead = draw(broadcastable_shapes((draw(SIZES), draw(SIZES)), max_dims=2, max_side=5))
    return draw(  # type: ignore[no-any-return]
        st.sampled_from(
            [
                Call(cr.matmul, [((n, k), "f"), ((wrong, m), "f")]),
                Call(cr.matmul, [((*lead, n, k), "f"), ((k, m), "f")]),
                Call(cr.matmul, [((k,), "f"), ((*lead, wrong, m), "f")]),
                Call(cr.matmul, [((n, k), "f"), ((wrong,), "f")]),
                Call(lambda a, b: cr.einsum("ij,kj->ik", a, b), [((n, k), "f"), ((m, wrong), "f")]),
                Call(lambda a, b: cr.einsum("...i,ij->...j", a, b), [((*lead, k), "f"), ((wrong, m), "f")]),
                Call(lambda a: cr.einsum("iji->j", a), [((n, k, n if wrong == k else m), "f")]),
                Call(lambda a, b: cr.tensordot(a, b, ((1,), (0,))), [((n, k), "f"), ((wrong, m, n), "f")]),
            ]
        )
    )


def window_call(draw: Draw) -> Call:
    n, h, w = draw(SIZES), draw(st.integers(0, 6)), draw(st.integers(1, 6))
    groups, i, o = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    kh, kw, stride, dilation, around = (draw(SMALL) for _ in range(5))
    padding = draw(st.sampled_from(["same", "valid", 0, around, ((0, 1), (2, 0))]))
    channels = groups * i + (draw(st.integers(0, 9)) == 0)
    image, kernel = ((n, h, w, channels), "f"), ((kh, kw, i, o * groups), "f")
    return draw(  # type: ignore[no-any-return]
        st.sampled_from(
            [
                Call(lambda x, k: cr.conv2d(x, k, (stride, 1), padding, (1, dilation), groups), [image, kernel]),
                Call(
                    lambda x, k: cr.conv1d(x, k, stride, around - 1, dilation, groups),
                    [((n, w, channels), "f"), ((kw, i, o * groups), "f")],
                ),
                Call(
                    lambda g, k: cr.conv_transpose2d(g, k, stride, 0, dilation, groups),
                    [((n, h, w, o * groups), "f"), kernel],
                ),
                Call(lambda x: cr.max_pool(x, (kh, kw), stride, padding), [image]),
                Call(lambda x: cr.avg_pool(x, (kh, kw), stride, padding), [image]),
                Call(lambda x: cr.max_pool(x, kw, stride), [((n, w, channels), "f")]),
                Call(cr.global_avg_pool, [image]),
                Call(cr.global_max_pool, [image]),
            ]
        )
    )


def loss_call(draw: Draw) -> Call:
    n, c = draw(SIZES), draw(SIZES)
    rows = n if draw(st.integers(0, 5)) else draw(SIZES)
    s = shape(draw, 1)
    axis = draw(st.integers(-len(s), len(s) - 1))
    return draw(  # type: ignore[no-any-return]
        st.sampled_from(
            [
                Call(lambda x: cr.softmax(x, axis), [(s, "f")]),
                Call(lambda x: cr.log_softmax(x, axis), [(s, "f")]),
                Call(cr.cross_entropy, [((n, c), "f"), ((rows,), "i")]),
                Call(lambda i: cr.one_hot(i, c=c, dtype="float32"), [((n,), "i")]),
                Call(norm.standardise, [((n, c), "f"), ((c,), "f"), ((rows,), "f"), ((), "f")]),
                Call(lambda seed, step: ops.uniform(seed, step, stream=7, to=s), [((), "i"), ((), "i")]),
            ]
        )
    )


FAMILIES = {
    call.__name__.removesuffix("_call"): call
    for call in (
        elementwise_call,
        compare_call,
        trigonometric_call,
        reduce_call,
        move_call,
        index_call,
        linear_call,
        window_call,
        loss_call,
    )
}


def big_endian(x: Any) -> Any:
    return x.astype(x.dtype.newbyteorder(">"))


def read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: list[Callable[[Any], Any]] = [
    lambda x: x.copy("F"),
    lambda x: np.flip(np.flip(x).copy()),
    lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
    lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim and len(x) else x,
    big_endian,
    read_only,
]


def in_some_layout(draw: Draw, x: Any) -> Any:
    layout: Callable[[Any], Any] = draw(st.sampled_from(LAYOUTS))
    return layout(np.asarray(x))


def outcome(f: Callable[[], Any]) -> Any:
    """The value, or the class of the typed error; any other exception is a fault of ours."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(f())
    except ChainruleError as problem:
        return type(problem)


def recorded(call: Call, arrays: list[Any]) -> Any:
    nodes = {f"x{i}": placeholder(a.shape, a.dtype.newbyteorder("="), f"x{i}") for i, a in enumerate(arrays)}
    graph = Graph(nodes, {"y": call.f(*nodes.values())})
    return plan(graph)({f"x{i}": a for i, a in enumerate(arrays)})["y"]


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, type):
        assert found is expected
        return
    assert not isinstance(found, type), found
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = 1e-5 if expected.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("family", FAMILIES)
def test_same_as_the_contiguous_copy_or_a_typed_error(family: str) -> None:
    @settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(st.data())
    def check(data: Any) -> None:
        call = FAMILIES[family](data.draw)
        rng = np.random.default_rng(data.draw(st.integers(0, 9)))
        dtype = data.draw(st.sampled_from([np.float64, np.float32]))
        makers: dict[str, Callable[[Any], Any]] = {
            "f": lambda s: (rng.integers(-16, 17, s) / 8).astype(dtype),
            "i": lambda s: rng.integers(0, call.below, s),
            "b": lambda s: rng.random(s) < 0.5,
        }
        arrays = [in_some_layout(data.draw, makers[kind](s)) for s, kind in call.inputs]
        before = [a.tobytes() for a in arrays]
        copies = [np.array(a, a.dtype.newbyteorder("="), order="C") for a in arrays]
        expected = outcome(lambda: call.f(*map(cr.tensor, copies)))
        assert_same(outcome(lambda: call.f(*map(cr.tensor, arrays))), expected)
        assert_same(outcome(lambda: recorded(call, arrays)), expected)
        assert [a.tobytes() for a in arrays] == before

    check()


def test_the_families_are_of_hypothesis() -> None:
    """The strategies reach both ends: values and typed errors."""
    seen: set[bool] = set()

    @settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def check(data: Any) -> None:
        call = linear_call(data.draw)
        seen.add(isinstance(outcome(lambda: call.f(*(cr.tensor(np.ones(s)) for s, _ in call.inputs))), type))

    check()
    assert seen == {True, False}
