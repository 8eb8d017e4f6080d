"""Facts about the inputs, before the first step: their scale, what is constant or copied, how the parts compare.

Everything is plain data for a run's `facts.json`; `diagnose` judges it. Sizes are bounded by taking evenly spaced rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, Parts
from ..data.fingerprint import keys_of_rows
from ..model import Preparation

MOST = 4_000_000  # numbers looked at in one part: a few milliseconds
MOST_ROWS = 100_000  # whose equals are looked for
NAMED = 5  # features that a sentence can name
Array = NDArray[Any]


def spread_rows(count: int, most: int) -> NDArray[np.int64]:
    """At most that many row numbers of 0 .. count - 1, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, max(most, 1))).astype(np.int64))


def sample(part: Dataset, most: int = MOST) -> Array:
    """Some rows of a part as the user has them, flat, float64: (rows, features)."""
    return _flat(_some_rows(part, most))


def _some_rows(part: Dataset, most: int) -> Array:
    return np.asarray(part.x[spread_rows(len(part), most // int(np.prod(part.x.shape[1:])))])


def _flat(rows: Array) -> Array:
    return rows.reshape(len(rows), -1).astype(np.float64)


def of_inputs(parts: Parts, preparation: Preparation) -> dict[str, Any]:
    """Scale as the network gets them, constant and copied features, and how every held part compares with training."""
    rows = _some_rows(parts.train, MOST)
    raw, prepared = _flat(rows), _flat(preparation.inputs(rows))
    keys = _keys(parts.train)
    held = {name: part for name, part in vars(parts).items() if part is not None and name != "train"}
    names = parts.train.feature_names or tuple(f"value {i}" for i in range(raw.shape[1]))
    facts: dict[str, Any] = {
        "shared": {name: _shared(keys, part) for name, part in held.items()},
        "repeated": _repeated(keys) if _is_cramped(raw) else 0.0,
    }
    if preparation.codes:
        return facts
    varying = np.fmax.reduce(raw) > np.fmin.reduce(raw)  # False without a single number
    return facts | {
        "features": raw.shape[1],
        "scale": _scale(prepared[:, varying] if prepared.shape == raw.shape else prepared),
        "constant": _some(names, ~varying),
        "copied": _some(names, _copies(raw) & varying),
        "parts": {name: _beside(raw[:, varying], sample(part)[:, varying]) for name, part in held.items()},
        "whole": _whole(parts, varying),
    }


def _some(names: tuple[str, ...], chosen: Array) -> dict[str, Any]:
    """How many features are chosen, and the first of their names."""
    numbers = np.flatnonzero(chosen)
    return {"count": len(numbers), "named": [names[i] for i in numbers[:NAMED]]}


def _scale(x: Array) -> dict[str, float]:
    """Root mean square of all, and of the features: the least, the middle and the greatest."""
    each = np.sqrt(np.nanmean(x**2, axis=0)) if x.size else np.zeros(1)
    low, middle, high = np.quantile(each, [0, 0.5, 1])
    return {
        "rms": float(np.sqrt(np.mean(each**2))),
        "least": float(low),
        "middle": float(middle),
        "greatest": float(high),
    }


def _copies(x: Array) -> Array:
    """Whether each feature repeats an earlier one, number by number."""
    columns = keys_of_rows(x.T)
    first = {column: i for i, column in reversed(list(enumerate(columns)))}
    return np.array([first[column] < i for i, column in enumerate(columns)])


def _keys(part: Dataset) -> list[bytes] | None:
    """Every row as a key; None where rows are read only when they are needed, or are too many."""
    if not isinstance(part.x, np.ndarray) or len(part) > MOST_ROWS:
        return None
    return keys_of_rows(part.x)


def _shared(train: Sequence[bytes] | None, part: Dataset) -> float | None:
    """The share of a part's rows that the training part has, too."""
    others = None if train is None else _keys(part)
    if train is None or others is None:
        return None
    known = set(train)
    return sum(key in known for key in others) / len(others)


def _is_cramped(x: Array) -> bool:
    """Whether rows may be alike by chance: there are not a hundred times as many combinations of values as rows."""
    room = np.log(100 * len(x))
    for column in x.T:
        room -= np.log(len(np.unique(column)))
        if room <= 0:  # of an image a few pixels tell
            return False
    return True


def _repeated(keys: Sequence[bytes] | None) -> float | None:
    """The share of the training rows that are there more than once: about as many of another part would be."""
    return None if keys is None else sum(count for count in Counter(keys).values() if count > 1) / len(keys)


def _moments(x: Array) -> tuple[Array, Array]:
    return np.nanmean(x, axis=0), np.nanstd(x, axis=0)


def _beside(train: Array, part: Array) -> dict[str, float]:
    """How far a part's features lie from training's: means in training's spreads, and spreads by it, the middle feature's.

    `most_shift` and `most_stretch` are those of the most different feature: they are 0 where every part was standardised
    by itself, which chance never does.
    """
    there = ~np.isnan(part).all(0)
    train, part = train[:, there], part[:, there]
    if not train.size:
        return {}
    (mean, std), (mean_part, std_part) = _moments(train), _moments(part)
    shift, stretch = np.abs(mean_part - mean) / std, np.abs(np.log(np.maximum(std_part, 1e-30) / std))
    return {
        "rows": len(part),
        "shift": float(np.median(shift)),
        "stretch": float(np.median(stretch)),
        "most_shift": float(shift.max()),
        "most_stretch": float(stretch.max()),
    }


def _whole(parts: Parts, varying: Array) -> Mapping[str, float] | None:
    """How far the features of all parts together are from mean 0 and spread 1, the farthest: standardised before parting."""
    present = [part for part in vars(parts).values() if part is not None]
    if any(not isinstance(part.x, np.ndarray) or part.x.size > MOST for part in present) or not varying.any():
        return None
    rows = np.concatenate([part.x.reshape(len(part), -1) for part in present]).astype(np.float64)[:, varying]
    mean, std = _moments(rows)
    sample_std = std * np.sqrt(len(rows) / max(len(rows) - 1, 1))
    off = np.minimum(np.abs(std - 1).max(), np.abs(sample_std - 1).max())
    return {"mean": float(np.abs(mean).max()), "std": float(off)}
