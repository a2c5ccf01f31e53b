"""Quantiles of values in sequence: bounds that hold although neighbours resemble each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from mlops_spec.stats.quantiles import quantile
from mlops_spec.stats.serial_quantiles import (
    design_effect,
    quantile_ratio,
    serial_quantile,
    turns_for_ratio,
)

LEVEL = 0.9  # each end is a one-sided bound at 95 %


def in_turns(random, n, memory):
    """Seconds of two equal models by turn: a shared slow wave, spikes of their own, ABBA."""
    shocks = random.normal(size=2 * n) * math.sqrt(1 - memory**2)
    wave = lfilter([1], [1, -memory], shocks)
    spikes = np.where(random.random(2 * n) < 0.02, 1 + random.exponential(3, 2 * n), 1)
    pairs = (np.exp(0.3 * wave + 0.2 * random.normal(size=2 * n)) * spikes).reshape(n, 2)
    pairs[1::2] = pairs[1::2, ::-1]
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def test_independent_values_have_the_bounds_of_order_statistics():
    values = np.random.default_rng(1).permutation(np.arange(1.0, 1001))
    found, plain = serial_quantile(values, 0.5, LEVEL), quantile(values, 0.5, LEVEL)
    assert found.value == plain.value == 500
    # The design effect is at least 1, so that the interval is at least as wide.
    assert found.low <= plain.low
    assert found.high >= plain.high


def test_values_in_long_stretches_count_as_fewer():
    values = np.repeat(np.random.default_rng(2).normal(size=50), 20)
    wide, narrow = serial_quantile(values, 0.5, LEVEL), quantile(values, 0.5, LEVEL)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_p99_of_too_few_values_has_no_upper_bound_and_says_how_many_do():
    found = serial_quantile(np.arange(50.0)[::-1], 0.99, LEVEL)
    assert (found.value, found.high, found.known) == (49.0, math.inf, False)
    assert found.reason == "50 values do not bound this quantile; about 299 do"


def test_what_is_no_number_bounds_nothing():
    for values in (np.zeros(0), np.array([1.0, math.nan]), np.array([1.0, math.inf])):
        assert not serial_quantile(values, 0.5, LEVEL).known
        assert not quantile_ratio(values, values, 0.5, LEVEL).known


def test_the_design_effect_is_one_where_blocks_cannot_tell():
    assert design_effect(np.ones(10), 0.5) == 1.0
    assert design_effect(np.ones(1000), 1.0) == 1.0


def test_a_model_that_is_half_as_slow_again_is_seen_to_be():
    first, second = in_turns(np.random.default_rng(3), 4000, 0.9)
    found = quantile_ratio(1.5 * first, second, 0.95, LEVEL)
    assert found.low < 1.5 < found.high
    assert found.low > 1.1


def test_a_ratio_has_no_unit():
    first, second = in_turns(np.random.default_rng(4), 1000, 0.5)
    seconds = quantile_ratio(first, second, 0.5, LEVEL)
    milliseconds = quantile_ratio(1000 * first, 1000 * second, 0.5, LEVEL)
    assert (milliseconds.value, milliseconds.low) == pytest.approx((seconds.value, seconds.low))


@pytest.mark.parametrize(("q", "turns"), [(0.5, 64), (0.95, 200), (0.99, 1000)])
def test_fewer_turns_than_a_test_of_the_tail_takes_decide_nothing(q, turns):
    assert turns_for_ratio(q) == turns
    first, second = in_turns(np.random.default_rng(5), turns - 1, 0.0)
    found = quantile_ratio(first, second, q, LEVEL)
    assert not found.known
    assert found.reason == f"{turns - 1} turns do not compare this quantile; {turns} do"


def test_turns_that_all_took_the_same_time_decide_nothing():
    same = np.full(4000, 1e-6)
    assert quantile_ratio(same, same, 0.5, LEVEL).reason == "every turn took the same time"


def most_misses(worlds, share=0.05):
    """What chance allows, in 999 of 1,000 simulations, when an end misses in 5 % of worlds."""
    return binom.ppf(0.999, worlds, share)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.0, 0.98])
@pytest.mark.parametrize(("n", "q"), [(300, 0.95), (1000, 0.5), (4000, 0.99)])
def test_a_model_against_itself_is_slower_or_faster_in_five_of_a_hundred_worlds(memory, n, q):
    random, worlds = np.random.default_rng(6), 300
    found = [quantile_ratio(*in_turns(random, n, memory), q, LEVEL) for _ in range(worlds)]
    assert sum(one.low > 1 for one in found) <= most_misses(worlds)
    assert sum(one.high < 1 for one in found) <= most_misses(worlds)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.0, 0.9])
@pytest.mark.parametrize(("n", "q"), [(1000, 0.5), (4000, 0.99)])
def test_the_bounds_of_a_quantile_miss_in_five_of_a_hundred_worlds(memory, n, q):
    random, worlds = np.random.default_rng(7), 400
    truth = float(np.quantile(np.concatenate(in_turns(random, 500_000, memory)), q))
    found = [serial_quantile(in_turns(random, n, memory)[0], q, LEVEL) for _ in range(worlds)]
    # The quantile's own error in a million values, and a design effect that is estimated.
    assert sum(one.low > truth for one in found) <= most_misses(worlds, 0.06)
    assert sum(one.high < truth for one in found) <= most_misses(worlds, 0.06)
