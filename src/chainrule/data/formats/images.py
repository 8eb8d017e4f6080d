"""Images: a folder for each class, or a CSV list of files and labels; decoded by Pillow, when they are many on demand."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, need, require
from ..arrays import some
from ..rows import LARGE, Rows
from ..table import Table, texts

Size: TypeAlias = tuple[int, int]  # height, width
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FILES, LABELS = ("file", "path", "image"), ("label", "class")  # what the columns of a list may be called
GREY, COLOUR = ("1", "L", "LA"), ("RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV")
ALPHA, ORIENTATION = ("LA", "RGBA", "PA"), 0x0112
# As Pillow fails.
BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, OverflowError, struct.error)


@dataclass(frozen=True, eq=False)
class Images:
    """A source of `Rows`: files that are decoded when they are asked for, values 0 to 255, (n, h, w, 1 or 3)."""

    files: tuple[Path, ...]
    shape: tuple[int, ...]
    resize: bool
    dtype: ClassVar[np.dtype[np.uint8]] = np.dtype(np.uint8)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        chosen = np.arange(len(self.files))[rows]
        out = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for place, number in enumerate(chosen):
            out[place] = self.pixels(self.files[number])
        return out

    def pixels(self, file: Path) -> NDArray[np.uint8]:
        """One image: upright, what is transparent on white, resized bilinearly where that was asked for."""
        height, width, channels = self.shape[1:]
        with opened(file) as image:
            image = opaque(upright(image)).convert("L" if channels == 1 else "RGB")  # noqa: PLW2901 - the file's own is closed all the same
            if image.size != (width, height):
                if not self.resize:
                    raise DataError(f"expected {height} x {width} pixels as before, found another size by now", file)
                image = image.resize((width, height), need("PIL.Image", "images", "resizing").Resampling.BILINEAR)  # noqa: PLW2901
            return np.asarray(image, np.uint8).reshape(self.shape[1:])


def is_folder(path: Path) -> bool:
    """Whether it holds images, or folders that do."""
    return bool(inside(path)) or any(inside(folder) for folder in subfolders(path))


def read_folder(path: Path, size: Size | None = None) -> tuple[NDArray[np.uint8] | Rows, NDArray[Any]]:
    """(images, classes): the name of its folder is the class of an image. Other files are passed over."""
    folders = subfolders(path)
    if len(folders) < 2 or not all(map(inside, folders)):
        empty = [folder.name for folder in folders if not inside(folder)]
        found = f"no images in {some(empty, 4)}" if empty else f"{len(folders)}"
        raise DataError(f"expected a folder of images for each class, at least 2, found {found}", path)
    files = [(file, folder.name) for folder in folders for file in inside(folder)]
    return collected([file for file, _ in files], size), np.array([name for _, name in files])


def read_all(path: Path, shape: Sequence[int] | None = None) -> NDArray[np.uint8] | Rows:
    """The images of a folder and its folders, in the order of their names; `shape` (h, w, c) is what they become."""
    files = inside(path) + [file for folder in subfolders(path) for file in inside(folder)]
    return collected(files, *as_asked(shape))


def list_column(table: Table, names: Sequence[str]) -> str | None:
    """The column with one of these names, in any case."""
    return next((name for name in table.cells if name.lower() in names), None)


def is_list(table: Table) -> bool:
    """Whether a table has two columns, image files and labels."""
    return len(table.cells) == 2 and names_files(table) and list_column(table, LABELS) is not None


def names_files(table: Table) -> bool:
    """Whether a table has a column of image files; enough where there is nothing to learn."""
    return list_column(table, FILES) is not None


def listed(table: Table, folder: Path, size: Size | None = None, channels: int = 0) -> NDArray[np.uint8] | Rows:
    """The images of a list; their paths start from the folder of the list."""
    name = list_column(table, FILES) or ""
    files = [folder / cell for cell in texts(table, name)]
    for row, file in enumerate(files):
        if not file.is_file():
            raise table.error(f"there is no image {file}; paths start from the folder of this list", row, name)
    return collected(files, size, channels)


def collected(files: Sequence[Path], size: Size | None = None, channels: int = 0) -> NDArray[np.uint8] | Rows:
    """All of them decoded; where they would fill more than 256 MB as float32, Rows that decode on demand.

    size  (height, width): every image is resized to it; None: all are of one size already, else a DataError
    channels  1 for grey, 3 for colour; 0: grey when all are
    """
    pair = isinstance(size, tuple | list) and len(size) == 2 and all(isinstance(s, int) and s > 0 for s in size)
    require("load", "size", size, size is None or pair, "(height, width) in pixels, or None")
    sides, modes = examined(files, size)
    source = Images(tuple(files), (len(files), *sides, channels or (1 if modes <= {*GREY} else 3)), size is not None)
    return Rows(source) if 4 * math.prod(source.shape) > LARGE else source[:]


def examined(files: Sequence[Path], size: Size | None) -> tuple[Size, set[str]]:
    """The size of all and the modes there are; only the beginnings of the files are read, but of images to be turned."""
    first, modes = size, set()
    for file in files:
        with opened(file) as image:
            turned = upright(image)
            sides: Size = (turned.height, turned.width)
            modes.add(image.mode)
            if image.mode not in GREY + COLOUR:
                raise DataError(f"expected 8 bits a channel, found the mode {image.mode}; convert the image", file)
        first = first or sides
        if size is None and sides != first:
            raise DataError(
                f"expected images of one size, found {first[0]} x {first[1]} pixels in {files[0].name} and "
                f"{sides[0]} x {sides[1]} here; size=(height, width) resizes all of them",
                file,
            )
    assert first is not None
    return first, modes


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """A Pillow image; whatever Pillow finds wrong with it is a sentence that names the file."""
    pillow = need("PIL.Image", "images", "reading images")
    try:
        # Not by its name: Pillow 13 maps an uncompressed TIFF so, and mixes up its sides where it is to be turned.
        with file.open("rb") as raw, pillow.open(raw) as image:
            yield image
    except DataError:
        raise
    except (*BROKEN, pillow.DecompressionBombError) as failure:
        raise DataError(f"expected a sound image ({failure})", file) from None


def upright(image: Any) -> Any:
    """The image as the camera was held, by the orientation in its EXIF data, where that stands before the pixels.

    Source: JEITA CP-3451, 4.6.4, tag 274.
    """
    if image.format == "TIFF":  # Pillow turns these by itself, as it decodes them
        if image.tag_v2.get(ORIENTATION, 1) != 1:
            image.load()
        return image
    return need("PIL.ImageOps", "images", "turning images").exif_transpose(image) if _is_turned(image) else image


def _is_turned(image: Any) -> bool:
    """Damaged EXIF data say nothing. PNG's own reading of them would decode the whole image."""
    base = need("PIL.Image", "images", "reading images").Image
    try:
        with warnings.catch_warnings(action="ignore"):
            return base.getexif(image).get(ORIENTATION, 1) in range(2, 9)
    except BROKEN:
        return False


def opaque(image: Any) -> Any:
    """What is transparent lies on white, as on a page."""
    if image.mode not in ALPHA and "transparency" not in image.info:
        return image
    pillow = need("PIL.Image", "images", "reading images")
    image = image.convert("RGBA")
    return pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image)


def as_asked(shape: Sequence[int] | None) -> tuple[Size | None, int]:
    """Size and channels of the images that a network was trained on."""
    return ((shape[0], shape[1]), shape[2]) if shape is not None and len(shape) == 3 else (None, 0)


def inside(folder: Path) -> list[Path]:
    """The images of a folder by name, but for hidden ones."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file() and f.name[0] != ".")


def subfolders(path: Path) -> list[Path]:
    """Folders that may be classes."""
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] not in "._")
