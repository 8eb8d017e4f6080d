"""What is measured of inputs and targets, against NumPy, scikit-learn and definitions row by row."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.data import Dataset, Parts
from chainrule.model import Preparation
from chainrule.watch import inputs
from chainrule.watch.inputs import of_inputs, spread_rows
from chainrule.watch.targets import of_targets

Array = NDArray[Any]
SMALL = st.integers(-3, 3).map(float)


def both(parts: Parts, prepare: str = "standardise", loss: Any = None, codes: int = 0) -> tuple[Any, Any]:
    """Facts of inputs and targets, as `before` asks for them; JSON has a word for all of it."""
    preparation = Preparation.fit(parts.train, prepare, loss, codes)
    found = of_inputs(parts, preparation), of_targets(parts, preparation)
    json.dumps(found, allow_nan=False)
    return found


def table(x: Any, y: Any = None, **held: Any) -> Parts:
    """Parts of plain arrays; targets that nobody asks for alternate."""
    made = {name: Dataset.of(rows, np.arange(len(rows)) % 2) for name, rows in held.items()}
    return Parts(Dataset.of(x, np.arange(len(x)) % 2 if y is None else y), **made)


# --- inputs


@given(arrays(np.float32, st.tuples(st.integers(2, 12), st.integers(1, 6)), elements=SMALL))
@settings(max_examples=50)
def test_scale_constant_and_copied_are_those_of_the_columns(x: Array) -> None:
    facts, _ = both(table(x), "none")
    columns = [tuple(column) for column in x.T.tolist()]
    constant = [i for i, column in enumerate(columns) if len(set(column)) == 1]
    copied = [i for i, column in enumerate(columns) if column in columns[:i] and i not in constant]
    for what, found in (("constant", constant), ("copied", copied)):
        assert facts[what] == {"count": len(found), "named": [f"x{i}" for i in found[:5]]}
    rms = [math.sqrt(sum(v * v for v in c) / len(c)) for i, c in enumerate(columns) if i not in constant] or [0.0]
    assert facts["features"] == x.shape[1]
    assert facts["scale"]["least"] == pytest.approx(min(rms))
    assert facts["scale"]["middle"] == pytest.approx(np.median(rms))
    assert facts["scale"]["greatest"] == pytest.approx(max(rms))
    assert facts["scale"]["rms"] == pytest.approx(math.sqrt(sum(r * r for r in rms) / len(rms)))


@given(
    arrays(np.float32, st.tuples(st.integers(2, 10), st.just(2)), elements=SMALL),
    arrays(np.float32, st.tuples(st.integers(1, 6), st.just(2)), elements=SMALL),
)
def test_rows_that_parts_share(x: Array, held: Array) -> None:
    facts, _ = both(table(x, test=held))
    known = [tuple(row) for row in x.tolist()]
    assert facts["shared"] == {"test": sum(tuple(row) in known for row in held.tolist()) / len(held)}
    assert facts["repeated"] == sum(known.count(row) > 1 for row in known) / len(known)  # 49 rows there are: cramped


def test_repeated_rows_count_only_where_rows_are_alike_by_chance() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    x[1] = x[0]
    assert both(table(x))[0]["repeated"] == 0.0
    assert both(table(x[:, :1].round()))[0]["repeated"] > 0.5


def test_a_few_pixels_tell_that_rows_are_not_alike_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not each of the 150,000 of an image is sorted."""
    seen: list[Array] = []
    unique = np.unique

    def noted(column: Array) -> Any:
        seen.append(column)
        return unique(column)

    monkeypatch.setattr(np, "unique", noted)
    assert not inputs._is_cramped(np.random.default_rng(0).normal(size=(20, 5000)))
    assert len(seen) == 3  # 20^3 combinations are more than a hundred times 20 rows
    assert inputs._is_cramped(np.arange(10.0).repeat(2)[:, None])


