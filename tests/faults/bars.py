"""What is asked of the diagnosis, measured: trainings in, shares out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .zoo import Case

SERIOUS = ("error", "warning")
NEAR = 0.95  # of the healthy twin's score: so much a cured training has to reach


@dataclass(frozen=True)
class Outcome:
    """One case trained with one seed: chainrule's refusal or the rules found, in their order, each with its severity."""

    case: Case
    seed: int
    refused: str = ""
    found: tuple[tuple[str, str], ...] = ()
    score: float | None = None
    seconds: float = 0.0
    twin: float | None = None
    fixed: float | None = None

    @property
    def place(self) -> int | None:
        """Where the right cause stands among the findings, from 1; None: nowhere. A refusal is right or nowhere."""
        if self.case.refused or self.refused:
            return 1 if self.case.refused and self.case.refused in self.refused else None
        places = [place for place, (rule, _) in enumerate(self.found, 1) if rule in self.case.cause]
        return min(places, default=None)

    @property
    def alarmed(self) -> bool:
        """Whether anything serious was found, or the training refused."""
        return bool(self.refused) or any(severity in SERIOUS for _, severity in self.found)

    def line(self) -> str:
        """One line: what was expected, what was found."""
        expected = f'refused "{self.case.refused}"' if self.case.refused else " or ".join(self.case.cause) or "nothing"
        found = f'refused "{self.refused[:60]}"' if self.refused else " ".join(f"{r}({s[0]})" for r, s in self.found)
        right = self.place == 1 if self.case.kind == "sick" else not self.alarmed
        numbers = [("score", self.score), ("twin", self.twin), ("fixed", self.fixed)]
        told = " ".join(f"{name} {value:.3f}" for name, value in numbers if value is not None)
        mark = "right" if right else "WRONG"
        return f"{mark}  {self.case.name} {self.seed}: expected {expected}; found {found or 'nothing'}; {told} {self.seconds:.2f} s"


@dataclass(frozen=True)
class Bar:
    """A share with its limit: of the outcomes that are asked about, those for which it holds."""

    name: str
    limit: float
    of: Callable[[Outcome], bool]
    holds: Callable[[Outcome], bool]
    most: bool = False  # whether the limit is the most that may be

    def row(self, outcomes: Iterable[Outcome]) -> str:
        """Name, count, share, limit, verdict."""
        asked = [outcome for outcome in outcomes if self.of(outcome)]
        if not asked:
            return f"{self.name:<52} none"
        count = sum(self.holds(outcome) for outcome in asked)
        share = count / len(asked)
        met = share <= self.limit if self.most else share >= self.limit
        sign = "<=" if self.most else ">="
        return f"{self.name:<52} {count:>4} of {len(asked):<4} {share:6.1%}  ({sign} {self.limit:.0%}) {'met' if met else 'MISSED'}"


def _sick(outcome: Outcome) -> bool:
    return outcome.case.kind == "sick"


def _within(most: int) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.place is not None and outcome.place <= most


def _first_is_right(outcome: Outcome) -> bool:
    return _sick(outcome) and outcome.place == 1


def _trained(outcome: Outcome) -> bool:
    return _sick(outcome) and not outcome.case.refused and not outcome.refused


def _cured(outcome: Outcome) -> bool:
    return outcome.fixed is not None and outcome.twin is not None and outcome.fixed >= NEAR * outcome.twin


BARS = (
    Bar("sick: the right cause first", 0.85, _sick, _within(1)),
    Bar("sick: the right cause among the first three", 0.95, _sick, _within(3)),
    Bar("sick, trained: the right cause first", 0.85, _trained, _within(1)),
    Bar("sick, trained: among the first three", 0.95, _trained, _within(3)),
    Bar("sick, refused: with the right sentence", 1.0, lambda o: _sick(o) and bool(o.case.refused), _within(1)),
    Bar("all: the first finding is right", 0.90, lambda o: o.alarmed or (_sick(o) and bool(o.found)), _first_is_right),
    Bar("healthy: a warning or an error", 0.05, lambda o: not _sick(o), lambda o: o.alarmed, most=True),
    Bar("curable: fixed to 95% of the twin's score", 0.80, lambda o: o.fixed is not None, _cured),
)


def table(outcomes: Sequence[Outcome]) -> str:
    """The right cause first by family, then every bar."""
    families: dict[str, list[Outcome]] = {}
    for outcome in filter(_sick, outcomes):
        families.setdefault(outcome.case.family, []).append(outcome)
    by_family = [
        f"{family:<36} {sum(_first_is_right(o) for o in of):>3} of {len(of):<3} first"
        for family, of in families.items()
    ]
    return "\n".join([*by_family, "", *(bar.row(outcomes) for bar in BARS)])
