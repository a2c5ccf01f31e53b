"""Quantiles of a sample with the interval that order statistics give, whatever the distribution.

Hahn and Meeker, Statistical Intervals (1991), section 5.2: how many values lie below the true
quantile is binomial, so two order statistics enclose it with known probability.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import binom

from mlops_spec.stats.estimate import Estimate, Floats, unknown


def quantile(values: Floats, q: float, level: float) -> Estimate:
    """The q-quantile in the unit of the values, between the order statistics of `ranks`.

    An end is infinite where no order statistic reaches that far; `reason` then says how many rows
    would. Unknown without values, or with one that is not a number.
    """
    n = len(values)
    if n == 0 or np.isnan(values).any():
        return unknown(n, "no values" if n == 0 else "a value is not a number")
    low, high = ranks(n, q, level)
    ordered = np.sort(values)
    value = float(ordered[min(n, math.ceil(q * n)) - 1])
    least = float(ordered[low - 1]) if low >= 1 else -math.inf
    most = float(ordered[high - 1]) if high <= n else math.inf
    return Estimate(value, least, most, n, _reason(low, high, n, q, level))


def ranks(n: int, q: float, level: float) -> tuple[int, int]:
    """The ranks, from 1, whose values end the interval; 0 and n + 1 are beyond every value.

    l = binom.ppf(a/2, n, q) and u = binom.isf(a/2, n, q) + 1 for a = 1 - level. Each end is a
    one-sided bound of confidence at least 1 - a/2.
    """
    tail = (1 - level) / 2
    return int(binom.ppf(tail, n, q)), int(binom.isf(tail, n, q)) + 1


def rows_for_bound(q: float, confidence: float) -> int:
    """The fewest rows whose largest value bounds the q-quantile: q^n <= 1 - confidence.

    299 for p99 at 95 %, 59 for p95. Below the median it is the smallest value that is scarce.
    """
    return math.ceil(math.log1p(-confidence) / math.log(max(q, 1 - q)) - 1e-9)


def _reason(low: int, high: int, n: int, q: float, level: float) -> str:
    if low >= 1 and high <= n:
        return ""
    return f"{n} rows do not bound this quantile; {rows_for_bound(q, (1 + level) / 2)} do"
