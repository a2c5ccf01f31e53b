"""Miettinen and Nurminen's score interval and test for the difference of two independent shares.

Statistics in Medicine 4 (1985) 213-226. The likeliest shares under "the difference is delta" are
roots of a cubic in closed form; the interval's ends are where the score test just rejects.
(The cubic of statsmodels 0.15 has a wrong coefficient, its issue 10269.) Counts may be arrays.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.special import ndtr

from mlops_spec.stats.estimate import Estimate, Floats, unknown, z_two_sided

# Halvings of an interval of width at most 2: the ends are exact to 1e-11.
_HALVINGS: Final = 38


def difference(hits: int, n: int, other_hits: int, other_n: int, level: float) -> Estimate:
    """hits/n - other_hits/other_n with both ends; `n` of the result is the smaller one.

    Unknown without rows on a side. 0/n against 0/m is a difference of 0 with room on both sides.
    """
    if n == 0 or other_n == 0:
        return unknown(0, "a side without rows")
    low, high = bounds(hits, n, other_hits, other_n, level)
    value = hits / n - other_hits / other_n
    return Estimate(value, float(low), float(high), min(n, other_n))


def bounds(hits: Any, n: Any, other_hits: Any, other_n: Any, level: float) -> tuple[Floats, Floats]:
    """Both ends for arrays of counts with positive denominators."""
    counts = tuple(np.asarray(v, float) for v in (hits, n, other_hits, other_n))
    counts = tuple(np.broadcast_arrays(*counts))
    z = z_two_sided(level)
    found = counts[0] / counts[1] - counts[2] / counts[3]
    # Both ends at once: half the calls.
    left = np.stack([np.full_like(found, -1.0), found])
    right = np.stack([found, np.full_like(found, 1.0)])
    target = np.stack([np.full_like(found, z), np.full_like(found, -z)])
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        # The score falls as delta grows: what is left is the crossing.
        above = score(counts, middle) > target
        left, right = np.where(above, middle, left), np.where(above, right, middle)
    return left[0], right[1]


def p_value(hits: int, n: int, other_hits: int, other_n: int, margin: float) -> float:
    """One-sided p-value of "the first share is larger by at most `margin`"; 1 without rows."""
    if n == 0 or other_n == 0:
        return 1.0
    counts = tuple(np.asarray(v, float) for v in (hits, n, other_hits, other_n))
    return float(ndtr(-score(counts, np.asarray(margin, float))))


def score(counts: tuple[Any, ...], delta: Floats) -> Floats:
    """(d - delta) / sqrt of its variance under delta, times sqrt(1 - 1/N); signed infinity at 0."""
    hits, n, other_hits, other_n = counts
    second = likeliest(counts, delta)
    first = second + delta
    total = n + other_n
    variance = (first * (1 - first) / n + second * (1 - second) / other_n) * total / (total - 1)
    distance = hits / n - other_hits / other_n - delta
    distance = np.where(np.abs(distance) < 1e-14, 0.0, distance)
    certain = variance <= 1e-300
    value = distance / np.sqrt(np.where(certain, 1.0, variance))
    limit: Floats = np.where(distance == 0, 0.0, np.copysign(np.inf, distance))
    return np.where(certain, limit, value)


def likeliest(counts: tuple[Any, ...], delta: Floats) -> Floats:
    """The second share of greatest likelihood when the first is `delta` larger."""
    hits, n, other_hits, other_n = counts
    total, found = n + other_n, hits + other_hits
    square = (n + 2 * other_n) * delta - total - found
    linear = (other_n * delta - total - 2 * other_hits) * delta + found
    constant = other_hits * delta * (1 - delta)
    scaled = square / (3 * total)
    q = scaled**3 - square * linear / (6 * total**2) + constant / (2 * total)
    p = np.sqrt(np.maximum(scaled**2 - linear / (3 * total), 0)) * np.where(q < 0, -1.0, 1.0)
    cubed = np.where(p == 0, 1.0, p**3)
    angle = (np.pi + np.arccos(np.clip(np.where(p == 0, 0.0, q / cubed), -1, 1))) / 3
    root = 2 * p * np.cos(angle) - scaled
    share: Floats = np.clip(root, np.maximum(0, -delta), np.minimum(1, 1 - delta))
    return share
