"""`chainrule train` on files beats a linear model on the same held-out rows.

One split of 30 rows says nothing (a row is 3.3 points), so every comparison is over several seeds, each with its own split.
The linear model gets training and validation rows, the network learns from the training rows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from conftest import Cli
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_cli import idx_pair

import chainrule as cr
from chainrule.data import Dataset

WriteCsv = Callable[..., Path]


def linear(data: Dataset, seed: int, model: Any) -> tuple[Any, Dataset]:
    """The fitted linear model and the test part of that seed."""
    parts = data.split(0.1, 0.2, seed)
    assert parts.validation is not None
    assert parts.test is not None
    flat = [np.asarray(part.x).reshape(len(part), -1) for part in (parts.train, parts.validation)]
    fitted = make_pipeline(StandardScaler(), model)
    fitted.fit(np.concatenate(flat), np.concatenate([parts.train.y, parts.validation.y]).ravel())
    return fitted, parts.test


def ours(cli: Cli, seed: int, *words: Any) -> dict[str, float]:
    """The test scores of the command."""
    done = cli("train", *words, "--seed", seed, "--folder", f"run-{seed}", "--quiet")
    assert done.exit_code == 0, done.output
    result = cr.Run(f"run-{seed}").result
    assert result is not None
    scores: dict[str, float] = result["scores"]["test"]
    return scores


def test_iris(cli: Cli, write_csv: WriteCsv) -> None:
    iris = load_iris()
    rows = [[*x, iris.target_names[t]] for x, t in zip(iris.data.tolist(), iris.target, strict=True)]
    write_csv("iris.csv", [[*iris.feature_names, "species"], *rows])
    data = cr.data.load("iris.csv", target="species")
    scores = []
    for seed in range(30):
        model, test = linear(data, seed, LogisticRegression(max_iter=1000))
        x = np.asarray(test.x).reshape(len(test), -1)
        mine = ours(cli, seed, "iris.csv", "--target", "species")
        theirs = model.score(x, test.y), log_loss(test.y, model.predict_proba(x), labels=range(3))
        scores.append([mine["accuracy"], theirs[0], mine["loss"], theirs[1]])
    accuracy, linear_accuracy, loss, linear_loss = np.mean(scores, axis=0)
    print(f"iris: accuracy {accuracy:.4f} linear {linear_accuracy:.4f}, loss {loss:.4f} linear {linear_loss:.4f}")
    assert accuracy > linear_accuracy
    assert loss < linear_loss


def test_diabetes(cli: Cli, write_csv: WriteCsv) -> None:
    diabetes = load_diabetes()
    rows = [[*x, t] for x, t in zip(diabetes.data.tolist(), diabetes.target.tolist(), strict=True)]
    write_csv("diabetes.csv", [[*diabetes.feature_names, "progression"], *rows])
    data = cr.data.load("diabetes.csv", target="progression")
    scores = []
    for seed in range(15):
        model, test = linear(data, seed, LinearRegression())
        mine = ours(cli, seed, "diabetes.csv", "--target", "progression")
        scores.append([mine["r2"], model.score(test.x, test.y.ravel())])
    r2, linear_r2 = np.mean(scores, axis=0)
    print(f"diabetes: R2 {r2:.4f} linear {linear_r2:.4f}")
    assert r2 > linear_r2


def test_an_idx_pair(cli: Cli, tmp_path: Path) -> None:
    file = idx_pair(tmp_path)
    data = cr.data.load(file)
    model, test = linear(data, 0, LogisticRegression(max_iter=1000))
    mine = ours(cli, 0, file, "--epochs", "12")
    theirs = model.score(np.asarray(test.x).reshape(len(test), -1), test.y)
    print(f"digits as IDX: accuracy {mine['accuracy']:.4f} linear {theirs:.4f}")
    assert mine["accuracy"] > theirs
