"""scikit-learn: whole trainings of MLPClassifier."""

from __future__ import annotations

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from ..works import ADAM_LR, EPOCHS, Arrays
from .base import Training


class Epochs(Training):
    """A block is one call of `fit`, by its own clock, whatever time is asked for; rows are all the batches' together."""

    about = "MLPClassifier.fit"

    def build(self, arrays: Arrays, threads: int) -> None:
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.limits = threadpool_limits(threads)
        ((self.x, self.y),) = self.batches
        self.hidden = tuple(part.units for part in self.work.parts if part.word == "dense")[:-1]

    def step(self, i: int) -> None:
        model = MLPClassifier(
            self.hidden,
            solver="adam",
            alpha=0.0,
            batch_size=self.work.batch,
            learning_rate_init=ADAM_LR,
            max_iter=EPOCHS,
            n_iter_no_change=EPOCHS + 1,  # no early end
            random_state=0,
        )
        model.fit(self.x, self.y)
        self.loss = float(model.loss_)


SIDES = {"sklearn": Epochs}
