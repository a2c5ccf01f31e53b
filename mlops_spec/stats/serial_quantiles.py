"""Quantiles of values measured one after another, where neighbours resemble each other.

Latencies do: a busy neighbour slows a stretch of them. Blocks of consecutive values stand in for
independent ones; nothing is assumed of how the values are distributed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.quantiles import ranks, rows_for_bound

# Beyond so many values of the two samples together, which lie above the quantile, a t of their
# block sums keeps its level (docs/adr/0052).
LEAST_BEYOND: Final = 20
_LEAST_BLOCKS: Final = 8
_FARTHEST: Final = math.log(1000.0)
_STEPS: Final = 50


def serial_quantile(values: Floats, q: float, level: float) -> Estimate:
    """The q-quantile between order statistics, in the unit of the values.

    The ranks are those of n / deff independent values, deff being the variance of the blocks'
    counts beyond the quantile over the binomial one (Woodruff, JASA 47 (1952) 635-646, with Kish's
    design effect). An end is infinite where no order statistic reaches that far.
    """
    n = len(values)
    if n == 0 or not np.isfinite(values).all():
        return unknown(n, "no values" if n == 0 else "a value is not a number")
    ordered = np.sort(values)
    value = float(ordered[min(n, math.ceil(q * n)) - 1])
    effective = max(1, math.floor(n / design_effect((values > value).astype(float), 1 - q)))
    low, high = ranks(effective, q, level)
    least = float(ordered[math.floor((low - 1) / effective * n)]) if low >= 1 else -math.inf
    most = float(ordered[math.ceil(high / effective * n) - 1]) if high <= effective else math.inf
    enough = math.ceil(rows_for_bound(q, (1 + level) / 2) * n / effective)
    bounded = math.isfinite(least) and math.isfinite(most)
    reason = "" if bounded else f"{n} values do not bound this quantile; about {enough} do"
    return Estimate(value, least, most, n, reason)


def design_effect(beyond: Floats, share: float) -> float:
    """How much more the count of `beyond` (0 or 1 each) varies between blocks than a binomial's.

    Never below 1; 1 with too few blocks to tell.
    """
    sums, length = _block_sums(beyond)
    if len(sums) < _LEAST_BLOCKS or not 0 < share < 1:
        return 1.0
    return max(1.0, float(np.var(sums, ddof=1)) / (length * share * (1 - share)))


def quantile_ratio(first: Floats, second: Floats, q: float, level: float) -> Estimate:
    """The q-quantile of the first over that of the second, both measured in turns.

    Ends are the ratios r that a score test just does not reject: with the first divided by r, as
    many of the first as of the second lie beyond the quantile of both together. The difference of
    the counts is judged by Student's t of its block sums, in which what slows both cancels.
    """
    n = len(first)
    values = np.concatenate([first, second])
    if n == 0 or not np.isfinite(values).all() or (values <= 0).any():
        return unknown(n, "no values" if n == 0 else "a value is not a positive number")
    least = turns_for_ratio(q)
    if n < least:
        return unknown(n, f"{n} turns do not compare this quantile; {least} do")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return unknown(n, "every turn took the same time")
    statistic, critical = _score(np.log(first), np.log(second), q), _critical(n, level)
    centre = math.log(_at(first, q) / _at(second, q))
    low = _crossing(lambda r: statistic(r) - critical, centre, -1)
    high = _crossing(lambda r: -statistic(r) - critical, centre, 1)
    return Estimate(math.exp(centre), math.exp(low), math.exp(high), n)


def turns_for_ratio(q: float) -> int:
    """The fewest turns of each: `LEAST_BEYOND` values of both beyond the quantile, and 8 blocks."""
    tail = min(q, 1 - q)
    return max(math.ceil(LEAST_BEYOND / (2 * tail) - 1e-9), _LEAST_BLOCKS**2)


def _at(values: Floats, q: float) -> float:
    return float(np.sort(values)[min(len(values), math.ceil(q * len(values))) - 1])


def _score(first: Floats, second: Floats, q: float) -> Callable[[float], float]:
    def statistic(log_ratio: float) -> float:
        """Positive where the first, divided by the ratio, still is the larger."""
        scaled = first - log_ratio
        threshold = np.quantile(np.concatenate([scaled, second]), q)
        gaps = (scaled > threshold).astype(float) - (second > threshold)
        sums, _ = _block_sums(gaps)
        error = float(np.std(sums, ddof=1)) / math.sqrt(len(sums))
        mean = float(sums.mean())
        if error == 0:
            return math.copysign(math.inf, mean) if mean else 0.0
        return mean / error

    return statistic


def _critical(n: int, level: float) -> float:
    return float(stdtrit(len(_edges(n)) - 1, (1 + level) / 2))


def _crossing(beyond: Callable[[float], float], centre: float, side: int) -> float:
    """Where the test begins to reject, away from the centre; infinite if it never does."""
    inner, outer = 0.0, _FARTHEST
    if beyond(centre + side * outer) <= 0:
        return side * math.inf
    for _ in range(_STEPS):
        middle = (inner + outer) / 2
        inner, outer = (inner, middle) if beyond(centre + side * middle) > 0 else (middle, outer)
    return centre + side * outer


def _block_sums(values: Floats) -> tuple[Floats, float]:
    """The sums over consecutive blocks, about √n of them of about √n values, and their length."""
    edges = _edges(len(values))
    sums: Floats = np.add.reduceat(values, edges) if len(edges) else np.zeros(0)
    return sums, len(values) / max(len(edges), 1)


def _edges(n: int) -> npt.NDArray[np.intp]:
    blocks = math.isqrt(n)
    return np.floor(np.arange(blocks) * n / max(blocks, 1)).astype(np.intp)
