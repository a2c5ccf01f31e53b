"""Newcombe's hybrid score intervals: the difference of two shares from the Wilson interval of each.

Closed forms, so the counts may be arrays of thousands of pairs. All differences are of shares (0.01
is one percentage point).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlops_spec.stats.estimate import Estimate, Floats, unknown, z_two_sided


def independent(hits: int, n: int, other_hits: int, other_n: int, level: float) -> Estimate:
    """hits/n - other_hits/other_n on different rows; `n` of the result is the smaller one.

    Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10. Unknown without rows on a side.
    """
    if n == 0 or other_n == 0:
        return unknown(0, "a side without rows")
    low, high = independent_bounds(hits, n, other_hits, other_n, level)
    value = hits / n - other_hits / other_n
    return Estimate(value, float(low), float(high), min(n, other_n))


def independent_bounds(
    hits: Any, n: Any, other_hits: Any, other_n: Any, level: float
) -> tuple[Floats, Floats]:
    """Both ends for arrays of counts with positive denominators.

    d - sqrt((p1 - l1)² + (u2 - p2)²) and d + sqrt((u1 - p1)² + (p2 - l2)²).
    """
    first, low, high = wilson_bounds(hits, n, level)
    second, other_low, other_high = wilson_bounds(other_hits, other_n, level)
    difference = first - second
    below = np.sqrt((first - low) ** 2 + (other_high - second) ** 2)
    above = np.sqrt((high - first) ** 2 + (second - other_low) ** 2)
    return difference - below, difference + above


def paired(both: int, only_first: int, only_second: int, neither: int, level: float) -> Estimate:
    """Share of the first minus share of the second on the same rows, from the four cells.

    Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10: Wilson's intervals of the two
    shares, joined with the correlation phi of the answers. Unknown without rows.
    """
    n = both + only_first + only_second + neither
    if n == 0:
        return unknown(0, "no rows")
    low, high = paired_bounds(both, only_first, only_second, neither, level)
    return Estimate((only_first - only_second) / n, float(low), float(high), n)


def paired_bounds(
    both: Any, only_first: Any, only_second: Any, neither: Any, level: float
) -> tuple[Floats, Floats]:
    """Both ends for arrays of cells: d ± sqrt(x² - 2 phi x y + y²), x and y as if independent."""
    a, b, c, d = (np.asarray(v, float) for v in (both, only_first, only_second, neither))
    n = a + b + c + d
    first, low, high = wilson_bounds(a + b, n, level)
    second, other_low, other_high = wilson_bounds(a + c, n, level)
    phi = _phi(a, b, c, d)
    difference = (b - c) / n
    below = _joined(first - low, other_high - second, phi)
    above = _joined(high - first, second - other_low, phi)
    return difference - below, difference + above


def wilson_bounds(hits: Any, n: Any, level: float) -> tuple[Floats, Floats, Floats]:
    """The share and both ends of Wilson's interval, for arrays of counts with n > 0."""
    hits, n, z = np.asarray(hits, float), np.asarray(n, float), z_two_sided(level)
    share: Floats = hits / n
    centre = share + z * z / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return share, np.maximum((centre - half) / scale, 0), np.minimum((centre + half) / scale, 1)


def _joined(one: Floats, other: Floats, phi: Floats) -> Floats:
    joined: Floats = np.sqrt(np.maximum(one**2 - 2 * phi * one * other + other**2, 0))
    return joined


def _phi(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """The correlation of the answers, less n/2 in the numerator where positive, as published.

    0 where a margin is empty: then nothing is known of how they go together.
    """
    n = a + b + c + d
    product = (a + b) * (c + d) * (a + c) * (b + d)
    crossed = a * d - b * c
    corrected = np.where(crossed > 0, np.maximum(crossed - n / 2, 0), crossed)
    root = np.sqrt(np.where(product > 0, product, 1))
    return np.where(product > 0, corrected / root, 0.0)
