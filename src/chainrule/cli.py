"""The command `chainrule`. A user's mistake is one sentence and exit code 2, never a traceback.

Exit codes: 0 done; 1 a bug of ours; 2 something in the command or its files does not fit; 130 ended by Ctrl-C, with what
was learned until then saved.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias, get_args

import click
import numpy as np

from . import data as data_room
from .choices import FROM_TARGET, GIVEN
from .data import Dataset, Features, parse_augment
from .engine import engines as all_engines
from .errors import ChainruleError, ModelError, SettingError
from .fix import fix as try_cures
from .layers import Layer
from .loss import BY_TASK
from .lr_range import lr_range as find_lr
from .model import Model, load_model
from .optim import Optimizer
from .parts import TABLES, by_word, tables
from .picture.text import findings_text
from .run import Run
from .train import train as run_training
from .version import __version__

INTERRUPTED = 130
LOSS_WORDS, OPTIMIZERS, SCHEDULES = (by_word(kind) for kind in ("losses", "optimizers", "schedules"))
OF_DATA = ("target", "ignore", "task", "missing", "size", "signals")
OPTIMIZER_OPTIONS = ("optimizer", "lr", "momentum", "nesterov", "clip_norm", "clip_value", "max_norm")


Command: TypeAlias = Callable[..., Any]
# Options that several commands have.
DATA = (
    click.option("--target", multiple=True, metavar="COLUMN", help="Column of a table to predict; may be given again."),
    click.option("--ignore", multiple=True, metavar="COLUMN", help="Column to leave out; may be given again."),
    click.option(
        "--task", type=click.Choice(get_args(data_room.TaskChoice)), default="auto", help="What the target is."
    ),
    click.option(
        "--missing",
        type=click.Choice(["refuse", "fill"]),
        default="refuse",
        help="fill: numbers get the column's mean, categories none.",
    ),
    click.option("--size", type=int, nargs=2, metavar="H W", help="Bring all images to this size."),
    click.option("--signals", is_flag=True, help="Arrays (rows, length, channels) are signals, not images."),
)
NETWORK = (
    click.option(
        "--net", help='Layers, "conv32-3 bn relu pool2 flatten dense10", or a Python file that defines `net`.'
    ),
    click.option("--loss", type=click.Choice(list(LOSS_WORDS)), help="What is made small  [default: by the target]"),
    click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), default="adam"),
)
LIMITS = (
    click.option("--momentum", type=float, help="Momentum of sgd."),
    click.option("--nesterov", is_flag=True, help="Nesterov's momentum, of sgd."),
    click.option("--clip-norm", type=float, help="Largest norm of all gradients together."),
    click.option("--clip-value", type=float, help="Largest element of a gradient."),
    click.option("--max-norm", type=float, help="Largest norm of the weights into a unit."),
)
STEP = (
    click.option("--batch-size", type=int, default=32, help="Rows in a step."),
    click.option("--l2", type=float, help="Precision of the weights' prior  [default: by the task]"),
    click.option("--l1", type=float, default=0.0, help="Inverse scale of a Laplace prior on the weights."),
    click.option("--class-weight", type=click.Choice(["balanced"]), help="Every class counts as much as any other."),
    click.option(
        "--prepare", help="standardise, mean-image, mean-channel, pca0.95, whiten, zca, none  [default: standardise]"
    ),
)
SPLIT = (
    click.option("--validation", type=float, default=0.1, help="Share of the rows that chooses the epoch."),
    click.option("--test", type=float, default=0.2, help="Share of the rows that is looked at once, at the end."),
    click.option("--seed", type=int, default=0, help="One seed, one result."),
)


def options(*chosen: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several of them, in their order."""
    return lambda function: reduce(lambda made, option: option(made), reversed(chosen), function)


