"""Segmentation: a class for every pixel, by an encoder-decoder with skips (a small U-Net) on generated shapes.

The encoder halves the picture twice, to see far; the decoder doubles it again, and is handed the encoder's finer maps, to
know where the edges are. Judged by intersection over union, the mean of background, square, disc and triangle.
Source: Ronneberger, Fischer and Brox (2015), "U-Net", figure 1; CS231n, lecture 11.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

import chainrule as cr
from chainrule import metrics

SIDE, IMAGES, NOISE, EPOCHS = 32, 400, 0.35, 10
CLASSES = ("background", "square", "disc", "triangle")
COLOURS = ListedColormap(["#f4f4f4", "#0072b2", "#d55e00", "#009e73"])
Array = NDArray[Any]


def shape_mask(kind: str, down: Array, right: Array, size: float) -> Array:
    """Where a shape is, from how far below and to the right of its centre a pixel lies."""
    inside: dict[str, Array] = {
        "square": np.maximum(abs(down), abs(right)) < 0.85 * size,
        "disc": np.hypot(down, right) < size,
        "triangle": (down < 0.8 * size) & (abs(right) < 0.6 * (down + size)),
    }
    return inside[kind]


def shapes(count: int, seed: int) -> tuple[Array, Array]:
    """Noisy grey images (n, h, w) of two shapes, the second in front, and the class of every pixel (n, h, w)."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:SIDE, :SIDE]
    x, y = rng.normal(0, NOISE, (count, SIDE, SIDE)), np.zeros((count, SIDE, SIDE), np.int64)
    for image, labels in zip(x, y, strict=True):
        for code in rng.integers(1, len(CLASSES), 2):
            (h, w), size = rng.uniform(5, SIDE - 5, 2), rng.uniform(4.5, 8)
            inside = shape_mask(CLASSES[code], down - h, right - w, size)
            labels[inside] = code
            image[inside] += rng.uniform(0.7, 1.3) - image[inside] + rng.normal(0, NOISE, inside.sum())
    return x.astype(np.float32), y


def block(units: int) -> cr.Layer:
    return cr.Sequential(cr.Conv2d(units), cr.BatchNorm(), cr.ReLU())


def u_net(units: int) -> cr.Layer:
    """Every node reads the one before it, unless it names others."""
    return cr.Net(
        fine=block(units),
        coarse=cr.Sequential(cr.MaxPool2d(), block(2 * units)),
        deep=cr.Sequential(cr.MaxPool2d(), block(4 * units), block(4 * units), cr.Upsample()),
        joined=("concat", "coarse", "deep"),
        up=cr.Sequential(block(2 * units), cr.Upsample()),
        all=("concat", "fine", "up"),
        last=block(units),
        out=cr.Conv2d(len(CLASSES), 1),
    )


def draw(path: Path, x: Array, true: Array, taken_for: Array, each: Array) -> None:
    """What it saw, what was there, what it says, and where it errs."""
    figure, axes = plt.subplots(4, 7, figsize=(8, 4.9), layout="constrained")
    looks: tuple[dict[str, Any], ...] = (
        {"cmap": "gray"},
        *[{"cmap": COLOURS, "vmin": 0, "vmax": 3}] * 2,
        {"cmap": "Reds"},
    )
    rows = {"image": x, "truth": true, "U-Net": taken_for, "errors": taken_for != true}
    for line, (name, pictures), look in zip(axes, rows.items(), looks, strict=True):
        line[0].set_ylabel(name)
        for ax, picture in zip(line, pictures, strict=False):
            ax.imshow(picture, interpolation="nearest", **look)
            ax.set(xticks=[], yticks=[])
    figure.suptitle("intersection over union: " + ", ".join(f"{n} {v:.2f}" for n, v in zip(CLASSES, each, strict=True)))
    figure.savefig(path, dpi=75)


def main(out: Path, seed: int = 0) -> float:
    """Mean intersection over union on the test part."""
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    x, y = shapes(IMAGES, seed)
    new_x, new_y = shapes(100, seed + 1000)
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 16, "seed": seed, "folder": folder}
        run = cr.train(u_net(8), cr.Dataset.of(x, y, classes=CLASSES), test=None, optimizer=cr.Adam(0.01), **settings)
        model: cr.Model = run.model
    taken_for = np.argmax(model(new_x), axis=-1)
    each = metrics.iou(metrics.confusion(taken_for, new_y, len(CLASSES)))
    draw(out / "example-segment-shapes.png", new_x, new_y, taken_for, each)
    print(f"right pixels: {np.mean(taken_for == new_y):.4f}, all background: {np.mean(new_y == 0):.4f}")
    print(f"figure: mean IoU {each.mean():.3f}")
    return float(each.mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture (default: here)")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
