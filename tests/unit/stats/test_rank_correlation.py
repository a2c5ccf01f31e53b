"""Spearman's correlation and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, spearmanr

from mlops_spec.stats.rank_correlation import spearman, spearman_interval


def test_it_is_that_of_scipy_with_ties():
    random = np.random.default_rng(0)
    first = random.integers(0, 8, 300).astype(float)
    second = first + random.normal(0, 3, 300).round()
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


@pytest.mark.parametrize(("first", "second"), [([1.0], [2.0]), ([1.0, 1.0], [1.0, 2.0]), ([], [])])
def test_what_does_not_vary_has_none(first, second):
    assert math.isnan(spearman(np.array(first), np.array(second)))


def test_a_perfect_order_still_has_an_interval():
    found = spearman_interval(1.0, 50, 0.9)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.99 < found.low < 1.0


def test_three_rows_bound_nothing():
    assert spearman_interval(0.5, 3, 0.9).reason == "4 rows are the least"
    assert not spearman_interval(math.nan, 30, 0.9).known


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_its_interval_covers_the_true_correlation(rho):
    random, worlds, n = np.random.default_rng(1), 2000, 100
    # Of normal pairs Spearman's correlation is 6/π · asin(ρ/2).
    truth = 6 / math.pi * math.asin(rho / 2)
    missed = 0
    for _ in range(worlds):
        first = random.normal(size=n)
        second = rho * first + math.sqrt(1 - rho * rho) * random.normal(size=n)
        found = spearman_interval(spearman(first, second), n, 0.9)
        missed += not found.low <= truth <= found.high
    assert missed <= binom.ppf(0.999, worlds, 0.12)
