"""The answer of a hypothesis test."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Significance:
    """A test statistic with its p-value; `n` is how many rows spoke.

    `reason` is "" or says why nothing could be tested: then the statistic is NaN and the p-value 1,
    so that nothing is ever rejected for want of data.
    """

    statistic: float
    p_value: float
    n: int
    reason: str = ""

    @property
    def known(self) -> bool:
        return not self.reason


def untested(n: int, reason: str) -> Significance:
    """A test that could not be made, and why."""
    return Significance(math.nan, 1.0, n, reason)
