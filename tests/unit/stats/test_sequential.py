"""The bounds against published numbers, and the error of whole rollouts by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, ks_2samp

from mlops_spec.stats.sequential import (
    PLANNED,
    Spending,
    difference_lower,
    ks_distance,
    ks_margin,
    looks_planned,
    quantile_bounds,
    share_lower,
    share_upper,
)

RANDOM = np.random.default_rng(20261123)


def test_exact_bounds_of_a_share_are_the_published_ones():
    # The rule of three: no failure in 299 answers bounds the rate by 1 % at 95 %.
    assert share_upper(0, 299, 0.05) == pytest.approx(0.00997, abs=1e-5)
    assert share_lower(10, 10, 0.05) == pytest.approx(0.05 ** (1 / 10))
    assert share_lower(0, 10, 0.05) == 0.0
    assert share_upper(10, 10, 0.05) == 1.0


def test_a_share_of_nothing_is_unbounded():
    assert (share_lower(0, 0, 0.05), share_upper(0, 0, 0.05)) == (0.0, 1.0)
    assert difference_lower(0, 0, 5, 10, 0.05) == -1.0


def test_the_lower_bound_of_a_difference_is_newcombes():
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10, 56/70 against 48/80.
    assert difference_lower(56, 70, 48, 80, 0.025) == pytest.approx(0.0524, abs=5e-5)


def test_bounds_of_a_quantile_are_the_tabled_ranks():
    thousand = np.arange(1, 1001, dtype=float)

    assert quantile_bounds(thousand, 0.99, 0.025, 0.025) == (983.0, 997.0)
    assert quantile_bounds(thousand[:100], 0.5, 0.025, 0.025) == (40.0, 61.0)


def test_p99_has_an_upper_bound_from_299_values_on():
    values = np.arange(1, 300, dtype=float)

    assert quantile_bounds(values, 0.99, 0.05, 0.05)[1] == 299.0
    assert quantile_bounds(values[:298], 0.99, 0.05, 0.05)[1] is None
    assert quantile_bounds(values[:0], 0.99, 0.05, 0.05) == (None, None)


def test_the_distance_is_that_of_scipy_with_ties_and_without():
    one, other = RANDOM.normal(size=300), RANDOM.normal(0.3, size=700)

    for first, second in ((one, other), (one.round(1), other.round(1))):
        assert ks_distance(first, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_the_distance_of_nothing_or_of_nan_is_nan():
    some = np.array([0.1, 0.2])

    assert math.isnan(ks_distance(some, some[:0]))
    assert math.isnan(ks_distance(np.array([0.1, np.nan]), some))


def test_the_margin_of_a_distance_is_the_critical_value():
    assert ks_margin(1000, 1000, 0.05) == pytest.approx(0.0607, abs=5e-5)
    assert ks_margin(0, 1000, 0.05) == math.inf


def test_looks_come_at_the_planned_parts_and_then_at_doublings():
    counts = (0, 49, 50, 100, 200, 399, 400, 799, 800, 1600)

    assert [looks_planned(400, n) for n in counts] == [0, 0, 1, 2, 3, 3, 4, 4, 5, 6]


def test_no_number_of_looks_spends_more_than_alpha():
    spending = Spending(0.05, metrics=3, steps=4)

    assert sum(spending.harm(look) for look in range(1, 60)) * 12 <= 0.05 + 1e-12
    assert sum(spending.promote(attempt) for attempt in range(1, 60)) <= 0.05 + 1e-12


WORLDS = 4000
LOOKS = (*(int(part * 400) for part in PLANNED), 800, 1600, 3200)


def _ever_harmful(rate: float, control: float, weight: float, spending: Spending):
    """Worlds in which a step's looks call harm on a rate above 1 %, control beside it."""
    wanted = np.array([0, *LOOKS])
    mine = RANDOM.binomial(np.diff(wanted), rate, (WORLDS, len(LOOKS))).cumsum(axis=1)
    harm = np.zeros(WORLDS, dtype=bool)
    beside = (np.diff(wanted) * (1 / weight - 1)).astype(int)
    theirs = RANDOM.binomial(beside, control, (WORLDS, len(LOOKS))).cumsum(axis=1)
    for look, n in enumerate(LOOKS):
        level = spending.harm(look + 1)
        found = share_lower(mine[:, look], n, level) > 0.01
        if weight < 1:
            m = beside[: look + 1].sum()
            found &= difference_lower(mine[:, look], n, theirs[:, look], m, level) > 0
        harm |= found
    return harm


@pytest.mark.parametrize("control", [0.0, 0.01])
def test_a_rollout_at_the_limit_is_rolled_back_no_more_often_than_declared(control):
    """Errors and slow answers both exactly at their limit, in every step, seven looks each."""
    spending = Spending(0.05, metrics=3, steps=3)

    metrics = [_ever_harmful(0.01, control, w, spending) for w in (0.05, 0.25, 1.0) for _ in "ep"]

    wrong = np.logical_or.reduce(metrics).sum()
    assert wrong <= binom.ppf(0.999, WORLDS, 0.05 * 2 / 3)


def test_two_points_more_errors_are_found_in_one_step():
    spending = Spending(0.05, metrics=3, steps=3)

    assert _ever_harmful(0.03, 0.002, 0.05, spending).mean() > 0.95


@pytest.mark.parametrize("true", [0.0, 0.15])
def test_a_score_shift_at_the_limit_is_rolled_back_no_more_often_than_declared(true):
    """Scores shifted by exactly the limit, where production's distribution differs from ours."""
    spending, worlds, harm = Spending(0.05, metrics=3, steps=3), 300, 0

    for _ in range(worlds):
        # A share `true` of the candidate's scores has moved above all the others.
        mine = RANDOM.random(LOOKS[4])
        mine[RANDOM.random(len(mine)) < true] += 1
        theirs = RANDOM.random(len(mine) * 3)
        harm += any(
            ks_distance(mine[:n], theirs[: 3 * n]) - ks_margin(n, 3 * n, spending.harm(look)) > 0.15
            for look, n in enumerate(LOOKS[:5], start=1)
        )

    assert harm <= binom.ppf(0.999, worlds, 0.05 / 9)
