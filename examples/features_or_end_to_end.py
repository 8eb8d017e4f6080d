"""Hand-made features against learning end to end: three ways from pixels to a digit, on one split.

A linear classifier on the raw pixels; the same on histograms of gradients, which people thought out over decades; and a
small CNN that learns its features together with its classifier. Half of the digits are held out, to tell them apart.
Source: CS231n, lecture 3 ("image features vs ConvNets"); Dalal and Triggs (2005), "Histograms of oriented gradients".
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

TEST = 0.5
WAYS = ("end to end", "hand-made features", "raw pixels")
CNN = "conv32-3 bn relu conv32-3 bn relu pool2 conv64-3 bn relu conv64-3 bn relu gap dense10"
BINS, CELL = 4, 2  # directions of a gradient, pixels along a cell's side: on 8 x 8 pixels better than 6 or 9 directions
Floats = NDArray[Any]


def gradient_histograms(images: Floats) -> Floats:
    """Histograms of gradient directions, (n, cells * BINS), from images (n, h, w).

    Every pixel votes with its gradient's length for the two bins next to its direction (0 to 180 degrees); the votes of
    a cell are summed, and every block of 2 x 2 cells is scaled to length 1.
    """
    down, right = np.gradient(np.pad(images, ((0, 0), (1, 1), (1, 1))), axis=(1, 2))
    down, right = down[:, 1:-1, 1:-1], right[:, 1:-1, 1:-1]
    place = (np.arctan2(down, right) % np.pi) / np.pi * BINS
    near = np.abs((place[..., None] - np.arange(BINS) + BINS / 2) % BINS - BINS / 2)  # around the circle
    votes = np.hypot(down, right)[..., None] * np.maximum(1 - near, 0)
    n, h, w = images.shape
    cells = votes.reshape(n, h // CELL, CELL, w // CELL, CELL, BINS).sum(axis=(2, 4))
    blocks = np.lib.stride_tricks.sliding_window_view(cells, (2, 2), axis=(1, 2))
    rows = blocks.reshape(n, blocks.shape[1] * blocks.shape[2], -1)
    scaled: Floats = rows / (np.linalg.norm(rows, axis=2, keepdims=True) + 0.1)
    return scaled.reshape(n, -1)


def trained(net: str, x: Floats, y: Floats, seed: int) -> tuple[float, Floats]:
    """Accuracy on the test part, which the seed alone decides, and the confusion matrix."""
    with tempfile.TemporaryDirectory() as folder:
        run = cr.train(net, (x, y), epochs=25, test=TEST, seed=seed, folder=folder, progress=False)
        result = run.result or {}
    return result["scores"]["test"]["accuracy"], np.array(result["confusion"])


def draw(path: Path, images: Floats, accuracy: Floats, confusions: list[Floats]) -> None:
    """The accuracies, a digit beside its gradients, and what was mistaken for what."""
    plt.rcParams["axes.titlesize"] = 10
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained", width_ratios=(1.3, 1, 1.05, 1.05))
    bars = axes[0].barh(WAYS, 100 * (1 - accuracy), color=("#0072b2", "#d55e00", "#808890"))
    axes[0].bar_label(bars, fmt="%.1f %%", padding=3)
    axes[0].set(title="errors on digits never seen", xlim=(0, 130 * (1 - accuracy.min())), xticks=[])
    axes[0].invert_yaxis()
    down, right = np.gradient(images[0])
    axes[1].imshow(images[0], cmap="gray_r")
    axes[1].quiver(right, down, angles="xy", color="#d55e00")
    axes[1].set(title="gradients of a digit", xticks=[], yticks=[])
    for ax, matrix, way in zip(axes[2:], confusions[:2], WAYS, strict=False):
        wrong = matrix - np.diag(np.diag(matrix))
        ax.imshow(wrong, cmap="Reds", vmin=0, vmax=max(int(m[~np.eye(10, dtype=bool)].max()) for m in confusions[:2]))
        for (i, j), count in np.ndenumerate(wrong):
            if count:
                ax.text(j, i, str(count), ha="center", va="center", size=7, color="black" if count < 3 else "white")
        ax.set(title=f"mistakes, {way}", xlabel="taken for", ylabel="is", xticks=range(10), yticks=range(10))
    figure.savefig(path, dpi=75)


def main(out: Path, seed: int = 0) -> float:
    """By how much the CNN's test accuracy is above that of the better linear classifier."""
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    digits = cr.data.load("digits")
    images, y = np.asarray(digits.x)[..., 0], digits.y
    inputs = {
        "end to end": (CNN, images),
        "hand-made features": ("dense10", gradient_histograms(images)),
        "raw pixels": ("dense10", images.reshape(len(images), -1)),
    }
    results = [trained(*inputs[way], y=y, seed=seed) for way in WAYS]
    accuracy = np.array([share for share, _ in results])
    for way, share in zip(WAYS, accuracy, strict=True):
        print(f"{way}: accuracy {share:.4f} on {int(results[0][1].sum())} digits")
    draw(out / "example-features-or-end-to-end.png", images, accuracy, [matrix for _, matrix in results])
    ahead = float(accuracy[0] - accuracy[1:].max())
    print(f"figure: end to end ahead of the best linear classifier by {ahead:.4f}")
    return ahead


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture (default: here)")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
