"""Truth and answers on the same rows: what every metric is a function of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Floats

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """Truth and answers on the same rows.

    Regression and ranking: `truth` and `scores` are numbers. Classification: `truth` and `decided`
    are places in the classes; `scores` is the probability of the positive class (n), or of each
    class (n, k). `positive` is the place of the positive class. `group`: the list of each row.
    `classes`: what the places stand for, as the user wrote it.
    """

    truth: npt.NDArray[Any]
    scores: Floats
    decided: npt.NDArray[Any]
    positive: int | None = None
    group: npt.NDArray[Any] | None = None
    classes: tuple[Any, ...] = ()

    @property
    def is_positive(self) -> Bools:
        return np.asarray(self.truth == self.positive)

    @property
    def said_positive(self) -> Bools:
        return np.asarray(self.decided == self.positive)

    @property
    def usable(self) -> bool:
        """Whether there are rows, and every score is a number."""
        return len(self.truth) > 0 and bool(np.isfinite(self.scores).all())

    @property
    def obstacle(self) -> str:
        """Why no metric can be told from these rows; "" when one may be.

        Rows of one class cannot show what a classifier does with the others.
        """
        if not self.usable:
            return "a score is not a number" if len(self.truth) else "no rows"
        classifies = self.positive is not None or self.scores.ndim == 2
        return "one class only" if classifies and (self.truth == self.truth[0]).all() else ""

    def answers_as(self, other: Judged) -> bool:
        """Whether both gave the same score and the same decision to every row. NaN is no answer."""
        return np.array_equal(self.scores, other.scores) and np.array_equal(
            self.decided, other.decided
        )

    def take(self, mask: npt.NDArray[Any]) -> Judged:
        """Some of the rows: by a mask, or by their places."""
        group = None if self.group is None else self.group[mask]
        return replace(
            self,
            truth=self.truth[mask],
            scores=self.scores[mask],
            decided=self.decided[mask],
            group=group,
        )
