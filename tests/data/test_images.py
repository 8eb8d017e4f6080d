"""Images: folders and lists, decoded at once or on demand; sizes, colours and broken files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chainrule.data import Rows, load, load_like
from chainrule.data.formats import images
from chainrule.data.rows import LARGE
from chainrule.errors import DataError, MissingExtra, SettingError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 5, 4), np.uint8)
COLOUR = RNG.integers(0, 256, (6, 5, 4, 3), np.uint8)
NAMES = ["cat/b.png", "cat/a.bmp", "dog/10.png", "dog/2.PNG", "ant/x.tif", "ant/y.png"]
ORDER = [4, 5, 1, 0, 2, 3]  # by class, then by name


def folder(root: Path, pixels: np.ndarray, names: list[str] = NAMES) -> Path:
    for name, image in zip(names, pixels, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / name)
    return root


@pytest.mark.parametrize(("pixels", "shape"), [(GREY, (6, 5, 4, 1)), (COLOUR, (6, 5, 4, 3))], ids=["grey", "colour"])
@pytest.mark.parametrize("most", [LARGE, 0], ids=["at once", "on demand"])
def test_a_folder_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray, shape: tuple[int, ...], most: int
) -> None:
    monkeypatch.setattr(images, "LARGE", most)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "Thumbs.db").touch()
    (tmp_path / "cat" / "._b.png").touch()
    (tmp_path / ".cache").mkdir()
    data = load(folder(tmp_path, pixels))
    assert isinstance(data.x, Rows) == (most == 0)
    assert (data.classes, data.y.tolist(), data.x.shape) == (("ant", "cat", "dog"), [0, 0, 1, 1, 2, 2], shape)
    np.testing.assert_array_equal(np.asarray(data.x), pixels[ORDER].reshape(shape))
    np.testing.assert_array_equal(data.x[[3, 0, 3]], pixels[ORDER][[3, 0, 3]].reshape(3, *shape[1:]))
    np.testing.assert_array_equal(np.asarray(load_like(tmp_path, ()).x), data.x)
    np.testing.assert_array_equal(np.asarray(load_like(tmp_path / "dog", ()).x), data.x[4:])


def test_a_list_of_files(tmp_path: Path) -> None:
    folder(tmp_path, COLOUR)
    lines = [f"{name},{number % 2}" for number, name in enumerate(NAMES)]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["Image,Label", *lines]))
    data = load(path)
    assert (data.classes, data.y.tolist(), data.where.tolist()) == ((0, 1), [0, 1] * 3, [2, 3, 4, 5, 6, 7])
    assert (data.target, data.name, data.place, data.coded) == ("Label", "list", "line", False)
    with pytest.raises(SettingError, match=r"must be \(height, width\) in pixels, or None. Got 8 instead"):
        load(path, size=8)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.asarray(data.x), COLOUR)
    np.testing.assert_array_equal(np.asarray(load_like(path, ()).x), COLOUR)
    assert load(path, task="numbers").y.tolist() == [[0.0], [1.0]] * 3
    assert load(path, target="Label").x.shape == (6, 6)  # a target makes it a table, and the files categories


def test_a_list_that_names_no_image(tmp_path: Path) -> None:
    folder(tmp_path, COLOUR)
    path = tmp_path / "list.csv"
    path.write_text("file,label\ncat/b.png,1\ncat/c.png,0\n")
    with pytest.raises(DataError, match=r"list\.csv, line 3, column 'file': there is no image .*c\.png; paths start"):
        load(path)


def test_mixed_modes_become_the_richer_one(tmp_path: Path) -> None:
    folder(tmp_path, GREY)
    Image.fromarray(COLOUR[0]).convert("RGBA").save(tmp_path / "cat/b.png")
    Image.fromarray(GREY[1]).convert("1").save(tmp_path / "cat/a.bmp")
    x = np.asarray(load(tmp_path).x)
    np.testing.assert_array_equal(x[3], COLOUR[0])
    np.testing.assert_array_equal(x[0], np.repeat(GREY[4][..., None], 3, -1))
    assert set(np.unique(x[2])) <= {0, 255}


def test_resizing(tmp_path: Path) -> None:
    flat = [np.full((side, 2 * side), 40 * place, np.uint8) for place, side in enumerate((4, 5, 6, 7, 8, 9))]
    for name, image in zip(NAMES, flat, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / name)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    sentence = (
        "ant/y.png: expected images of one size, found 8 x 16 pixels in x.tif and 9 x 18 here; size=(height, width)"
    )
    assert sentence in str(caught.value)
    data = load(tmp_path, size=(3, 2))
    assert data.x.shape == (6, 3, 2, 1)
    np.testing.assert_array_equal(np.asarray(data.x)[:, 0, 0, 0], [40 * place for place in ORDER])
    assert load_like(tmp_path, (), shape=(3, 2, 1)).x.shape == (6, 3, 2, 1)
    assert load_like(tmp_path, (), shape=(3, 2, 3)).x.shape == (6, 3, 2, 3)


@pytest.mark.parametrize("size", [(0, 3), (3,), (2.5, 3), (1, 2, 3), 8, "88"])
def test_sizes_that_are_none(tmp_path: Path, size: Any) -> None:
    with pytest.raises(SettingError, match=r"The 'size' parameter of load must be \(height, width\) in pixels"):
        load(folder(tmp_path, GREY), size=size)


def broken_images(good: bytes) -> list[bytes]:
    return [b"", b"no image", good[: len(good) // 2], good[:-40], good[:8] + b"\0" * 20]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, before it fails
@pytest.mark.parametrize("name", ["cat/b.png", "cat/a.jpg", "cat/a.bmp", "cat/a.gif", "cat/a.tif"])
@pytest.mark.parametrize("most", [LARGE, 0], ids=["at once", "on demand"])
def test_broken_images_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(images, "LARGE", most)
    folder(tmp_path, GREY, [name, *NAMES[2:], "fox/a.png"])
    for content in broken_images((tmp_path / name).read_bytes()):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            np.asarray(load(tmp_path).x)
        assert str(caught.value).startswith(f"{tmp_path / name}: expected a sound image (")


def test_an_image_that_changed_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "LARGE", 0)
    data = load(folder(tmp_path, GREY))
    Image.fromarray(GREY[0, :3]).save(tmp_path / "ant/x.tif")
    with pytest.raises(DataError, match=r"x\.tif: expected 5 x 4 pixels as before, found another size by now"):
        data.x[:1]


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, GREY)
    Image.fromarray(GREY[0].astype(np.uint16)).save(tmp_path / "cat/b.png")
    with pytest.raises(DataError, match=r"b\.png: expected 8 bits a channel, found the mode I;16; convert the image"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["cat/a.png", "cat/b.png"], "expected a folder of images for each class, at least 2, found 1"),
        (["a.png", "b.png"], "expected a folder of images for each class, at least 2, found 0"),
        (["cat/a.png", "train/dog/b.png"], "at least 2, found no images in train"),
        (["train/cat/a.png", "train/dog/b.png"], "expected a folder with x.npy and y.npy, CIFAR's data_batch_1.bin"),
    ],
)
def test_folders_that_hold_no_classes(tmp_path: Path, names: list[str], sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        load(folder(tmp_path, GREY[:2], names))
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert sentence in str(caught.value)


def test_pillow_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path, GREY)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match=r'reading images needs .* pip install "chainrule\[images\]"'):
        load(tmp_path)


def test_settings_that_say_nothing_about_images(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="'target' is a setting for a table, but this holds images"):
        load(folder(tmp_path, GREY), target="label")
    with pytest.raises(SettingError, match="'signals' is a setting for arrays, but this holds images"):
        load(tmp_path, signals=True)