def test_minus_zero_is_zero() -> None:
    x = np.array([[0.0, -0.0, 1], [1, 1, 2], [2, 2, 5]], np.float32)
    facts, _ = both(table(x, test=-1.0 * np.array([[0.0, 0.0, -1]], np.float32)))
    assert facts["copied"] == {"count": 1, "named": ["x1"]}
    assert facts["shared"] == {"test": 1.0}


def test_how_a_part_compares_with_training() -> None:
    rng = np.random.default_rng(1)
    x, held = rng.normal(size=(80, 5)), 2 * rng.normal(size=(30, 5)) + np.arange(5)
    facts, _ = both(table(x, validation=held))
    x, held = x.astype(np.float32), held.astype(np.float32)
    shift = np.abs(held.mean(0) - x.mean(0)) / x.std(0)
    stretch = np.abs(np.log(held.std(0) / x.std(0)))
    expected = {
        "rows": 30,
        "shift": np.median(shift),
        "stretch": np.median(stretch),
        "most_shift": shift.max(),
        "most_stretch": stretch.max(),
    }
    assert facts["parts"] == {"validation": pytest.approx(expected, rel=1e-4)}
    every = np.concatenate([x, held])
    off = min(np.abs(every.std(0) - 1).max(), np.abs(every.std(0, ddof=1) - 1).max())
    assert facts["whole"] == pytest.approx({"mean": np.abs(every.mean(0)).max(), "std": off}, rel=1e-4)


@pytest.mark.parametrize("ddof", [0, 1])
def test_rows_standardised_before_they_were_parted_are_seen(ddof: int) -> None:
    x = np.random.default_rng(2).gamma(2.0, size=(90, 4))
    x = (x - x.mean(0)) / x.std(0, ddof=ddof)
    whole = both(table(x[:60], test=x[60:]))[0]["whole"]
    assert max(whole.values()) < 1e-5


def test_scale_is_of_what_the_network_gets_and_varies() -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([1000 * rng.normal(size=(200, 2)) + 7, np.full((200, 1), 5.0)], 1)
    facts, _ = both(table(x))
    assert facts["scale"] == pytest.approx(dict.fromkeys(("rms", "least", "middle", "greatest"), 1.0), rel=1e-3)
    assert facts["constant"] == {"count": 1, "named": ["x2"]}
    assert both(table(x), "none")[0]["scale"]["greatest"] == pytest.approx(1000, rel=0.2)
    assert both(table(x), "pca2")[0]["scale"]["rms"] > 100  # another number of features: all that come out


def test_of_images_pixels_are_features() -> None:
    x = np.random.default_rng(4).normal(size=(40, 3, 3, 2)).astype(np.float32)
    x[:, 0, 0] = 0.5
    facts, _ = both(table(x, test=x[:4]))
    assert (facts["features"], facts["shared"], facts["constant"]) == (
        18,
        {"test": 1.0},
        {"count": 2, "named": ["value 0", "value 1"]},
    )


