"""Which cures help: each is tried alone, then the others on top of the best, always paired with what it is added to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from ..diagnose.finding import Cure
from ..errors import ChainruleError
from .bench import Bench
from .cures import Case
from .measure import LEAST, LOWER, Gain, Outcome, fall_of_loss, gain

Verdict: TypeAlias = Literal["gains", "lowers the loss", "no gain", "loses", "changes nothing", "does not fit"]
NONE = Gain(0.0, 0.0)
Tell: TypeAlias = Callable[[str, int], None]  # what is tried, and how many trainings are done of it


@dataclass(frozen=True)
class Trial:
    """A cure, what it was added to, and what came of it: the gain of the outcome, the fall of the loss."""

    cure: Cure
    beside: tuple[Cure, ...] = ()
    before: float = float("nan")
    after: float = float("nan")
    gain: Gain = NONE
    fall: Gain = NONE
    seeds: int = 0
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """In words. The loss decides only where the outcome does not say that things are worse."""
        if self.note:
            return "does not fit"
        if not self.seeds:
            return "changes nothing"
        if self.gain.sure:
            return "gains"
        if self.gain.mean < -max(self.gain.spread, LEAST):
            return "loses"
        lower = self.fall.mean > max(self.fall.spread, LOWER) and self.gain.mean > -LEAST
        return "lowers the loss" if lower else "no gain"


@dataclass
class Trials:
    """All that was tried, in its order, and what was chosen of it. With `by_loss` a lower loss is enough to be chosen."""

    bench: Bench
    seeds: int
    tell: Tell
    by_loss: bool = False
    done: list[Trial] = field(default_factory=list)
    chosen: tuple[Cure, ...] = ()
    case: Case = field(init=False)

    def __post_init__(self) -> None:
        self.case = self.bench.case

    def run(self, cures: Sequence[Cure]) -> None:
        """Each alone; then, while something helps, all the others on top of the best."""
        rivals = list(dict.fromkeys(cures))
        wanted: tuple[Verdict, ...] = ("gains", "lowers the loss") if self.by_loss else ("gains",)
        while rivals:
            tried = [(self._tried(cure), cure) for cure in rivals]
            helpful = [trial for trial, _ in tried if trial.verdict in wanted]
            if not helpful:
                return
            best = max(helpful, key=lambda trial: (trial.verdict == "gains", trial.gain.mean, trial.fall.mean))
            cured = self.case.cured(best.cure)
            assert cured is not None
            self.case, self.chosen = cured, (*self.chosen, best.cure)
            wanted = (best.verdict,)
            # Other values of the same setting were compared with the best.
            rivals = [
                cure for trial, cure in tried if cure.name != best.cure.name and trial.verdict != "changes nothing"
            ]

    def _tried(self, cure: Cure) -> Trial:
        """As often as there are seeds, and as often again where that leaves it open."""
        cured = self.case.cured(cure)
        if cured is None:
            trial = Trial(cure, self.chosen)
        else:
            try:
                trial = self._paired(cure, cured, range(self.seeds))
                if trial.gain.unclear or (self.by_loss and not trial.gain.sure and trial.fall.unclear):
                    trial = self._paired(cure, cured, range(2 * self.seeds))
            except ChainruleError as problem:
                trial = Trial(cure, self.chosen, note=str(problem))
        self.done.append(trial)
        return trial

    def _paired(self, cure: Cure, cured: Case, numbers: Iterable[int]) -> Trial:
        numbers = [*numbers]
        before, after = (self._outcomes(case, cure, numbers) for case in (self.case, cured))
        first, last = (float(np.mean([outcome.value for outcome in outcomes])) for outcomes in (before, after))
        return Trial(cure, self.chosen, first, last, gain(before, after), fall_of_loss(before, after), len(numbers))

    def _outcomes(self, case: Case, cure: Cure, numbers: Sequence[int]) -> list[Outcome]:
        found = []
        for number in numbers:
            new = not self.bench.ready(case, number)
            found.append(self.bench.outcome(case, number))
            self.tell(str(cure), int(new))
        return found
