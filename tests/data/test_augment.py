"""Augmentations against slow definitions, one image after the other; the same row, the same draw."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from chainrule.data import (
    AUGMENTATIONS,
    Augmentation,
    Crop,
    Cutout,
    Flip,
    Jitter,
    Rotate,
    Shift,
    Zoom,
    augmented,
    check_augment,
    parse_augment,
)
from chainrule.errors import DataError, SettingError, UnknownName

SHAPES = [(6, 8, 8, 1), (5, 7, 4, 3), (4, 5, 5, 2)]
EACH: tuple[Augmentation, ...] = (
    Flip(),
    Flip(0.7, "height"),
    Shift(2),
    Shift(1, "zero"),
    Crop(3),
    Crop(1, "edge"),
    Rotate(30),
    Rotate(180, "zero"),
    Zoom(0.4),
    Zoom(0.2, "zero"),
    Jitter(0.3, 0.5),
    Jitter(0.1, 0.2, 0.3),
    Cutout(3),
    Cutout(2, "zero"),
)
MODES = {"edge": "nearest", "zero": "grid-constant"}
each = pytest.mark.parametrize("augmentation", EACH, ids=repr)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def batch(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(3, 2, shape).astype(np.float32)


class Draws:
    """Numbers of NumPy's, kept to be looked at."""

    def __init__(self, seed: int = 0) -> None:
        self.draw, self.seen = np.random.default_rng(seed), {}  # type: ignore[var-annotated]

    def __call__(self, name: str, shape: tuple[int, ...]) -> Any:
        self.seen[name] = self.draw.random(shape, dtype=np.float32)
        return self.seen[name]


def moved(image: Any, a: Any, u: dict[str, Any], i: int) -> Any:
    """One image (h, w, c) as the geometric augmentation `a` should move it, given the draws; in float64."""
    h, w = image.shape[:2]
    if isinstance(a, Flip):
        if u["flip"][i, 0] >= a.p:
            return image
        return image[:, ::-1] if a.axis == "width" else image[::-1]
    if isinstance(a, Shift | Crop):
        most = a.pixels if isinstance(a, Shift) else a.pad
        padded = np.pad(image, ((most, most), (most, most), (0, 0)), "edge" if a.fill == "edge" else "constant")
        top, left = (most - (int(v * (2 * most + 1)) - most) for v in u["by"][i])
        return padded[top : top + h, left : left + w]
    if isinstance(a, Rotate):
        angle = -a.degrees * (2 * float(u["angle"][i, 0, 0]) - 1)
        return ndimage.rotate(image, angle, reshape=False, order=1, mode=MODES[a.fill])
    factor = 1 + a.share * (2 * float(u["factor"][i, 0, 0]) - 1)
    centre = (np.array([h, w, image.shape[2]]) - 1) / 2
    scale = np.array([1 / factor, 1 / factor, 1])
    return ndimage.affine_transform(image, scale, centre - scale * centre, order=1, mode=MODES[a.fill])


@shapes
@pytest.mark.parametrize("a", [a for a in EACH if isinstance(a, Flip | Shift | Crop | Rotate | Zoom)], ids=repr)
def test_what_moves_pixels(a: Augmentation, shape: tuple[int, ...]) -> None:
    x, uniform = batch(shape), Draws()
    found, _ = a.apply(x, np.zeros(len(x), np.int64), uniform)
    expected = np.stack([moved(image.astype(np.float64), a, uniform.seen, i) for i, image in enumerate(x)])
    np.testing.assert_allclose(found, expected, atol=1e-4)


