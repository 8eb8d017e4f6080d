"""The cured training, to be run again: as a Python script, and as a command where that can say it."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import Dataset
from ..errors import SettingError
from ..exchange.safetensors import write_whole
from ..optim import Adam
from ..parts import by_word
from ..run import Run
from ..schedule import Cosine
from ..train import NOT_SETTINGS, train
from .code import MAIN, Writer, notation
from .cures import Arguments

if TYPE_CHECKING:
    from .fixed import Fixed

# What `train` has by itself; None stands for these two.
DEFAULTS = {name: p.default for name, p in inspect.signature(train).parameters.items()}
DEFAULTS |= {"optimizer": Adam(0.003), "schedule": Cosine()}
LEFT = ("net", "data", *NOT_SETTINGS)
HELD = ("validation", "test")
OF_LOAD = {"target": "--target", "ignore": "--ignore", "task": "--task", "missing": "--missing"}
NUMBERS = ("epochs", "batch_size", "l2", "l1", "validation", "test", "seed", "engine", "class_weight")


def write_script(run: Run, fixed: Fixed) -> Path:
    """`cured.py` in the run's folder, or the next free number: what somebody may have changed stays."""
    text = script(fixed).encode()
    names = ("cured.py", *(f"cured-{i}.py" for i in range(2, 10_000)))
    name = next(n for n in names if not (run.folder / n).exists() or (run.folder / n).read_bytes() == text)
    run.write(name, lambda file: write_whole(file, text))
    return run.folder / name


def script(fixed: Fixed) -> str:
    """The script. What no text can hold, arrays, are parameters of its function."""
    writer, needed, lines = Writer(), ["data"], []
    for name, default in DEFAULTS.items():
        value = fixed.settings.get(name, default)
        if name in LEFT or value == default:
            continue
        try:
            lines.append(f"        {name}={writer.code(value)},")
        except SettingError:
            needed.append(name)
            lines.append(f"        {name}={name},")
    net = writer.code(fixed.settings["net"])
    own = [_import(*need) for need in sorted(writer.needs)]
    cures = "; ".join(map(str, fixed.chosen))
    return "\n".join(
        [
            f'"""The training of {fixed.folder.name}, cured: {cures}."""',
            "",
            *(["import sys", ""] if writer.folders else []),
            "import chainrule as cr",
            *(
                ["", *(f"sys.path.insert(0, {folder!r})" for folder in sorted(writer.folders))]
                if writer.folders
                else []
            ),
            *own,
            "",
            f"net = {net}",
            "",
            "",
            f"def cured({', '.join(needed)}, folder=None):",
            '    """The run of the cured training."""',
            "    return cr.train(",
            "        net,",
            "        data,",
            *lines,
            "        folder=folder,",
            "    )",
            "",
            "",
            'if __name__ == "__main__":',
            *_main(fixed.settings["data"], needed),
            "",
        ]
    )


def _main(data: Dataset, needed: list[str]) -> list[str]:
    """How it begins: with the data as they were loaded; what was in memory only must be put in."""
    if data.source is not None and needed == ["data"]:
        source = dict(data.source)
        options = "".join(f", {name}={_loaded(value)!r}" for name, value in source.items() if name != "source")
        return [f"    run = cured(cr.data.load({source['source']!r}{options}))", "    print(run.summary())"]
    missing = ", ".join(needed)
    return [f'    raise SystemExit("import this script and call cured({missing}): they were arrays in memory")']


def _loaded(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _import(module: str, name: str) -> str:
    if module == MAIN:
        return f"# your own {name} must be defined here, or imported"
    return f"from {module} import {name}"


def command_line(settings: Arguments) -> str:
    """The `chainrule train` that trains so; empty where it cannot say all."""
    try:
        return shlex.join(["chainrule", "train", *_words(settings)])
    except SettingError:
        return ""


def _words(settings: Arguments) -> list[str]:
    data, net = settings["data"].source, notation(settings["net"])
    if data is None or net is None or settings["start"]:
        raise SettingError("only files, words and numbers")
    words = [str(data["source"])]
    for name, option in OF_LOAD.items():
        found = data.get(name, ())
        words += [word for value in ([found] if isinstance(found, str) else found) for word in (option, str(value))]
    words += ["--size", *map(str, data["size"])] if "size" in data else []
    words += ["--signals"] if "signals" in data else []
    if "classes" in data:
        raise SettingError("the command has no option for the names of classes")
    words += ["--net", net, *_optimizer(settings["optimizer"])]
    for kind, option in (("losses", "loss"), ("schedules", "schedule")):
        words += _part(kind, option, settings[option])
    words += _plain("prepare", _worded(settings["prepare"])) + _plain("augment", _augment(settings["augment"]))
    for name in NUMBERS:
        value = settings[name]
        if value is None and name in HELD:
            value = 0.0
        if not isinstance(value, str | int | float | None):
            raise SettingError(f"{name} is not a number")
        words += [] if value == DEFAULTS[name] else _plain(name, str(value))
    return words + ([] if settings["shuffle"] else ["--no-shuffle"])


def _plain(name: str, value: str) -> list[str]:
    return [f"--{name.replace('_', '-')}", value] if value else []


def _worded(prepare: Any) -> str:
    return "" if prepare is None else str(prepare).replace("_", "-")


def _augment(chain: Any) -> str:
    """Words with all their numbers; only settings that are numbers have some."""
    words = []
    for one in chain:
        values = [getattr(one, f.name) for f in fields(one)]
        numbers = [v for v in values if isinstance(v, int | float)]
        word = type(one).word + "-".join(map(str, numbers))
        if values[: len(numbers)] != numbers or type(one)(*numbers) != one:
            raise SettingError(f"{one} has no word")
        words.append(word)
    return " ".join(words)


def _part(kind: str, option: str, part: Any) -> list[str]:
    """A loss or a schedule whose word says all: the one with its default settings."""
    if part == DEFAULTS[option]:
        return []
    return ["--" + option, _word(kind, part)]


def _word(kind: str, part: Any, **said: Any) -> str:
    """The word of a part which is what that word and these settings mean."""
    for word, made in by_word(kind).items():
        if made is type(part) and made(**said) == part:
            return word
    raise SettingError(f"{part} has no word")


def _optimizer(optimizer: Any) -> list[str]:
    """Its word and the settings that the command has options for."""
    if optimizer == DEFAULTS["optimizer"]:
        return []
    known = ("lr", "momentum", "nesterov", "clip_norm", "clip_value", "max_norm")
    values = {f.name: getattr(optimizer, f.name) for f in fields(optimizer)}
    said = {name: value for name, value in values.items() if name in known}
    words = ["--optimizer", _word("optimizers", optimizer, **said)]
    for name, value in said.items():
        if name == "nesterov":
            words += ["--nesterov"] if value else []
        elif value:
            words += _plain(name, repr(float(value)))
    return words
