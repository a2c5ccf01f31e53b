"""Gaps of groups that do not differ: against scipy's studentized range, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import studentized_range

from mlops_spec.stats.chance_gap import (
    gap_beyond,
    log_ratio_error,
    mean_range,
    not_shown_fair,
    range_quantile,
    rows_to_show_fair,
)
from mlops_spec.stats.power import Size

Z = 1.6448536


@pytest.mark.parametrize("groups", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("limit", [0.3, 1.0, 2.5, 4.0, 7.0])
def test_equal_groups_have_the_studentized_range(groups, limit):
    assert gap_beyond(limit, [1.0] * groups) == pytest.approx(
        studentized_range.sf(limit, groups, np.inf), abs=1e-6
    )


@pytest.mark.parametrize("groups", [2, 5, 20])
def test_the_quantile_of_the_range_is_scipys(groups):
    found = range_quantile(0.05, groups)
    assert found == pytest.approx(studentized_range.isf(0.05, groups, np.inf), abs=1e-6)


@pytest.mark.parametrize("groups", [2, 3, 7, 30])
def test_the_mean_range_is_the_integral_of_quadrature(groups):
    mean, _ = quad(lambda x: 1 - ndtr(x) ** groups - ndtr(-x) ** groups, -9, 9)
    assert mean_range(groups) == pytest.approx(mean, abs=1e-8)


@pytest.mark.parametrize("errors", [(0.01, 0.02, 0.05, 0.2), (0.1, 0.1, 0.01), (0.03, 0.3)])
def test_groups_of_unequal_size_are_those_of_simulation(errors):
    drawn = np.random.default_rng(1).normal(size=(200_000, len(errors))) * errors
    assert gap_beyond(0.2, errors) == pytest.approx((np.ptp(drawn, axis=1) > 0.2).mean(), abs=0.004)


def _refused(sizes, rate, limit, worlds=20_000):
    """The share of worlds in which some pair's upper bound is above the limit."""
    n = np.array(sizes)
    found = np.random.default_rng(2).binomial(n, rate, (worlds, len(n))) / n
    first, second = np.triu_indices(len(n), 1)
    gap = np.abs(found[:, first] - found[:, second])
    error = np.sqrt(rate * (1 - rate) * (1 / n[first] + 1 / n[second]))
    return float((gap + Z * error > limit).any(axis=1).mean())


def _errors(sizes, rate):
    return [math.sqrt(rate * (1 - rate) / n) for n in sizes]


@pytest.mark.parametrize("limit", [0.08, 0.1, 0.12])
def test_equal_groups_are_not_passed_as_often_as_in_simulation(limit):
    sizes = (800,) * 5
    told = not_shown_fair(limit, _errors(sizes, 0.4), Z)
    assert told == pytest.approx(_refused(sizes, 0.4, limit), abs=0.02)


@pytest.mark.parametrize("sizes", [(100, 5000, 5000), (300, 400, 2000, 9000), (60, 90, 120)])
def test_for_unequal_groups_no_more_is_told_than_happens(sizes):
    told = not_shown_fair(0.15, _errors(sizes, 0.3), Z)
    assert 0.0 < told <= _refused(sizes, 0.3, 0.15) + 0.015


def test_the_rows_that_are_asked_for_are_enough():
    rows = int(rows_to_show_fair(0.1, 5, 0.4, Z, 0.2).value)
    assert not_shown_fair(0.1, _errors((rows,) * 5, 0.4), Z) == pytest.approx(0.2, abs=2e-3)
    assert _refused((rows,) * 5, 0.4, 0.1) == pytest.approx(0.2, abs=0.03)


def test_the_error_of_a_log_share_is_that_of_simulation():
    found = np.log(np.random.default_rng(3).binomial(500, 0.2, 40_000) / 500)
    assert log_ratio_error(0.2, 500) == pytest.approx(found.std(), rel=0.03)


def test_what_has_no_answer_says_why():
    assert rows_to_show_fair(0.0, 5, 0.5, Z, 0.2) == Size(
        None, "groups never have a gap of 0 or below"
    )
    assert rows_to_show_fair(0.1, 1, 0.5, Z, 0.2) == Size(None, "two groups are the least")
    assert (gap_beyond(0.1, []), gap_beyond(0.1, [0.2]), gap_beyond(0.0, [0.1, 0.1])) == (0, 0, 1)
    assert (not_shown_fair(0.1, [0.1], Z), mean_range(1)) == (0.0, 0.0)
    assert log_ratio_error(0.0, 10) == math.inf
