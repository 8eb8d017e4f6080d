"""fix: what the diagnosis proposes is tried, in short trainings beside each other, and only what helps is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..diagnose.finding import Finding
from ..run import Run
from ..train import Data

if TYPE_CHECKING:
    from .fixed import Fixed


def fix(
    run: Run | str | Path,
    *,
    data: Data | None = None,
    seeds: int = 3,
    most: int = 1000,
    findings: Sequence[Finding] | None = None,
    progress: bool = True,
) -> Fixed:
    """Try the cures of a run's findings, and give those that help, with the training that has them.

        fixed = cr.fix(run)           # or cr.fix("runs/digits-1")
        print(fixed)                  # the ranking
        better = fixed.train()

    Every cure is tried in short trainings, with it and without, on the same rows from the same seeds; the difference of the
    outcome (the mean recall of the classes, the F1 of labels, the R2 of numbers) is its gain. It counts only beyond its
    spread: 95% of Student's t over the seeds, and of what the judged rows leave open. What is unclear is tried with as many
    seeds again. Then the others are tried on top of the best, until nothing gains. The run's test rows are never looked at.

    run       a Run, or its folder. What `cr.train` gave remembers everything; a folder, all but arrays
    data      the data, where the folder of the run does not say where they are: (x, y), a Dataset, or a path, read with the
              run's own options
    seeds     trainings of each, at least 2
    most      steps of a training at most; a longer one is shortened, its schedule with it
    findings  default: those of the run. Where there are none, usual suspects are tried

    Where something helps, `cured.py` is written into the run's folder: a script with the cured training.
    Ctrl-C ends it with the ranking so far.

    Raises DataError for data that are not those of the run, RunError for a folder that does not say enough.
    """
    from .protocol import fixed  # noqa: PLC0415  (trainings do without; `import chainrule` should not wait for it)

    return fixed(run, data, seeds, most, findings, progress)
