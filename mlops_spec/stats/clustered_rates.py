"""Rates of groups whose rows go together: users, sessions, days."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import ndtri, stdtrit

from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.fairness import Decisions, GroupRate, RateName, counted_rows, rates
from mlops_spec.stats.resample import Units

# Where t is compared with the normal quantile: the end of a 90 % interval.
_TAIL: Final = 0.95


def clustered_rates(name: RateName, decisions: Decisions, units: Units) -> tuple[GroupRate, ...]:
    """The rate of every group with its design effect.

    The effect is the cluster-robust variance over the binomial one, times (t / z)² for the number
    of clusters (Korn and Graubard, Survey Methodology 24 (1998) 193-201), and at least 1. Of a rate
    of 0 or 1 nothing varies: there each cluster counts as one row.
    """
    found = rates(name, decisions)
    if units.of_row is None:
        return found
    counted = counted_rows(name, decisions.positive)
    groups, number = np.unique(decisions.group, return_inverse=True)
    inside = number[counted]
    # A cell is a cluster's rows in one group; only those that occur are looked at.
    place = units.of_row[counted] * len(groups) + inside
    cells, cell = np.unique(place, return_inverse=True)
    rate = np.array([one.rate or 0.0 for one in found])
    apart = decisions.said_positive[counted] - rate[inside]
    sums = np.bincount(cell, weights=apart, minlength=len(cells))
    of_group = cells % len(groups)
    clusters = np.bincount(of_group, minlength=len(groups)).astype(float)
    squares = np.bincount(of_group, weights=sums**2, minlength=len(groups))
    n = np.array([one.n for one in found], dtype=float)
    effects = _effects(rate, n, clusters, squares.astype(np.float64))
    return tuple(
        replace(one, effect=float(effect)) for one, effect in zip(found, effects, strict=True)
    )


def _effects(rate: Floats, n: Floats, clusters: Floats, squares: Floats) -> Floats:
    binomial = n * rate * (1 - rate)
    freedom = np.maximum(clusters - 1, 1)
    robust = squares * clusters / freedom * (stdtrit(freedom, _TAIL) / ndtri(_TAIL)) ** 2
    varies = (binomial > 0) & (clusters > 1)
    effects = np.where(varies, robust / np.where(varies, binomial, 1), n / np.maximum(clusters, 1))
    found: Floats = np.maximum(effects, 1.0)
    return found
