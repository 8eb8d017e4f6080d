"""The pictures of docs/lectures.md, drawn from what the lines on that page compute.

    python docs/pictures/lectures.py

Needs the extra `report`. The page's own seeds are fixed, so the pictures change only where the library does.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import chainrule as cr
from chainrule.picture import charts

HERE = Path(__file__).parent
PAGE = HERE.parent / "lectures.md"
BLUE, ORANGE, GREEN, INK = charts.TRAIN, charts.VALIDATION, "#009e73", charts.INK
COLOURS = 64  # of a file: lines and letters need no more


@contextlib.contextmanager
def drawing(name: str, width: float, height: float, columns: int = 1) -> Iterator[list[Any]]:
    """Axes side by side, written as lecture-<name>.png on leaving."""
    with charts.figure(width, height, 1, columns) as (figure, axes):
        yield axes
        Path(f"lecture-{name}.png").write_bytes(charts.written(figure, ".png"))


def computed() -> dict[str, Any]:
    """Every name that the page's examples leave behind; an example that does not hold ends the drawing."""
    text = re.sub("^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, PAGE.name, 0)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        failed = doctest.DocTestRunner().run(example, clear_globs=False).failed
    if failed:
        raise SystemExit(said.getvalue())
    return example.globs


def symmetry(page: dict[str, Any]) -> None:
    with drawing("symmetry", 8, 2.6, 2) as axes:
        for ax, key, title in zip(axes, ("equal", "different"), ("constant weights", "Xavier's weights"), strict=True):
            ax.plot(page[key], lw=1.5)
            ax.set_title(title, fontsize=10)
            ax.set(xlabel="step", ylabel="weight, each of 8 units")


def linear(page: dict[str, Any]) -> None:
    with drawing("linear", 8, 2.6, 2) as axes:
        way = np.linspace(-2, 2, 81)
        kinds = (("linear", "dense10/out", "ten dense layers"), ("bent", "tanh10/out", "ten dense layers with tanh"))
        for ax, (key, node, title) in zip(axes, kinds, strict=True):
            ax.plot(way, page[key].peek(node).value[:, :5], lw=1.5)
            ax.set_title(title, fontsize=10)
            ax.set(xlabel="place on a straight way through the inputs", ylabel="five outputs")


def xor(page: dict[str, Any]) -> None:
    side = np.linspace(-0.3, 1.3, 81)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    with drawing("xor", 6.4, 3.1, 2) as axes:
        for ax, (key, node, title) in zip(
            axes, (("single", "dense1/out", "one layer"), ("hidden", "dense2/out", "2-4-1")), strict=True
        ):
            shown = outputs(page[key], grid, node).reshape(81, 81)
            ends = (-0.3, 1.3, -0.3, 1.3)
            ax.imshow(1 / (1 + np.exp(-shown)), origin="lower", extent=ends, vmin=0, vmax=1, cmap="RdBu_r", alpha=0.8)
            ax.scatter(*page["corners"].T, c=page["xor"], cmap="RdBu_r", vmin=0, vmax=1, edgecolors="black", s=70)
            ax.set_title(title, fontsize=10)


def outputs(step: cr.Step, x: Any, node: str) -> Any:
    """What the trained network gives for other inputs."""
    targets = np.zeros(len(x))  # any will do: what is looked at is computed before the loss
    look = cr.Step(step.net, x, targets, loss=step.loss, dtype=step.dtype)
    look.arrays |= {path: step.arrays[path] for path in step.of_network}
    look(x, targets)
    return look.peek(node).value


def vanishing(page: dict[str, Any]) -> None:
    with drawing("vanishing", 6, 3) as (ax,):
        lines = (("sigmoid", "sigmoid, Xavier", ORANGE), ("tanh", "tanh, Xavier", GREEN), ("relu", "ReLU, He", BLUE))
        for key, name, colour in lines:
            ax.semilogy(range(1, 21), page[key], "o-", ms=3.5, color=colour, label=name)
        ax.set(xlabel="layer", ylabel="norm of the gradient", xticks=range(2, 21, 2))
        ax.legend()


def fits(name: str, x: Any, target: Any, panels: list[tuple[str, Any]]) -> None:
    """One panel for each (title, output), the target dotted."""
    with drawing(name, 2.1 * len(panels), 2.1, len(panels)) as axes:
        for ax, (title, output) in zip(axes, panels, strict=True):
            ax.plot(x, target, color=INK, lw=2.2, ls=":")
            ax.plot(x, output, color=BLUE, lw=1.6)
            ax.set_title(title, fontsize=9)
            ax.tick_params(labelsize=7)


def maxout(page: dict[str, Any]) -> None:
    many = {1: "1 piece"}
    panels = [
        (f"{many.get(k, f'{k} pieces')}: {error:.3f}", step.peek("maxout1/out").value)
        for k, (step, error) in page["maxout"].items()
    ]
    fits("maxout", page["line"], page["line"] ** 2, panels)


def width(page: dict[str, Any]) -> None:
    many = {1: "1 unit"}
    panels = [
        (f"{many.get(k, f'{k} units')}: {error:.3f}", step.peek("dense2/out").value)
        for k, (step, error) in page["width"].items()
    ]
    fits("width", page["line"], page["target"], panels)


def depth(page: dict[str, Any]) -> None:
    with drawing("depth", 8, 2.4, 2) as axes:
        x = np.linspace(0, 1, 257)[:, None]
        sides = (
            ("three layers of two units: 0", outputs(page["deep"], x, "dense4/out")),
            (f"one layer of six units: {page['error']:.2f}", outputs(page["shallow"], 2 * x - 1, "dense2/out")),
        )
        for ax, (title, output) in zip(axes, sides, strict=True):
            ax.plot(x, page["sawtooth"](x, 3), color=INK, lw=2.6, ls=":")
            ax.plot(x, output, color=BLUE, lw=1.6)
            ax.set_title(title, fontsize=10)


def batchnorm(page: dict[str, Any]) -> None:
    with drawing("batchnorm", 8, 3, 2) as (left, right):
        left.plot(page["plain"], color=ORANGE, label="20 sigmoid layers")
        left.plot(page["normed"], color=BLUE, label="with BatchNorm")
        left.axhline(math.log(3), color=INK, lw=1, ls=":")
        left.set(xlabel="step", ylabel="loss", ylim=(0, None))
        left.legend()
        for arm, colour in enumerate((BLUE, ORANGE, GREEN)):
            right.plot(*page["spirals"][page["arm"] == arm].T, "o", ms=4, color=colour)
        right.set_aspect("equal")
        right.set_title("the three arms to tell apart", fontsize=10)


DRAWN: tuple[Callable[[dict[str, Any]], None], ...] = (
    symmetry, linear, xor, vanishing, maxout, width, depth, batchnorm,
)  # fmt: skip


def draw(folder: Path) -> list[Path]:
    """All of them, as files in the folder."""
    with tempfile.TemporaryDirectory() as large, contextlib.chdir(large):
        page = computed()
        for one in DRAWN:
            one(page)
        files = sorted(Path(large).glob("lecture-*.png"))
        for file in files:
            picture = Image.open(file).quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
            picture.save(folder / file.name, optimize=True)
    return [folder / file.name for file in files]


if __name__ == "__main__":
    for drawn in draw(HERE):
        print(drawn.name, drawn.stat().st_size)
