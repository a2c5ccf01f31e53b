"""Intervals of means whose rows are skewed, and of the skill, whose rows always are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import stdtrit

from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.influence import Bools, Influenced
from mlops_spec.stats.newcombe import wilson_bounds

LEAST_OF_CLASS: Final = 5
_STRAIGHT: Final = 1e-9  # a skewness of less bends nothing


def skewed(found: Influenced, level: float, degrees: int) -> Estimate:
    """Student's interval and Hall's, whichever reaches further; `degrees` are the most it may have.

    Hall, JRSS B 54 (1992) 221-228: t is bent by the third moment of the influences until it is
    symmetric. A few rows of large influence are few rows: no more degrees of freedom than
    (sum of x²)² / sum of x⁴, less one. With 25 positives among 5,000 rows a calibrated model's
    skill lies above Student's upper end in 15 % of worlds instead of 5 %, above this in 5 %.
    Unknown where no row has influence.
    """
    x, n = found.influence, len(found.influence)
    spread = float(x.std(ddof=1)) if n > 1 else 0.0
    if not (math.isfinite(found.value) and spread > 0):
        return unknown(found.n, "every row says the same, so that nothing is known of others")
    squares = x * x
    counting = float(squares.sum()) ** 2 / float(squares @ squares)
    t = float(stdtrit(max(min(degrees, counting - 1), 1), (1 + level) / 2))
    skewness = float((((x - x.mean()) / spread) ** 3).mean())
    error, bent = spread / math.sqrt(n), [_unbent(end, skewness, n) for end in (t, -t)]
    high, low = (found.value - error * end for end in (min(bent[1], -t), max(bent[0], t)))
    return Estimate(found.value, low, high, found.n)


def _unbent(t: float, skewness: float, n: int) -> float:
    """The t that Hall's monotone cubic makes a symmetric one of."""
    slope = skewness / math.sqrt(n)
    if abs(slope) < _STRAIGHT:
        return t
    return 3 / slope * float(np.cbrt(1 + slope * (t - slope / 6)) - 1)


def skill_of_binary(found: Influenced, positive: Bools, scores: Floats, level: float) -> Estimate:
    """The interval of the skill of probabilities, from its influences.

    `skewed`, and what the skill would be at either end of Wilson's interval of the share of
    positives, whichever reaches further: a constant far from the share misses by the share alone.
    Unknown below five rows of a class, of which nothing bounds the rest.
    """
    n, hits = len(positive), int(positive.sum())
    rarer = min(hits, n - hits)
    if rarer < LEAST_OF_CLASS:
        reason = f"{rarer} rows of the rarer class; {LEAST_OF_CLASS} are the least"
        return unknown(found.n, reason, found.value)
    bounds = skewed(found, level, rarer - 1)
    if not bounds.known:
        return bounds
    losses = ((scores[positive] - 1) ** 2).mean(), (scores[~positive] ** 2).mean()
    shares = np.array(wilson_bounds(hits, n, level)[1:])
    ends = 1 - (shares * losses[0] + (1 - shares) * losses[1]) / (shares * (1 - shares))
    return replace(
        bounds, low=min(bounds.low, float(ends.min())), high=max(bounds.high, float(ends.max()))
    )
