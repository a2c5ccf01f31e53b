"""What a bootstrap draws: rows, or whole clusters of rows, as weights of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Floats

# The jackknife leaves out groups of units once there are more units than this.
_GROUPS: Final = 200


@dataclass(frozen=True, slots=True)
class Units:
    """The units that are independent of each other: rows, or users, sessions, days.

    `of_row` is the unit of each row, from 0; None where each row is a unit of its own.
    """

    rows: int
    count: int
    of_row: npt.NDArray[np.int64] | None = None

    def weights(self, units: Floats) -> Floats:
        """The weight of each row from the weight of each unit."""
        return units if self.of_row is None else units[self.of_row]

    def drawn(self, random: np.random.Generator) -> Floats:
        """Row weights of one bootstrap draw: as many units as there are, with replacement."""
        draw = random.integers(0, self.count, self.count)
        return self.weights(np.bincount(draw, minlength=self.count).astype(float))

    def left_out(self, random: np.random.Generator) -> Iterator[Floats]:
        """Row weights of the jackknife: each time without one unit, or one random group of them."""
        groups = min(self.count, _GROUPS)
        group_of = random.permutation(self.count) % groups
        for group in range(groups):
            yield self.weights((group_of != group).astype(float))


def of_rows(n: int) -> Units:
    """Each of n rows is drawn on its own."""
    return Units(n, n)


def of_clusters(labels: npt.NDArray[Any]) -> Units:
    """Rows with the same label are drawn together."""
    found, number = np.unique(labels, return_inverse=True)
    return Units(len(labels), len(found), number.astype(np.int64))
