"""NPY: one NumPy array a file, mapped into memory; a folder with x.npy and y.npy is a data set of any size."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError
from ..arrays import finite, numeric, plain, some
from .npz import PAIRS

Chunk: TypeAlias = tuple[ArrayLike, ArrayLike]
SMALL = ("|b1", "|u1", "|i1", "<u2", "<i2")  # kept as they are; everything else is stored as float32
PART = ".part"  # the ending of a file that is not complete yet


def read(path: Path, labels: bool) -> tuple[NDArray[Any], ...]:
    """(x, y): x.npy memory-mapped, and y.npy beside it, by the pairs of names in `npz.PAIRS`; or (x,)."""
    x = array(path, mapped=True)
    return (x, array(beside(path))) if labels else (x,)


def read_folder(path: Path, labels: bool) -> tuple[NDArray[Any], ...]:
    """The first pair of names that is there."""
    return read(next(path / f"{x}.npy" for x, _ in PAIRS if (path / f"{x}.npy").is_file()), labels)


def array(path: Path, mapped: bool = False) -> NDArray[Any]:
    """The array of a file. Python objects are refused: they are pickles, which can run code."""
    try:
        found: NDArray[Any] = np.load(path, "r" if mapped else None, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as failure:
        raise DataError(f"expected a sound .npy file with an array of numbers or text ({failure})", path) from None
    if not isinstance(found, np.ndarray):
        raise DataError("expected an .npy file, found an .npz file: name it so", path)
    return found


def beside(path: Path) -> Path:
    """x.npy -> y.npy, X.npy -> y.npy, images.npy -> labels.npy."""
    pairs = dict(PAIRS)
    if path.stem not in pairs:
        known = ", ".join(f"{x}.npy beside {y}.npy" for x, y in PAIRS)
        raise DataError(f"expected a name that says where its targets are: {known}", path)
    found = path.with_name(f"{pairs[path.stem]}.npy")
    if not found.is_file():
        raise DataError(f"expected its targets beside it, looked for {found.name}", path)
    return found


def write_chunks(chunks: Iterable[Chunk], folder: Path) -> None:
    """Write (x, y) chunks to x.npy and y.npy, x as it comes: only y is held in memory until the end.

    x keeps its type if that is small (truth values, 8 or 16 bits); all else becomes float32. DataError for a chunk of
    another shape or type, for values that are not finite, and where the disk is full: then nothing stays behind.
    """
    folder = Path(folder).expanduser()
    x, y = folder / "x.npy", folder / "y.npy"
    if there := [path.name for path in (x, y) if path.exists()]:
        raise DataError(
            f"{' and '.join(there)} exist already, and nothing is overwritten: choose another folder", folder
        )
    with complete(x, y) as (x_file, y_file):
        targets = append(x_file, chunks)
        np.save(y_file, joined(targets), allow_pickle=False)


@contextmanager
def complete(*paths: Path) -> Iterator[list[IO[bytes]]]:
    """Files that get their names only when all of them are written; on a failure none is left, nor their new folder."""
    folder = paths[0].parent
    new = not folder.exists()
    parts = [path.with_name(path.name + PART) for path in paths]
    files: list[IO[bytes]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files += [part.open("wb") for part in parts]
        yield files
        _close(files)
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    except BaseException as failure:
        _remove(files, parts, folder if new else None)
        if isinstance(failure, OSError):
            raise DataError(f"cannot be written: {failure.strerror or failure}", folder) from None
        raise


def _close(files: Iterable[IO[bytes]]) -> None:
    for file in files:
        file.close()


def _remove(files: Iterable[IO[bytes]], parts: Iterable[Path], folder: Path | None) -> None:
    """What is left of an attempt."""
    for file in files:
        with suppress(OSError):  # closing flushes, which a full disk refuses once more
            file.close()
    for part in parts:
        part.unlink(missing_ok=True)
    if folder is not None and folder.is_dir() and not os.listdir(folder):
        folder.rmdir()


def append(file: IO[bytes], chunks: Iterable[Chunk]) -> list[NDArray[Any]]:
    """Write x of all chunks behind a header that is put right at the end; gives their y."""
    stream = enumerate(chunks)
    first = next(stream, None)
    if first is None:
        raise DataError("expected chunks of (x, y), found none")
    x, _ = pair(first)
    shape, dtype = x.shape[1:], np.dtype(x.dtype.str if x.dtype.str in SMALL else np.float32)
    header(file, dtype, (0, *shape))
    start, count, targets = file.tell(), 0, []
    for chunk in chain([first], stream):
        x, y = pair(chunk)
        check(chunk[0], x, shape, dtype)
        file.write(stored(x, dtype, count).data)
        count += len(x)
        targets.append(y)
    file.seek(0)
    header(file, dtype, (count, *shape))
    assert file.tell() == start  # NumPy leaves room in a header for a longer first axis
    return targets


def header(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """What an .npy file begins with."""
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)


def pair(numbered: tuple[int, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """x and y of a chunk, of as many rows."""
    place, chunk = numbered
    if not isinstance(chunk, tuple | list) or len(chunk) != 2:
        raise DataError(f"expected chunks of (x, y), found {type(chunk).__name__} as chunk {place} (counted from 0)")
    try:
        x, y = numeric(plain(chunk[0], "x")), plain(chunk[1], "y")
    except DataError as error:
        raise DataError(f"chunk {place} (counted from 0): {error}") from None
    if y.ndim == 0 or len(x) != len(y):
        raise DataError(
            f"chunk {place} (counted from 0): expected one target per row, found x {x.shape} and y {y.shape}"
        )
    return x, y


def check(place: int, x: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """A chunk has the rows of the first one."""
    if x.shape[1:] != shape:
        wanted = f"(rows, {some(shape)})"
        raise DataError(f"chunk {place} (counted from 0): expected x of shape {wanted} as before, found {x.shape}")
    if dtype not in (np.float32, x.dtype):
        raise DataError(f"chunk {place} (counted from 0): expected x of {dtype} as before, found {x.dtype}")


def stored(x: NDArray[Any], dtype: np.dtype[Any], before: int) -> NDArray[Any]:
    """As it is written; NaN is let through, for it may stand for a missing value, which `load` then decides on."""
    rows = np.arange(before, before + len(x))
    return finite(x, "x", missing=True, rows=rows) if dtype == np.float32 else np.ascontiguousarray(x)


def joined(targets: list[NDArray[Any]]) -> NDArray[Any]:
    """y of all chunks as one array of one type."""
    shapes = {y.shape[1:] for y in targets}
    kinds = {"text" if y.dtype.kind == "U" else "numbers" if y.dtype.kind in "iuf" else y.dtype.name for y in targets}
    if len(shapes) > 1 or len(kinds) > 1:
        found = some(sorted(kinds) if len(kinds) > 1 else sorted(map(str, shapes)))
        raise DataError(f"expected y alike in all chunks, found {found}")
    return np.concatenate(targets)
