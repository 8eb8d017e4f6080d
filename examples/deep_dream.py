"""Deep dream: start from white paper and climb the score of a digit, until the picture is what the network dreams of it.

A free climb raises the score most, by ink that no paper holds: pixels far outside the 0 to 16 of the data. So the dreams
stay in that range, and fade and blur a little in every step. The check: is a network that was trained from another seed, on
another part of the digits, of the same opinion?
Source: Simonyan, Vedaldi and Zisserman (2014), section 2 (L2); Yosinski et al. (2015), section 3 (blur); Mordvintsev, Olah
and Tyka (2015), "Inceptionism".
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

import chainrule as cr

NET = "conv32-3 bn relu pool2 conv64-3 bn relu flatten dropout0.3 dense10"
DIGITS = np.arange(10)
STEPS, RATE, FADE, BLUR = 80, 0.1, 0.02, 0.2
Array = NDArray[Any]


def trained(seed: int) -> cr.Model:
    with tempfile.TemporaryDirectory() as folder:
        model: cr.Model = cr.train(NET, "digits", epochs=15, seed=seed, folder=folder).model
    return model


def blurred(x: Array) -> Array:
    """The mean of every pixel and its four neighbours; the edge goes on outside."""
    p = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    mean: Array = (x + p[:, :-2, 1:-1] + p[:, 2:, 1:-1] + p[:, 1:-1, :-2] + p[:, 1:-1, 2:]) / 5
    return mean


def dreamt(model: cr.Model, free: bool, seed: int) -> Array:
    """Pictures in the data's unit, one of each digit: every step is as long, whatever the gradient."""
    prepare = model.preparation.input
    paper, ink = prepare.apply(np.array([[0], [16]], np.float32)).ravel()
    climb = cr.grad(lambda x: (model.tensor(x) * np.eye(10, dtype=np.float32)).sum())  # of each picture its own digit
    x = paper + np.random.default_rng(seed).normal(0, 0.1, (10, 8, 8, 1)).astype(np.float32)
    for _ in range(STEPS):
        g = np.asarray(climb(x))
        x = x + RATE * g / (g.std(axis=(1, 2, 3), keepdims=True) + 1e-8)
        if not free:
            x = x - FADE * (x - paper)
            x = np.clip((1 - BLUR) * x + BLUR * blurred(x), paper, ink)
    return prepare.invert(x)


def draw(path: Path, rows: dict[str, Array]) -> None:
    """A line of ten pictures each, black the largest value; the mean digits to compare with."""
    figure, axes = plt.subplots(len(rows), 10, figsize=(9, 1.05 * len(rows)), layout="constrained")
    for line, (name, pictures) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for ax, picture in zip(line, pictures[..., 0], strict=True):
            ax.imshow(picture, cmap="gray_r")
            ax.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=75)


def main(out: Path, seed: int = 0) -> float:
    """How many of the ten dreams another network takes for their digit."""
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    model, other = trained(seed), trained(seed + 100)
    rows = {"free": dreamt(model, True, seed), "dreams": dreamt(model, False, seed)}
    blank = np.diagonal(model(np.zeros((10, 8, 8, 1)))).mean()
    for name, x in rows.items():
        score, right = np.diagonal(model(x)).mean(), int((other.predict(x) == DIGITS).sum())
        print(f"{name}: score of the digit from {blank:.1f} to {score:.1f}, pixels from {x.min():.0f} to {x.max():.0f}")
        print(f"{name}: the other network takes {right} of 10 for their digit")
    digits = cr.data.load("digits")
    rows["mean digit"] = np.stack([digits.x[digits.y == d].mean(axis=0) for d in DIGITS])
    draw(out / "example-deep-dream.png", rows)
    print(f"figure: dreams, of 10, that another network recognises {right}")
    return float(right)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture (default: here)")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
