"""The gap, the ratio and the quantile that rows can show to be beyond a limit; pure closed forms.

What `power` is to single shares these are to `disparity.gap`, `disparity.ratio` and order
statistics: z of the bound that decides, and z of the power, times the standard error.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from mlops_spec.stats.chance_gap import log_ratio_error
from mlops_spec.stats.power import Risk, Size

_STANDARD: Final = NormalDist()


def detectable_gap(rates: tuple[float, float], n: float, groups: int, risk: Risk) -> Size:
    """How far two groups' rates lie beyond a limit before it is refuted, n rows in each.

    (z + z_power) √(p q/n + p' q'/n), z at α / (2 pairs): the error is shared between all pairs of
    groups, and either of a pair may be the higher one.
    """
    if n <= 0 or groups < 2:
        return Size(None, "two groups with rows are needed")
    pairs = groups * (groups - 1) // 2
    error = math.sqrt(sum(rate * (1 - rate) for rate in rates) / n)
    return Size((_z(risk.alpha / (2 * pairs)) + risk.z_power) * error)


def detectable_ratio(rates: tuple[float, float], n: float, groups: int, risk: Risk) -> Size:
    """The factor below a limit at which a ratio of two groups' rates is refuted; below 1.

    exp(-(z (s + s') + z_power √(s² + s'²))), s the error of a log share, z at α / 2k: the ratio is
    bounded by an interval of each share, and k groups share the error.
    """
    if n <= 0 or groups < 2 or min(rates) <= 0:
        return Size(None, "two groups with rows and rates above 0 are needed")
    first, second = (log_ratio_error(rate, n) for rate in rates)
    reach = _z(risk.alpha / (2 * groups)) * (first + second)
    return Size(math.exp(-reach - risk.z_power * math.hypot(first, second)))


def quantile_error(q: float, n: float, log_deviation: float) -> float:
    """The standard error of the logarithm of a quantile of lognormal values; infinite without rows.

    √(q(1 - q)/n) s / φ(z_q), the delta method on order statistics (Stuart and Ord 1994, 10.10).
    """
    if n <= 0:
        return math.inf
    z = _STANDARD.inv_cdf(q)
    return math.sqrt(q * (1 - q) / n) * log_deviation / _STANDARD.pdf(z)


def detectable_quantile_ratio(q: float, n: float, log_deviation: float, risk: Risk) -> Size:
    """How much larger one quantile must be than another, n values on each side: 0.1 for 10 %.

    exp(z √2 error) - 1, for independent lognormal values of one spread.
    """
    if n <= 0:
        return Size(None, "no rows")
    return Size(math.expm1(risk.z * math.sqrt(2) * quantile_error(q, n, log_deviation)))


def _z(tail: float) -> float:
    return _STANDARD.inv_cdf(1 - tail)
