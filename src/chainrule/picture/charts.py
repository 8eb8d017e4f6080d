"""Charts as SVG text, drawn by matplotlib. Grey text on no background reads on light and dark pages alike."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SettingError, need
from . import out

INK = "#808890"
TRAIN, VALIDATION = "#0072b2", "#d55e00"  # Okabe and Ito (2008): told apart by colour-blind readers too
STYLE = {
    "svg.fonttype": "path",  # the same letters on every machine
    "svg.hashsalt": "chainrule",  # the same bytes in every run
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
DPI = 100  # of PNG files
MANY = 32  # filters, features or images shown at most
FEW = 8  # epochs that are drawn as dots, too
CELLS = 30  # classes up to which a confusion matrix has its counts written in


@contextmanager
def figure(width: float, height: float, rows: int = 1, columns: int = 1) -> Iterator[tuple[Any, list[Any]]]:
    """A figure in inches and its axes, in the style of all charts."""
    matplotlib = need("matplotlib", "report", "drawing charts")
    figures = need("matplotlib.figure", "report", "drawing charts")
    with matplotlib.rc_context(STYLE):
        drawn = figures.Figure(figsize=(width, height), layout="constrained")
        yield drawn, list(np.ravel(drawn.subplots(rows, columns, squeeze=False)))


@contextmanager
def _drawing(
    width: float, height: float, rows: int = 1, columns: int = 1
) -> Iterator[tuple[Any, list[Any], list[str]]]:
    """A figure in inches and its axes; on leaving, its SVG text is appended to the list."""
    with figure(width, height, rows, columns) as (drawn, axes):
        svg: list[str] = []
        yield drawn, axes, svg
        svg.append(written(drawn, ".svg").decode())


def written(drawn: Any, ending: str) -> bytes:
    """A figure as the bytes of an .svg or .png file, without a background and without the time of day."""
    file = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if ending == ".svg" else {"Software": None}
    drawn.savefig(file, format=ending[1:], dpi=DPI, transparent=True, metadata=metadata)
    return file.getvalue()[file.getvalue().index(b"<svg") if ending == ".svg" else 0 :]


def save(path: str | Path, draw: Callable[[str], bytes]) -> Path:
    """Write what `draw` makes for the ending of that path, .svg or .png."""
    return out.save(path, "chart", (".svg", ".png"), draw)


def show(draw: Callable[[str], bytes]) -> None:
    """In a notebook at this place, else in the web browser."""
    out.show("chart.svg", lambda file: save(file, draw), lambda display: display.SVG(draw(".svg").decode()))


def curves(metrics: Sequence[Mapping[str, float]], headline: str, best_epoch: int | None) -> str:
    """Loss and headline metric over the epochs, training against validation, the kept epoch marked."""
    with _drawing(9, 3, columns=2) as (_, axes, svg):
        epochs = [row["epoch"] for row in metrics]
        style = "o-" if len(epochs) < FEW else "-"  # a line through one epoch is not to be seen
        for ax, name in zip(axes, ("loss", headline), strict=True):
            for part, colour in (("train", TRAIN), ("validation", VALIDATION)):
                if all(f"{part}/{name}" in row for row in metrics):
                    values = [row[f"{part}/{name}"] for row in metrics]
                    ax.plot(epochs, values, style, ms=4, color=colour, label=part, lw=1.8)
            if best_epoch:
                ax.axvline(best_epoch, color=INK, ls=":", lw=1.2, label=f"kept: epoch {best_epoch}")
            ax.set(xlabel="epoch", ylabel=name)
        axes[0].set_yscale("log")
        axes[0].legend()
    return svg[0]


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[Any]) -> str:
    """Counts in the cells, each row shaded by its shares."""
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(0.42 * len(classes) + 1.2, 3.2), 9)
    with _drawing(side, side) as (_, (ax,), svg):
        ax.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
        names = [str(c)[:14] for c in classes]
        turned = 90 if max(map(len, names)) > 3 else 0
        ax.set_xticks(range(len(names)), names, rotation=turned)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="predicted", ylabel="true")
        for (i, j), n in np.ndenumerate(counts if len(classes) <= CELLS else np.zeros((0, 0))):
            if n:
                ax.text(j, i, str(n), ha="center", va="center", color="white" if shares[i, j] > 0.3 else "#102030")
    return svg[0]


def filters(kernel: NDArray[Any]) -> str:
    """The kernels (h, w, i, o) of a first layer as pictures: three channels in colour, else the first one in grey."""
    images = [kernel[:, :, :, o] for o in range(min(kernel.shape[3], MANY))]
    return pictures([image if image.shape[2] == 3 else image[:, :, :1] for image in images], [""] * len(images), 0.75)


def weights_by_feature(w: NDArray[Any], features: Sequence[str]) -> str:
    """How strongly the first layer of a table's network listens to each feature: the mean of |w| over its units."""
    strength = np.abs(w).mean(axis=1)
    order = np.argsort(strength)[-MANY:]
    with _drawing(6, 0.28 * len(order) + 0.8) as (_, (ax,), svg):
        ax.barh([features[i][:28] for i in order], strength[order], color=TRAIN, height=0.7)
        ax.set_xlabel("mean |weight| in the first layer (features standardised)")
    return svg[0]


