"""Random numbers for rows: Philox with the row in the counter, whatever the batch."""

from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule import philox
from chainrule.data.draws import draws_of_rows, normal

word = st.integers(0, 2**32 - 1)


def slow(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 of Salmon et al. (2011), in Python's integers."""
    for _ in range(10):
        high0, low0 = divmod(counter[0] * 0xD2511F53, 2**32)
        high1, low1 = divmod(counter[2] * 0xCD9E8D57, 2**32)
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return counter


@given(seed=word, epoch=word, rows=st.lists(word, min_size=1, max_size=4), count=st.integers(1, 9))
def test_each_row_has_its_own_counters(seed: int, epoch: int, rows: list[int], count: int) -> None:
    drawn = draws_of_rows(seed, "augment/0/Shift", epoch, np.array(rows))("by", (len(rows), count))
    stream = zlib.crc32(b"augment/0/Shift/by")
    for row, numbers in zip(rows, drawn, strict=True):
        words = [w for i in range(3) for w in slow([i, epoch, row, 0], [seed, stream])][:count]
        assert numbers.tolist() == [(w >> 8) / 2**24 for w in words]


def test_row_0_has_the_numbers_of_the_other_draws() -> None:
    one = draws_of_rows(5, "a", 3, np.array([0]))("b", (1, 10))[0]
    np.testing.assert_array_equal(one, philox.uniform(np, 5, philox.stream_of("a/b"), 3, (10,)))


def test_shapes_only_arrange_the_numbers() -> None:
    draw = draws_of_rows(0, "a", 0, np.array([3, 1]))
    np.testing.assert_array_equal(draw("b", (2, 2, 3)).reshape(2, 6), draw("b", (2, 6)))


def test_normal_numbers() -> None:
    z = normal((2000, 7, 5, 3), draws_of_rows(0, "a", 0, np.arange(2000)))
    assert z.dtype == np.float32
    assert np.isfinite(z).all()
    flat = z.reshape(2000, -1).astype(np.float64)
    assert abs(flat.mean()) < 0.01
    assert abs(flat.std() - 1) < 0.01
    assert abs((flat**4).mean() - 3) < 0.1
    assert np.abs(np.corrcoef(flat, rowvar=False) - np.eye(105)).max() < 0.12
