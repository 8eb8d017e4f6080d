"""What a filter sees: which pixels a network decides by, on pictures where the place of the object is known.

Saliency is the gradient of the class's score by every pixel. Grad-CAM weighs the maps of the last convolution by their mean
gradient, and shows where their sum is positive. Both should lie on the object, which fills a small part of the picture;
the maps of a network that was never trained are the control.
Source: Simonyan, Vedaldi and Zisserman (2014), section 3; Selvaraju et al. (2017), "Grad-CAM", eq. 1 and 2; the control:
Adebayo et al. (2018), "Sanity checks for saliency maps".
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

SIDE, IMAGES, EPOCHS = 24, 600, 12
CLASSES = ("cross", "square", "disc")
NET = "conv16-5 bn relu pool2 conv32-3 bn relu conv32-3 bn relu gap dense3"
LAST_MAPS = "relu3/out"
Array = NDArray[Any]


def pictures(count: int, seed: int) -> tuple[Array, Array, Array]:
    """Images (n, h, w) with an object, clutter and noise; the objects' classes (n,); and their pixels (n, h, w)."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:SIDE, :SIDE]
    x, y = rng.normal(0, 0.3, (count, SIDE, SIDE)), rng.integers(len(CLASSES), size=count)
    inside = np.zeros(x.shape, bool)
    for i in range(count):
        for h, w in rng.integers(SIDE - 3, size=(6, 2)):
            x[i, h : h + rng.integers(1, 4), w : w + rng.integers(1, 4)] += 1
        (h, w), size = rng.uniform(5, SIDE - 6, 2), rng.uniform(3, 4.5)
        v, u = abs(down - h), abs(right - w)
        cross = (np.minimum(v, u) < 1) & (np.maximum(v, u) < 1.3 * size)
        inside[i] = (cross, np.maximum(v, u) < 0.85 * size, np.hypot(v, u) < size)[y[i]]
        x[i][inside[i]] = 1 + rng.normal(0, 0.3, inside[i].sum())
    return x.astype(np.float32), y, inside


def explained(model: cr.Model, x: Array, y: Array) -> tuple[Array, Array]:
    """Saliency and Grad-CAM of every image for the class y, both (n, h, w) and at least 0."""
    of_class = np.eye(len(CLASSES), dtype=np.float32)[y]
    score = (model.tensor(x[..., None]) * of_class).sum()  # a picture's gradient does not depend on the other pictures
    saliency = abs(score.peek("x").gradient).max(axis=-1)
    maps = score.peek(LAST_MAPS)
    weights = maps.gradient.mean(axis=(1, 2), keepdims=True)
    cam = np.maximum((weights * maps.value).sum(axis=-1), 0)
    times = SIDE // cam.shape[1]
    return saliency, cam.repeat(times, axis=1).repeat(times, axis=2)


def share_inside(maps: Array, inside: Array) -> float:
    """How much of each map lies on the object; the mean over the images whose map is not empty."""
    total = maps.sum(axis=(1, 2))
    shares = (maps * inside).sum(axis=(1, 2))[total > 0] / total[total > 0]
    return float(shares.mean())


def draw(path: Path, kernels: Array, x: Array, saliency: Array, cam: Array, inside: Array) -> None:
    """The first layer's filters; images, and over them the two maps with the object's outline."""
    figure = plt.figure(figsize=(9, 5.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 3.4), squeeze=False)[:, 0]
    top.suptitle("the 16 filters of the first layer")
    for ax, kernel in zip(top.subplots(1, kernels.shape[-1]), np.moveaxis(kernels[:, :, 0], -1, 0), strict=True):
        ax.imshow(kernel, cmap="gray")
        ax.set_axis_off()
    for line, (name, maps) in zip(
        bottom.subplots(3, 8), (("image", x), ("saliency", saliency), ("Grad-CAM", cam)), strict=True
    ):
        line[0].set_ylabel(name)
        for ax, picture, object_ in zip(line, maps, inside, strict=False):
            ax.imshow(picture, cmap="gray" if name == "image" else "magma")
            if name != "image":
                ax.contour(object_, levels=[0.5], colors="#56b4e9", linewidths=0.8)
            ax.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=75)


def main(out: Path, seed: int = 0) -> float:
    """The share of Grad-CAM on the object, over the share of the picture that the object fills."""
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    x, y, _ = pictures(IMAGES, seed)
    new_x, new_y, inside = pictures(150, seed + 1000)
    with tempfile.TemporaryDirectory() as folder:
        run = cr.train(NET, cr.Dataset.of(x, y, classes=CLASSES), test=None, epochs=EPOCHS, seed=seed, folder=folder)
        model: cr.Model = run.model
    right = model.predict(new_x) == np.array(CLASSES)[new_y]
    new_x, new_y, inside = new_x[right], new_y[right], inside[right]  # what it got wrong, it did not see
    untrained = model.with_arrays(cr.Step(NET, x[:2, ..., None], y[:2], seed=seed).arrays)
    area, shares = inside.mean(), {}
    for name, network in (("untrained", untrained), ("trained", model)):
        saliency, cam = explained(network, new_x, new_y)
        shares[name] = share_inside(saliency, inside), share_inside(cam, inside)
        print(f"{name}: on the object are {shares[name][0]:.1%} of saliency, {shares[name][1]:.1%} of Grad-CAM")
    draw(out / "example-what-a-filter-sees.png", model.arrays["conv2d1/w"], new_x, saliency, cam, inside)
    print(f"accuracy {right.mean():.3f}; the object fills {area:.1%} of a picture")
    print(f"figure: Grad-CAM on the object, times its area {shares['trained'][1] / area:.2f}")
    return float(shares["trained"][1] / area)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture (default: here)")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
