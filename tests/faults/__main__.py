"""python -m tests.faults: train the zoo, ask what is wrong with each, and measure the answers.

python -m tests.faults --half tune --seeds 1 --only "dead*" --jobs 2
python -m tests.faults --half held --keep FOLDER       the run folders stay
python -m tests.faults --judge FOLDER                  those again, without training
python -m tests.faults --scores                        of sick, twin and healthy: whether the zoo itself is sound
"""

from __future__ import annotations

import argparse
import time
from fnmatch import fnmatch
from pathlib import Path

from .bars import table
from .judge import Asked, outcomes_of
from .zoo import cases


def main() -> None:
    """Read the options, go through the cases, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--half", choices=["tune", "held"])
    parser.add_argument("--kind", choices=["sick", "healthy"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="*", help="a pattern of names, such as 'deep-sigmoid/*' or '*spirals*'")
    parser.add_argument("--fix", action="store_true", help="cr.fix on what is curable")
    parser.add_argument("--scores", action="store_true", help="train the healthy twins, too")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="the folder that the runs are kept in")
    parser.add_argument("--judge", type=Path, help="a folder of kept runs: judge them again")
    asked = parser.parse_args()
    chosen = [case for case in cases(asked.kind, asked.half) if fnmatch(case.name, asked.only)]
    how = Asked(asked.fix, asked.scores, asked.keep, asked.judge)
    tasks = [(case, seed, how) for case in chosen for seed in range(asked.seeds)]
    started, outcomes = time.perf_counter(), []
    for outcome in outcomes_of(tasks, asked.jobs):
        print(outcome.line(), flush=True)
        outcomes.append(outcome)
    busy = sum(outcome.seconds for outcome in outcomes)
    print(
        f"\n{table(outcomes)}\n\n{len(outcomes)} trainings, {busy:.1f} s in them, {time.perf_counter() - started:.1f} s"
    )


if __name__ == "__main__":
    main()