def test_a_memory_map_has_the_facts_of_its_array(tmp_path: Path) -> None:
    """But for what asks for every row: those are None, and nothing is read as a whole."""
    x = np.random.default_rng(5).normal(size=(60, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    y = np.arange(60) % 3
    one, other = (
        both(Parts(Dataset.of(rows, y).take(np.arange(40)), Dataset.of(rows, y).take(np.arange(40, 60))))
        for rows in (x, mapped)
    )
    assert other[0]["shared"] == {"validation": None}
    assert (other[0]["repeated"], other[0]["whole"]) == (0.0, None)
    for name in ("features", "scale", "constant", "copied", "parts"):
        assert one[0][name] == other[0][name]
    assert one[1] == other[1]


def test_codes_have_no_scale() -> None:
    facts, targets = both(table(np.arange(30.0).reshape(10, 3) % 7), "none", codes=7)
    assert set(facts) == {"shared", "repeated"}
    assert "neighbours" not in targets


def test_missing_values_are_left_out() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = np.nan
    y = np.arange(60) % 2
    data = Dataset.of(x, y, missing="fill")
    facts, _ = both(Parts(data.take(np.arange(40)), data.take(np.arange(40, 60))))
    shift = np.abs(np.nanmean(x[40:], 0) - np.nanmean(x[:40], 0)) / np.nanstd(x[:40], 0)
    assert facts["parts"]["validation"]["most_shift"] == pytest.approx(shift.max(), rel=1e-4)


@pytest.mark.parametrize("rows", [40, 3])
def test_columns_without_a_single_number(rows: int) -> None:
    """In the training part, in another one, in both: nothing is said of them, and nothing warns."""
    x = np.random.default_rng(7).normal(size=(rows + 20, 4)).astype(np.float32)
    x[:, 0] = x[:rows, 1] = x[rows:, 2] = np.nan
    data = Dataset.of(x, np.arange(len(x)) % 2, missing="fill")
    facts, targets = both(Parts(data.take(np.arange(rows)), data.take(np.arange(rows, rows + 20))))
    assert facts["constant"]["named"] == ["x0", "x1"]
    assert facts["parts"]["validation"]["shift"] == facts["parts"]["validation"]["most_shift"]  # of x3 alone
    assert bool(targets["neighbours"]) == (rows >= 20)
    gone = Dataset.of(np.full((5, 4), np.nan), np.arange(5) % 2, missing="fill")
    assert both(Parts(data.take(np.arange(rows)), gone))[0]["parts"] == {"validation": {}}


@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_nothing_but_constants(make: Any) -> None:
    facts, _ = both(table(make((30, 3)), test=make((4, 3))))
    assert facts["constant"]["count"] == 3
    assert (facts["parts"], facts["whole"]) == ({"test": {}}, None)
    assert facts["scale"] == dict.fromkeys(("rms", "least", "middle", "greatest"), 0.0)


@given(st.integers(1, 200), st.integers(0, 300))
def test_spread_rows(count: int, most: int) -> None:
    rows = spread_rows(count, most)
    assert len(rows) == min(count, max(most, 1))
    assert rows[0] == 0
    assert (np.diff(rows) > 0).all()
    assert rows[-1] == (count - 1 if len(rows) > 1 else 0)
    assert len(rows) < 2 or np.diff(rows).max() - np.diff(rows).min() <= 1


def test_large_parts_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST", 40)
    monkeypatch.setattr(inputs, "MOST_ROWS", 50)
    x = np.random.default_rng(8).normal(size=(100, 4)).astype(np.float32)
    facts, _ = both(table(x, test=x[:9]), "none")
    assert (facts["shared"], facts["repeated"], facts["whole"]) == ({"test": None}, 0.0, None)
    few = x[spread_rows(100, 10)]
    assert facts["scale"]["rms"] == pytest.approx(np.sqrt((few**2).mean()), rel=1e-5)


# --- targets


def test_classes() -> None:
    data = Dataset.of(np.zeros((6, 1)), [0, 0, 0, 2, 2, 0], classes=["a", "b", "c", "d"])
    other = Dataset.of(np.zeros((4, 1)), [1, 3, 3, 0], classes=["a", "b", "c", "d"])
    facts = both(Parts(data, other, other))[1]
    assert facts["counts"] == [4, 0, 2, 0]
    assert facts["unseen"] == {"classes": ["b", "d"], "count": 2, "rows": 6}
    assert facts["whole"] is False
    assert both(table(np.zeros((4, 1)), [3, 5, 5, 3]))[1]["whole"] is True


def test_classes_of_pixels_and_labels() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, (12, 4, 4))
    facts = both(table(rng.normal(size=(12, 4, 4, 1)), y))[1]
    assert facts["counts"] == [int((y == c).sum()) for c in range(3)]
    assert {"order", "neighbours"} & set(facts) == set()
    yes = rng.random((12, 3)) < [0.2, 0.5, 0.0]
    assert both(table(rng.normal(size=(12, 2)), yes))[1] == {"shares": pytest.approx(yes.mean(0))}


@given(arrays(np.float32, st.tuples(st.integers(2, 20), st.integers(1, 3)), elements=SMALL))
@settings(max_examples=40)
def test_numbers(y: Array) -> None:
    facts = both(table(np.zeros((len(y), 1)), y), loss=cr.Poisson())[1]  # which standardises nothing
    first = y[:, 0].tolist()
    assert facts["mean"] == pytest.approx(y.mean(), abs=1e-6)
    assert facts["std"] == pytest.approx(y.std(0).max(), abs=1e-6)
    assert facts["offset"] == pytest.approx(np.abs(y.mean(0)).max(), abs=1e-6)
    assert (facts["least"], facts["greatest"], facts["columns"]) == (y.min(), y.max(), y.shape[1])
    counts = [first.count(value) for value in set(first)]
    assert (facts["distinct"], facts["fewest"], facts["most"]) == (len(counts), min(counts), max(counts))
    assert facts["whole"] is True
    assert facts["one_hot"] == (y.shape[1] > 1 and all(sorted(row) == [0] * (len(row) - 1) + [1] for row in y.tolist()))


def test_numbers_are_measured_as_the_loss_gets_them() -> None:
    y = 1e4 + 50 * np.random.default_rng(0).normal(size=300)
    x = np.zeros((300, 1))
    assert both(table(x, y))[1]["std"] == pytest.approx(1, rel=1e-3)
    assert both(table(x, y))[1]["offset"] == pytest.approx(0, abs=1e-3)
    assert both(table(x, y), loss=cr.Poisson())[1]["std"] == pytest.approx(50, rel=0.1)
    assert both(table(x, np.eye(3)[np.arange(300) % 3]))[1]["one_hot"] is True
    assert both(table(x, y))[1]["whole"] is False


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30))
def test_order_of_classes_is_one_by_one(y: list[int]) -> None:
    """The share of neighbours that differ, by the same of all pairs with replacement."""
    facts = both(Parts(Dataset.of(np.zeros((len(y), 1)), y, classes=[0, 1, 2, 3])))[1]
    differ = sum(a != b for a, b in zip(y[1:], y, strict=False)) / (len(y) - 1)
    chance = sum(a != b for a in y for b in y) / len(y) ** 2
    assert facts["order"] == pytest.approx(differ / chance if chance else 1.0)