def pictures(images: Sequence[NDArray[Any]], captions: Sequence[str], size: float = 1.15) -> str:
    """Small images (h, w, 1 or 3) in a grid, each stretched to its own range."""
    columns = min(len(images), max(int(9 / size), 1))
    rows = math.ceil(len(images) / columns)
    line = 0.42 if any(captions) else 0.05
    with _drawing(columns * size, rows * (size + line), rows, columns) as (_, axes, svg):
        for ax in axes:
            ax.axis("off")
        for ax, image, caption in zip(axes, images, captions, strict=False):
            low, high = float(image.min()), float(image.max())
            shown = (image - low) / (high - low if high > low else 1.0)
            grey = {"cmap": "gray", "vmin": 0, "vmax": 1} if shown.shape[2] != 3 else {}
            ax.imshow(shown if shown.shape[2] == 3 else shown[:, :, 0], **grey)
            ax.set_title(caption, fontsize=8, color=INK, pad=3)
    return svg[0]


def coloured(codes: NDArray[Any]) -> NDArray[np.float64]:
    """Class codes (n, h, w) as colours (n, h, w, 3), the first class black; after Okabe and Ito (2008), in turn."""
    return np.where(codes[..., None] == 0, 0.0, np.array(PALETTE)[(codes - 1) % len(PALETTE)] / 255)


def predicted_against_true(true: NDArray[Any], predicted: NDArray[Any], name: str) -> str:
    """One dot for each row; on the line a prediction is exact."""
    with _drawing(4.2, 4) as (_, (ax,), svg):
        ends = [float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))]
        ax.plot(ends, ends, color=INK, lw=1, ls=":")
        ax.plot(true, predicted, "o", color=TRAIN, ms=4, alpha=0.6, mew=0)
        ax.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
    return svg[0]


def histograms(layers: Sequence[tuple[str, NDArray[Any], NDArray[Any]]], ending: str = ".svg") -> bytes:
    """One small histogram (name, counts, edges) per layer, side by side, all on the scale of the widest."""
    with _panels([name for name, _, _ in layers], 1.9, 1.6) as (drawn, axes):
        ends = min(edges[0] for _, _, edges in layers), max(edges[-1] for _, _, edges in layers)
        for ax, (_, counts, edges) in zip(axes, layers, strict=False):
            ax.stairs(counts, edges, fill=True, color=TRAIN, ec=TRAIN, lw=1)
            ax.set_xlim(*ends)
            ax.set_yticks([])
            ax.xaxis.get_offset_text().set_fontsize(7)
            ax.locator_params(axis="x", nbins=3)
        return written(drawn, ending)


def loss_by_rate(
    rates: NDArray[Any],
    losses: NDArray[Any],
    smooth: NDArray[Any],
    suggestion: float | None,
    diverges: float,
    ending: str = ".svg",
) -> bytes:
    """The learning rate range test: the loss of every batch (seeds, steps) faint, the smoothed one bold, by the rate."""
    start, low = float(smooth[0]), float(smooth.min())
    with figure(6.4, 3.6) as (drawn, (ax,)):
        for row in losses:
            ax.plot(rates, np.where(np.isfinite(row), row, np.nan), color=TRAIN, lw=0.6, alpha=0.25)
        ax.plot(rates, smooth, color=TRAIN, lw=2, label="loss, smoothed")
        if math.isfinite(diverges):
            ax.axvline(diverges, color=INK, ls=":", lw=1.2, label=f"diverges: {diverges:.2g}")
        if suggestion is not None:
            ax.axvline(suggestion, color=VALIDATION, ls="--", lw=1.6, label=f"suggested: {suggestion:.2g}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss of the batch", xlim=(rates[0], rates[-1]))
        room = max(start - low, 0.1 * abs(start))
        ax.set_ylim(low - 0.3 * room, start + 0.8 * room)
        ax.legend(loc="upper left" if suggestion is None else "lower left")
        return written(drawn, ending)


def functions(panels: Sequence[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any]]], ending: str = ".svg") -> bytes:
    """Functions of one number (name, x, f, f'), side by side: f in blue, its derivative dotted."""
    with _panels([name for name, *_ in panels], 1.9, 1.5) as (drawn, axes):
        for ax, (_, x, y, slope) in zip(axes, panels, strict=False):
            ax.axhline(0, color=INK, lw=0.5)
            ax.axvline(0, color=INK, lw=0.5)
            ax.plot(x, y, color=TRAIN, lw=1.8)
            ax.plot(x, slope, color=VALIDATION, lw=1.4, ls=(0, (1, 1)))
            ax.set_ylim(*_shown(y, slope))
        return written(drawn, ending)


def _shown(y: NDArray[Any], slope: NDArray[Any]) -> tuple[float, float]:
    """The part of the vertical axis: what lies near 0, and of a function that never comes there what there is."""
    low, high = float(y.min()), float(max(y.max(), slope.max()))
    near = max(low, -2.0), min(high, 3.0)
    low, high = near if near[0] <= near[1] else (min(low, float(slope.min())), high)
    return low - 0.2, high + 0.2


@contextmanager
def _panels(names: Sequence[str], width: float, height: float) -> Iterator[tuple[Any, list[Any]]]:
    """Small axes with a title each, five to a row."""
    if not names:
        raise SettingError("there is nothing to draw: none of the rows was chosen")
    columns = min(len(names), 5)
    rows = math.ceil(len(names) / columns)
    with figure(columns * width, rows * height, rows, columns) as (drawn, axes):
        for ax, name in zip(axes, names, strict=False):
            ax.set_title(name, fontsize=8, color=INK, pad=3)
            ax.tick_params(labelsize=7)
        for ax in axes[len(names) :]:
            ax.axis("off")
        yield drawn, axes
