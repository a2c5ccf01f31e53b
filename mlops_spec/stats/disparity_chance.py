"""How large the largest gap between groups gets by chance alone, when no group differs.

Group labels are permuted among the rows of the denominator: given how many hits there are in all,
their numbers in the groups are multivariate hypergeometric, so no row needs to be looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlops_spec.stats.fairness import LEAST_DENOMINATOR, GroupRate, compared

_DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Chance:
    """Mean and quantile of the gap of equal groups, and the p-value of "no group differs".

    Where `reason` is not "", the numbers are NaN and the p-value is 1.
    """

    floor: float
    critical: float
    p_value: float
    reason: str = ""


def chance(
    *families: tuple[GroupRate, ...], level: float, seed: int, least: int = LEAST_DENOMINATOR
) -> Chance:
    """For one family of rates, or for the larger gap of several (equalized odds: two)."""
    random = np.random.default_rng(seed)
    drawn, found = np.zeros(_DRAWS), 0.0
    for family in families:
        kept, _ = compared(family, least)
        if len(kept) < 2:
            return Chance(
                math.nan, math.nan, 1.0, f"{len(kept)} group with enough rows; 2 are the least"
            )
        hits, n = np.array([one.hits for one in kept]), np.array([one.n for one in kept])
        permuted = random.multivariate_hypergeometric(n, hits.sum(), _DRAWS, method="marginals")
        drawn = np.maximum(drawn, np.ptp(permuted / n, axis=1))
        found = max(found, float(np.ptp(hits / n)))
    at_least = int((drawn >= found - 1e-12).sum())
    return Chance(
        float(drawn.mean()), float(np.quantile(drawn, level)), (1 + at_least) / (1 + _DRAWS)
    )
