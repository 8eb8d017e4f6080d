"""Images as they are meant to be seen: upright by their EXIF data, on white where they are transparent; and lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chainrule.data import Column, Rows, load, load_like
from chainrule.data.formats import images
from chainrule.data.rows import LARGE
from chainrule.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 5, 4), np.uint8)
RIGHT_WAY: dict[
    int, Callable[[np.ndarray], np.ndarray]
] = {  # how the stored pixels become the seen ones; EXIF 2.32, 4.6.4, tag 274
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: np.rot90,
}


def stored(path: Path, pixels: np.ndarray, orientation: int = 1) -> None:
    path.parent.mkdir(exist_ok=True)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", RIGHT_WAY)
@pytest.mark.parametrize("most", [LARGE, 0], ids=["at once", "on demand"])
def test_images_stand_upright(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, orientation: int, most: int
) -> None:
    monkeypatch.setattr(images, "LARGE", most)
    seen = RIGHT_WAY[orientation](GREY[0])
    stored(tmp_path / "a" / f"x.{suffix}", GREY[0], orientation)
    Image.fromarray(np.ascontiguousarray(seen)).save(tmp_path / "a" / "y.png")
    (tmp_path / "b").mkdir()
    Image.fromarray(np.ascontiguousarray(seen)).save(tmp_path / "b" / "z.bmp")
    data = load(tmp_path)
    assert isinstance(data.x, Rows) == (most == 0)
    found = np.asarray(data.x)[..., 0]
    if suffix == "webp":  # has no grey, and loses a little
        assert found.shape == (3, *seen.shape)
        np.testing.assert_allclose(found[0], found[1], atol=40)
        assert np.abs(found[0] - found[1]).mean() < 12
    else:
        np.testing.assert_array_equal(found[0], seen)
        np.testing.assert_array_equal(found[0], found[1])


def test_a_photograph(tmp_path: Path) -> None:
    """A JPEG, as a camera that is held upright stores it: lying on its side."""
    seen = np.zeros((32, 16), np.uint8)
    seen[:8] = 200
    for name in ("a/x.jpg", "b/y.jpg"):
        stored(tmp_path / name, np.rot90(seen), 6)
    data = load(tmp_path)
    assert data.x.shape == (2, 32, 16, 1)
    np.testing.assert_allclose(np.asarray(data.x)[0, :, :, 0], seen, atol=3)
    assert load(tmp_path, size=(8, 4)).x[0][0, :, 0].min() > 190


def test_damaged_exif_data_say_nothing(tmp_path: Path) -> None:
    for name in ("a/x.png", "b/y.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(GREY[0]).save(tmp_path / name, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01")
    np.testing.assert_array_equal(np.asarray(load(tmp_path).x)[0, ..., 0], GREY[0])


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "L"])
def test_what_is_transparent_lies_on_white(tmp_path: Path, mode: str) -> None:
    colours: dict[str, Any] = {"LA": (0, 0), "RGBA": (0, 0, 0, 0), "P": 0, "L": 0}
    image = Image.new(mode, (4, 5), colours[mode])
    if mode in ("P", "L"):
        image.putpixel((2, 1), 1)
        if mode == "P":
            image.putpalette([0, 0, 0, 80, 80, 80])
    else:
        image.putpixel((2, 1), (80, 255) if mode == "LA" else (80, 80, 80, 255))
    options: dict[str, Any] = {"transparency": 0} if mode in ("P", "L") else {}
    for name in ("a/x.png", "b/y.png"):
        (tmp_path / name).parent.mkdir()
        image.save(tmp_path / name, **options)
    x = np.asarray(load(tmp_path).x)
    wanted = np.full((5, 4), 255)
    wanted[1, 2] = 1 if mode == "L" else 80
    assert x.shape[-1] == (1 if mode in ("LA", "L") else 3)
    np.testing.assert_array_equal(x, np.broadcast_to(wanted[..., None], x.shape))


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    for name in ("a/x.png", "b/y.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("RGBA", (2, 2), (100, 0, 200, 51)).save(tmp_path / name)
    np.testing.assert_allclose(load(tmp_path).x[0][0, 0], [224, 204, 244], atol=1)


# ------------------------------------------------------------------------------------------ lists to predict


@pytest.mark.parametrize("more", [{}, {"label": [1, 0]}, {"who": ["u", "v"], "when": [1, 2]}], ids=len)
def test_a_column_of_files_is_enough_to_predict(tmp_path: Path, more: dict[str, list[Any]]) -> None:
    for name, pixels in zip(("x.png", "y.png"), GREY, strict=False):
        Image.fromarray(pixels).save(tmp_path / name)
    columns = {"File": ["y.png", "x.png"], **more}
    lines = [",".join(map(str, row)) for row in [columns, *zip(*columns.values(), strict=True)]]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    found = load_like(tmp_path / "list.csv", (), shape=(5, 4, 1))
    np.testing.assert_array_equal(np.asarray(found.x)[..., 0], GREY[[1, 0]])
    assert (found.where.tolist(), found.place) == ([2, 3], "line")
    if "label" not in more:
        with pytest.raises(DataError, match="say which column is to be predicted"):
            load(tmp_path / "list.csv")


def test_a_table_with_a_column_of_that_name_stays_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,label\nu,1\nv,0\n")
    columns = (Column("file", "category", ("u", "v")),)
    assert np.asarray(load_like(tmp_path / "t.csv", columns).x).tolist() == [[1, 0], [0, 1]]
