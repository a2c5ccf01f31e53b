"""How often a limit on a point estimate fails a model that is faultless; closed forms.

What `validate` warns of before anything has run: a limit below the noise of its own metric. Pure
Python: the compiler asks, and must not wait for numpy.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from mlops_spec.stats.chance_gap import gap_beyond, mean_range, range_quantile
from mlops_spec.stats.power import Size

__all__ = [
    "ece_false_alarm",
    "expected_gap",
    "gap_false_alarm",
    "mean_range",
    "noise_floor",
    "rows_for_ece",
    "rows_for_gap",
]


def ece_false_alarm(limit: float, rows: float, bins: int, variance: float) -> float:
    """The chance that a perfectly calibrated model's ECE is above `limit`.

    Normal, with mean √(2 v B/(π n)) and variance (1 - 2/π) v/n: those of B folded normals.
    `variance` is the mean of p(1 - p), 1/6 for even predictions. 1 without rows.
    """
    if rows <= 0:
        return 1.0
    spread = math.sqrt((1 - 2 / math.pi) * variance / rows)
    distance = (noise_floor(rows, bins, variance) - limit) / max(spread, 1e-300)
    return NormalDist().cdf(distance)


def noise_floor(rows: float, bins: int, variance: float) -> float:
    """The mean ECE of a perfect model: sum of w_b √(2/π) √(v/n_b), for n_b = rows/bins.

    `variance` is the mean of p(1 - p): 1/6 for predictions spread evenly, p(1 - p) at prevalence p
    at most. An upper bound, since the root is concave.
    """
    return math.sqrt(2 / math.pi * variance * bins / rows) if rows > 0 else math.inf


def rows_for_ece(limit: float, bins: int, variance: float, chance: float) -> Size:
    """Rows at which a perfect model is above `limit` with at most that chance."""
    if limit <= 0:
        return Size(None, "no perfect model has an error of 0 or below")
    floor = math.sqrt(2 * variance * bins / math.pi)
    spread = math.sqrt((1 - 2 / math.pi) * variance)
    return Size(math.ceil(((floor + NormalDist().inv_cdf(1 - chance) * spread) / limit) ** 2))


def expected_gap(groups: int, n: float, rate: float) -> float:
    """The mean largest gap of equal groups of n rows each: d2(k) √(p(1 - p)/n)."""
    return mean_range(groups) * math.sqrt(rate * (1 - rate) / n) if n > 0 else math.inf


def gap_false_alarm(limit: float, groups: int, n: float, rate: float) -> float:
    """The chance that equal groups of n rows each show a gap above `limit`: 1 without rows."""
    if n <= 0:
        return 1.0
    error = math.sqrt(rate * (1 - rate) / n)
    return 0.0 if groups < 2 or error == 0 else gap_beyond(limit, [error] * groups)


def rows_for_gap(limit: float, groups: int, rate: float, chance: float) -> Size:
    """Rows a group at which equal groups show a gap above `limit` with at most that chance."""
    if limit <= 0:
        return Size(None, "groups never have a gap of 0 or below")
    if groups < 2:
        return Size(None, "two groups are the least")
    return Size(math.ceil(rate * (1 - rate) * (range_quantile(chance, groups) / limit) ** 2))
