"""Deciding while data still arrive: error spending over looks, and bounds that hold at each look.

All functions take scalars or arrays of one shape, so that thousands of simulated worlds cost no
more than one. Sources: Lan and DeMets 1983 (spending), Clopper and Pearson 1934 (shares),
Newcombe 1998 (differences), David and Nagaraja 2003 §7.1 (quantiles), Smirnov 1939 (distances).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom, norm

Floats = NDArray[np.float64]

# Harm is looked for at these parts of the planned number of observations, and then whenever
# the number has doubled. An even split over the planned looks is Pocock-like: O'Brien-Fleming
# would leave the first canary step without protection (its first bound is z = 7.35).
PLANNED: Final = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Spending:
    """How a rollout's false-alarm probability `alpha` is spent.

    Any metric at any look of any step may roll back: a union, so harm shares alpha between all of
    them (Bonferroni). Promotion needs every metric of every step to pass: an intersection, so each
    has all of alpha, shared only between its own looks.
    """

    alpha: float
    metrics: int
    steps: int

    def harm(self, look: int) -> float:
        """Level of one harm test at the look with this number (from 1).

        Each of the four planned looks has a fifth, the extensions halve what is left: the sum over
        any number of looks is at most `alpha / (metrics * steps)`.
        """
        one = self.alpha / (self.metrics * self.steps * (len(PLANNED) + 1))
        return one * 0.5 ** max(0, look - len(PLANNED))

    def promote(self, attempt: int) -> float:
        """Level of the pass test at the attempt with this number (from 1): alpha/2, alpha/4, …"""
        return float(self.alpha * 0.5**attempt)


def looks_planned(n: int, up_to: float) -> int:
    """How many looks are due when `up_to` observations of `n` planned ones have arrived."""
    if n <= 0 or up_to < n * PLANNED[0]:
        return 0
    if up_to < n:
        return sum(up_to >= n * part for part in PLANNED)
    return len(PLANNED) + int(math.log2(up_to / n))


def share_lower(count: Any, n: Any, alpha: Any) -> Floats:
    """Exact one-sided lower bound of a share (Clopper-Pearson); 0 where nothing was counted."""
    count, n = np.asarray(count, float), np.asarray(n, float)
    bound = beta.ppf(alpha, np.maximum(count, 1), np.maximum(n - count, 0) + 1)
    return np.where(count > 0, bound, 0.0)


def share_upper(count: Any, n: Any, alpha: Any) -> Floats:
    """Exact one-sided upper bound of a share (Clopper-Pearson); 1 where n is 0."""
    count, n = np.asarray(count, float), np.asarray(n, float)
    bound = beta.isf(alpha, count + 1, np.maximum(n - count, 1))
    return np.where(count < n, bound, 1.0)


def difference_lower(count: Any, n: Any, other: Any, other_n: Any, alpha: Any) -> Floats:
    """One-sided lower bound of `count/n - other/other_n` (Newcombe's hybrid of Wilson bounds).

    -1, the lowest there is, where either side has no observations.
    """
    count, n, other, other_n = (np.asarray(v, float) for v in (count, n, other, other_n))
    here, low, _ = _wilson(count, n, alpha)
    there, _, high = _wilson(other, other_n, alpha)
    bound = here - there - np.sqrt((here - low) ** 2 + (high - there) ** 2)
    return np.where((n > 0) & (other_n > 0), bound, -1.0)


def _wilson(count: Floats, n: Floats, alpha: Any) -> tuple[Floats, Floats, Floats]:
    z = norm.isf(alpha)
    n = np.maximum(n, 1)
    share = count / n
    centre = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return share, (centre - half) / scale, (centre + half) / scale


def quantile_bounds(
    values: Floats, q: float, lower: float, upper: float
) -> tuple[float | None, float | None]:
    """One-sided bounds of the q-quantile from order statistics, at levels `lower` and `upper`.

    None where no order statistic reaches that far: p99 has an upper bound at 5 % from n = 299 on.
    """
    n = len(values)
    if n == 0:
        return None, None
    ordered = np.sort(values)
    below = int(binom.ppf(lower, n, q))  # rank from 1; 0 is below every value
    above = int(binom.isf(upper, n, q)) + 1
    return (
        float(ordered[below - 1]) if below >= 1 else None,
        float(ordered[above - 1]) if above <= n else None,
    )


def ks_distance(one: Floats, other: Floats) -> float:
    """Kolmogorov-Smirnov distance of two samples; NaN where either is empty or holds a NaN."""
    if len(one) == 0 or len(other) == 0 or np.isnan(one).any() or np.isnan(other).any():
        return math.nan
    one, other = np.sort(one), np.sort(other)
    at = np.concatenate([one, other])
    first = np.searchsorted(one, at, side="right") / len(one)
    second = np.searchsorted(other, at, side="right") / len(other)
    return float(np.abs(first - second).max())


def ks_margin(n: Any, m: Any, alpha: Any) -> Any:
    """How far a two-sample distance may lie from the true one: `c(alpha) * sqrt((n+m)/(n*m))`.

    `c(alpha) = sqrt(-ln(alpha/2)/2)`, Smirnov's asymptotic critical value; infinite without rows.
    """
    n, m = np.asarray(n, float), np.asarray(m, float)
    with np.errstate(divide="ignore"):
        scale = np.sqrt(1 / n + 1 / m)
    return np.sqrt(-np.log(np.asarray(alpha) / 2) / 2) * scale
