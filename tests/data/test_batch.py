"""Batches: every row once an epoch, in an order that only seed and epoch decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import batches, steps
from chainrule.errors import SettingError

COUNTS, SIZES, SEEDS = st.integers(1, 400), st.integers(1, 70), st.integers(0, 2**32 - 1)


@given(count=COUNTS, size=SIZES, seed=SEEDS, epoch=st.integers(0, 1000))
def test_every_row_once_but_a_lonely_last(count: int, size: int, seed: int, epoch: int) -> None:
    made = list(batches(count, size, seed, epoch))
    rows = np.concatenate(made)
    lonely = size > 1 and count > size and count % size == 1
    assert len(made) == steps(count, size)
    assert all(len(batch) == size for batch in made[:-1])
    assert 1 <= len(made[-1]) <= size
    assert rows.dtype == np.int64
    assert len(np.unique(rows)) == len(rows) == count - lonely
    assert 0 <= rows.min() <= rows.max() < count
    assert size == 1 or count == 1 or min(map(len, made)) > 1


@given(count=st.integers(20, 400), seed=SEEDS, epoch=st.integers(0, 1000))
def test_seed_and_epoch_decide_the_order(count: int, seed: int, epoch: int) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(list(batches(count, count, seed, epoch))).tolist()  # type: ignore[no-any-return]

    assert order(seed, epoch) == order(seed, epoch)
    assert order(seed, epoch) != order(seed, epoch + 1)
    assert order(seed, epoch) != order((seed + 1) % 2**32, epoch)


def test_the_size_of_a_batch_does_not_change_the_order() -> None:
    first, second = (np.concatenate(list(batches(100, size, 5, 2))) for size in (10, 50))
    np.testing.assert_array_equal(first, second)


def test_a_left_out_row_comes_back() -> None:
    missing = {
        (set(range(9)) - set(np.concatenate(list(batches(9, 4, 0, epoch))).tolist())).pop() for epoch in range(9)
    }
    assert len(missing) > 2


@pytest.mark.parametrize(("count", "size", "name"), [(0, 4, "count"), (4, 0, "size"), (4, -1, "size")])
def test_bad_sizes_are_refused_at_once(count: int, size: int, name: str) -> None:
    with pytest.raises(SettingError, match=f"The '{name}' parameter of batches"):
        batches(count, size, 0, 0)
