"""All that is found in the tune half of the zoo and in what is made by hand, a line each: `findings.txt` beside this file.

    python tests/diagnose/listed.py        train them all (a minute on two cores) and write the list anew

A line is the kind of training, its name, and the finding as it is printed, with a tab between them; a training in which
nothing is found has none, and one that is refused has the sentence.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
LIST = HERE / "findings.txt"
sys.path[:0] = [str(HERE), str(HERE.parent)]
from by_hand import BY_HAND  # noqa: E402
from faults.zoo import cases  # noqa: E402

import chainrule as cr  # noqa: E402

JOBS = 2


class Line(NamedTuple):
    """One line of the list; `kind` is sick, twin or healthy."""

    kind: str
    name: str
    told: str

    @property
    def rule(self) -> str:
        """Of the finding; nothing of a refusal."""
        return "" if self.told.startswith("refused: ") else self.told.split(": ", 2)[1].split(",")[0]


def listed() -> list[Line]:
    """The list as it was written."""
    return [Line(*line.split("\t")) for line in LIST.read_text(encoding="utf-8").splitlines()]


def names() -> Iterator[tuple[str, str]]:
    """(kind, name) of every training."""
    for case in cases("sick", "tune"):
        yield from (("sick", case.name), ("twin", case.name))
    yield from (("healthy", case.name) for case in cases("healthy", "tune"))
    for name in BY_HAND:
        yield from (("sick", f"by-hand/{name}"), ("twin", f"by-hand/{name}"))


def lines_of(training: tuple[str, str]) -> list[Line]:
    """Train it with seed 0, and ask."""
    kind, name = training
    with tempfile.TemporaryDirectory() as home, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of sick trainings overflow is no news
        run = _trained(kind, name, Path(home) / "run")
        if isinstance(run, cr.ChainruleError):
            return [Line(kind, name, f"refused: {run}")]
        return [Line(kind, name, str(finding)) for finding in run.findings]


def _trained(kind: str, name: str, folder: Path) -> cr.Run | cr.ChainruleError:
    if name.startswith("by-hand/"):
        made = BY_HAND[name.removeprefix("by-hand/")]
        return made.twin(folder) if kind == "twin" else made.train(folder)
    case = next(case for case in cases("healthy" if kind == "healthy" else "sick", "tune") if case.name == name)
    return case.twin(0, folder) if kind == "twin" else case.train(0, folder)


def main() -> None:
    """Write the list."""
    with ProcessPoolExecutor(JOBS, get_context("spawn"), cr.set_threads, (1,)) as pool:
        lines = [line for of_training in pool.map(lines_of, [*names()]) for line in of_training]
    LIST.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
