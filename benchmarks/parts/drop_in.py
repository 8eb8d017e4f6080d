"""scikit-learn's MLPs and chainrule's under the same import line: seconds of `fit`, in turns, and test scores over seeds."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import chainrule as cr

from ..measure import Missing, Options
from ..table import table

SOLVERS = ("sgd", "adam", "lbfgs")
FAST = ("sgd", "adam")  # whose loop is chainrule's
BAR = 5.0  # times as fast, the median over data and these solvers
SEEDS = 5
Split = tuple[Any, Any, Any, Any]


def _of_sklearn(name: str) -> Callable[[], tuple[Any, Any]]:
    from sklearn import datasets  # noqa: PLC0415  (as below: only this part needs it)

    found: Callable[..., tuple[Any, Any]] = getattr(datasets, name)
    return lambda: found(return_X_y=True)


def _made(name: str, *sizes: int, **settings: Any) -> Callable[[], tuple[Any, Any]]:
    from sklearn import datasets  # noqa: PLC0415

    return lambda: getattr(datasets, name)(*sizes, random_state=0, **settings)


def _works() -> dict[str, tuple[str, Callable[[], tuple[Any, Any]]]]:
    """Three that scikit-learn ships and three as large as its users' tables often are: kind of estimator, data."""
    return {
        "digits": ("Classifier", _of_sklearn("load_digits")),
        "breast cancer": ("Classifier", _of_sklearn("load_breast_cancer")),
        "diabetes": ("Regressor", _of_sklearn("load_diabetes")),
        "four classes": ("Classifier", _made("make_classification", 10_000, 40, n_informative=10, n_classes=4)),
        "friedman1": ("Regressor", _made("make_friedman1", 10_000, noise=1.0)),
        "labels": ("Classifier", _made("make_multilabel_classification", 5_000, 30, n_classes=5)),
    }


def measure(options: Options) -> dict[str, Any]:
    """Of every data set and solver: seconds of both, with the same seed in each turn, and their scores."""
    try:
        from sklearn import neural_network  # noqa: PLC0415

        from chainrule import estimators  # noqa: PLC0415
    except ImportError as problem:
        raise Missing(str(problem)) from None
    cr.set_threads(options.threads)
    found = []
    works = list(_works().items())[: 1 if options.quick else None]
    for name, (kind, load) in works:
        print(f"drop-in, {name} ...", flush=True)
        split = _split(*load(), kind)
        for solver in SOLVERS[: 1 if options.quick else None]:
            rooms = {"sklearn": neural_network, "chainrule": estimators}
            of = {side: getattr(room, f"MLP{kind}") for side, room in rooms.items()}
            found.append({"data": name, "solver": solver, **_turns(of, solver, split, 1 if options.quick else SEEDS)})
            print(f"  {_told(found[-1])}", flush=True)
    return {"works": found}


def _split(x: Any, y: Any, kind: str) -> Split:
    """Standardised, three quarters to learn from."""
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    count = len(x) * 3 // 4
    x = (x - x[:count].mean(0)) / np.maximum(x[:count].std(0), 1e-9)
    if kind == "Regressor":
        y = (y - y[:count].mean()) / y[:count].std()
    return x[:count], y[:count], x[count:], y[count:]


def _turns(of: Mapping[str, Any], solver: str, split: Split, seeds: int) -> dict[str, Any]:
    """A fit of both for every seed, in turns, after one that warms both up."""
    x, y, x_test, y_test = split
    seconds: dict[str, list[float]] = {side: [] for side in of}
    scores: dict[str, list[float]] = {side: [] for side in of}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for turn in range(-1, seeds):
            for side in sorted(of, reverse=bool(turn % 2)):
                mlp = of[side](solver=solver, random_state=max(turn, 0), **({"max_iter": 3} if turn < 0 else {}))
                began = time.perf_counter()
                mlp.fit(x, y)
                if turn >= 0:
                    seconds[side].append(time.perf_counter() - began)
                    scores[side].append(float(mlp.score(x_test, y_test)))
    ratios = [a / b for a, b in zip(seconds["sklearn"], seconds["chainrule"], strict=True)]
    return {
        "seconds": seconds,
        "scores": scores,
        "times": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
    }


def show(found: Mapping[str, Any]) -> str:
    """A row for each data set and solver; the two bars."""
    rows = [
        ["data", "solver", "sklearn", "chainrule", "times as fast", "score, sklearn", "chainrule", "within its noise"]
    ]
    works = found["works"]
    for work in works:
        low, high = work["range"]
        theirs, ours = (work["scores"][side] for side in ("sklearn", "chainrule"))
        seconds = [f"{statistics.median(work['seconds'][side]):.2f} s" for side in ("sklearn", "chainrule")]
        scores = [f"{statistics.mean(some):.4f}" for some in (theirs, ours)]
        times = f"{work['times']:.1f} ({low:.1f}-{high:.1f})"
        rows.append([work["data"], work["solver"], *seconds, times, *scores, "yes" if _is_alike(work) else "NO"])
    fast = [work["times"] for work in works if work["solver"] in FAST]
    middle = statistics.median(fast)
    return (
        f"{table(rows)}\nfit with sgd and adam: {middle:.1f} times as fast in the median, bar {BAR:g} "
        f"{'met' if middle >= BAR else 'MISSED'}; scores within seed noise: {sum(map(_is_alike, works))} of {len(works)}"
    )


def _is_alike(work: Mapping[str, Any]) -> bool:
    """Whether the mean scores differ by less than two standard errors of scikit-learn's own over its seeds."""
    theirs, ours = (np.array(work["scores"][side]) for side in ("sklearn", "chainrule"))
    noise = theirs.std(ddof=1) if len(theirs) > 1 else np.inf
    return bool(abs(ours.mean() - theirs.mean()) <= 2 * noise / np.sqrt(len(theirs)) + 1e-12)


def _told(work: Mapping[str, Any]) -> str:
    return f"{work['data']}, {work['solver']}: {work['times']:.1f} times as fast"
