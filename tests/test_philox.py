"""Philox4x32-10 against the known answers published with Random123, and against a slow twin in Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import ops, philox

M = (0xD2511F53, 0xCD9E8D57)
W = (0x9E3779B9, 0xBB67AE85)


def slow(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    for _ in range(10):
        high0, low0 = divmod(counter[0] * M[0], 2**32)
        high1, low1 = divmod(counter[2] * M[1], 2**32)
        counter = (high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0)
        key = ((key[0] + W[0]) % 2**32, (key[1] + W[1]) % 2**32)
    return counter


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
)
def test_the_slow_twin_gives_the_published_answers(counter: object, key: object, answer: object) -> None:
    assert slow(counter, key) == answer  # type: ignore[arg-type]


word = st.integers(0, 2**32 - 1)


@given(seed=word, stream=word, step=word, count=st.integers(0, 13))
def test_words_are_the_slow_twins(seed: int, stream: int, step: int, count: int) -> None:
    expected = [w for i in range(4) for w in slow((i, step, 0, 0), (seed, stream))][:count]
    assert philox.words(np, seed, stream, step, count).tolist() == expected


@given(seed=word, step=word)
def test_uniform_is_the_top_24_bits_and_the_op_agrees(seed: int, step: int) -> None:
    u = philox.uniform(np, seed, 7, step, (3, 5))
    bits = philox.words(np, seed, 7, step, 15) >> np.uint64(8)
    assert u.dtype == np.float32
    np.testing.assert_array_equal(u.ravel().astype(np.float64) * 2**24, bits.astype(np.float64))
    drawn = ops.uniform(np.int64(seed), np.int64(step), stream=7, to=(3, 5))
    np.testing.assert_array_equal(np.asarray(drawn), u)


def test_a_prefix_of_a_longer_draw_is_the_shorter_draw() -> None:
    np.testing.assert_array_equal(philox.words(np, 1, 2, 3, 100)[:37], philox.words(np, 1, 2, 3, 37))


def test_permutation_and_normal() -> None:
    assert sorted(philox.permutation(3, "shuffle", 1, 1000)) == list(range(1000))
    z = philox.normal(0, "w", (200_000,))
    # standard errors: mean 0.0022, variance 0.0032, fourth moment 0.022; bounds are five of them
    assert abs(z.mean()) < 0.012
    assert abs(z.var() - 1) < 0.016
    assert abs((z**4).mean() - 3) < 0.11
