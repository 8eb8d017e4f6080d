"""Train a case, or open its kept run, and ask what is wrong with it; many at once."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import chainrule as cr

from .bars import Outcome
from .zoo import Case

REFUSED = "refused.txt"  # in a kept folder: the sentence, as there is no run


@dataclass(frozen=True)
class Asked:
    """Whether to cure and to train the twins, and the folders that runs are kept in or taken from."""

    fix: bool = False
    scores: bool = False
    keep: Path | None = None
    judge: Path | None = None


Task: TypeAlias = tuple[Case, int, Asked]


def outcomes_of(tasks: Sequence[Task], jobs: int) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks; every job is a process with one thread."""
    if jobs == 1:
        _begin()
        yield from map(_outcome, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin) as pool:
        yield from pool.map(_outcome, tasks)


def _begin() -> None:
    cr.set_threads(1)
    warnings.simplefilter("ignore")  # of a sick training overflow is no news


def _outcome(task: Task) -> Outcome:
    case, seed, asked = task
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(asked.judge or asked.keep or temporary)
        folder = home / f"{case.slug}-{seed}"
        began = time.perf_counter()
        run = _opened(folder) if asked.judge else case.train(seed, folder)
        seconds = time.perf_counter() - began
        if isinstance(run, str | cr.ChainruleError):
            if asked.keep:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / REFUSED).write_text(str(run), encoding="utf-8")
            return Outcome(case, seed, refused=str(run), seconds=seconds)
        found = tuple((f.rule, f.severity) for f in getattr(run, "findings", ()))
        cure = asked.fix and case.kind == "sick" and case.curable and case.harms
        twin = fixed = None
        if case.kind == "sick" and (asked.scores or cure):
            twin = case.healthy().score(case.twin(seed, Path(temporary) / "twin"), seed)
        if cure:
            # What is cured is the outcome on the case's own judging rows, prepared as the sick training's user had them.
            fixed = case.score(getattr(cr, "fix")(run, progress=False).train(Path(temporary) / "fixed"), seed)  # noqa: B009
        return Outcome(case, seed, "", found, case.score(run, seed), seconds, twin, fixed)


def _opened(folder: Path) -> cr.Run | str:
    """A kept run, or the sentence that refused it."""
    sentence = folder / REFUSED
    return sentence.read_text(encoding="utf-8") if sentence.exists() else cr.Run(folder)
