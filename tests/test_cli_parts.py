"""The parts of the toolbox by their words on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import LOSS_WORDS, OPTIMIZERS, SCHEDULES
from chainrule.errors import is_ours
from chainrule.loss import LOSSES
from chainrule.optim import Optimizer
from chainrule.schedule import Schedule

Cli = Callable[..., Any]
QUICK = ("--epochs", "2", "--quiet", "--net", "flatten dense10")


def settings_of(folder: str) -> Any:
    return json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))["settings"]


def everything_below(kind: type[Any]) -> set[type[Any]]:
    return {kind, *(found for below in kind.__subclasses__() for found in everything_below(below))}


def test_every_part_has_a_word() -> None:
    assert set(filter(is_ours, LOSS_WORDS.values())) == set(filter(is_ours, LOSSES.values()))
    for table, base in ((OPTIMIZERS, Optimizer), (SCHEDULES, Schedule)):
        ours = {kind for kind in everything_below(base) - {base} if kind.__module__ == base.__module__}
        assert set(table.values()) == ours


@pytest.mark.parametrize("word", SCHEDULES)
def test_schedules(cli: Cli, word: str) -> None:
    done = cli("train", "digits", "--schedule", word, *QUICK)
    assert done.exit_code == 0, done.output
    assert settings_of("runs/digits-1")["schedule"]["name"] == SCHEDULES[word].__name__


@pytest.mark.parametrize("word", OPTIMIZERS)
def test_optimisers(cli: Cli, word: str) -> None:
    done = cli("train", "digits", "--optimizer", word, "--clip-norm", "1", "--max-norm", "3", *QUICK)
    assert done.exit_code == 0, done.output
    told = settings_of("runs/digits-1")["optimizer"]
    assert (told["name"], told["clip_norm"], told["max_norm"]) == (OPTIMIZERS[word].__name__, 1, 3)


@pytest.mark.parametrize("word", ["cross-entropy", "focal", "hinge"])
def test_losses_of_classes(cli: Cli, word: str) -> None:
    done = cli("train", "digits", "--loss", word, *QUICK)
    assert done.exit_code == 0, done.output
    assert f"loss: {LOSS_WORDS[word].__name__} (" in done.output
    assert "as given" in done.output
    done = cli("predict", "runs/digits-1", images())
    assert done.output.splitlines()[0] == ("index,predicted" if word == "hinge" else "index,predicted,probability")


def images() -> Path:
    path = Path("some.npz")
    np.savez(path, x=cr.data.load("digits").x[:3])
    return path


def test_everything_at_once(cli: Cli) -> None:
    done = cli(
        *("train", "digits", "--optimizer", "sgd", "--momentum", "0.9", "--nesterov", "--lr", "0.05", "--l1", "1"),
        *("--class-weight", "balanced", "--prepare", "mean-image", "--augment", "shift1 rotate5", *QUICK),
    )
    assert done.exit_code == 0, done.output
    told = settings_of("runs/digits-1")
    assert told["optimizer"]["nesterov"] is True
    assert len(told["loss"]["weights"]) == 10
    assert told["prepare"] == {"name": "mean_image"}
    assert [a["name"] for a in told["augment"]] == ["shift", "rotate"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--nesterov",), "--nesterov is a setting of sgd, and the optimiser is adam: add --optimizer sgd"),
        (
            ("--optimizer", "sgd", "--nesterov"),
            "The 'nesterov' parameter of SGD must be False where there is no momentum",
        ),
        (("--augment", "filp"), "there is no augmentation 'filp'; did you mean 'flip'"),
        (("--prepare", "whitten"), "there is no transform 'whitten'; did you mean 'whiten'"),
        (("--loss", "huber"), "Huber is a loss for numbers, but the target of these data is classes"),
        (("--augment", "cutout99"), "'side' parameter of Cutout must be at most the side of the images, 8 x 8"),
    ],
)
def test_mistakes_are_sentences(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    done = cli("train", "digits", *QUICK, *words)
    assert (done.exit_code, "Traceback" in done.output) == (2, False)
    assert sentence in done.output
    assert not Path("runs").exists()


def test_a_class_for_each_pixel_is_predicted_into_an_array(cli: Cli) -> None:
    x = np.zeros((30, 6, 6), np.float32)
    y = np.zeros((30, 6, 6), int)
    x[::2, 2:4, 2:4], y[::2, 2:4, 2:4] = 1, 1
    np.savez("pixels.npz", x=x, y=y)
    done = cli("train", "pixels.npz", "--epochs", "3", "--quiet")
    assert done.exit_code == 0, done.output
    refused = cli("predict", "runs/pixels-1", "pixels.npz")
    assert "the model gives a class for each of 6x6 positions: add --output FILE.npy" in refused.output
    done = cli("predict", "runs/pixels-1", "pixels.npz", "--output", "codes.npy")
    assert done.exit_code == 0, done.output
    assert np.load("codes.npy").shape == (30, 6, 6)
    assert "exists already" in cli("predict", "runs/pixels-1", "pixels.npz", "--output", "codes.npy").output
