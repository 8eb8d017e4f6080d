"""What the native engine moves: pools and copies, on every path, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from native_code import ARRAYS, PATHS, Array, Ints, at, code, copy_ints, instruction, run, segment, strides

from chainrule.ops import pool


def run_one(
    path: str, kind: str, ints: Ints, out: Array, *arrays: Array, rows: int, tasks: int = 1, outs: int = 1
) -> None:
    """One instruction whose operands have `rows` rows, each an array of its own; the first `outs` are written."""
    every = [out, *arrays]
    operands = [at(ARRAYS + i, 0, array.nbytes // max(rows, 1)) for i, array in enumerate(every)]
    stage = [segment(rows, tasks, 0, instruction(kind, ints, *operands))]
    run(path, code([(array.nbytes, i < outs) for i, array in enumerate(every)], stage), every)


class TestPools:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("c", [1, 3, 8, 21, 32])
    @pytest.mark.parametrize(
        ("h", "w", "size", "stride", "padding"),
        [
            (4, 6, (2, 2), (2, 2), ((0, 0), (0, 0))),
            (5, 7, (2, 2), (2, 2), ((0, 0), (0, 0))),
            (7, 5, (2, 2), (2, 2), ((1, 0), (0, 1))),
            (7, 5, (3, 3), (2, 2), ((1, 1), (1, 1))),
            (6, 6, (2, 3), (1, 1), ((1, 1), (2, 2))),
            (9, 8, (2, 2), (3, 4), ((0, 1), (1, 1))),
            (3, 3, (3, 3), (1, 1), ((0, 0), (0, 0))),
        ],
    )  # fmt: skip
    def test_like_the_ops(self, path: str, c: int, h: int, w: int, size: Any, stride: Any, padding: Any) -> None:
        rng = np.random.default_rng(c)
        attrs = {"size": size, "stride": stride, "padding": padding}
        x = rng.integers(-2, 3, (3, h, w, c)).astype(np.float32)  # with ties
        x[rng.random(x.shape) < 0.1] = np.nan
        x[rng.random(x.shape) < 0.2] = -np.inf
        y, number = pool.max_pool.forward(np, x, **attrs), pool.pool_argmax.forward(np, x, **attrs).astype(np.uint8)
        n, oh, ow, _ = y.shape
        ints = [h, w, c, oh, ow, *size, *stride, padding[0][0], padding[1][0]]
        got, got_at = np.full_like(y, 7), np.full(y.shape, 7, np.uint8)
        run_one(path, "max_pool", ints, got, x, rows=n)
        np.testing.assert_array_equal(got, y)
        operands = [at(ARRAYS + i, 0, array.nbytes // n) for i, array in enumerate([got, x, got_at])]
        stage = [segment(n, 2, 0, instruction("max_pool", ints, *operands))]
        run(path, code([(got.nbytes, True), (x.nbytes, False), (got_at.nbytes, True)], stage), [got, x, got_at])
        np.testing.assert_array_equal(got, y)
        np.testing.assert_array_equal(got_at, number)

        g = rng.integers(-9, 9, y.shape).astype(np.float32)
        u = rng.normal(size=x.shape).astype(np.float32)
        for kind, expected, given_ in [
            ("pool_scatter", pool.pool_scatter.forward(np, g, number, h=h, w=w, **attrs), [g, number]),
            ("pool_gather", pool.pool_gather.forward(np, u, number, **attrs), [u, number]),
            ("pool_sum", pool.pool_sum.forward(np, u, **attrs), [u]),
            ("pool_spread", pool.pool_spread.forward(np, g, h=h, w=w, **attrs), [g]),
        ]:
            result = np.full(expected.shape, 7, np.float32)
            run_one(path, kind, ints, result, *given_, rows=n, tasks=5)
            np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6, err_msg=kind)


class TestCopy:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
    @pytest.mark.parametrize(
        ("shape", "axes"),
        [
            ((3, 4), (1, 0)),
            ((33, 50), (1, 0)),
            ((2, 17, 19), (0, 2, 1)),
            ((5, 3, 16, 18), (2, 0, 3, 1)),
            ((4, 1, 5), (2, 1, 0)),
            ((2, 3, 4, 5, 2, 3), (5, 4, 3, 2, 1, 0)),
            ((40, 70), (0, 1)),
            ((0, 3), (1, 0)),
        ],
    )
    def test_transposes(self, path: str, dtype: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
        x = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
        turned = x.transpose(axes)
        out = np.zeros(turned.shape, dtype)
        run_one(path, "copy", copy_ints(turned.shape, strides(turned), strides(out), size=x.itemsize), out, x, rows=1)
        np.testing.assert_array_equal(out, turned)

    @pytest.mark.parametrize("path", PATHS)
    def test_slices_with_zeros_around(self, path: str) -> None:
        x = np.arange(60.0, dtype=np.float32).reshape(5, 12)
        out = np.full((9, 20), 7, np.float32)
        ints = copy_ints([5, 4], [12, -3], [20, 1], fill=9 * 20, origins=[11, 2 * 20 + 3])
        run_one(path, "copy", ints, out, x, rows=1)
        expected = np.zeros((9, 20), np.float32)
        expected[2:7, 3:7] = x[:, ::-3]
        np.testing.assert_array_equal(out, expected)

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("tasks", [1, 3, 7])
    def test_rows_in_tasks_with_broadcasting(self, path: str, tasks: int) -> None:
        x, out = np.arange(10.0, dtype=np.float32), np.full((5, 2, 6), 7, np.float32)
        run_one(path, "copy", copy_ints([10, 4], [1, 0], [6, 1], unit=2, fill=12), out, x, rows=5, tasks=tasks)
        expected = np.zeros((5, 2, 6), np.float32)
        expected[..., :4] = x.reshape(5, 2, 1)
        np.testing.assert_array_equal(out, expected)