class Sentences(click.Group):
    """Commands whose mistakes come out as sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ChainruleError as problem:
            raise Mistake(str(problem)) from problem
        except KeyboardInterrupt:  # before there is anything to keep: else it was a wish
            sys.exit(INTERRUPTED)


class Mistake(click.ClickException):
    """Something in the command or its files does not fit."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"chainrule: {self.message}", err=True)


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__)
def command() -> None:
    """Neural networks you can see through."""


@command.command()
@click.argument("source")
@options(*DATA, *NETWORK)
@click.option("--lr", type=float, default=0.003, help="Learning rate at its highest.")
@options(*LIMITS)
@click.option("--schedule", type=click.Choice(list(SCHEDULES)), default="cosine", help="How the learning rate moves.")
@click.option("--epochs", type=int, help="Passes over the training part  [default: about 2,000 steps]")
@options(*STEP)
@click.option("--augment", default="", help='Changes to training images, "shift1 rotate10 flip".')
@click.option("--shuffle/--no-shuffle", default=True, help="A new order of the rows in every epoch.")
@options(*SPLIT)
@click.option("--folder", type=click.Path(), help="Where the run is recorded  [default: runs/NAME-NUMBER]")
@click.option("--engine", default="auto", help="See `chainrule engines`.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(source: str, net: str | None, loss: str | None, schedule: str, quiet: bool, **settings: Any) -> None:
    """Train on SOURCE: digits, a table (.csv, .tsv, .parquet), arrays (.npz, .npy), or images (IDX, CIFAR, a folder)."""
    settings |= {"augment": parse_augment(settings["augment"]), "prepare": settings["prepare"] or None}
    dataset = _load(source, **{name: settings.pop(name) for name in OF_DATA})
    click.echo(f"{dataset.name}: {dataset.describe()}")
    if types := dataset.types():
        click.echo(types)
    optimizer = _optimizer(**{name: settings.pop(name) for name in OPTIMIZER_OPTIONS})
    chosen = LOSS_WORDS[loss]() if loss else None
    click.echo(f"loss: {(chosen or BY_TASK[dataset.task]).told()}, {GIVEN if loss else FROM_TARGET}")
    run = run_training(
        load_net(net),
        dataset,
        loss=chosen,
        optimizer=optimizer,
        schedule=SCHEDULES[schedule](),
        progress=not quiet,
        **settings,
    )
    click.echo(run.summary())
    if any(finding.severity != "note" for finding in run.findings):
        click.echo(f"\nwhat is wrong:  chainrule diagnose {run.folder}\nwhat helps:     chainrule fix {run.folder}")
    click.echo(f"\nlook closer:  chainrule report {run.folder}")
    if (run.result or {}).get("status") == "interrupted":
        sys.exit(INTERRUPTED)


def _load(source: str, target: Sequence[str], **options: Any) -> Dataset:
    """The data that the options describe."""
    return data_room.load(source, target=target[0] if len(target) == 1 else tuple(target) or None, **options)


def _optimizer(optimizer: str, momentum: float | None, nesterov: bool, **settings: float | None) -> Optimizer:
    """The optimiser that the options describe."""
    sgd = {} if momentum is None else {"momentum": momentum}
    sgd |= {"nesterov": True} if nesterov else {}
    if sgd and optimizer != "sgd":
        raise SettingError(
            f"--{next(iter(sgd))} is a setting of sgd, and the optimiser is {optimizer}: add --optimizer sgd"
        )
    made: Optimizer = OPTIMIZERS[optimizer](**settings, **sgd)
    return made


def load_net(source: str | None) -> Layer | str | None:
    """`--net`: the notation, or a Python file that defines `net`. Only a file that the user names is executed."""
    if source is None or not source.endswith(".py"):
        return source
    path = Path(source)
    if not path.is_file():
        raise SettingError(f"{path}: no such file; --net takes a Python file or layers such as 'dense64 relu dense10'")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise SettingError(f"{path}: running it failed: {type(problem).__name__}: {problem}") from problem
    net = getattr(module, "net", None)
    if not isinstance(net, Layer):
        found = "nothing of that name" if net is None else type(net).__name__
        raise SettingError(f"{path}: should define `net`, a layer such as cr.Sequential(...); found {found}")
    return net


@command.command()
@click.argument("source", metavar="RUN|MODEL")
@click.option("--net", help="Python file that defines the model's own layers.")
def show(source: str, net: str | None) -> None:
    """Layers, shapes, parameter counts and what one output sees, of a run or a model file."""
    load_net(net)
    click.echo(open_model(source).summary())


def open_model(source: str) -> Model:
    """The model of a run folder or of a model file."""
    path = Path(source)
    if not path.exists():
        raise ModelError(f"{path}: there is no such run folder or model file")
    model = Run(path).model if path.is_dir() else load_model(path)
    assert isinstance(model, Model)
    return model


@command.command()
@click.argument("source", metavar="RUN|MODEL")
@click.argument("file")
@click.option("--output", type=click.Path(path_type=Path), help="Write the CSV here instead of printing it.")
@click.option("--net", help="Python file that defines the model's own layers.")
def predict(source: str, file: str, output: Path | None, net: str | None) -> None:
    """Predict every row of FILE with a trained model; the result is a CSV, of a class for each pixel an .npy file."""
    load_net(net)
    model = open_model(source)
    preparation = model.preparation
    if preparation.positions and (output is None or output.suffix != ".npy"):
        size = "x".join(map(str, preparation.positions))
        raise SettingError(f"the model gives a class for each of {size} positions: add --output FILE.npy")
    names = preparation.target_names
    rows = data_room.load_like(
        file,
        preparation.columns,
        target=names[0] if len(names) == 1 else "",
        shape=preparation.shape,
        missing=preparation.missing,
    )
    make = _position_classes if preparation.positions else _as_csv
    content = make(model, rows)  # complete before anything of it is in a file
    if output is not None:
        _new_file(output, content)
    else:
        click.echo(content, nl=False)


def _as_csv(model: Model, rows: Features) -> bytes:
    """Predictions as text; lines end as the platform's text files do."""
    text = io.StringIO()
    csv.writer(text, lineterminator=os.linesep).writerows(predictions(model, rows))
    return text.getvalue().encode()


def _position_classes(model: Model, rows: Features) -> bytes:
    """The most probable classes as an .npy file: a CSV has no place for images."""
    file = io.BytesIO()
    np.save(file, model.predict(rows.x))
    return file.getvalue()


def _new_file(output: Path, content: bytes) -> None:
    try:
        with output.open("xb") as out:
            out.write(content)
    except FileExistsError:
        raise SettingError(f"{output}: exists already, and nothing is overwritten: choose another --output") from None
    except OSError as problem:
        raise SettingError(f"{output}: cannot be written: {problem.strerror or problem}") from None


def predictions(model: Model, rows: Features) -> list[list[Any]]:
    """A header and a line for each row: where it stands in its file, and what is predicted."""
    head, told = PREDICTED[model.preparation.task](model, rows.x)
    return [[rows.place, *head], *([int(w), *row] for w, row in zip(rows.where, told, strict=True))]


def _predicted_classes(model: Model, x: Any) -> tuple[list[str], list[list[Any]]]:
    """The most probable class of each row and, unless the loss gives scores only, its probability."""
    prediction = model.outputs(x)["prediction"]
    codes = np.argmax(prediction, axis=-1)
    if not model.loss.from_logits:
        return ["predicted"], [[model.classes[c]] for c in codes]
    return ["predicted", "probability"], [
        [model.classes[c], f"{p[c]:.6f}"] for c, p in zip(codes, prediction, strict=True)
    ]


def _predicted_labels(model: Model, x: Any) -> tuple[list[str], list[list[Any]]]:
    """The probability of each label."""
    return [str(name) for name in model.classes], [[f"{p:.6f}" for p in row] for row in model.predict_proba(x)]


def _predicted_numbers(model: Model, x: Any) -> tuple[list[str], list[list[Any]]]:
    """The numbers of each row; those of an array for each row in their order."""
    numbers = model.predict(x)
    numbers = numbers.reshape(len(numbers), -1)
    names = model.preparation.target_names or ("predicted",)
    if len(names) != numbers.shape[1]:
        names = tuple(f"{names[0]}_{i}" for i in range(numbers.shape[1]))
    return [*names], numbers.tolist()


PREDICTED = {"classes": _predicted_classes, "labels": _predicted_labels, "numbers": _predicted_numbers}


@command.command()
@click.argument("folder", metavar="RUN")
@click.option("--output", type=click.Path(path_type=Path), help="The HTML file  [default: report.html in the run]")
def report(folder: str, output: Path | None) -> None:
    """Write what a run has to tell as one HTML file that needs no network."""
    click.echo(f"written: {Run(folder).report(output)}")


@command.command()
@click.argument("folder", metavar="RUN")
def diagnose(folder: str) -> None:
    """What is wrong with a run, why it matters and what to do: causes before what they cause, notes last."""
    click.echo(findings_text(Run(folder)))


@command.command()
@click.argument("folder", metavar="RUN")
@click.option("--data", metavar="SOURCE", help="Where the data are now, if they moved.")
@click.option("--seeds", type=int, default=3, help="Trainings with and without each cure.")
@click.option("--most", type=int, default=1000, help="Steps of such a training.")
@click.option("--net", help="Python file that defines the network's own layers.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def fix(folder: str, data: str | None, seeds: int, most: int, net: str | None, quiet: bool) -> None:
    """Try the cures of what is wrong with a run, and tell which of them help, by how much."""
    load_net(net)
    fixed = try_cures(folder, data=data, seeds=seeds, most=most, progress=not quiet)
    click.echo(str(fixed))
    if fixed.interrupted:
        sys.exit(INTERRUPTED)


@command.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(TABLES)), metavar=f"[{'|'.join(TABLES)}]...")
def parts(kinds: Sequence[str]) -> None:
    """What there is to build with: names, words for --net and other options, formulas, sources."""
    click.echo(tables(kinds or TABLES))


