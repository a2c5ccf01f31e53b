"""Miettinen and Nurminen's interval, against published values, a likelihood and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom, chi2

from mlops_spec.stats.miettinen_nurminen import bounds, difference, p_value

WORLDS = 2000


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 5.
        ((56, 70, 48, 80), (0.0528, 0.3382)),
        ((9, 10, 3, 10), (0.1700, 0.8406)),
        ((6, 7, 2, 7), (0.0342, 0.8534)),
        ((5, 56, 0, 29), (-0.0326, 0.1933)),
        ((0, 10, 0, 20), (-0.1658, 0.2844)),
        ((0, 10, 0, 10), (-0.2879, 0.2879)),
        ((10, 10, 0, 20), (0.7156, 1.0000)),
    ],
)
def test_the_interval_is_the_published_one(counts, expected):
    found = difference(*counts, 0.95)
    assert (round(found.low, 4), round(found.high, 4)) == expected


@pytest.mark.parametrize(
    "counts", [(56, 70, 48, 80), (5, 56, 0, 29), (9, 10, 3, 10), (1, 400, 7, 300)]
)
def test_the_ends_are_where_the_score_test_just_rejects(counts):
    """With the shares of greatest likelihood found by search instead of the cubic."""
    x, n, y, m = counts
    found = difference(*counts, 0.95)
    for end in (found.low, found.high):
        second = _likeliest(counts, end)
        first = second + end
        variance = (first * (1 - first) / n + second * (1 - second) / m) * (n + m) / (n + m - 1)
        assert abs(x / n - y / m - end) / math.sqrt(variance) == pytest.approx(1.96, abs=1e-3)


def test_the_test_of_no_difference_is_pearsons():
    """Pearson's chi-square times (N - 1) / N (Campbell, Statistics in Medicine 26 (2007) 3661)."""
    x, n, y, m = 56, 70, 48, 80
    pooled = (x + y) / (n + m)
    statistic = (x / n - y / m) ** 2 / (pooled * (1 - pooled) * (1 / n + 1 / m))
    expected = chi2.sf(statistic * (n + m - 1) / (n + m), 1) / 2
    assert p_value(x, n, y, m, 0.0) == pytest.approx(expected)


def test_the_p_value_is_a_twentieth_where_a_90_percent_interval_ends():
    found = difference(56, 70, 48, 80, 0.90)
    assert p_value(56, 70, 48, 80, found.low) == pytest.approx(0.05)


def test_swapping_the_sides_turns_the_interval_around():
    one, other = difference(9, 10, 3, 40, 0.9), difference(3, 40, 9, 10, 0.9)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_a_side_without_rows_says_so():
    found = difference(0, 0, 3, 10, 0.95)
    assert (found.known, found.reason) == (False, "a side without rows")
    assert p_value(0, 0, 3, 10, 0.0) == 1.0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((0, 40, 0, 40), 0.0), ((40, 40, 40, 40), 0.0), ((40, 40, 0, 40), 1.0)],
)
def test_shares_of_nought_and_one_are_not_certain(counts, expected):
    found = difference(*counts, 0.95)
    assert found.value == expected
    assert found.low <= found.value <= found.high
    assert found.high - found.low > 0.05


@pytest.mark.parametrize("n", [50, 500, 50_000])
@pytest.mark.parametrize("share", [0.005, 0.05, 0.5])
@pytest.mark.parametrize("gain", [0.0, 0.1])
def test_each_end_misses_the_truth_as_seldom_as_promised(n, share, gain):
    """Below about 20 expected hits the counts are too coarse for exactly 5 %: up to 7 %."""
    random = np.random.default_rng(n)
    truth = share * gain
    low, high = bounds(
        random.binomial(n, share + truth, WORLDS), n, random.binomial(n, share, WORLDS), n, 0.90
    )
    most = binom.ppf(0.9999, WORLDS, 0.05 if n * share > 20 else 0.07)
    assert max((low > truth).sum(), (high < truth).sum()) <= most


def _likeliest(counts, delta):
    x, n, y, m = counts

    def minus_log_likelihood(second):
        first = second + delta
        return -sum(
            _log(k, p)
            for k, p in ((x, first), (n - x, 1 - first), (y, second), (m - y, 1 - second))
        )

    least, most = max(0.0, -delta), min(1.0, 1 - delta)
    return minimize_scalar(
        minus_log_likelihood, bounds=(least, most), method="bounded", options={"xatol": 1e-12}
    ).x


def _log(count, share):
    return count * math.log(max(share, 1e-300)) if count else 0.0
