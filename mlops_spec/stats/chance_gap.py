"""How far groups that do not differ lie apart by chance; pure Python, so a compiler can afford it.

Rates of groups are taken as normal around one common rate: group i with a standard error s_i.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from mlops_spec.stats.power import Size

_ROOT_HALF: Final = math.sqrt(0.5)
_ROOT_TURN: Final = 1 / math.sqrt(2 * math.pi)
_WIDEST: Final = 8.0
# Trapezoids of a smooth integrand that is 0 at both ends: at 0.3 of the smallest error the
# sum is exact to 1e-6.
_A_STEP: Final = 0.3
_MOST_POINTS: Final = 3000
_POINTS: Final = 160
_HALVINGS: Final = 30


def gap_beyond(limit: float, errors: Sequence[float]) -> float:
    """The chance that the largest of some normals with mean 0 is above the smallest by `limit`.

    1 - sum over i of ∫ f_i(x) prod over j ≠ i of [F_j(x + limit) - F_j(x)] dx, x being the smallest
    (Hartley, Biometrika 32 (1942) 334-348, for errors that differ). One error: 0.
    """
    spread = [error for error in errors if error > 0]
    if len(spread) < 2 or limit <= 0:
        return 0.0 if len(spread) < 2 else 1.0
    widest, narrowest = max(spread), min(spread)
    points = min(_MOST_POINTS, math.ceil(2 * _WIDEST / _A_STEP * widest / narrowest))
    start, step = -_WIDEST * widest, 2 * _WIDEST * widest / points
    alike = tuple(Counter(spread).items())
    inside = sum(_smallest_at(start + i * step, limit, alike) for i in range(points + 1)) * step
    return min(1.0, max(0.0, 1.0 - inside))


def _smallest_at(x: float, limit: float, errors: tuple[tuple[float, int], ...]) -> float:
    """The density that the smallest is at x while all others are within `limit` above it.

    `errors` with how many there are of each: groups of one size are looked at once.
    """
    together, density = 1.0, 0.0
    for error, count in errors:
        within = _cumulative((x + limit) / error) - _cumulative(x / error)
        if within <= 0:
            return 0.0
        together *= within**count
        density += count * _density(x / error) / error / within
    return together * density if together > 1e-300 else 0.0


@lru_cache(maxsize=256)
def range_quantile(chance: float, groups: int) -> float:
    """The range that k standard normals exceed with that chance, by halving."""
    low, high, errors = 0.0, 40.0, [1.0] * groups
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if gap_beyond(middle, errors) > chance else (low, middle)
    return high


def mean_range(groups: int) -> float:
    """The mean range of k standard normal values: ∫ 1 - Φ^k - (1 - Φ)^k (Tippett 1925).

    1.128, 1.693, 2.326 for 2, 3, 5.
    """
    if groups < 2:
        return 0.0
    step = 2 * _WIDEST / _POINTS
    shares = (_cumulative(-_WIDEST + i * step) for i in range(_POINTS + 1))
    return sum(1 - share**groups - (1 - share) ** groups for share in shares) * step


def not_shown_fair(limit: float, errors: Sequence[float], z: float) -> float:
    """At least how often a rule on upper bounds does not pass groups that do not differ.

    A pair passes when its gap plus z times its error, √(s² + s'²), is at most `limit`. Exact for
    equal errors; otherwise the larger of two bounds from below: all pairs as if each were the most
    certain one, and the least certain pair alone. z 0: a rule on the estimate, and exact.
    """
    ordered = sorted(error for error in errors if error > 0)
    if len(ordered) < 2:
        return 0.0
    most_certain = math.hypot(*ordered[:2])
    least_certain = math.hypot(*ordered[-2:])
    room = limit - z * least_certain
    pair = 2 * _cumulative(-room / least_certain) if room > 0 else 1.0
    return max(pair, gap_beyond(limit - z * most_certain, ordered))


def rows_to_show_fair(limit: float, groups: int, rate: float, z: float, chance: float) -> Size:
    """Rows a group at which equal groups are not passed with at most that chance.

    p(1 - p) ((q + z √2) / limit)², q being the range that k normals exceed with the chance.
    """
    if limit <= 0:
        return Size(None, "groups never have a gap of 0 or below")
    if groups < 2:
        return Size(None, "two groups are the least")
    reach = range_quantile(chance, groups) + z * math.sqrt(2)
    return Size(math.ceil(rate * (1 - rate) * (reach / limit) ** 2))


def log_ratio_error(rate: float, n: float) -> float:
    """The standard error of the logarithm of a share: √((1 - p) / (p n)), by the delta method."""
    return math.sqrt((1 - rate) / (rate * n)) if rate > 0 and n > 0 else math.inf


def _cumulative(x: float) -> float:
    # erf itself: a third of the time of NormalDist, and this is asked thousands of times.
    return 0.5 * (1 + math.erf(x * _ROOT_HALF))


def _density(x: float) -> float:
    return math.exp(-x * x / 2) * _ROOT_TURN
