"""What a network can be trained for: classes, a class for each position, several labels, numbers; and what rows count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, SettingError, ShapeError, UnknownName

rng = np.random.default_rng(0)
TABLE = rng.normal(size=(240, 5))
CODES = (TABLE[:, 0] + 0.5 * TABLE[:, 1] > 0.8).astype(int)  # about a quarter of the rows
QUICK: dict[str, Any] = {"progress": False, "epochs": 30, "batch_size": 16, "optimizer": cr.Adam(0.02)}


def squares(count: int = 80, side: int = 12) -> cr.Dataset:
    """Images with a bright square, and the class of every pixel."""
    draw = np.random.default_rng(1)
    x, y = draw.normal(0, 0.3, (count, side, side)), np.zeros((count, side, side), int)
    for i in range(count):
        top, left, kind = *draw.integers(0, side - 5, 2), draw.integers(1, 3)
        y[i, top : top + 5, left : left + 5] = kind
    return cr.Dataset.of(x + y, y)


def train(net: Any, data: Any, folder: Path, **settings: Any) -> Any:
    return cr.train(net, data, folder=folder / "run", **{**QUICK, **settings})


def test_a_class_for_each_pixel(tmp_path: Path) -> None:
    data = squares()
    run = train(None, data, tmp_path, epochs=15)
    assert run.result["scores"]["test"]["iou"] > 0.7
    assert list(run.result["scores"]["test"]) == ["loss", "iou", "accuracy"]
    assert run.about["data"]["positions"] == [12, 12]
    model = cr.load_model(run.checkpoint("best"))
    assert model.predict(data.x[:3]).shape == (3, 12, 12)
    np.testing.assert_allclose(model.predict_proba(data.x[:3]).sum(-1), 1, rtol=1e-5)
    assert "positions wrong" in run.summary()
    page = run.report().read_text(encoding="utf-8")
    assert "mean IoU" in page
    assert "the true classes of its pixels" in page


def test_several_labels_for_each_row(tmp_path: Path) -> None:
    y = np.stack([TABLE[:, 0] > 0, TABLE[:, 1] + TABLE[:, 2] > 0], axis=1)
    run = train("dense16 relu dense2", (TABLE, y), tmp_path, epochs=40)
    assert run.result["scores"]["test"]["accuracy"] > 0.9
    assert [row["class"] for row in run.result["each"]] == ["0", "1"]
    predicted = cr.load_model(run.checkpoint("best")).predict(TABLE)
    assert predicted.dtype == bool
    assert np.mean(predicted == y) > 0.9
    assert "mean F1" in run.report().read_text(encoding="utf-8")
    assert run.model.predict_proba(TABLE).shape == (240, 2)


def test_images_as_the_target(tmp_path: Path) -> None:
    """An autoencoder of images: numbers over any number of axes."""
    x = squares(40).x
    run = train("conv8-3 relu conv1-3", (x, np.asarray(x, np.float64)), tmp_path, epochs=150)
    assert run.result["scores"]["test"]["r2"] > 0.9
    assert run.model.predict(x[:2]).shape == (2, 12, 12, 1)


@pytest.mark.parametrize(
    ("y", "name"),
    [
        (CODES, "CrossEntropy"),
        (CODES.astype(float), "SquaredError"),
        (CODES[:, None] * [1, 1] > 0, "BinaryCrossEntropy"),
    ],
    ids=["codes", "numbers", "labels"],
)
def test_the_target_chooses_the_loss_and_the_run_says_so(tmp_path: Path, y: Any, name: str) -> None:
    run = train(f"dense{np.unique(y).size if name == 'CrossEntropy' else np.ndim(y)}", (TABLE, y), tmp_path, epochs=1)
    assert run.about["settings"]["loss"]["name"] == name
    assert f"loss: {name} (" in run.summary()
    assert "chosen from the target" in run.summary()


@pytest.mark.parametrize("loss", [cr.Huber(0.7), cr.AbsoluteError(), cr.Poisson(), cr.SquaredError()], ids=repr)
def test_a_given_loss_is_kept_with_the_model(tmp_path: Path, loss: cr.SquaredError) -> None:
    counts = np.random.default_rng(2).poisson(np.exp(TABLE[:, 0])).astype(float)
    run = train("dense8 tanh dense1", (TABLE, counts), tmp_path, loss=loss, epochs=30)
    model = cr.load_model(run.checkpoint("best"))
    assert model.loss == loss
    predicted = model.predict(TABLE)
    assert np.corrcoef(predicted[:, 0], np.exp(TABLE[:, 0]))[0, 1] > 0.6
    assert (predicted > 0).all() or not isinstance(loss, cr.Poisson)
    np.testing.assert_array_equal(predicted, run.model.predict(TABLE))
    assert "as given" in run.summary()


def test_scores_are_no_probabilities(tmp_path: Path) -> None:
    run = train("dense2", (TABLE, CODES), tmp_path, loss=cr.Hinge(), epochs=2)
    wrong = run.summary().partition("most wrong")[2]
    assert "true  predicted" in wrong
    assert "%" not in wrong
    assert "probability" not in run.report().read_text(encoding="utf-8")
    with pytest.raises(SettingError, match="Hinge gives scores"):
        run.model.predict_proba(TABLE)


@pytest.mark.parametrize(
    ("loss", "y", "sentence"),
    [
        (
            cr.Huber(),
            CODES,
            "Huber is a loss for numbers, but the target of these data is classes: choose CrossEntropy",
        ),
        (cr.CrossEntropy(), TABLE[:, 0], "CrossEntropy is a loss for classes, but .* is numbers"),
        (cr.Poisson(), TABLE[:, 0], r"Poisson expects targets from 0 to inf, found \[-"),
    ],
    ids=["numbers", "classes", "range"],
)
def test_a_loss_for_something_else(tmp_path: Path, loss: Any, y: Any, sentence: str) -> None:
    with pytest.raises((SettingError, DataError), match=sentence):
        train("dense1", (TABLE, y), tmp_path, loss=loss)
    assert not (tmp_path / "run").exists()


class Softmax(cr.Layer):
    """A user's own last layer."""

    def forward(self, x: cr.Tensor, p: Any, ctx: Any) -> cr.Tensor:
        e = cr.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("end", [cr.Sigmoid(), Softmax()], ids=["sigmoid", "own softmax"])
