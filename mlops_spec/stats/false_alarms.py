"""How often a limit on a point estimate fails a model that is faultless; closed forms.

What `validate` warns of before anything has run: a limit below the noise of its own metric.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import studentized_range

from mlops_spec.stats.ece import noise_floor
from mlops_spec.stats.power import Size


def ece_false_alarm(limit: float, rows: float, bins: int, variance: float) -> float:
    """The chance that a perfectly calibrated model's ECE is above `limit`.

    Normal, with mean √(2 v B/(π n)) and variance (1 - 2/π) v/n: those of B folded normals.
    `variance` is the mean of p(1 - p), 1/6 for even predictions. 1 without rows.
    """
    if rows <= 0:
        return 1.0
    spread = math.sqrt((1 - 2 / math.pi) * variance / rows)
    return float(ndtr((noise_floor(rows, bins, variance) - limit) / max(spread, 1e-300)))


def rows_for_ece(limit: float, bins: int, variance: float, chance: float) -> Size:
    """Rows at which a perfect model is above `limit` with at most that chance."""
    if limit <= 0:
        return Size(None, "no perfect model has an error of 0 or below")
    floor = math.sqrt(2 * variance * bins / math.pi)
    spread = math.sqrt((1 - 2 / math.pi) * variance)
    return Size(math.ceil(((floor + NormalDist().inv_cdf(1 - chance) * spread) / limit) ** 2))


def expected_gap(groups: int, n: float, rate: float) -> float:
    """The mean largest gap of equal groups of n rows each: d2(k) √(p(1 - p)/n).

    d2 is the mean range of k standard normals (Tippett 1925): 1.128, 1.693, 2.326 for 2, 3, 5.
    """
    return mean_range(groups) * math.sqrt(rate * (1 - rate) / n) if n > 0 else math.inf


def gap_false_alarm(limit: float, groups: int, n: float, rate: float) -> float:
    """The chance that equal groups of n rows each show a gap above `limit`: 1 without rows."""
    if n <= 0:
        return 1.0
    error = math.sqrt(rate * (1 - rate) / n)
    if groups < 2 or error == 0:
        return 0.0
    return float(studentized_range.sf(limit / error, groups, np.inf))


def rows_for_gap(limit: float, groups: int, rate: float, chance: float) -> Size:
    """Rows a group at which equal groups show a gap above `limit` with at most that chance."""
    if limit <= 0:
        return Size(None, "groups never have a gap of 0 or below")
    if groups < 2:
        return Size(None, "two groups are the least")
    range_ = float(studentized_range.isf(chance, groups, np.inf))
    return Size(math.ceil(rate * (1 - rate) * (range_ / limit) ** 2))


def mean_range(groups: int) -> float:
    """The mean range of k standard normal values: ∫ 1 - Φ^k - (1 - Φ)^k."""
    if groups < 2:
        return 0.0
    mean, _ = quad(lambda x: 1 - ndtr(x) ** groups - ndtr(-x) ** groups, -9, 9)
    return float(mean)
