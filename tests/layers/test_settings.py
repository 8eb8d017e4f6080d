"""What the layers refuse when they are made, and when what they are given does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, SettingError, ShapeError
from chainrule.layers import record
from chainrule.layers.base import inputs_of

anything: Any = cr  # wrong types are the point here

WITH_INIT = [
    lambda init: cr.Dense(3, init),
    lambda init: cr.Maxout(3, 2, init),
    lambda init: cr.Conv1d(3, init=init),
    lambda init: cr.ConvTranspose2d(3, init=init),
    lambda init: cr.LSTM(3, init=init),
    lambda init: cr.Embedding(5, 3, init),
]


@pytest.mark.parametrize("make", WITH_INIT)
@pytest.mark.parametrize("init", ["relu", cr.init.Normal, cr.Constant(), None, 5], ids=str)
def test_an_initialiser_is_one(make: Any, init: Any) -> None:
    with pytest.raises(
        SettingError, match=r"'init' parameter of \w+ must be an initialiser, such as cr.init.he_normal"
    ):
        make(init)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: anything.LSTM(3, cr.init.orthogonal),
            "'sequence' parameter of LSTM must be True or False. Got <function",
        ),
        (lambda: anything.GRU(3, 1), "'sequence' parameter of GRU must be True or False. Got 1"),
        (lambda: anything.Dense(True), "'units' parameter of Dense must be an int of at least 1. Got True"),
        (lambda: anything.Dense(np.int64(0)), "'units' parameter of Dense"),
        (lambda: anything.Reshape(4, True), "'shape' parameter of Reshape"),
        (
            lambda: anything.Dropout("0.5"),
            r"'rate' parameter of Dropout must be a number in the range \[0, 1\). Got '0.5'",
        ),
        (lambda: anything.Dropout(1), "'rate' parameter of Dropout"),
        (lambda: anything.BatchNorm("0.5"), r"'keep' parameter of BatchNorm must be a number in the range \[0, 1\)"),
        (
            lambda: anything.BatchNorm(eps=0),
            r"'eps' parameter of BatchNorm must be a number in the range \(0, inf\). Got 0",
        ),
        (lambda: anything.LayerNorm(float("nan")), "'eps' parameter of LayerNorm"),
        (lambda: anything.LeakyReLU("a"), "'slope' parameter of LeakyReLU must be a number"),
        (lambda: anything.LeakyReLU(float("nan")), "'slope' parameter of LeakyReLU"),
        (lambda: anything.ELU(float("inf")), "'alpha' parameter of ELU"),
        (lambda: anything.init.Normal(-1), "'std' parameter of Normal"),
        (lambda: anything.init.Constant("a"), "'value' parameter of Constant"),
    ],
)
def test_settings_out_of_range(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()


def test_a_sequence_without_a_step() -> None:
    with pytest.raises(ShapeError, match=r"layer 'simplernn', .* expected sequences \(t, c\) of at least one step"):
        record(cr.SimpleRNN(3), (2, 0, 3))


@pytest.mark.parametrize(
    ("x", "error", "sentence"),
    [
        ([1.0], ShapeError, r"expected inputs \(n, ...\), n at least 1, found \(1,\)"),
        ([[1.0, 2.0], [3.0, np.nan]], DataError, "expected finite numbers in x, found nan in row 1"),
        ([[1.0, 1e300]], DataError, "found inf in row 0"),
        ([["a"]], ShapeError, "no array of numbers"),
    ],
)
def test_a_batch_that_is_none(x: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        inputs_of(x)