def test_probabilities_where_logits_are_expected_are_noticed(tmp_path: Path, end: Any) -> None:
    with pytest.raises(SettingError, match=r"gives probabilities .* expects logits"):
        train(cr.Sequential(cr.Dense(2), end), (TABLE, CODES), tmp_path)
    assert not (tmp_path / "run").exists()


def test_l1_makes_weights_nothing(tmp_path: Path) -> None:
    """Of five features one matters: a Laplace prior leaves it, and takes the others to (nearly) 0; a Gaussian does not."""
    y = TABLE[:, 0] + 0.5 * np.random.default_rng(4).normal(size=240)

    def weights(name: str, **priors: float) -> Any:
        run = train("dense1", (TABLE, y), tmp_path / name, epochs=100, **priors)
        return np.abs(run.model.arrays["dense1/w"][:, 0])

    plain, sparse = weights("plain", l2=0), weights("l1", l2=0, l1=30)
    assert plain[1:].max() > 0.02
    assert sparse[1:].max() < 0.01
    assert sparse[0] > 0.5


def test_the_prior_on_many_outputs_is_that_on_each(tmp_path: Path) -> None:
    """The same target eight times: each output is learned as it is alone, no more held back."""
    y = TABLE[:, :1] + 0.3 * np.random.default_rng(5).normal(size=(240, 1))
    one = train("dense1", (TABLE, y), tmp_path / "one", epochs=100, l2=300).model.arrays["dense1/w"]
    many = train("dense8", (TABLE, np.tile(y, 8)), tmp_path / "many", epochs=100, l2=300).model.arrays["dense1/w"]
    assert one[0, 0] < 0.95  # held back, and that is what is compared
    np.testing.assert_allclose(many, np.tile(one, 8), atol=0.03)


