"""Run: the append-only record of one training, a folder of plain data that any program can read.

run.json                      settings, data, versions, seed: written once, before the first step
metrics.jsonl                 one line per epoch
facts.json                    what was measured before the first step and after the last, for `diagnose`
probes.jsonl                  figures of every layer, one line for each step that was looked at
checkpoints/best.safetensors  the model with the lowest validation loss
checkpoints/last.safetensors  the model and the optimiser's state after the last epoch
result.json                   written at the end: scores of every part, confusion matrix, most wrong examples
wrong.safetensors             the images of the most wrong examples
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from .errors import RunError
from .exchange import safetensors

METRICS, PROBES, FACTS = "metrics.jsonl", "probes.jsonl", "facts.json"
# Filled by modules above this one: "model", "summary", "report", "findings", "picture".
METHODS: dict[str, Callable[..., Any]] = {}


class Run:
    """A run folder, opened. `Run("runs/digits-1")` reads one, of this machine or another; `Run.create` begins one."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.origin: Mapping[str, Any] | None = None  # what `cr.train` was called with; of a folder nobody knows it
        if not (self.folder / "run.json").is_file():
            raise RunError(f"{self.folder}: not a run folder: there is no run.json in it")

    @classmethod
    def create(cls, folder: str | Path | None, name: str, about: Mapping[str, Any]) -> Run:
        """A new folder; by default `runs/<name>-<number>`. One that holds files already is refused."""
        chosen = Path(folder) if folder is not None else _next_free(Path("runs"), name)
        try:
            if chosen.exists() and (not chosen.is_dir() or any(chosen.iterdir())):
                raise RunError(f"{chosen}: exists and is not an empty folder; nothing is overwritten: choose another")
            (chosen / "checkpoints").mkdir(parents=True, exist_ok=True)
            safetensors.write_whole(chosen / "run.json", _json(about))
        except RunError:
            raise
        except OSError as problem:
            _remove_begun(chosen)
            raise cannot_write(chosen, problem) from None
        return cls(chosen)

    def discard(self) -> None:
        """Take back a run that could not begin, so that the same command works once there is space."""
        _remove_begun(self.folder)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Settings, data, versions and seed."""
        return _object(self.folder / "run.json")

    @property
    def metrics(self) -> list[dict[str, float]]:
        """One row per finished epoch; a torn last line is not an epoch."""
        return _lines(self.folder / METRICS)

    @property
    def probes(self) -> list[dict[str, float]]:
        """Figures of every layer at some steps: `step`, then `<layer>/<what>` as `chainrule.diagnose.probes` has them."""
        return _lines(self.folder / PROBES)

    @property
    def facts(self) -> dict[str, Any]:
        """What was measured before the first step and after the last; empty for a run of before there were facts."""
        file = self.folder / FACTS
        return _object(file) if file.exists() else {}

    @property
    def findings(self) -> Any:
        """What is wrong with this training, causes before what they cause: a list of `Finding`."""
        return METHODS["findings"](self)

    @property
    def result(self) -> dict[str, Any] | None:
        """Scores, confusion matrix and most wrong examples; None while the training is not finished."""
        file = self.folder / "result.json"
        return _object(file) if file.exists() else None

    def checkpoint(self, which: str) -> Path:
        """The file of checkpoint `best` or `last`."""
        return self.folder / "checkpoints" / f"{which}.safetensors"

    @property
    def model(self) -> Any:
        """The trained model: the checkpoint with the lowest validation loss."""
        return METHODS["model"](self)

    def picture(self, finding: Any) -> Any:
        """What a finding of this run rests on, its limit drawn in: a figure of matplotlib (`[picture]`)."""
        return METHODS["picture"](self, finding)

    def summary(self) -> str:
        """Scores of every part, the confusion matrix and the most wrong examples, as text."""
        return str(METHODS["summary"](self))

    def report(self, path: str | Path | None = None) -> Path:
        """Write the HTML report; by default `report.html` in the run folder."""
        return Path(METHODS["report"](self, path))

    def log(self, row: Mapping[str, float], probes: Iterable[Mapping[str, float]] = ()) -> None:
        """Append one epoch, and what was measured inside of it."""
        self._writing(lambda: self._append(PROBES, probes))
        self._writing(lambda: self._append(METRICS, [row]))

    def note(self, facts: Mapping[str, Any]) -> None:
        """Write the facts that are known by now."""
        self._writing(lambda: safetensors.write_whole(self.folder / FACTS, _json(facts)))

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result."""
        self._writing(lambda: safetensors.write_whole(self.folder / "result.json", _json(result)))

    def write(self, name: str, save: Callable[[Path], None]) -> None:
        """Write one more file of the folder; a full disk is a RunError, and what was there before stays."""
        self._writing(lambda: save(self.folder / name))

    def _append(self, name: str, rows: Iterable[Mapping[str, float]]) -> None:
        if text := "".join(json.dumps(row) + "\n" for row in rows):
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write(text)

    def _writing(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as problem:
            raise cannot_write(self.folder, problem) from None

    def __repr__(self) -> str:
        return f"<Run {self.folder}, {len(self.metrics)} epochs>"


def cannot_write(folder: Path, problem: OSError) -> RunError:
    """The sentence for a folder that is read-only, full, or no folder."""
    reason = problem.strerror or str(problem)
    return RunError(
        f"{folder}: the run folder cannot be written ({reason}): free some space or choose another with --folder"
    )


def _remove_begun(folder: Path) -> None:
    """Remove what is written before the first step, and the folders if nothing else is in them."""
    with suppress(OSError):
        for name in ("run.json", FACTS, "checkpoints/best.safetensors", "checkpoints/last.safetensors"):
            (folder / name).unlink(missing_ok=True)
        (folder / "checkpoints").rmdir()
        folder.rmdir()


def _next_free(parent: Path, name: str) -> Path:
    """`parent/name-1`, or one above the highest number there is."""
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    taken = [re.fullmatch(re.escape(stem) + r"-(\d+)", p.name) for p in parent.glob("*")] if parent.is_dir() else []
    return parent / f"{stem}-{max((int(m.group(1)) for m in taken if m), default=0) + 1}"


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _lines(file: Path) -> list[dict[str, float]]:
    """The whole lines of a JSON lines file; none where there is no file."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    try:
        return [json.loads(line) for line in lines if line.endswith("\n")]
    except json.JSONDecodeError as problem:
        raise RunError(f"{file}: a line is not JSON ({problem}); the run folder was changed by hand?") from None


def _object(file: Path) -> dict[str, Any]:
    """A JSON object from a file, or a RunError that names it."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise RunError(f"{file}: cannot be read: {problem}") from None
    if not isinstance(value, dict):
        raise RunError(f"{file}: expected a JSON object, found {type(value).__name__}")
    return value
