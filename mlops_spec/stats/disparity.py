"""How far apart the rates of groups are, with bounds that hold for the largest gap.

The largest gap is biased up: five equal groups of 100 rows at 50 % differ by 0.116 on average. Each
end is a one-sided bound of confidence (1 + level) / 2. The lower end is a union over pairs of
groups, so it shares its error between them (Bonferroni); the upper end needs only the pair
that is truly furthest apart, so it does not. Gaps are differences of shares (0.01: one point).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlops_spec.stats import miettinen_nurminen, newcombe
from mlops_spec.stats.estimate import Estimate, Floats, unknown
from mlops_spec.stats.fairness import (
    LEAST_DENOMINATOR,
    Decisions,
    GroupRate,
    compared,
    rates,
    weighed,
)
from mlops_spec.stats.multiplicity import bonferroni_level


@dataclass(frozen=True, slots=True)
class Disparity:
    """The estimate (its `n` is the smallest denominator), and which groups it is about.

    `excluded` had too small a denominator. Fewer than two groups left: unknown, with the reason.
    """

    estimate: Estimate
    compared: tuple[GroupRate, ...]
    excluded: tuple[GroupRate, ...]


def demographic_parity_difference(
    decisions: Decisions, level: float, least: int = LEAST_DENOMINATOR
) -> Disparity:
    """Largest less smallest selection rate."""
    return gap(rates("selection_rate", decisions), level, least)


def demographic_parity_ratio(
    decisions: Decisions, level: float, least: int = LEAST_DENOMINATOR
) -> Disparity:
    """Smallest over largest selection rate; the four-fifths rule asks for 0.8."""
    return ratio(rates("selection_rate", decisions), level, least)


def equal_opportunity_difference(
    decisions: Decisions, level: float, least: int = LEAST_DENOMINATOR
) -> Disparity:
    """Largest less smallest true positive rate."""
    return gap(rates("true_positive_rate", decisions), level, least)


def equalized_odds_difference(
    decisions: Decisions, level: float, least: int = LEAST_DENOMINATOR
) -> Disparity:
    """The larger of the gaps in true and in false positive rates; unknown if either is."""
    found = (rates("true_positive_rate", decisions), rates("false_positive_rate", decisions))
    return larger_gap(found, level, least)


def larger_gap(
    families: tuple[tuple[GroupRate, ...], ...], level: float, least: int = LEAST_DENOMINATOR
) -> Disparity:
    """The larger of the gaps in several families of rates; unknown if any is."""
    halved = bonferroni_level(level, len(families))
    parts = [
        (gap(found, level, least), gap(found, halved, least).estimate.low) for found in families
    ]
    kept = tuple(one for part, _ in parts for one in part.compared)
    excluded = tuple(one for part, _ in parts for one in part.excluded)
    for part, _ in parts:
        if part.estimate.reason:
            return Disparity(part.estimate, kept, excluded)
    larger = max((part for part, _ in parts), key=lambda part: part.estimate.value).estimate
    low = max(low for _, low in parts)
    high = max(part.estimate.high for part, _ in parts)
    n = min(part.estimate.n for part, _ in parts)
    return Disparity(replace(larger, low=low, high=high, n=n), kept, excluded)


def gap(found: tuple[GroupRate, ...], level: float, least: int = LEAST_DENOMINATOR) -> Disparity:
    """Largest less smallest rate; Miettinen-Nurminen between all pairs (quadratic in groups)."""
    kept, excluded = compared(found, least)
    if len(kept) < 2:
        return Disparity(_too_few(kept), kept, excluded)
    hits, n = weighed(kept)
    first, second = np.triu_indices(len(kept), 1)
    # Both tails of a pair can raise the lower end, so the pair's level is one-sided already.
    strict = bonferroni_level((1 + level) / 2, len(first))
    low, high = miettinen_nurminen.bounds(hits[first], n[first], hits[second], n[second], strict)
    least_gap = max(0.0, float(np.maximum(low, -high).max()))
    low, high = miettinen_nurminen.bounds(hits[first], n[first], hits[second], n[second], level)
    largest_gap = float(np.maximum(high, -low).max())
    return Disparity(
        Estimate(float(np.ptp(hits / n)), least_gap, largest_gap, _fewest(kept)), kept, excluded
    )


def ratio(found: tuple[GroupRate, ...], level: float, least: int = LEAST_DENOMINATOR) -> Disparity:
    """Smallest over largest rate, from Wilson's bounds of each. Unknown if every rate is 0."""
    kept, excluded = compared(found, least)
    if len(kept) < 2:
        return Disparity(_too_few(kept), kept, excluded)
    hits, n = weighed(kept)
    if not hits.any():
        return Disparity(unknown(_fewest(kept), "every rate is 0"), kept, excluded)
    share, low, high = newcombe.wilson_bounds(hits, n, bonferroni_level(level, 2))
    least_ratio = float(_between_groups(low[:, None] / high[None, :]).min())
    _, low, high = newcombe.wilson_bounds(hits, n, bonferroni_level(level, 2 * len(kept)))
    ratios = high[:, None] / np.maximum(low[None, :], 1e-300)
    largest_ratio = min(1.0, float(_between_groups(ratios).min()))
    value = float(share.min() / share.max())
    return Disparity(
        Estimate(value, min(least_ratio, value), max(largest_ratio, value), _fewest(kept)),
        kept,
        excluded,
    )


def _between_groups(matrix: Floats) -> Floats:
    """What lies off the diagonal."""
    return matrix[~np.eye(len(matrix), dtype=bool)]


def _too_few(kept: tuple[GroupRate, ...]) -> Estimate:
    return unknown(
        _fewest(kept),
        f"{len(kept)} group with enough rows to compare; 2 are the least",
    )


def _fewest(kept: tuple[GroupRate, ...]) -> int:
    return min((one.n for one in kept), default=0)
