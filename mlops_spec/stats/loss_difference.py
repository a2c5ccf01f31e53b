"""Whether one model's loss is lower than another's on the same rows, in the unit of the loss.

All take the differences first - second, row by row, and differ in what they take to be independent:
every row, every day, or nothing but rows far apart in time. Each refuses, with the reason: fewer
than 10 rows, a value that is not a number, differences that are all alike. Identical models
are the last: their difference is 0 and nothing is known of how far it could be from 0 elsewhere.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.fft import dct
from scipy.special import stdtr, stdtrit

from mlops_spec.stats import influence
from mlops_spec.stats.cluster import clustered
from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.significance import Significance, untested

LEAST_ROWS: Final = 10


def by_rows(differences: Floats, level: float) -> Estimate:
    """Rows are independent: mean ± t with n - 1 degrees of freedom times s/√n."""
    n = len(differences)
    obstacle = _obstacle(differences)
    if obstacle:
        return unknown(n, obstacle)
    return _student(differences, float(differences.var(ddof=1)) / n, n - 1, level)


def by_blocks(differences: Floats, blocks: npt.NDArray[Any], level: float) -> Estimate:
    """Rows of one block (a day) go together, blocks are independent: cluster-robust."""
    obstacle = _obstacle(differences)
    if obstacle:
        return unknown(len(differences), obstacle)
    return clustered(influence.mean(differences), blocks, level)


def in_time(differences: Floats, level: float) -> Estimate:
    """Rows in time order, nearby ones correlated: a HAC variance whose interval is honest.

    Lazarus, Lewis, Stock and Watson, JBES 36 (2018) 541-559: the mean square of the first
    B = 0.4 n^(2/3) cosine transforms, and t with B degrees of freedom. Newey-West with a normal
    quantile rejects too often; that is why it is not used here.
    """
    n = len(differences)
    obstacle = _obstacle(differences)
    if obstacle:
        return unknown(n, obstacle)
    terms = max(1, math.floor(0.4 * n ** (2 / 3)))
    transformed = dct(differences - differences.mean(), type=2, norm="ortho")[1 : terms + 1]
    return _student(differences, float((transformed**2).mean()) / n, terms, level)


def newey_west(differences: Floats, lag: int) -> float:
    """The variance of the mean with Bartlett weights up to `lag` (Newey and West 1987).

    (g0 + 2 sum of (1 - l/(lag + 1)) g_l) / n, g_l the autocovariance with divisor n; never < 0.
    """
    weights = 1 - np.arange(lag + 1) / (lag + 1)
    return _long_run(differences, weights) / len(differences)


def usual_lag(n: int) -> int:
    """Newey and West's (1994) rule: the whole part of 4 (n/100)^(2/9)."""
    return math.floor(4 * math.pow(n / 100, 2 / 9))


def diebold_mariano(differences: Floats, horizon: int = 1) -> Significance:
    """Two-sided test of equal accuracy of forecasts `horizon` steps ahead, one a period.

    Diebold and Mariano (1995) with the correction of Harvey, Leybourne and Newbold, International
    Journal of Forecasting 13 (1997) 281-291: t, n - 1 degrees of freedom. With horizon 1 it is
    Student's paired test. Untested where the variance estimate is not positive.
    """
    n = len(differences)
    obstacle = _obstacle(differences)
    if obstacle:
        return untested(n, obstacle)
    variance = _long_run(differences, np.ones(min(horizon, n))) / n
    if variance <= 0:
        return untested(n, "the variance estimate is not positive; use Newey-West")
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(differences.mean()) * math.sqrt(max(correction, 0.0) / variance)
    return Significance(statistic, 2 * float(stdtr(n - 1, -abs(statistic))), n)


def _long_run(differences: Floats, weights: Floats) -> float:
    centred, n = differences - differences.mean(), len(differences)
    covariances = np.array([centred[lag:] @ centred[: n - lag] for lag in range(len(weights))]) / n
    return float(weights[0] * covariances[0] + 2 * (weights[1:] @ covariances[1:]))


def _student(differences: Floats, variance: float, degrees: int, level: float) -> Estimate:
    value, n = float(differences.mean()), len(differences)
    half = float(stdtrit(degrees, (1 + level) / 2)) * math.sqrt(variance)
    return Estimate(value, value - half, value + half, n)


def _obstacle(differences: Floats) -> str:
    n = len(differences)
    if n < LEAST_ROWS:
        return f"{n} rows; {LEAST_ROWS} are the least"
    if not np.isfinite(differences).all():
        return "a loss is not a number"
    if np.ptp(differences) == 0:
        return "the difference is the same on every row"
    return ""
