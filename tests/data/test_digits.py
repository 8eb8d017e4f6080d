"""The shipped digits are scikit-learn's, and so UCI's, value by value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from chainrule import data
from chainrule.data import load, load_like
from chainrule.data.formats import SHIPPED


def test_digits_are_scikit_learns() -> None:
    digits, theirs = load("digits"), load_digits()
    np.testing.assert_array_equal(digits.x[..., 0], theirs.images)
    np.testing.assert_array_equal(np.array(digits.classes)[digits.y], theirs.target)
    assert (digits.x.shape, digits.x.dtype.name, digits.y.dtype.name) == ((1797, 8, 8, 1), "float32", "int64")
    assert (digits.name, digits.classes, digits.is_image) == ("digits", tuple(range(10)), True)


def test_digits_can_be_predicted_by_name() -> None:
    np.testing.assert_array_equal(load_like("digits", ()).x, load("digits").x)


def test_digits_are_small_and_come_with_their_licence() -> None:
    assert SHIPPED["digits"].stat().st_size < 50_000
    notice = (Path(data.__file__).parent / "formats" / "digits.NOTICE.txt").read_text("utf-8")
    assert all(word in notice for word in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0"))