@shapes
@pytest.mark.parametrize("a", [a for a in EACH if isinstance(a, Cutout)], ids=repr)
def test_cutout(a: Cutout, shape: tuple[int, ...]) -> None:
    x, uniform = batch(shape), Draws()
    found, _ = a.apply(x, np.zeros(len(x), np.int64), uniform)
    for image, result, (u, v) in zip(x, found, uniform.seen["centre"], strict=True):
        expected = image.astype(np.float64)
        fill = expected.mean(axis=(0, 1)) if a.fill == "mean" else 0.0
        row, column = int(u * shape[1]), int(v * shape[2])
        for h in range(row - a.side // 2, row - a.side // 2 + a.side):
            for w in range(column - a.side // 2, column - a.side // 2 + a.side):
                if 0 <= h < shape[1] and 0 <= w < shape[2]:
                    expected[h, w] = fill
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@shapes
def test_brightness_and_contrast(shape: tuple[int, ...]) -> None:
    x, uniform = batch(shape), Draws()
    found, _ = Jitter(0.3, 0.5).apply(x, np.zeros(len(x), np.int64), uniform)
    for image, result, (u, v) in zip(x.astype(np.float64), found, uniform.seen["contrast and brightness"], strict=True):
        centred, a, b = image - image.mean(), 2 * u - 1, 2 * v - 1
        np.testing.assert_allclose(result, image.mean() + (1 + 0.5 * a) * centred + 0.3 * image.std() * b, atol=1e-5)


def test_noise_is_a_share_of_the_images_standard_deviation() -> None:
    x = batch((50, 20, 20, 3)) * np.linspace(1, 9, 50, dtype=np.float32)[:, None, None, None]
    found, _ = Jitter(0, 0, 0.25).apply(x, np.zeros(len(x), np.int64), Draws())
    np.testing.assert_allclose((found - x).std(axis=(1, 2, 3)) / x.std(axis=(1, 2, 3)), 0.25, rtol=0.1)
    flat = np.full((2, 3, 3, 1), 7, np.float32)
    np.testing.assert_array_equal(Jitter(1, 1, 1).apply(flat, np.zeros(2), Draws())[0], flat)


@each
@shapes
def test_labels_of_pixels_move_with_them(augmentation: Augmentation, shape: tuple[int, ...]) -> None:
    """Of an image that is its own label, each label is still that of its pixel, or of one of the four that are mixed."""
    codes = np.random.default_rng(0).integers(1, 9, shape[:3])
    found, labels = augmentation.apply(codes[..., None].astype(np.float32), codes, Draws())
    assert (labels.dtype, labels.shape) == (codes.dtype, codes.shape)
    if isinstance(augmentation, Jitter | Cutout):
        assert labels is codes
    elif isinstance(augmentation, Rotate | Zoom):
        assert np.corrcoef(labels.ravel(), found.ravel())[0, 1] > 0.8
        assert set(np.unique(labels)) <= {0, *codes.ravel().tolist()}
    else:
        np.testing.assert_array_equal(labels, found[..., 0])


@pytest.mark.parametrize("augmentation", [Rotate(40), Zoom(0.4), Rotate(40, "zero"), Shift(2)], ids=repr)
def test_a_disc_and_its_mask_stay_together(augmentation: Augmentation) -> None:
    """Where the moved picture of the mask is nearer to 1 than to 0, the moved mask says 1."""
    h, w = np.mgrid[:20, :20]
    mask = np.repeat((((h - 7) ** 2 + (w - 12) ** 2) < 20)[None], 8, axis=0)
    found, labels = augmentation.apply(mask[..., None].astype(np.float32), mask.astype(np.int64), Draws())
    agree = (found[..., 0] > 0.5) == (labels == 1)
    assert agree.mean() > 0.98
    assert agree[np.abs(found[..., 0] - 0.5) > 0.49].all()


@each
def test_pictures_as_targets_move_too_and_other_targets_stay(augmentation: Augmentation) -> None:
    x = batch((6, 8, 8, 2))
    found, y = augmentation.apply(x, x.copy(), Draws())
    np.testing.assert_array_equal(y, x if isinstance(augmentation, Jitter | Cutout) else found)
    for same in (np.arange(6), batch((6, 3)), np.ones((6, 2), bool), np.zeros((6, 8), np.int64)):
        assert augmentation.apply(x, same, Draws())[1] is same


def test_labels_of_another_size_cannot_move() -> None:
    with pytest.raises(DataError, match=r"labels need the images' size \(6, 8, 8\), found \(6, 4, 4\)"):
        Flip().apply(batch((6, 8, 8, 1)), np.zeros((6, 4, 4), np.int64), Draws())


@each
def test_shape_type_and_the_given_arrays_stay(augmentation: Augmentation) -> None:
    x = batch((6, 9, 7, 3))
    before = x.copy()
    found, _ = augmented(x, np.arange(6), (augmentation,), 0, 0, np.arange(6))
    assert found.shape == x.shape
    assert found.dtype == np.float32
    assert not np.array_equal(found, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(3, 1, 1, 1), (3, 1, 6, 2), (3, 6, 1, 2)])
def test_images_of_a_single_row_or_column(shape: tuple[int, ...]) -> None:
    chain = (Flip(), Shift(0), Crop(0), Rotate(20), Zoom(), Jitter(0.1, 0.1, 0.1), Cutout(1))
    x = batch(shape)
    found, _ = augmented(x, np.arange(3), chain, 0, 0, np.arange(3))
    assert np.isfinite(found).all()
    if shape[1:3] == (1, 1):
        np.testing.assert_allclose(augmented(x, np.arange(3), chain[:5], 0, 0, np.arange(3))[0], x)


@given(order=st.permutations(range(12)), size=st.integers(1, 12))
def test_a_row_looks_the_same_in_any_batch(order: list[int], size: int) -> None:
    x, y = batch((12, 6, 6, 1)), np.random.default_rng(0).integers(0, 5, (12, 6, 6))
    chain, rows = parse_augment("shift1 rotate20 flip zoom cutout2 jitter0.1-0.1-0.1 crop2"), np.array(order)
    whole_x, whole_y = augmented(x, y, chain, 3, 5, np.arange(12))
    for i in range(0, 12, size):
        index = rows[i : i + size]
        part_x, part_y = augmented(x[index], y[index], chain, 3, 5, index)
        np.testing.assert_array_equal(part_x, whole_x[index])
        np.testing.assert_array_equal(part_y, whole_y[index])


@each
def test_seed_epoch_row_and_place_each_change_the_draw(augmentation: Augmentation) -> None:
    x, rows, nothing = batch((16, 8, 8, 1)), np.arange(16), Shift(0)
    same = np.zeros(16, np.int64)

    def drawn(chain: tuple[Augmentation, ...], seed: int, epoch: int, rows: Any) -> Any:
        return augmented(x, same, chain, seed, epoch, rows)[0]

    first = drawn((augmentation,), 0, 0, rows)
    np.testing.assert_array_equal(first, drawn((augmentation, nothing), 0, 0, rows))
    others = [((augmentation,), 1, 0, rows), ((augmentation,), 0, 1, rows), ((augmentation,), 0, 0, rows + 16)]
    for other in [*others, ((nothing, augmentation), 0, 0, rows)]:
        assert not np.array_equal(first, drawn(*other))


def test_draws_are_even() -> None:
    """Each of the 25 shifts as often as the others, within five standard deviations; mirrored by p."""
    count = 20_000
    x = np.zeros((count, 5, 5, 1), np.float32)
    x[:, 2, 2] = 1
    rows = np.arange(count)
    hits = augmented(x, rows, (Shift(2),), 0, 0, rows)[0].sum(axis=0)
    assert np.abs(hits - count / 25).max() < 5 * np.sqrt(count / 25)
    side = np.tile(np.arange(2, dtype=np.float32)[None, None, :, None], (count, 1, 1, 1))
    mirrored = augmented(side, rows, (Flip(0.3),), 0, 0, rows)[0][:, 0, 0, 0].mean()
    assert abs(mirrored - 0.3) < 5 * np.sqrt(0.21 / count)


def test_words() -> None:
    chain = parse_augment("shift1 rotate10 flip cutout2 jitter0.2-0.1-0.05 crop zoom0.2")
    expected = (Shift(1), Rotate(10), Flip(), Cutout(2), Jitter(0.2, 0.1, 0.05), Crop(), Zoom(0.2))
    assert chain == expected
    assert parse_augment(json.loads(json.dumps([a.settings() for a in EACH]))) == EACH
    assert parse_augment(EACH) == EACH
    assert parse_augment(Flip()) == (Flip(),)
    assert parse_augment("") == ()
    assert {type(a) for a in EACH} == set(AUGMENTATIONS.values())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("shift-1", "'shift-1' is no augmentation: expected a word with its numbers, such as shift1"),
        ("shift1.5", "The 'pixels' parameter of Shift must be a whole number of pixels, at least 0. Got 1.5"),
        ("rotate200", r"The 'degrees' parameter of Rotate must be an angle in the range \[0, 180\]. Got 200"),
        ("flip2", r"The 'p' parameter of Flip must be a probability in the range \[0, 1\]. Got 2"),
        ("flip0.5-1", "The 'axis' parameter of Flip must be 'width' or 'height'. Got 1"),
        ("zoom1", "The 'share' parameter of Zoom"),
        ("cutout0", "The 'side' parameter of Cutout must be a whole number of pixels, at least 1"),
        ("jitter0.1-2", "The 'contrast' parameter of Jitter"),
        ("cutout2-3-4", r"'cutout2-3-4' does not fit Cutout, which takes \(side, fill\)"),
        ("crop2-1", "The 'fill' parameter of Crop must be 'edge' or 'zero'. Got 1"),
    ],
)
def test_words_that_do_not_fit(text: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        parse_augment(text)


@pytest.mark.parametrize("make", [lambda: Shift(-1), lambda: Crop(-1), lambda: Jitter(-0.1), lambda: Jitter(noise=-1)])
def test_negative_numbers(make: Any) -> None:
    with pytest.raises(SettingError, match=r"must be .* Got -"):
        make()


@pytest.mark.parametrize(("word", "near"), [("flipp", "flip"), ("rotat10", "rotate"), ("cut-out", "cutout")])
def test_a_typing_mistake_suggests_the_nearest(word: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f"there is no augmentation .*; did you mean .*'{near}'"):
        parse_augment(f"shift1 {word}")


def test_what_is_no_augmentation() -> None:
    with pytest.raises(SettingError, match=r"expected augmentations such as .*, found 3"):
        parse_augment([Flip(), 3])  # type: ignore[list-item]


def test_a_table_is_no_image() -> None:
    with pytest.raises(
        DataError, match=r"augmentation \(flip\) needs images, .* found x of shape \(rows, 9\); leave it"
    ):
        augmented(np.zeros((4, 9), np.float32), np.zeros(4), (Flip(),), 0, 0, np.arange(4))
    check_augment((), (9,))


@pytest.mark.parametrize("augmentation", [Shift(8), Crop(8), Cutout(9)], ids=repr)
def test_larger_than_the_image(augmentation: Augmentation) -> None:
    with pytest.raises(SettingError, match=r"side of the images, 8 x 12. Got [89] instead"):
        check_augment((Flip(), augmentation), (8, 12, 1))


def test_a_row_number_for_each_image() -> None:
    with pytest.raises(DataError, match="expected a row number for each of the 4 images, found 3"):
        augmented(np.zeros((4, 5, 5, 1), np.float32), np.zeros(4), (Flip(),), 0, 0, np.arange(3))


def test_missing_values_stay_where_they_are() -> None:
    """They are left out of an image's mean and standard deviation, and other images of the batch are as without them."""
    x = batch((4, 6, 5, 2))
    gaps = x.copy()
    gaps[1, 2, 3, 0] = gaps[1, 0, 0, 1] = np.nan
    gaps[2] = np.nan
    gaps[3, ..., 1] = np.nan
    y = np.zeros(4, np.int64)
    found = Jitter(0.3, 0.5, 0.2).apply(gaps, y, Draws())[0]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(gaps))
    np.testing.assert_array_equal(found[0], Jitter(0.3, 0.5, 0.2).apply(x, y, Draws())[0][0])
    jittered, uniform = Jitter(0.3, 0.5).apply(gaps, y, draws := Draws())[0], draws
    for i in (1, 3):
        image, (u, v) = gaps[i].astype(np.float64), uniform.seen["contrast and brightness"][i]
        mean, std, a, b = np.nanmean(image), np.nanstd(image), 2 * u - 1, 2 * v - 1
        np.testing.assert_allclose(jittered[i], mean + (1 + 0.5 * a) * (image - mean) + 0.3 * std * b, atol=1e-5)


def test_a_cutout_is_filled_with_the_mean_of_what_is_there() -> None:
    gaps = batch((3, 6, 5, 2))
    gaps[0, 2, 3, 0] = gaps[0, :3, 0, 1] = np.nan
    gaps[1, ..., 1] = np.nan
    found = Cutout(3).apply(gaps, np.zeros(3, np.int64), Draws())[0]
    for image, result in zip(gaps, found, strict=True):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of a channel without a value
            mean = np.nanmean(image, axis=(0, 1))
        changed = ~((image == result) | (np.isnan(image) & np.isnan(result)))
        assert changed.any()
        np.testing.assert_allclose(result[changed], np.broadcast_to(mean, image.shape)[changed], rtol=1e-5)
        assert not (np.isnan(result) & ~np.isnan(image)).any()
