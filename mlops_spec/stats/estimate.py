"""A number with its uncertainty: what every statistic here returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Why a difference is flat.
ALIKE: Final = "both answer these rows alike"
NO_VARIANCE: Final = "every row says the same, so that nothing is known of others"
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Estimate:
    """`low` and `high` end the two-sided interval; `n` is the denominator. NaN: cannot be told.

    `reason` says in words why a number is missing, infinite or held to be certain; "" otherwise.
    `flat`: a difference that is the same on all rows, so that nothing is known of other rows.
    """

    value: float
    low: float
    high: float
    n: int
    reason: str = ""
    flat: bool = False

    @property
    def known(self) -> bool:
        return self.n > 0 and all(map(math.isfinite, (self.value, self.low, self.high)))

    def rows_to_decide(self, limit: float) -> int | None:
        """The rows at which this estimate, if it stays, clears or misses the limit; None if never.

        An interval's half-width shrinks with √n, so n grows with (half-width / distance)².
        """
        distance = abs(self.value - limit)
        half = self.value - self.low if self.value > limit else self.high - self.value
        if distance == 0 or not math.isfinite(half):
            return None
        needed = self.n * (half / distance) ** 2
        return math.ceil(needed) if needed < 1e12 else None


def unknown(n: int = 0, reason: str = "", value: float = math.nan) -> Estimate:
    """What these rows do not define, such as precision without a positive decision.

    `value` may be known where the interval is not.
    """
    return Estimate(value, math.nan, math.nan, n, reason)


def flat(n: int, reason: str, value: float = 0.0) -> Estimate:
    """A difference without variance: its value here, and no interval. Of identical models: 0."""
    return Estimate(value, math.nan, math.nan, n, reason, flat=True)


def z_two_sided(level: float) -> float:
    """The normal quantile of a two-sided interval: 1.96 for 0.95.

    Its ends are one-sided bounds at confidence (1 + level) / 2.
    """
    return _NORMAL.inv_cdf((1 + level) / 2)


def two_sided(one_sided: float) -> float:
    """The level of the two-sided interval whose ends are one-sided bounds: 0.90 for 0.95."""
    return 2 * one_sided - 1


def normal(value: float, variance: float, level: float, n: int) -> Estimate:
    """value ± z · √variance."""
    half = z_two_sided(level) * math.sqrt(max(variance, 0.0))
    return Estimate(value, value - half, value + half, n)


def within(estimate: Estimate, floor: float, ceiling: float) -> Estimate:
    """The interval cut to where the quantity can lie."""
    return replace(estimate, low=max(estimate.low, floor), high=min(estimate.high, ceiling))
