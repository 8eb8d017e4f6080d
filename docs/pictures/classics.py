"""The pictures of docs/classics.md: `python docs/pictures/classics.py` draws them anew, beside this file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

import chainrule as cr
from chainrule.classics.base import Classic
from chainrule.init import Normal
from chainrule.picture.charts import INK, STYLE, TRAIN, VALIDATION

XOR, PARITY = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def clouds() -> tuple[Any, Any]:
    """Points that a line parts, with little room for it."""
    x = np.random.default_rng(1).normal(size=(150, 2))
    from_line = x @ [0.8, 0.6] - 0.7
    clear = np.abs(from_line) > 0.06
    return x[clear], (from_line[clear] > 0).astype(int)


def regions(ax: Any, model: Classic, x: Any, y: Any, title: str) -> None:
    """What the model says everywhere, and the rows it learned from."""
    (left, low), (right, high) = x.min(axis=0) - 0.6, x.max(axis=0) + 0.6
    across, up = np.meshgrid(np.linspace(left, right, 300), np.linspace(low, high, 300))
    said = model.predict(np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape)
    ax.contourf(across, up, said, levels=[-0.5, 0.5, 1.5], colors=[TRAIN, VALIDATION], alpha=0.18)
    for label, colour in ((0, TRAIN), (1, VALIDATION)):
        ax.plot(*x[y == label].T, "o", color=colour, ms=4 if len(x) > 4 else 10, mew=0)
    ax.set_title(title, fontsize=9, color=INK)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def perceptron(figure: Figure) -> None:
    """The line after some epochs, and the mistakes of all."""
    x, y = clouds()
    model = cr.Perceptron(seed=1).fit(x, y)
    mistakes = [epoch.mistakes for epoch in model.history_]
    axes = figure.subplots(1, 4)
    for ax, epoch in zip(axes, (0, len(mistakes) // 2, len(mistakes) - 1), strict=False):
        regions(ax, model.at(epoch), x, y, f"after epoch {epoch + 1}: {model.at(epoch).score(x, y):.0%} right")
    axes[3].plot(range(1, len(mistakes) + 1), mistakes, "o-", color=TRAIN, ms=4)
    axes[3].set(xlabel="epoch", ylabel="mistakes")


def xor(figure: Figure) -> None:
    """A line, another line, and a Madaline."""
    for ax, kind in zip(figure.subplots(1, 3), (cr.Perceptron, cr.Adaline, cr.Madaline), strict=True):
        model = kind().fit(XOR, PARITY)
        regions(ax, model, XOR, PARITY, f"{kind.__name__}: {model.score(XOR, PARITY):.0%} right")


def filters(figure: Figure) -> None:
    """What each hidden unit of an RBM of the digits looks for."""
    rbm = cr.RBM(hidden=48, epochs=25, lr=0.05).fit(cr.data.load("digits").x[:] / 16)
    for ax, weights in zip(figure.subplots(4, 12).flat, rbm.weights_.T, strict=True):
        most = np.abs(weights).max()
        ax.imshow(weights.reshape(8, 8), cmap="RdBu_r", vmin=-most, vmax=most)
        ax.axis("off")


def pretraining(figure: Figure) -> None:
    """The loss of a net with six sigmoid layers, from three starts."""
    data = cr.data.load("digits")
    x, y = (data.x[:].reshape(len(data), -1) / 16).astype(np.float32), data.y
    net = cr.Sequential(
        *[layer for _ in range(6) for layer in (cr.Dense(64, Normal(0.01)), cr.Sigmoid())], cr.Dense(10)
    )
    starts: dict[str, Any] = {"small random weights": {}}
    starts |= {"RBMs": cr.pretrain(net, x, how="rbm", epochs=5), "autoencoders": cr.pretrain(net, x, epochs=5)}
    ax = figure.subplots()
    for (name, start), colour in zip(starts.items(), (INK, VALIDATION, TRAIN), strict=True):
        step = cr.Step(net, x[:32], y[:32], optimizer=cr.SGD(0.1, momentum=0.9), start=start)
        losses = [np.mean([step(x[i], y[i]) for i in cr.data.batches(len(x), 32, 0, epoch)]) for epoch in range(8)]
        ax.plot(range(1, 9), losses, "o-", color=colour, ms=4, label=f"from {name}")
    ax.set(xlabel="epoch of fine-tuning", ylabel="loss", ylim=(0, None))
    ax.legend()


PICTURES = {
    "perceptron": (perceptron, (10, 2.6)),
    "xor": (xor, (7.5, 2.7)),
    "filters": (filters, (7.5, 2.6)),
    "pretraining": (pretraining, (5, 3)),
}


def draw(name: str, folder: Path) -> None:
    """One of them, as a file in the folder."""
    fill, size = PICTURES[name]
    style: Any = STYLE
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        fill(figure)
        figure.savefig(folder / f"classic-{name}.png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    for name in PICTURES:
        draw(name, Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