@pytest.mark.parametrize("kind", [float, int])
def test_order_of_random_and_of_sorted_rows(kind: type) -> None:
    y: Array = np.random.default_rng(0).integers(0, 5, 400).astype(kind)
    assert both(table(np.zeros((400, 1)), y))[1]["order"] == pytest.approx(1, abs=0.15)
    assert both(table(np.zeros((400, 1)), np.sort(y)))[1]["order"] < 0.05


# --- neighbours


def knn(x: Array, count: int) -> Array:
    """scikit-learn's nearest rows on standardised features, leaving the row itself out."""
    scaled = StandardScaler().fit_transform(x.astype(np.float64))
    found: Array = NearestNeighbors(n_neighbors=count).fit(scaled).kneighbors(return_distance=False)
    return found


def blobs(rows: int = 240, classes: int = 4) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, rows)
    x = rng.normal(size=(classes, 3))[y] * 1.2 + rng.normal(size=(rows, 3))
    return (x * [1, 100, 0.01] + 5).astype(np.float32), y


def test_neighbours_of_classes_are_scikit_learn_s() -> None:
    x, y = blobs()
    near, many = y[knn(x, 5)], y[knn(x, 20)]
    facts = both(table(x, y))[1]["neighbours"]
    votes = np.stack([(near == c).sum(1) for c in range(4)], 1)
    others = np.abs(near - y[:, None])[near != y[:, None]]
    away = [abs(a - b) for a in y for b in y if a != b]
    pure = np.stack([(many == c).sum(1) for c in range(4)], 1).max(1) / 20
    assert facts["rows"] == 240
    assert facts["agree"] == pytest.approx((near == y[:, None]).mean())
    assert facts["chance"] == pytest.approx(sum((y == c).mean() ** 2 for c in range(4)))
    assert facts["right"] == pytest.approx((votes.argmax(1) == y).mean())
    assert facts["near"] == pytest.approx(others.mean() / np.mean(away))
    assert facts["pure"] == pytest.approx(np.quantile(pure, 0.75))


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("size", [1.0, 1e36])
def test_neighbours_of_numbers_are_scikit_learn_s(columns: int, size: float) -> None:
    """Also of numbers whose squares float32 does not hold."""
    x, _ = blobs()
    rng = np.random.default_rng(1)
    y = (size * (np.sin(x[:, :1]) + 0.3 * rng.normal(size=(240, columns)))).astype(np.float32)
    expected = r2_score(y / size, y[knn(x, 5)].mean(1) / size, multioutput="uniform_average")
    assert both(table(x, y))[1]["neighbours"] == {"rows": 240, "r2": pytest.approx(expected, rel=1e-4)}


