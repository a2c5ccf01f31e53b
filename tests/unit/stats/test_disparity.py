"""Gaps between groups, against fairlearn where it is right, published values and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.disparity import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    gap,
    ratio,
)
from mlops_spec.stats.disparity_chance import chance
from mlops_spec.stats.disparity_change import disparity_change
from mlops_spec.stats.fairness import Decisions, GroupRate, rates
from mlops_spec.stats.resample import of_clusters, of_rows

TRUTH = np.array([1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0]) > 0
SAID = np.array([1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1]) > 0
GROUP = np.array(list("aaaabbbbcccc"))
SMALL = Decisions(TRUTH, SAID, GROUP)


def groups_of(shares, n, random):
    return tuple(
        GroupRate(str(k), int(random.binomial(n, share)), n) for k, share in enumerate(shares)
    )


@pytest.mark.parametrize(
    ("disparity", "expected"),
    [
        # fairlearn 0.15.0 on the same rows; every group has positives and negatives.
        (demographic_parity_difference, 0.25),
        (demographic_parity_ratio, 2 / 3),
        (equalized_odds_difference, 2 / 3),
        (equal_opportunity_difference, 0.5),
    ],
)
def test_the_estimates_are_fairlearns(disparity, expected):
    found = disparity(SMALL, 0.90, least=1)
    assert found.estimate.value == pytest.approx(expected)
    assert found.estimate.low <= found.estimate.value <= found.estimate.high
    assert found.excluded == ()


def test_rates_carry_their_own_denominators():
    assert rates("selection_rate", SMALL) == (
        GroupRate("a", 2, 4), GroupRate("b", 2, 4), GroupRate("c", 3, 4),
    )  # fmt: skip
    assert rates("true_positive_rate", SMALL) == (
        GroupRate("a", 1, 2), GroupRate("b", 2, 3), GroupRate("c", 1, 1),
    )  # fmt: skip
    assert rates("false_positive_rate", SMALL) == (
        GroupRate("a", 1, 2), GroupRate("b", 0, 1), GroupRate("c", 2, 3),
    )  # fmt: skip


def test_a_perfect_model_is_not_unfair_to_a_group_without_positives():
    """fairlearn 0.15.0 calls this 1.0: it takes the rate of no rows to be 0."""
    truth = np.array([1, 1, 0, 0]) > 0
    found = equal_opportunity_difference(Decisions(truth, truth, np.array(list("aabb"))), 0.9, 1)
    assert not found.estimate.known
    assert found.estimate.reason == "1 group with enough rows to compare; 2 are the least"
    assert found.excluded == (GroupRate("b", 0, 0),)
    assert found.excluded[0].rate is None


def test_groups_with_few_rows_are_left_out_and_reported():
    found = gap((GroupRate("a", 20, 40), GroupRate("b", 30, 60), GroupRate("c", 5, 5)), 0.9)
    assert (found.estimate.value, found.estimate.n) == (0.0, 40)
    assert found.excluded == (GroupRate("c", 5, 5),)


def test_no_rows_and_no_hits_are_told():
    none = Decisions(TRUTH[:0], SAID[:0], GROUP[:0])
    assert "0 group" in demographic_parity_difference(none, 0.9).estimate.reason
    assert "0 group" in demographic_parity_ratio(none, 0.9).estimate.reason
    nobody = (GroupRate("a", 0, 100), GroupRate("b", 0, 100))
    assert ratio(nobody, 0.9).estimate.reason == "every rate is 0"
    zero = gap(nobody, 0.9).estimate
    assert (zero.value, zero.low) == (0.0, 0.0)
    assert zero.high > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("shares", [[0.3] * 5, [0.2, 0.3, 0.3, 0.3, 0.4], [0.01] * 3, [0.5, 0.6]])
@pytest.mark.parametrize("n", [50, 1000])
def test_no_end_of_the_gap_misses_more_often_than_promised(shares, n):
    random, worlds, truth = np.random.default_rng(n), 150, max(shares) - min(shares)
    missed = np.zeros(2)
    for _ in range(worlds):
        found = gap(groups_of(shares, n, random), 0.90).estimate
        missed += (found.low > truth, found.high < truth)
    assert missed.max() <= binom.ppf(0.9999, worlds, 0.06)


@pytest.mark.slow
@pytest.mark.parametrize("shares", [[0.3] * 4, [0.2, 0.3, 0.4]])
def test_no_end_of_the_ratio_misses_more_often_than_promised(shares):
    random, worlds, truth = np.random.default_rng(2), 500, min(shares) / max(shares)
    missed = np.zeros(2)
    for _ in range(worlds):
        found = ratio(groups_of(shares, 300, random), 0.90).estimate
        missed += (found.low > truth, found.high < truth)
    assert missed.max() <= binom.ppf(0.9999, worlds, 0.05)


@pytest.mark.slow
def test_fair_odds_are_called_unfair_no_more_often_than_promised():
    random, worlds, called = np.random.default_rng(3), 150, 0
    group = np.arange(1200) % 4
    for _ in range(worlds):
        truth = random.random(1200) < 0.4
        said = random.random(1200) < np.where(truth, 0.7, 0.2)
        called += equalized_odds_difference(Decisions(truth, said, group), 0.90).estimate.low > 0
    assert called <= binom.ppf(0.9999, worlds, 0.05)


def test_the_gap_of_equal_groups_by_chance_is_the_published_one():
    """Five groups of 100 rows at 50 %: 0.116 on average (STATISTICS.md 1.3)."""
    five = tuple(GroupRate(str(k), 50, 100) for k in range(5))
    found = chance(five, level=0.95, seed=1)
    assert found.floor == pytest.approx(0.116, abs=0.004)
    assert (found.p_value, found.reason) == (1.0, "")


@pytest.mark.slow
def test_permutation_calls_equal_groups_unfair_as_often_as_promised():
    random, worlds = np.random.default_rng(4), 400
    called = sum(
        chance(groups_of([0.1] * 6, 200, random), groups_of([0.6] * 6, 90, random),
               level=0.95, seed=world).p_value <= 0.05
        for world in range(worlds)
    )  # fmt: skip
    low, high = binom.interval(0.9999, worlds, 0.05)
    assert low <= called <= high


def test_permutation_finds_a_real_gap_and_says_why_it_cannot():
    unfair = (GroupRate("a", 20, 200), GroupRate("b", 60, 200))
    assert chance(unfair, level=0.95, seed=1).p_value == pytest.approx(1 / 2001)
    few = chance(unfair[:1], level=0.95, seed=1)
    assert (few.p_value, few.reason) == (1.0, "1 group with enough rows; 2 are the least")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("now", "before"),
    [
        ([0.3] * 5, [0.3] * 5),
        ([0.3, 0.3, 0.3, 0.3, 0.4], [0.3] * 5),
        ([0.3] * 5, [0.3, 0.3, 0.3, 0.3, 0.4]),
        ([0.2, 0.3, 0.5], [0.25, 0.3, 0.4]),
        ([0.3, 0.4], [0.3, 0.3]),
    ],
)
def test_a_change_of_the_gap_is_missed_no_more_often_than_promised(now, before):
    random, worlds, n = np.random.default_rng(5), 150, 1500
    truth = np.ptp(now) - np.ptp(before)
    group, missed = np.arange(n) % len(now), np.zeros(2)
    for world in range(worlds):
        first = random.random(n)
        second = np.where(random.random(n) < 0.2, random.random(n), first)
        decisions = Decisions(first > 2, first < np.array(now)[group], group)
        found = disparity_change("selection_rate", decisions, second < np.array(before)[group],
                                 of_rows(n), 0.90, seed=world)  # fmt: skip
        missed += (found.low > truth, found.high < truth)
    assert missed.max() <= binom.ppf(0.9999, worlds, 0.05)


def test_clusters_widen_a_change_of_the_gap():
    random = np.random.default_rng(6)
    group = np.repeat(np.arange(300) % 3, 4)
    truth, said, before = (np.repeat(random.random(300) < 0.4, 4) for _ in range(3))
    decisions = Decisions(truth, said, group)
    alone, together = (
        disparity_change("true_positive_rate", decisions, before, units, 0.9, seed=1)
        for units in (of_rows(1200), of_clusters(np.arange(1200) // 4))
    )
    assert alone.value == together.value
    assert together.high - together.value > 1.5 * (alone.high - alone.value)


def test_models_that_decide_alike_and_lone_groups_are_told():
    group, said = np.arange(200) % 2, np.arange(200) % 3 == 0
    truth = np.arange(200) % 5 == 0
    alike = disparity_change("selection_rate", Decisions(truth, said, group), said, of_rows(200),
                             0.9, seed=1)  # fmt: skip
    assert (alike.value, alike.known) == (0.0, False)
    assert alike.reason == "both models decide alike on every row"
    lone = Decisions(truth, said, group * 0)
    found = disparity_change("selection_rate", lone, ~said, of_rows(200), 0.9, seed=1)
    assert found.reason == "1 group with enough rows to compare; 2 are the least"
    days = disparity_change("selection_rate", Decisions(truth, said, group), ~said,
                            of_clusters(np.arange(200) // 50), 0.9, seed=1)  # fmt: skip
    assert days.reason == "4 units; 10 are the least"
