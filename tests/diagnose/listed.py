"""What is found in the tune half of the zoo and in what is made by hand, a line a training: `findings.txt` beside this file.

    python tests/diagnose/listed.py        train them all (three minutes on two cores) and write the list anew

A line is the kind of training, its name, the first finding as it is printed, and the severity and rule of the others, with
tabs between them; a training in which nothing is found has none, and one that is refused has the sentence.
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
    """One line of the list; `kind` is sick, twin or healthy, `also` what is found besides, as "warning flat, note plateau"."""

    kind: str
    name: str
    told: str
    also: str = ""

    @property
    def rule(self) -> str:
        """Of the first finding; nothing of a refusal."""
        return "" if self.told.startswith("refused: ") else self.told.split(": ", 2)[1].split(",")[0]

    @property
    def found(self) -> list[tuple[str, str]]:
        """(severity, rule) of all findings."""
        if not self.rule:
            return []
        first = (self.told.split(":")[0], self.rule)
        return [first, *((severity, rule) for severity, rule in map(str.split, filter(None, self.also.split(", "))))]


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


def line_of(training: tuple[str, str]) -> Line | None:
    """Train it with seed 0, and ask; None where nothing is found."""
    kind, name = training
    with tempfile.TemporaryDirectory() as home, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of sick trainings overflow is no news
        run = _trained(kind, name, Path(home) / "run")
        if isinstance(run, cr.ChainruleError):
            return Line(kind, name, f"refused: {run}")
        findings = run.findings
    if not findings:
        return None
    return Line(kind, name, str(findings[0]), ", ".join(f"{other.severity} {other.rule}" for other in findings[1:]))


def _trained(kind: str, name: str, folder: Path) -> cr.Run | cr.ChainruleError:
    if name.startswith("by-hand/"):
        made = BY_HAND[name.removeprefix("by-hand/")]
        return made.twin(folder) if kind == "twin" else made.train(folder)
    case = next(case for case in cases("healthy" if kind == "healthy" else "sick", "tune") if case.name == name)
    return case.twin(0, folder) if kind == "twin" else case.train(0, folder)


def main() -> None:
    """Write the list."""
    with ProcessPoolExecutor(JOBS, get_context("spawn"), cr.set_threads, (1,)) as pool:
        lines = filter(None, pool.map(line_of, [*names()]))
        LIST.write_text("".join("\t".join(line).rstrip() + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