@command.command("lr-range")
@click.argument("source")
@options(*DATA, *NETWORK, *LIMITS, *STEP, *SPLIT)
@click.option("--low", type=float, default=1e-6, help="First learning rate.")
@click.option("--high", type=float, default=10.0, help="Last learning rate.")
@click.option("--steps", type=int, default=200, help="Steps from the first to the last.")
@click.option("--seeds", type=int, default=3, help="How many times, from other initial weights.")
@click.option("--output", type=click.Path(path_type=Path), help="Draw the curve into this .svg or .png file.")
@click.option("--engine", default="auto", help="See `chainrule engines`.")
def lr_range(source: str, net: str | None, loss: str | None, output: Path | None, **settings: Any) -> None:
    """Which learning rate to train with: the rate rises step by step until the loss does, too."""
    settings["prepare"] = settings["prepare"] or None
    dataset = _load(source, **{name: settings.pop(name) for name in OF_DATA})
    optimizer = _optimizer(lr=1.0, **{name: settings.pop(name) for name in OPTIMIZER_OPTIONS if name != "lr"})
    chosen = LOSS_WORDS[loss]() if loss else None
    found = find_lr(load_net(net), dataset, loss=chosen, optimizer=optimizer, **settings)
    click.echo(str(found))
    if output is not None:
        click.echo(f"written: {found.save(output)}")
    if found.suggestion is not None:
        click.echo(f"\ntrain with it:  chainrule train {source} ... --lr {found.suggestion:.2g}")


@command.command()
def engines() -> None:
    """Which engines this install has, and why one is missing."""
    for engine in all_engines():
        click.echo(f"{engine.name:<10} {'ready' if engine.ready else 'runs no graphs'}: {engine.about}")
