"""The command `chainrule`. A user's mistake is one sentence and exit code 2, never a traceback.

Exit codes: 0 done; 1 a bug of ours; 2 something in the command or its files does not fit; 130 ended by Ctrl-C, with what
was learned until then saved.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

import click
import numpy as np

from . import data as data_room
from .data import Features
from .engine import engines as all_engines
from .errors import ChainruleError, ModelError, SettingError
from .layers import Layer
from .model import Model, load_model
from .optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from .run import Run
from .train import train as run_training
from .version import __version__

OPTIMIZERS: dict[str, type[Optimizer]] = {o.__name__.lower(): o for o in (AdaGrad, Adam, AdamW, RMSProp, SGD)}
INTERRUPTED = 130


class Sentences(click.Group):
    """Commands whose mistakes come out as sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ChainruleError as problem:
            raise Mistake(str(problem)) from problem


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
@click.option("--target", help="Column of a table to predict.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Column to leave out; may be given again.")
@click.option("--task", type=click.Choice(["auto", "classes", "numbers"]), default="auto", help="What the target is.")
@click.option("--net", help='Layers, "conv32-3 bn relu pool2 flatten dense10", or a Python file that defines `net`.')
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), default="adam")
@click.option("--lr", type=float, default=0.003, help="Learning rate at its highest.")
@click.option("--momentum", type=float, help="Momentum of sgd.")
@click.option("--epochs", type=int, help="Passes over the training part  [default: about 2,000 steps]")
@click.option("--batch-size", type=int, default=32, help="Rows in a step.")
@click.option("--l2", type=float, help="Precision of the weights' prior  [default: by the task]")
@click.option("--validation", type=float, default=0.1, help="Share of the rows that chooses the epoch.")
@click.option("--test", type=float, default=0.2, help="Share of the rows that is looked at once, at the end.")
@click.option("--seed", type=int, default=0, help="One seed, one result.")
@click.option("--folder", type=click.Path(), help="Where the run is recorded  [default: runs/NAME-NUMBER]")
@click.option("--engine", default="auto", help="See `chainrule engines`.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(
    source: str,
    target: str | None,
    ignore: Sequence[str],
    task: Literal["auto", "classes", "numbers"],
    net: str | None,
    optimizer: str,
    lr: float,
    momentum: float | None,
    quiet: bool,
    **settings: Any,
) -> None:
    """Train on SOURCE: digits, a .csv or .tsv table, an .npz file, or an IDX file of images."""
    dataset = data_room.load(source, target=target, ignore=ignore, task=task)
    click.echo(f"{dataset.name}: {dataset.describe()}")
    if types := dataset.types():
        click.echo(types)
    run = run_training(
        load_net(net), dataset, optimizer=_optimizer(optimizer, lr, momentum), progress=not quiet, **settings
    )
    click.echo(run.summary())
    click.echo(f"\nlook closer:  chainrule report {run.folder}")
    if (run.result or {}).get("status") == "interrupted":
        sys.exit(INTERRUPTED)


def _optimizer(name: str, lr: float, momentum: float | None) -> Optimizer:
    if momentum is None:
        return OPTIMIZERS[name](lr)
    if name != "sgd":
        raise SettingError(f"--momentum is a setting of sgd, and the optimiser is {name}: add --optimizer sgd")
    return SGD(lr, momentum)


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
    """Predict every row of FILE with a trained model; the result is a CSV."""
    load_net(net)
    model = open_model(source)
    rows = data_room.load_like(file, model.preparation.columns, target=model.preparation.target_name)
    table = predictions(model, rows)  # complete before anything is written
    if output is None:
        write_csv(sys.stdout, table)
        return
    try:
        with output.open("x", newline="", encoding="utf-8") as out:
            write_csv(out, table)
    except FileExistsError:
        raise SettingError(f"{output}: exists already, and nothing is overwritten: choose another --output") from None
    except OSError as problem:
        raise SettingError(f"{output}: cannot be written: {problem.strerror or problem}") from None


def predictions(model: Model, rows: Features) -> list[list[Any]]:
    """A header and a line for each row: where it stands in its file, and what is predicted."""
    place = "line" if model.preparation.columns else "index"
    if not model.classes:
        numbers = model.predict(rows.x)
        name = model.preparation.target_name or "predicted"
        names = [name] if numbers.shape[1] == 1 else [f"{name}_{i}" for i in range(numbers.shape[1])]
        return [[place, *names], *([int(w), *row] for w, row in zip(rows.where, numbers.tolist(), strict=True))]
    probabilities = model.predict_proba(rows.x)
    codes = np.argmax(probabilities, axis=-1)
    chosen = zip(rows.where, codes, probabilities, strict=True)
    return [[place, "predicted", "probability"], *([int(w), model.classes[c], f"{p[c]:.6f}"] for w, c, p in chosen)]


def write_csv(out: TextIO, table: Iterable[list[Any]]) -> None:
    """Lines end as the platform's text files do."""
    csv.writer(out, lineterminator="\n").writerows(table)


@command.command()
@click.argument("folder", metavar="RUN")
@click.option("--output", type=click.Path(path_type=Path), help="The HTML file  [default: report.html in the run]")
def report(folder: str, output: Path | None) -> None:
    """Write what a run has to tell as one HTML file that needs no network."""
    click.echo(f"written: {Run(folder).report(output)}")


@command.command()
def engines() -> None:
    """Which engines this install has, and why one is missing."""
    for engine in all_engines():
        click.echo(f"{engine.name:<10} {'ready' if engine.ready else 'runs no graphs'}: {engine.about}")
