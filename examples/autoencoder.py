"""An autoencoder: digits squeezed through 2, 4 or 8 numbers and unfolded again, against PCA with as many components.

PCA is the best that a linear encoder and decoder can do, so every bit of error below it is what bending buys.
Source: Hinton and Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks", figures 2 and 3.
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

CODES = (2, 4, 8)  # numbers in the bottleneck
EPOCHS = 60
Rows = NDArray[Any]


def network(code: int, pixels: int) -> tuple[cr.Layer, cr.Layer]:
    """Encoder and decoder; the code itself is linear, so that it may take any value."""
    encoder = cr.Sequential(cr.Dense(128), cr.Tanh(), cr.Dense(64), cr.Tanh(), cr.Dense(code))
    decoder = cr.Sequential(cr.Dense(64), cr.Tanh(), cr.Dense(128), cr.Tanh(), cr.Dense(pixels))
    return encoder, decoder


def fitted(code: int, train: Rows, test: Rows, seed: int) -> tuple[cr.Model, cr.Model]:
    """The trained autoencoder, and its encoder as a model of its own: the same arrays under the same paths."""
    encoder, decoder = network(code, train.shape[1])
    net = cr.Sequential(encoder=encoder, decoder=decoder)
    with tempfile.TemporaryDirectory() as folder:
        run = cr.train(
            net,
            (train, train),
            test=(test, test),
            optimizer=cr.Adam(0.002),
            epochs=EPOCHS,
            seed=seed,
            folder=folder,
            progress=False,
        )
        model: cr.Model = run.model
    return model, cr.Model(cr.Sequential(encoder=encoder), model.arrays, model.preparation)


def by_pca(code: int, train: Rows, test: Rows) -> Rows:
    """What PCA with `code` components, fitted on the training part, makes of the test part."""
    mean = train.mean(axis=0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2][:code]
    rebuilt: Rows = mean + (test - mean) @ axes.T @ axes
    return rebuilt


def error(rebuilt: Rows, rows: Rows) -> float:
    """Mean squared error of a pixel; pixels run from 0 to 1."""
    return float(np.mean((rebuilt - rows) ** 2))


def draw(path: Path, test: Rows, labels: NDArray[Any], shown: dict[int, Rows], code: Rows, errors: Rows) -> None:
    """Originals over their reconstructions; the 2-D code; the errors."""
    figure = plt.figure(figsize=(10, 6.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.15, 1), squeeze=False)[:, 0]
    examples = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
    rows = {"original": test, **{f"{size} numbers": rebuilt for size, rebuilt in shown.items()}}
    for line, (name, images) in zip(top.subplots(len(rows), 10), rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for ax, i in zip(line, examples, strict=True):
            ax.imshow(images[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
    left, right = bottom.subplots(1, 2, width_ratios=(1.2, 1))
    dots = left.scatter(*code.T, c=labels, cmap="tab10", vmin=-0.5, vmax=9.5, s=9)
    figure.colorbar(dots, ax=left, ticks=range(10))
    left.set(title="the code of 2 numbers, test part, coloured by digit", xticks=[], yticks=[])
    for name, line, marker in (("PCA", errors[1], "s"), ("autoencoder", errors[0], "o")):
        right.plot(CODES, line, marker=marker, label=name)
    right.set(xlabel="numbers in the code", ylabel="squared error of a pixel", xticks=CODES, ylim=(0, None))
    right.set_title("never seen in training")
    right.legend(frameon=False)
    figure.savefig(path, dpi=80)


def main(out: Path, seed: int = 0) -> float:
    """The autoencoder's error on the test part as a share of PCA's, for a code of 2 numbers."""
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    parts = cr.data.load("digits").split(test=0.2, seed=seed)
    assert parts.test is not None
    train, test = (np.reshape(part.x, (len(part), -1)) / np.float32(16) for part in (parts.train, parts.test))
    models = {code: fitted(code, train, test, seed) for code in CODES}
    shown = {code: model.predict(test) for code, (model, _) in models.items()}
    errors = np.array(
        [[error(shown[c], test) for c in CODES], [error(by_pca(c, train, test), test) for c in CODES]], np.float32
    )
    for code, ours, pca in zip(CODES, *errors, strict=True):
        print(f"{code} numbers: squared error of a pixel {ours:.4f}, PCA {pca:.4f}")
    draw(out / "example-autoencoder.png", test, parts.test.y, shown, models[2][1](test), errors)
    share = float(errors[0, 0] / errors[1, 0])
    print(f"figure: error as a share of PCA's with 2 components {share:.3f}")
    return share


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture (default: here)")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
