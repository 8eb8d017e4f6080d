"""Short trainings beside each other: the rows that they learn from and are judged by, how long, and what comes out."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, steps
from ..data.fingerprint import keys_of_rows
from ..data.split import stratified
from ..errors import DataError
from ..philox import permutation
from ..train import train
from .cures import Case
from .measure import Outcome, outcome_of

UNSOUND = {"shared_rows", "parts_differ", "fitted_on_all"}  # findings after which validation rows are no judge
JUDGED = 100  # rows that a judgement needs at least, if a part of at most MOST_SHARE gives so many
MOST_SHARE = 0.3
MOST_JUDGED = 5000
SEEDS = 2**32


class Bench:
    """Where cures are compared. The test rows of the run are never looked at.

    Judged are validation rows, drawn anew for every seed from all rows but the test's; or those that were given apart,
    unless a finding says that they are no judge.
    """

    def __init__(self, case: Case, most: int, found: Collection[str], split: bool, room: Path) -> None:
        """`most` steps; `found` names findings; `split`: whether another validation part is among the cures; `room` is a
        folder for what the trainings write, which is removed after each."""
        self.case, self.most, self.room = case, most, room
        self.data: Dataset = case["data"]
        validation, test = case["validation"], case["test"]
        shares = [float(part) if isinstance(part, int | float) else 0.0 for part in (validation, test)]
        codes = self.data.y if self.data.one_class_each else np.zeros(len(self.data), np.int64)
        learned, held, _ = stratified(codes, shares, case["seed"])
        self.rows = np.sort(np.concatenate([learned, held]))
        self.codes = codes[self.rows]
        self.share = min(max(shares[0], min(JUDGED / len(self.rows), MOST_SHARE)), 0.5)
        given = isinstance(validation, tuple | Dataset)
        self.given: Dataset | None = None
        if given and not split and not UNSOUND & {*found}:
            self.given = self.data.split(validation, None, case["seed"]).validation
        self.apart = "shared_rows" in found
        train_rows, self.judged = self._parts(0)
        self.steps_of_epoch = steps(len(train_rows), case["batch_size"])
        self.factor = min(1.0, most / (self.steps_of_epoch * case["epochs"]))
        self._done: dict[tuple[int, int], Outcome] = {}
        self._cases: list[Case] = []  # kept, so that their ids stay theirs

    def about(self) -> str:
        """What is compared, in words."""
        taken = self.steps_of_epoch * self._epochs(self.case)
        how = "given apart" if self.given is not None else "drawn anew for every seed"
        part = "" if self.factor == 1 else f", {self.factor:.0%} of the run's"
        return f"judged on {len(self.judged):,} rows, {how}; trainings of {taken:,} steps{part}"

    def outcome(self, case: Case, number: int) -> Outcome:
        """Of the training with seed number `number`; done once. What diverges is judged by its last good model."""
        key = (id(case), number)
        if key not in self._done:
            self._cases.append(case)
            self._done[key] = self._trained(case, number)
        return self._done[key]

    def ready(self, case: Case, number: int) -> bool:
        """Whether that outcome is there already."""
        return (id(case), number) in self._done

    def _trained(self, case: Case, number: int) -> Outcome:
        learned, judge = self._parts(number)
        validation = case["validation"]
        if isinstance(validation, int | float):
            validation = judge if validation else None
        short = {
            "data": learned,
            "validation": validation,
            "test": None,
            "epochs": self._epochs(case),
            "seed": (case["seed"] + number) % SEEDS,
        }
        # A training that diverges is an answer, not an accident.
        with tempfile.TemporaryDirectory(dir=self.room) as folder, np.errstate(all="ignore"):
            run = train(**{**case.arguments, **short}, folder=Path(folder) / "fork", progress=False, watch=False)
            if (run.result or {}).get("status") == "interrupted":
                raise KeyboardInterrupt
            return outcome_of(run.model, judge)

    def _epochs(self, case: Case) -> int:
        """The same share of the epochs for all, so that a cure which trains longer does."""
        epochs: int = case["epochs"]
        count: int = max(round(epochs * self.factor), 1)
        return count

    def _parts(self, number: int) -> tuple[Dataset, Dataset]:
        """The rows to learn from and those to judge by, of one seed."""
        seed = (self.case["seed"] + number) % SEEDS
        if self.given is not None:
            return self.data.take(self._few(self.rows, seed)), self.given
        learned, judge = (self.rows[part] for part in stratified(self.codes, [self.share], seed))
        if not len(judge):
            raise DataError(
                f"{len(self.rows)} rows besides the test part are too few to judge a cure by: give more data"
            )
        learned = self._few(learned, seed)
        if self.apart:
            judge = self._not_among(judge, learned)
        return self.data.take(learned), self.data.take(judge[:: -(-len(judge) // MOST_JUDGED)])

    def _few(self, rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """No more than one short training sees, in their order."""
        count = self.most * self.case["batch_size"]
        return rows if len(rows) <= count else np.sort(rows[permutation(seed, "fix", 0, len(rows))[:count]])

    def _not_among(self, judge: NDArray[np.int64], learned: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of which no copy is learned from; all, if there is no such row."""
        known = set(keys_of_rows(np.asarray(self.data.x[learned])))
        fresh = np.array([key not in known for key in keys_of_rows(np.asarray(self.data.x[judge]))])
        return judge[fresh] if fresh.any() else judge
