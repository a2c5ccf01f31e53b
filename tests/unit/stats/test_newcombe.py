"""Newcombe's hybrid score intervals, against his tables and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.newcombe import (
    independent,
    independent_bounds,
    paired,
    paired_bounds,
    wilson_bounds,
)
from mlops_spec.stats.proportions import paired_difference, wilson

WORLDS = 4000


def ends(estimate):
    return round(estimate.low, 4), round(estimate.high, 4)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((0, 10, 0, 10), (-0.2775, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0000)),
        ((10, 10, 0, 10), (0.6075, 1.0000)),
    ],
)
def test_the_independent_interval_is_the_published_one(counts, expected):
    assert ends(independent(*counts, 0.95)) == expected


def test_the_paired_interval_is_the_published_one():
    """Newcombe, Statistics in Medicine 17 (1998) 2635-2650, table II, method 10, 36/12/2/0."""
    found = paired(36, 12, 2, 0, 0.95)
    assert (round(found.value, 4), *ends(found)) == (0.2, 0.0569, 0.3404)


def test_the_paired_interval_is_near_tangos_with_many_rows():
    one, other = paired(1700, 90, 60, 150, 0.90), paired_difference(90, 60, 2000, 0.90)
    assert (one.value, one.n) == (other.value, other.n)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=2e-4)


def test_a_side_without_rows_says_so():
    found = independent(0, 0, 3, 10, 0.95)
    assert (found.known, found.reason) == (False, "a side without rows")
    assert paired(0, 0, 0, 0, 0.95).reason == "no rows"


def test_models_that_are_always_right_leave_room():
    found = paired(50, 0, 0, 0, 0.95)
    assert (found.value, found.low) == (0.0, -found.high)
    assert found.high > 0.05


def test_bounds_of_arrays_are_those_of_each_pair():
    low, high = independent_bounds([56, 9], [70, 10], [48, 3], [80, 10], 0.95)
    assert [round(v, 4) for v in (*low, *high)] == [0.0524, 0.1705, 0.3339, 0.8090]
    share, below, above = wilson_bounds([81], [263], 0.95)
    one = wilson(81, 263, 0.95)
    assert (share[0], below[0], above[0]) == pytest.approx((one.value, one.low, one.high))


@pytest.mark.parametrize("n", [50, 500, 50_000])
@pytest.mark.parametrize("share", [0.005, 0.05, 0.5])
@pytest.mark.parametrize("gain", [0.0, 0.1])
def test_each_end_misses_a_difference_of_independent_shares_as_seldom_as_promised(n, share, gain):
    random = np.random.default_rng(n)
    difference = share * gain
    low, high = independent_bounds(
        random.binomial(n, share + difference, WORLDS), n, random.binomial(n, share, WORLDS), n, 0.9
    )
    most = binom.ppf(0.9999, WORLDS, 0.05 if n * share > 20 else 0.06)
    assert max((low > difference).sum(), (high < difference).sum()) <= most


@pytest.mark.parametrize("n", [50, 500, 50_000])
@pytest.mark.parametrize(
    ("right", "gain", "disagreement"),
    [(0.01, 0.0, 0.004), (0.05, 0.0, 0.02), (0.5, 0.0, 0.1), (0.9, 0.02, 0.1)],
)
def test_each_end_misses_a_paired_difference_as_seldom_as_promised(n, right, gain, disagreement):
    random = np.random.default_rng(n)
    first, second = (disagreement + gain) / 2, (disagreement - gain) / 2
    cells = [right - second, first, second, 1 - right - first]
    low, high = paired_bounds(*random.multinomial(n, cells, WORLDS).T, 0.90)
    most = binom.ppf(0.9999, WORLDS, 0.05 if n * disagreement > 20 else 0.06)
    assert max((low > gain).sum(), (high < gain).sum()) <= most
