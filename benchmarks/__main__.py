"""What chainrule costs, beside every peer that is installed, on the same work with the same threads, in turns.

    python -m benchmarks                                all of it: about half an hour
    python -m benchmarks steps --works small,lenet      the table of training steps, of two networks
    python -m benchmarks steps predict --peers torch    against one peer

README.md says what is measured, and how.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .machine import describe
from .measure import Missing, Options
from .parts import PARTS
from .works import WORKS


def names(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name for name in text.split(",") if name)


def arguments(words: list[str]) -> tuple[argparse.Namespace, Options]:
    """What is asked for."""
    raw = argparse.RawDescriptionHelpFormatter
    asked = argparse.ArgumentParser("python -m benchmarks", description=__doc__, formatter_class=raw)
    asked.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default all")
    asked.add_argument("--works", type=names, default=(), help=f"of {', '.join(WORKS)}; default all")
    asked.add_argument(
        "--peers", type=names, default=(), help="of torch, jax, onnxruntime, sklearn, or none; default all"
    )
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--rounds", type=int, default=3, help="turns of everyone in a repeat")
    asked.add_argument("--seconds", type=float, default=0.25, help="of a turn")
    asked.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait for a quiet machine, before each round"
    )
    asked.add_argument("--json", type=Path, default=Path("runs/benchmarks.json"), help="pictures are put beside it")
    asked.add_argument("--quick", action="store_true", help="one short repeat of the smallest work: does it run?")
    found = asked.parse_args(words)
    for given, known in ((found.parts, PARTS), (found.works, WORKS)):
        if unknown := [name for name in given if name not in known]:
            asked.error(f"expected some of {', '.join(known)}, found {', '.join(unknown)}")
    repeats, rounds, seconds = (1, 1, 0.02) if found.quick else (found.repeats, found.rounds, found.seconds)
    timing = (found.threads, repeats, rounds, seconds, found.patience)
    return found, Options(*timing, found.peers, found.works, found.quick)


def main(words: list[str]) -> int:
    """Measure, print and save; what was measured so far is saved after every part. How many parts failed."""
    asked, options = arguments(words)
    results = {"machine": describe(options.threads), "options": vars(options)}
    print("\n".join(f"{key}: {value}" for key, value in results["machine"].items() if value), end="\n\n")
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in asked.parts or PARTS:
        try:
            results[name] = PARTS[name].measure(options)
        except Missing as problem:
            print(f"{name} FAILED: chainrule or a peer ended in the middle of it: {problem}\n", flush=True)
            failed += 1
            continue
        print(f"\n{PARTS[name].show(results[name])}\n", flush=True)
        asked.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    from .plot import draw  # noqa: PLC0415  (matplotlib takes a second, and is only needed now)

    for file in (asked.json, *draw(results, asked.json.with_suffix(""))):
        print(f"written: {file}")
    if asked.quick:
        print("a quick run: it says that everything runs, not how fast, and bars are not of these works")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
