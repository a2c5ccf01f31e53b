"""The bootstrap, for what has no closed form. Rows are drawn by weights: one sort is enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Estimate, Floats, unknown

# Work is bounded at this many row visits: 2,000 draws up to 20,000 rows, 200 draws from 200,000 on.
_VISITS: Final = 40_000_000
_DRAWS: Final = (200, 2000)

WeightedStatistic = Callable[[Floats], float]


def percentile(statistic: WeightedStatistic, rows: int, level: float, seed: int) -> Estimate:
    """The percentile interval of a statistic of row weights (Efron 1979), with its own seed."""
    value = statistic(np.ones(rows))
    if rows < 2 or not np.isfinite(value):
        return unknown(rows)
    random = np.random.default_rng(seed)
    draws = int(np.clip(_VISITS // rows, *_DRAWS))
    drawn = np.array([statistic(_weights(random, rows)) for _ in range(draws)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < draws / 2:
        return unknown(rows)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), rows)


def _weights(random: np.random.Generator, rows: int) -> Floats:
    return np.bincount(random.integers(0, rows, rows), minlength=rows).astype(float)


def average_precision(positive: npt.NDArray[np.bool_], score: Floats) -> WeightedStatistic:
    """Area under the precision-recall steps by row weights; equal scores are one step."""
    order = np.argsort(-score, kind="stable")
    hits = positive[order].astype(float)
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)

    def weighted(weights: Floats) -> float:
        ordered = weights[order]
        found = np.cumsum(ordered * hits)[ends]
        decided = np.cumsum(ordered)[ends]
        if found[-1] == 0:
            return float("nan")
        precision = np.divide(found, decided, out=np.zeros_like(found), where=decided > 0)
        return float(np.sum(np.diff(found, prepend=0.0) * precision) / found[-1])

    return weighted
