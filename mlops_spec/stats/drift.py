"""Distances between two samples of counts, and how large they get by chance alone.

Formulas and their checks: Yurdakul and Naranjo 2020 for the population stability index, Massart's
form of the Kolmogorov-Smirnov bound; `multiplicity` for many columns at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri, kolmogorov

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two samples are apart.

    `low` and `high` are the ends of the two-sided interval, `floor` is what equal populations stay
    under with the same confidence, `p_value` is that of "the populations are equal".
    """

    estimate: float
    low: float
    high: float
    floor: float
    p_value: float


def effective_rows(n: float, m: float) -> float:
    """nm/(n+m): the rows of one sample that carry as much as two samples of n and m."""
    return n * m / (n + m)


def ks_critical(alpha: float, n: float, m: float) -> float:
    """What the KS distance of equal populations exceeds with probability `alpha` (asymptotic)."""
    return math.sqrt(-math.log(alpha / 2) / 2 / effective_rows(n, m))


def ks(reference: ArrayLike, found: ArrayLike, alpha: float) -> Distance:
    """The KS distance of two samples, counted on the same ordered bins.

    It is looked for at bin edges only, so it is never too large; it is too small by at most the
    share of rows in the fullest bin that holds several values (docs/adr/0040).
    The interval inverts the test: its lower end is above 0 exactly when p < `alpha`.
    """
    before, now = _counts(reference), _counts(found)
    n, m = before.sum(), now.sum()
    distance = float(np.abs(np.cumsum(before) / n - np.cumsum(now) / m).max())
    floor = ks_critical(alpha, n, m)
    return Distance(
        distance,
        max(0.0, distance - floor),
        min(1.0, distance + floor),
        min(1.0, floor),
        float(kolmogorov(distance * math.sqrt(effective_rows(n, m)))),
    )


def smoothed_shares(counts: ArrayLike) -> Counts:
    """Shares with half a row added to each of the B bins: (count + 0.5) / (n + 0.5 B)."""
    found = _counts(counts)
    shares: Counts = (found + 0.5) / (found.sum() + 0.5 * len(found))
    return shares


def psi(reference: ArrayLike, found: ArrayLike) -> float:
    """The population stability index: the sum of (a - e) ln(a / e) over smoothed shares."""
    expected, actual = smoothed_shares(reference), smoothed_shares(found)
    return float(((actual - expected) * np.log(actual / expected)).sum())


def psi_bias(bins: int, n: float, m: float) -> float:
    """The mean PSI of two samples of one population: (B - 1)(1/n + 1/m)."""
    return (bins - 1) / effective_rows(n, m)


def psi_critical(alpha: float, bins: int, n: float, m: float) -> float:
    """What the PSI of equal populations exceeds with probability `alpha`: a chi-square quantile."""
    return float(chdtri(bins - 1, alpha)) / effective_rows(n, m) if bins > 1 else 0.0


def psi_distance(reference: ArrayLike, found: ArrayLike, alpha: float) -> Distance:
    """The PSI less its mean under equal populations, so that many bins or few rows do not raise it.

    The interval is the normal approximation to the non-central chi-square of N x PSI, with
    variance 2(B - 1) + 4 N PSI for N = nm/(n+m).
    """
    before, now = _counts(reference), _counts(found)
    bins, n, m = len(before), before.sum(), now.sum()
    raw, rows = psi(before, now), effective_rows(n, m)
    estimate = max(0.0, raw - psi_bias(bins, n, m))
    spread = math.sqrt(2 * (bins - 1) + 4 * rows * estimate) / rows
    half = NormalDist().inv_cdf(1 - alpha / 2) * spread
    return Distance(
        estimate,
        max(0.0, estimate - half),
        estimate + half,
        max(0.0, psi_critical(alpha, bins, n, m) - psi_bias(bins, n, m)),
        float(chdtrc(bins - 1, rows * raw)) if bins > 1 else 1.0,
    )


def share_distance(
    before: int, before_rows: int, now: int, now_rows: int, alpha: float
) -> Distance:
    """How much larger or smaller a share became: the absolute difference of two proportions.

    Interval after Agresti and Caffo 2000 (one success and one failure added to each side), which
    does not collapse at a share of 0; p-value of the pooled z test.
    """
    normal = NormalDist()
    difference = now / now_rows - before / before_rows
    pooled = (now + before) / (now_rows + before_rows)
    error = math.sqrt(pooled * (1 - pooled) / effective_rows(before_rows, now_rows))
    first, second = (before + 1) / (before_rows + 2), (now + 1) / (now_rows + 2)
    spread = math.sqrt(
        first * (1 - first) / (before_rows + 2) + second * (1 - second) / (now_rows + 2)
    )
    z = normal.inv_cdf(1 - alpha / 2)
    centre = abs(second - first)
    p_value = 2 * normal.cdf(-abs(difference) / error) if error else 1.0
    return Distance(
        abs(difference),
        max(0.0, centre - z * spread),
        min(1.0, centre + z * spread),
        z * error,
        p_value,
    )


def _counts(values: Any) -> Counts:
    return np.asarray(values, dtype=np.float64)