def test_a_start_is_what_the_training_begins_with(tmp_path: Path) -> None:
    w = np.arange(10.0).reshape(5, 2)
    run = train("dense2", (TABLE, CODES), tmp_path, start={"dense1/w": w}, epochs=1, optimizer=cr.SGD(1e-9), l2=0)
    np.testing.assert_allclose(run.model.arrays["dense1/w"], w, atol=1e-5)
    assert run.about["settings"]["start"] == ["dense1/w"]
    with pytest.raises(UnknownName, match="there is no array of this network 'dense1/v'; did you mean"):
        train("dense2", (TABLE, CODES), tmp_path, start={"dense1/v": w})
    with pytest.raises(ShapeError, match=r"start: 'dense1/w' should be \(5, 2\), found \(2, 5\)"):
        train("dense2", (TABLE, CODES), tmp_path, start={"dense1/w": w.T})


@pytest.mark.parametrize("prepare", ["none", "standardise", "mean-image", "mean-channel", "pca0.9", "whiten", "zca"])
def test_a_preparation_is_fitted_on_the_training_part_and_kept(tmp_path: Path, prepare: str) -> None:
    data = cr.data.load("digits").take(slice(0, 300))
    run = train("flatten dense10", data, tmp_path, prepare=prepare, epochs=30)
    assert run.result["scores"]["test"]["accuracy"] > 0.75
    model = cr.load_model(run.checkpoint("best"))
    np.testing.assert_array_equal(model(data.x), run.model(data.x))
    train_part = data.split(0.1, 0.2, 0).train
    np.testing.assert_array_equal(model.preparation.input.mean, model.preparation.input.fit(train_part.x).mean)
    assert run.about["settings"]["prepare"]["name"] == prepare.rstrip("0.9").replace("-", "_")


def test_augmentation_is_of_the_training_only_and_repeatable(tmp_path: Path) -> None:
    data = cr.data.load("digits").take(slice(0, 200))
    runs = [
        train("flatten dense10", data, tmp_path / name, augment=augment, seed=seed)
        for name, augment, seed in (("a", "shift1 flip", 1), ("b", "shift1 flip", 1), ("c", (), 1))
    ]
    outputs = [run.model(data.x) for run in runs]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])
    assert [a["name"] for a in runs[0].about["settings"]["augment"]] == ["shift", "flip"]
    with pytest.raises(UnknownName, match="there is no augmentation 'shfit'; did you mean 'shift'"):
        train("flatten dense10", data, tmp_path / "d", augment="shfit1")
    with pytest.raises(DataError, match="needs images"):
        train("dense2", (TABLE, CODES), tmp_path / "e", augment="flip")


def test_targets_that_move_are_judged_where_they_are(tmp_path: Path) -> None:
    """An identity of images is learned to perfection whatever is flipped, and the training part's score says so."""
    x = np.random.default_rng(6).normal(size=(60, 6, 6)).astype(np.float32)
    run = train("conv1-1", (x, x), tmp_path, augment=(cr.data.Flip(p=1.0),), epochs=250, l2=0)
    assert run.metrics[-1]["train/r2"] > 0.95
    assert run.result["scores"]["validation"]["r2"] > 0.95


def test_codes_are_left_as_they_are_for_an_embedding(tmp_path: Path) -> None:
    x = np.random.default_rng(7).integers(0, 50, (600, 1))
    run = train("embed50-8 flatten dense2", (x, x[:, 0] % 2), tmp_path)
    assert run.result["scores"]["test"]["accuracy"] == 1
    model = cr.load_model(run.checkpoint("best"))
    with pytest.raises(DataError, match=r"expected codes 0 to 49, .* found 50 in row 1"):
        model.predict([[0], [50]])
    with pytest.raises(DataError, match=r"expected codes 0 to 49, .* found 0\.5 in row 0"):
        model.predict([[0.5]])
    with pytest.raises(SettingError, match="which reads codes as they are: leave prepare='standardise' out"):
        train("embed50-8 flatten dense2", (x, x[:, 0] % 2), tmp_path / "b", prepare="standardise")


def test_pixel_labels_move_with_their_pixels(tmp_path: Path) -> None:
    run = train("conv8-3 relu conv3-1", squares(), tmp_path, augment="flip shift2", epochs=40)
    assert run.result["scores"]["test"]["accuracy"] > 0.9
    assert run.metrics[-1]["train/accuracy"] > 0.9  # of the labels as they were moved


