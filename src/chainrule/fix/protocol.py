"""The whole of `fix`: the run's training again, the cures of its findings, what helps, written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from ..diagnose.finding import CURES, Cure, Finding
from ..errors import UnknownName, is_whole, require
from ..interrupt import Interrupt
from ..run import Run
from ..train import Data
from .bench import Bench
from .fixed import Fixed, ranked
from .measure import NAMES
from .origin import case_of
from .script import command_line, write_script
from .trials import Trials

# Where nothing was found, or what was found has no cure: what most often holds a training back.
USUAL = (Cure("lr", 0.1), Cure("lr", 10), Cure("epochs", 3), Cure("prepare"), Cure("batch_norm"), Cure("wider", 2))
FEW = 100  # judged rows below which the loss breaks a tie


def fixed(
    run: Run | str | Path, data: Data | None, seeds: int, most: int, findings: Sequence[Finding] | None, progress: bool
) -> Fixed:
    """As `cr.fix` describes."""
    require("fix", "seeds", seeds, is_whole(seeds, 2), "an int of at least 2, to know a spread")
    require("fix", "most", most, is_whole(most, 1), "an int of at least 1")
    run = run if isinstance(run, Run) else Run(run)
    case, notes = case_of(run, data)
    found: Sequence[Finding] = run.findings if findings is None else findings
    cures = cures_of(found)
    if not cures:
        why = "the run has no finding" if not found else "no finding of the run has a cure that can be tried"
        notes.append(f"{why}: tried are the usual suspects")
    # Inside of `Interrupt` a Ctrl-C waits for the training in progress to be cleared away.
    with TemporaryDirectory(prefix="chainrule-fix-") as room, Interrupt() as interrupt:
        bench = Bench(case, most, [finding.rule for finding in found], Cure("split") in cures, Path(room))
        trials, interrupted = _tried(bench, cures or USUAL, seeds, bool(cures), progress, interrupt)
    alone, added = ([t for t in trials.done if bool(t.beside) is later] for later in (False, True))
    result = Fixed(
        run.folder,
        ranked(alone),
        tuple(added),
        trials.chosen,
        trials.case.arguments,
        NAMES[case["data"].task],
        bench.about(),
        tuple(notes),
        interrupted,
    )
    return _written(run, result) if trials.chosen else result


def cures_of(findings: Sequence[Finding]) -> list[Cure]:
    """All cures, each once, those of the likeliest cause first; UnknownName for one that there is not."""
    found = list(dict.fromkeys(cure for finding in findings for cure in finding.cures))
    for cure in found:
        if cure.name not in CURES:
            raise UnknownName("cure", cure.name, CURES)
    return found


def _tried(
    bench: Bench, cures: Sequence[Cure], seeds: int, found: bool, progress: bool, interrupt: Interrupt
) -> tuple[Trials, bool]:
    """The trials, and whether Ctrl-C ended them. Of cures that were `found` the loss may decide, if few rows judge."""
    planned = (len(cures) + 1) * seeds
    with tqdm(total=planned, unit="training", disable=None if progress else True, leave=False) as bar:

        def tell(what: str, done: int) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.total = max(bar.total or 0, bar.n + done)  # what is unclear takes more than was planned
            bar.update(done)
            if interrupt.wished:
                raise KeyboardInterrupt

        trials = Trials(bench, seeds, tell, by_loss=found and len(bench.judged) < FEW)
        try:
            trials.run(cures)
        except KeyboardInterrupt:
            return trials, True
    return trials, False


def _written(run: Run, result: Fixed) -> Fixed:
    """With the script and the command line that train so."""
    script = write_script(run, result)
    return replace(result, script=script, command=command_line(result.settings) or f"python {script}")
