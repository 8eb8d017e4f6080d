"""Layer-sequential unit variance, as its paper defines it: the variance of every layer's output is 1, the weights orthogonal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import DataError, SettingError, ShapeError, UnknownName
from chainrule.layers import parse
from chainrule.network import declared_arrays, initial_arrays

rng = np.random.default_rng(0)
ROWS, IMAGES = rng.normal(size=(256, 20)), rng.normal(size=(32, 12, 12, 3))
DEEP = " ".join(["dense40 tanh"] * 20 + ["dense3"])


@dataclass(frozen=True)
class Exp(cr.Layer):
    """y = e^x, which float32 has an end for."""

    def forward(self, x: Any, p: Any, ctx: Any) -> Any:
        return cr.exp(x)


@settings(max_examples=12)
@given(
    st.sampled_from(["tanh", "relu", "sigmoid", "elu", "identity"]),
    st.integers(2, 8),
    st.floats(1e-3, 1e3),
    st.integers(0, 9),
)
def test_every_layer_has_variance_one(word: str, depth: int, size: float, seed: int) -> None:
    net = " ".join([f"dense30 {word}"] * depth + ["dense4"])
    arrays = cr.lsuv(net, ROWS * size, seed=seed, tol=0.02)
    rows = [row for row in cr.activation_statistics(net, ROWS * size, arrays) if row.path.startswith("dense")]
    assert len(rows) == depth + 1
    assert all(abs(row.std**2 - 1) <= 0.021 for row in rows)


@pytest.mark.parametrize(
    "net",
    [
        "conv8-3 relu pool2 conv8-3 bn relu flatten dropout0.5 maxout6-2 dense3",
        cr.Sequential(
            cr.Residual(cr.Conv2d(3)), cr.Net(a=cr.Conv2d(4, 3, 2), b=cr.ConvTranspose2d(3), c=("sum", "b", "x"))
        ),
    ],
    ids=["words", "graph"],
)
def test_through_every_wiring(net: Any) -> None:
    arrays = cr.lsuv(net, IMAGES, tol=0.02)
    of_weights = ("conv", "dense", "maxout", "inner", "a", "b")
    rows = [
        row for row in cr.activation_statistics(net, IMAGES, arrays) if row.path.split("/")[-1].startswith(of_weights)
    ]
    found = {row.path: row.std**2 for row in rows if not row.path.startswith("batchnorm")}
    assert len(found) >= 3
    assert all(abs(variance - 1) <= 0.021 for variance in found.values()), found


def test_weights_are_orthogonal_but_for_their_scale_and_the_rest_is_as_declared() -> None:
    arrays = cr.lsuv("dense30 tanh dense40 bn prelu dense3", ROWS, seed=4)
    for path in ("dense1/w", "dense2/w", "dense3/w"):
        w = arrays[path].astype(np.float64)
        small = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
        np.testing.assert_allclose(small / small[0, 0], np.eye(len(small)), atol=1e-5)
    net = parse("dense30 tanh dense40 bn prelu dense3")
    declared = initial_arrays(declared_arrays(net, ROWS.shape), (), 4)
    assert list(arrays) == list(declared)
    for path in set(arrays) - {"dense1/w", "dense2/w", "dense3/w"}:
        np.testing.assert_array_equal(arrays[path], declared[path])
    assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}


def test_the_seed_decides() -> None:
    one, same, other = (cr.lsuv("dense30 tanh dense3", ROWS, seed=seed)["dense1/w"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_recurrent_weights_stay_what_they_are() -> None:
    x = rng.normal(size=(32, 5, 3))
    arrays = cr.lsuv("lstm8 dense3", x)
    declared = initial_arrays(declared_arrays(parse("lstm8 dense3"), x.shape), (), 0)
    np.testing.assert_array_equal(arrays["lstm1/w"], declared["lstm1/w"])
    np.testing.assert_array_equal(arrays["lstm1/u"], declared["lstm1/u"])
    assert not np.array_equal(arrays["dense1/w"], declared["dense1/w"])


def test_a_deep_net_trains_from_it() -> None:
    """From weights of 0.01 the signal is gone behind twenty layers, and nothing is learned; from LSUV's it is."""
    labels = (ROWS[:, 0] > 0).astype(int) + (ROWS[:, 1] > 0)
    small = {p: 0.01 * rng.normal(size=a.shape) if a.ndim > 1 else a for p, a in cr.lsuv(DEEP, ROWS).items()}
    losses = []
    for start in (small, cr.lsuv(DEEP, ROWS)):
        step = cr.Step(DEEP, ROWS, labels, optimizer=cr.SGD(0.05, 0.9), start=start)
        losses.append([step(ROWS, labels) for _ in range(60)][-1])
    assert losses[0] > 1.0
    assert losses[1] < 0.05


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (
            lambda: cr.lsuv("dense3", np.zeros((4, 2))),
            DataError,
            "outputs of 'dense1/w' are all the same for these 4 rows",
        ),
        (
            lambda: cr.lsuv("dense3", np.zeros(4)),
            ShapeError,
            r"expected inputs \(n, \.\.\.\), n at least 1, found \(4,\)",
        ),
        (
            lambda: cr.lsuv("dense3", np.where(ROWS > 2, np.nan, ROWS)),
            DataError,
            "finite numbers in x, found nan in row",
        ),
        (lambda: cr.lsuv("dense3", [[np.inf, 1.0]]), DataError, "found inf in row 0"),
        (lambda: cr.lsuv(cr.Sequential(Exp(), cr.Dense(3)), 100 * ROWS), DataError, "'dense1/w' are beyond float32"),
        (lambda: cr.lsuv("dense3", ROWS, tol="a"), SettingError, "'tol' parameter of lsuv must be a number"),  # type: ignore[arg-type]
        (lambda: cr.lsuv("dense3", ROWS, tries=True), SettingError, "'tries' parameter of lsuv"),
        (lambda: cr.lsuv("dense3", ROWS, seed=-1), SettingError, "'seed' parameter of lsuv"),
        (lambda: cr.lsuv("dense3 relu", ROWS, tol=0), SettingError, "The 'tol' parameter of lsuv"),
        (lambda: cr.lsuv("dense3 relu", ROWS, tries=0), SettingError, "The 'tries' parameter of lsuv"),
        (lambda: cr.lsuv("relu bn", ROWS), SettingError, "no layer with one weight"),
        (lambda: cr.lsuv("dens3", ROWS), UnknownName, "did you mean 'dense'"),
    ],
)
def test_what_it_refuses(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()
