"""Intervals for shares, and for the difference of two shares on the same rows."""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import betaincinv, ndtr

from mlops_spec.stats.estimate import Estimate, unknown, z_two_sided


def wilson(hits: int, n: int, level: float) -> Estimate:
    """Wilson's score interval (Wilson 1927): never [0, 0] or [1, 1], unlike Wald's."""
    if n == 0:
        return unknown()
    z = z_two_sided(level)
    share = hits / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Estimate(share, max((centre - half) / scale, 0.0), min((centre + half) / scale, 1.0), n)


def clopper_pearson(hits: int, n: int, level: float) -> Estimate:
    """The exact interval (Clopper and Pearson 1934): each end misses with at most (1 - level) / 2.

    For bounds of more than 99 % that many groups share: there Wilson's misses twice as often as it
    promises where the share is near 0 or 1.
    """
    if n == 0:
        return unknown()
    tail = (1 - level) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return Estimate(hits / n, low, high, n)


def paired_difference(only_first: int, only_second: int, n: int, level: float) -> Estimate:
    """Share of the first minus share of the second on the same n rows; Tango's score interval.

    `only_first` rows are hits of the first alone. Tango, Statistics in Medicine 17 (1998) 891-908.
    No discordant row at all still leaves an interval of width about 2 z² / (n + z²).
    """
    if n == 0:
        return unknown()
    z = z_two_sided(level)
    difference = (only_first - only_second) / n

    def score(delta: float) -> float:
        return _tango(only_first, only_second, n, delta)

    low = -1.0 if score(-1.0) <= z else brentq(lambda d: score(d) - z, -1.0, difference)
    high = 1.0 if score(1.0) >= -z else brentq(lambda d: score(d) + z, difference, 1.0)
    return Estimate(difference, float(low), float(high), n)


def _tango(b: int, c: int, n: int, delta: float) -> float:
    """The score statistic of the hypothesis that the difference is delta."""
    linear = -b - c + (2 * n - b + c) * delta
    root = math.sqrt(max(linear * linear + 8 * n * c * delta * (1 - delta), 0.0))
    nuisance = (root - linear) / (4 * n)
    variance = n * (2 * nuisance + delta * (1 - delta))
    distance = b - c - n * delta
    if variance <= 0:
        return math.copysign(math.inf, distance) if abs(distance) > 1e-9 else 0.0
    return distance / math.sqrt(variance)


def paired_p_value(only_first: int, only_second: int, n: int, margin: float) -> float:
    """One-sided p-value of "the first is better by at most `margin`" (Tango's score test).

    Superiority: margin 0. Non-inferiority: a negative margin. No rows: 1, never a rejection.
    """
    if n == 0:
        return 1.0
    return float(ndtr(-_tango(only_first, only_second, n, margin)))
