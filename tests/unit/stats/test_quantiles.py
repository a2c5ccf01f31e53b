"""Order-statistic intervals, against published ranks and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.quantiles import quantile, ranks, rows_for_bound


@pytest.mark.parametrize(
    ("n", "q", "expected"), [(1000, 0.99, (983, 997)), (100, 0.5, (40, 61)), (10, 0.5, (2, 9))]
)
def test_the_ranks_are_the_binomials(n, q, expected):
    """n = 1000 and 100: ../shared/design/STATISTICS.md 1.4. n = 10: Hahn and Meeker, 97.9 %."""
    assert ranks(n, q, 0.95) == expected


@pytest.mark.parametrize(("q", "rows"), [(0.99, 299), (0.95, 59), (0.01, 299), (0.5, 5)])
def test_rows_for_a_bound_are_the_published_ones(q, rows):
    assert rows_for_bound(q, 0.95) == rows


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_the_fewest_rows_are_exactly_enough(q):
    rows = rows_for_bound(q, 0.95)
    assert math.isfinite(quantile(np.arange(float(rows)), q, 0.90).high)
    assert quantile(np.arange(float(rows - 1)), q, 0.90).high == math.inf


def test_too_few_rows_say_how_many_would_do():
    found = quantile(np.arange(100.0), 0.99, 0.90)
    assert (found.value, found.high, found.known) == (98.0, math.inf, False)
    assert found.reason == "100 rows do not bound this quantile; 299 do"


def test_no_values_and_values_that_are_not_numbers_are_told():
    assert quantile(np.zeros(0), 0.5, 0.9).reason == "no values"
    found = quantile(np.array([1.0, np.nan]), 0.5, 0.9)
    assert (found.known, found.reason) == (False, "a value is not a number")


def test_equal_values_are_a_quantile_of_their_own():
    found = quantile(np.full(1000, 3.0), 0.99, 0.95)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(("n", "q"), [(50, 0.5), (500, 0.95), (5000, 0.99)])
def test_each_end_misses_the_truth_at_most_as_often_as_promised(n, q):
    worlds = 2000 if n < 5000 else 400
    values = np.sort(np.random.default_rng(n).exponential(size=(worlds, n)), axis=1)
    low, high = ranks(n, q, 0.90)
    truth, most = -math.log(1 - q), binom.ppf(0.9999, worlds, 0.05)
    assert (values[:, low - 1] > truth).sum() <= most
    assert (values[:, high - 1] < truth).sum() <= most