def test_numbers_that_never_change_are_not_explained() -> None:
    """Of noise beside nine constants, the neighbours know no more than a network that is scored by r2."""
    rng = np.random.default_rng(2)
    y = np.concatenate([rng.normal(size=(200, 1)), np.full((200, 9), 0.1)], 1)
    found = both(table(rng.normal(size=(200, 3)), y))[1]["neighbours"]["r2"]
    assert -0.1 < found < 0.02
    tiny = 1e-20 * rng.normal(size=200)
    assert both(table(rng.normal(size=(200, 3)), tiny))[1]["neighbours"]["r2"] < 0.2


def test_too_few_rows_have_no_neighbours() -> None:
    x, y = blobs()
    assert both(table(x[:19], y[:19]))[1]["neighbours"] == {}
    assert both(table(x[:20], y[:20]))[1]["neighbours"]["rows"] == 20


# --- whatever a training takes

EDGES: dict[str, Any] = {
    "one feature": (np.arange(30.0)[:, None], np.arange(30) % 2),
    "two rows": ([[1.0], [2.0]], [0, 1]),
    "two rows of numbers": ([[1.0], [2.0]], [0.5, 1.5]),
    "a class with one row": (np.arange(30.0)[:, None], np.arange(30) == 3),
    "a label that is never true": (np.arange(30.0)[:, None], np.stack([np.arange(30) % 2 == 0, np.zeros(30, bool)], 1)),
    "largest numbers": (np.linspace(-3e38, 3e38, 60).reshape(30, 2), np.linspace(-3e38, 3e38, 30)),
    "smallest numbers": (np.linspace(1e-45, 1e-42, 60).reshape(30, 2), np.linspace(0, 1e-42, 30)),
    "whole numbers beyond float32": (np.arange(60).reshape(30, 2) + 2**53, np.arange(30) % 3 + 2**60),
    "images of one pixel": (np.arange(30.0).reshape(30, 1, 1, 1), np.arange(30) % 2),
    "an image to predict": (np.arange(270.0).reshape(30, 3, 3, 1), np.arange(270.0).reshape(30, 3, 3)),
    "more features than rows": (np.arange(3000.0).reshape(30, 100), np.arange(30) % 2),
    "a class each": (np.arange(30.0)[:, None], np.arange(30)),
}


@pytest.mark.parametrize("name", EDGES)
def test_no_data_is_too_odd(name: str) -> None:
    """pytest makes errors of warnings; `both` sees to it that all is finite."""
    x, y = EDGES[name]
    data = Dataset.of(np.asarray(x), np.asarray(y))
    both(Parts(data))
    both(Parts(data, data.take([0]), data.take([-1])))
