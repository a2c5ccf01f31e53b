"""Spearman's rank correlation with an interval."""

from __future__ import annotations

import math

import numpy as np

from mlops_spec.stats.auc import midranks
from mlops_spec.stats.estimate import Estimate, Floats, unknown, z_two_sided


def spearman(first: Floats, second: Floats) -> float:
    """The correlation of the midranks, -1 to 1; NaN where one of the two is constant."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.clip(np.corrcoef(midranks(first), midranks(second))[0, 1], -1, 1))


def spearman_interval(rho: float, n: int, level: float) -> Estimate:
    """tanh(atanh(rho) ± z √((1 + rho²/2) / (n - 3))): Bonett and Wright, Psychometrika 65 (2000).

    Ranks in perfect order have no spread; their interval is that of the nearest to it, 1 - 1/n².
    """
    if n < 4 or not math.isfinite(rho):
        return unknown(n, "4 rows are the least" if n < 4 else "one of the two is constant")
    inner = math.copysign(min(abs(rho), 1 - 1 / n**2), rho)
    half = z_two_sided(level) * math.sqrt((1 + inner * inner / 2) / (n - 3))
    centre = math.atanh(inner)
    low, high = math.tanh(centre - half), math.tanh(centre + half)
    return Estimate(rho, min(low, rho), max(high, rho), n)
