"""Every example runs by itself, reaches its figure and leaves a picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.image
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SECONDS = 60  # of an example, on two cores of its own: machines are shared, so it is told and not asserted

LARGEST = 80_000  # bytes of a picture
# Script: what its figure must be above, and below; over several seeds each was inside with room (examples/README.md).
FIGURES: dict[str, tuple[float, float]] = {
    "autoencoder": (0.0, 0.85),
    "character_rnn": (0.42, 0.65),
    "classify_images": (0.98, 1.0),
    "deep_dream": (8, 10),
    "features_or_end_to_end": (0.004, 0.1),
    "segment_shapes": (0.7, 1.0),
    "what_a_filter_sees": (3.0, 15.0),
}


def test_every_example_has_its_row() -> None:
    assert sorted(FIGURES) == sorted(script.stem for script in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", FIGURES)
def test_the_readme_shows_it(name: str) -> None:
    """Its picture, and the output of a run that reached the figure."""
    _, _, section = (EXAMPLES / "README.md").read_text(encoding="utf-8").partition(f"`{name}.py`\n")
    section = section.partition("\n## ")[0]
    (linked,) = re.findall(r"\]\((.*\.png)\)", section)
    shown = EXAMPLES / linked
    assert shown.name == picture_of(name)
    assert is_drawn(shown)
    assert shown.stat().st_size < LARGEST
    assert FIGURES[name][0] <= figure_of(section) <= FIGURES[name][1]


@pytest.mark.parametrize("name", FIGURES)
def test_example(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script, picture = EXAMPLES / f"{name}.py", tmp_path / picture_of(name)
    started = time.perf_counter()
    command = [sys.executable, "-W", "error", str(script), "--out", str(tmp_path)]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        print(f"\n{name}: {time.perf_counter() - started:.0f} s of {SECONDS}: {done.stdout.splitlines()[-1]}")
    at_least, at_most = FIGURES[name]
    assert at_least <= figure_of(done.stdout) <= at_most, done.stdout
    assert list(tmp_path.iterdir()) == [picture], "an example leaves its picture and nothing else"
    assert is_drawn(picture)


def picture_of(name: str) -> str:
    return f"example-{name.replace('_', '-')}.png"


def figure_of(printed: str) -> float:
    """The number at the end of the one line that says it: `figure: mean IoU 0.87`."""
    found = re.findall(r"^figure: .+ (\d+(?:\.\d+)?)$", printed, re.MULTILINE)
    assert len(found) == 1, printed
    return float(found[0])


def is_drawn(picture: Path) -> bool:
    """Whether more than a twentieth of the pixels differ from the background, in more than a few colours."""
    pixels = matplotlib.image.imread(picture)[..., :3]
    drawn = (pixels != pixels[0, 0]).any(axis=-1)
    return bool(drawn.mean() > 0.05 and len({tuple(p) for p in pixels[drawn][::7].tolist()}) > 16)


def test_a_blank_picture_is_noticed(tmp_path: Path) -> None:
    matplotlib.image.imsave(tmp_path / "blank.png", [[[1.0, 1.0, 1.0]] * 40] * 40)
    assert not is_drawn(tmp_path / "blank.png")
