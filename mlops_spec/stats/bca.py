"""The bias-corrected and accelerated bootstrap interval, of rows or of clusters.

Efron, JASA 82 (1987) 171-185. The ends are percentiles of the draws at
Phi(z0 + (z0 + z) / (1 - a (z0 + z))): z0 from the share of draws below the value, a from the
skewness of the jackknife. Paired comparisons are statistics of one weight a row: both models get
the same draw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.resample import Units

# Below this many units the draws repeat each other too much for a tail of 2.5 %.
LEAST_UNITS: Final = 10

WeightedStatistic = Callable[[Floats], float]


def bca(
    statistic: WeightedStatistic, units: Units, level: float, seed: int, draws: int = 2000
) -> Estimate:
    """A statistic of row weights with its interval, in the statistic's unit; `n` is the rows.

    Unknown, with the reason: fewer than 10 units, a value that is not finite, more than one draw in
    twenty undefined, or draws that are all alike.
    """
    value = statistic(np.ones(units.rows))
    if units.count < LEAST_UNITS:
        return unknown(units.rows, f"{units.count} units; {LEAST_UNITS} are the least", value)
    if not np.isfinite(value):
        return unknown(units.rows, "these rows do not define it")
    random = np.random.default_rng(seed)
    drawn = np.array([statistic(units.drawn(random)) for _ in range(draws)])
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < 0.95 * draws:
        return unknown(units.rows, "too many draws do not define it", value)
    if np.ptp(defined) == 0:
        return unknown(units.rows, "every draw gives the same value", value)
    jackknife = np.array([statistic(weights) for weights in units.left_out(random)])
    low, high = np.quantile(defined, _levels(defined, value, acceleration(jackknife), level))
    return Estimate(value, float(low), float(high), units.rows)


def acceleration(jackknife: Floats) -> float:
    """A sixth of the skewness of the jackknife, over the root of their number; 0 if all alike."""
    gaps = jackknife[np.isfinite(jackknife)]
    gaps = gaps.mean() - gaps
    squared = float((gaps**2).sum())
    return float((gaps**3).sum()) / (6 * squared**1.5) if squared > 0 else 0.0


def _levels(drawn: Floats, value: float, skew: float, level: float) -> Floats:
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    # One draw's worth inside (0, 1): beyond that the draws cannot tell.
    shift = ndtri(np.clip(below, 1 / (len(drawn) + 1), len(drawn) / (len(drawn) + 1)))
    moved = shift + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    levels: Floats = ndtr(shift + moved / (1 - skew * moved))
    return levels
