"""Detectable gaps, ratios and quantiles, by simulation with the methods that decide on them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_spec.stats.disparity import gap, ratio
from mlops_spec.stats.disparity_power import (
    detectable_gap,
    detectable_quantile_ratio,
    detectable_ratio,
    quantile_error,
)
from mlops_spec.stats.fairness import GroupRate
from mlops_spec.stats.power import Risk, Size

USUAL = Risk(alpha=0.05, power=0.80)
WORLDS = 600


def groups(rates, n, random):
    return tuple(
        GroupRate(str(place), int(random.binomial(n, rate)), n) for place, rate in enumerate(rates)
    )


@pytest.mark.slow
@pytest.mark.parametrize(("count", "n"), [(2, 400), (5, 800)])
def test_a_gap_that_is_detectable_is_refuted_as_often_as_promised(count, n):
    limit, low = 0.05, 0.3
    beyond = 0.1
    for _ in range(20):  # the rate of the higher group depends on the gap
        beyond = detectable_gap((low, low + limit + beyond), n, count, USUAL).value
    rates = (low, low + limit + beyond, *[low + (limit + beyond) / 2] * (count - 2))
    random = np.random.default_rng(1)
    caught = sum(gap(groups(rates, n, random), 0.90).estimate.low > limit for _ in range(WORLDS))
    # Other pairs may be refuted too, so that more is caught than the widest pair alone gives.
    assert 0.75 <= caught / WORLDS <= 0.92


def test_a_ratio_that_is_detectable_is_refuted_as_often_as_promised():
    limit, high, n = 0.8, 0.4, 1500
    factor = 0.8
    for _ in range(20):
        factor = detectable_ratio((high * limit * factor, high), n, 2, USUAL).value
    rates, random = (high * limit * factor, high), np.random.default_rng(2)
    caught = sum(ratio(groups(rates, n, random), 0.90).estimate.high < limit for _ in range(WORLDS))
    assert caught / WORLDS == pytest.approx(0.80, abs=0.06)


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_the_error_of_a_quantile_is_that_of_simulation(q):
    values = np.random.default_rng(3).lognormal(0, 0.3, (2000, 3000))
    found = np.log(np.quantile(values, q, axis=1)).std()
    assert quantile_error(q, 3000, 0.3) == pytest.approx(found, rel=0.1)


def test_a_ratio_of_quantiles_is_detected_as_often_as_promised():
    q, n, spread = 0.95, 2000, 0.4
    slower = 1 + detectable_quantile_ratio(q, n, spread, USUAL).value
    random = np.random.default_rng(4)
    first = np.quantile(random.lognormal(0, spread, (1500, n)), q, axis=1) * slower
    second = np.quantile(random.lognormal(0, spread, (1500, n)), q, axis=1)
    error = math.sqrt(2) * quantile_error(q, n, spread)
    caught = (np.log(first / second) - 1.6448536 * error > 0).mean()
    assert caught == pytest.approx(0.80, abs=0.04)


def test_what_has_no_answer_says_why():
    few = "two groups with rows are needed"
    assert detectable_gap((0.1, 0.2), 0, 3, USUAL) == Size(None, few)
    assert detectable_gap((0.1, 0.2), 10, 1, USUAL) == Size(None, few)
    assert detectable_ratio((0.0, 0.2), 10, 2, USUAL).value is None
    assert detectable_quantile_ratio(0.9, 0, 0.1, USUAL) == Size(None, "no rows")
    assert quantile_error(0.9, 0, 0.1) == math.inf