def test_a_broken_row_shows_itself_before_the_training(tmp_path: Path) -> None:
    """Even one of the test part, which is looked at last."""
    x = TABLE.astype(np.float32)
    test = cr.Dataset.of(TABLE, CODES).split(0.1, 0.2, 0).test
    assert test is not None
    x[test.where[-1]] = np.nan
    np.save(tmp_path / "x.npy", x)
    mapped = cr.Dataset(np.load(tmp_path / "x.npy", mmap_mode="r"), CODES)
    with pytest.raises(DataError, match=f"found nan in row {test.where[-1]}"):
        train("dense2", mapped, tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_memory_map_trains_to_the_same_bits(tmp_path: Path) -> None:
    """Read batch by batch, prepared batch by batch, and never loaded as a whole."""
    np.save(tmp_path / "x.npy", TABLE.astype(np.float32))
    mapped = cr.Dataset(np.load(tmp_path / "x.npy", mmap_mode="r"), CODES)
    assert isinstance(mapped.x, cr.data.Rows)
    held = train("dense8 relu dense2", (TABLE, CODES), tmp_path / "held")
    read = train("dense8 relu dense2", mapped, tmp_path / "read")
    for path, array in held.model.arrays.items():
        np.testing.assert_array_equal(read.model.arrays[path], array)
    assert read.result["scores"] == held.result["scores"]


def test_a_model_as_a_tensor_shows_every_gradient(tmp_path: Path) -> None:
    model = train("dense8 tanh dense2", (TABLE, CODES), tmp_path).model
    scores = model.tensor(TABLE[:4])
    np.testing.assert_allclose(np.asarray(scores), model(TABLE[:4]), rtol=1e-5)
    gradient = scores[1, 0].peek("x").gradient
    assert gradient.shape == (4, 5)
    assert np.abs(gradient[1]).min() > 0
    assert not gradient[[0, 2, 3]].any()


def test_files_of_the_first_version_are_read(tmp_path: Path) -> None:
    """They hold no task, loss or kind of preparation."""
    from chainrule.exchange import safetensors  # noqa: PLC0415

    model = train("dense2", (TABLE, CODES), tmp_path).model
    model.save(tmp_path / "new.safetensors")
    arrays, about = safetensors.load(tmp_path / "new.safetensors")
    old = {key: about[key] for key in ("format", "net", "shape", "classes", "columns", "target")}
    safetensors.save(tmp_path / "old.safetensors", arrays, old)
    np.testing.assert_array_equal(cr.load_model(tmp_path / "old.safetensors").predict(TABLE), model.predict(TABLE))
    assert json.loads(about["loss"])["name"] == "CrossEntropy"


def test_predicting_takes_what_the_training_took(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": TABLE[:, 0], "b": np.where(TABLE[:, 1] > 0, "up", "down"), "y": CODES})
    model = train(None, cr.data.load(frame, target="y"), tmp_path / "table").model
    turned = model.predict(frame[["b", "a"]])
    assert np.mean(turned == CODES) > 0.8
    np.testing.assert_array_equal(turned, model.predict(frame))
    refusing = train("dense2", (TABLE, CODES), tmp_path / "refusing").model
    for bad, sentence in (
        (np.inf, "found inf in row 1"),
        (np.nan, "found nan in row 1"),
        ("a", "expected numbers in x"),
    ):
        x = TABLE[:3].tolist()
        x[1][2] = bad
        with pytest.raises(DataError, match=sentence):
            refusing.predict(x)


def test_gaps_are_filled_at_prediction_as_in_training(tmp_path: Path) -> None:
    x = TABLE.astype(np.float32)
    x[::7, 2] = np.nan
    run = train("dense2", cr.Dataset.of(x, CODES, missing="fill"), tmp_path)
    model = cr.load_model(run.checkpoint("best"))
    filled = np.where(np.isnan(x), model.preparation.input.mean, x)
    np.testing.assert_allclose(model(x), model(filled), rtol=1e-5, atol=1e-6)
