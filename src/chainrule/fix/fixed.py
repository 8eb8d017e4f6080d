"""Fixed: what cures came to, ranked; and the training with those that help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..diagnose.finding import Cure
from ..run import Run
from ..table import table
from ..train import train
from .cures import Arguments
from .trials import Trial, Verdict

ORDER: tuple[Verdict, ...] = ("gains", "lowers the loss", "no gain", "loses", "changes nothing", "does not fit")


@dataclass(frozen=True, eq=False)
class Fixed:
    """What `cr.fix` found. Print it for the ranking; `train()` trains with the cures that help.

    ranking   every cure that was tried alone, the best first: outcome before and after, gain, verdict
    added     what was tried on top of the best, in its order
    chosen    the cures that help together; none where nothing helped
    settings  the arguments of `cr.train`, with them
    """

    folder: Path
    ranking: tuple[Trial, ...]
    added: tuple[Trial, ...]
    chosen: tuple[Cure, ...]
    settings: Arguments
    measure: str
    about: str
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    script: Path | None = None
    command: str = ""

    def train(self, folder: str | Path | None = None, progress: bool = True) -> Run:
        """The whole training once more with the cures, on the run's own split."""
        return train(**dict(self.settings), folder=folder, progress=progress)

    def __str__(self) -> str:
        blocks = ["\n".join([*self.notes, self.about])]
        if self.ranking:
            blocks.append(self._table(self.ranking))
        if self.added:
            blocks.append(f"added to what helped before:\n{self._table(self.added)}")
        return "\n\n".join([*blocks, self._conclusion()])

    __repr__ = __str__

    def _table(self, trials: Sequence[Trial]) -> str:
        head = ["cure", f"{self.measure} before", "after", "gain", "loss", "seeds", "verdict"]
        lines = [head, *map(_cells, trials)]
        wide = max(len(line[-1]) for line in lines)
        return table([[*line[:-1], f"{line[-1]:<{wide}}"] for line in lines])

    def _conclusion(self) -> str:
        stopped = ["stopped by Ctrl-C; this is what was found until then"] if self.interrupted else []
        if not self.chosen:
            tried = "; ".join(dict.fromkeys(str(trial.cure) for trial in self.ranking))
            return "\n".join([*stopped, f"nothing helped beyond its spread. Tried: {tried or 'nothing'}"])
        last = next(t for t in reversed((*self.ranking, *self.added)) if (*t.beside, t.cure) == self.chosen)
        first = next(t for t in self.ranking if t.cure == self.chosen[0])
        lines = [*stopped, f"what helps: {'; '.join(map(str, self.chosen))}"]
        lines.append(f"{self.measure} {first.before:.3f} -> {last.after:.3f}")
        lines += [f"written: {self.script}"] if self.script else []
        return "\n".join([*lines, f"train with it:  {self.command}"] if self.command else lines)


def ranked(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The most helpful first; among equals those of the likelier cause."""
    return tuple(sorted(trials, key=lambda trial: (ORDER.index(trial.verdict), -trial.gain.mean)))


def _cells(trial: Trial) -> list[str]:
    if not trial.seeds:
        return [str(trial.cure), "", "", "", "", "", f"{trial.verdict}{': ' if trial.note else ''}{trial.note}"]
    spread = trial.fall.spread
    loss = f"{-trial.fall.mean:+.3f}" if math.isfinite(spread) else ""
    numbers = [f"{trial.before:.3f}", f"{trial.after:.3f}", str(trial.gain), loss, str(trial.seeds)]
    return [str(trial.cure), *numbers, trial.verdict]
