"""DeLong's method, against scikit-learn, the definition, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, rankdata
from sklearn.metrics import roc_auc_score

from mlops_spec.stats.auc import auc, auc_difference, delong, midranks


@pytest.fixture
def rows():
    random = np.random.default_rng(1)
    positive = random.random(400) < 0.3
    score = np.round(random.normal(size=400) + positive, 1)  # rounded, so that there are ties
    return positive, score, np.round(score + random.normal(size=400), 1)


def test_the_area_is_scikit_learns(rows):
    positive, score, _ = rows
    assert auc(positive, score, 0.95).value == pytest.approx(roc_auc_score(positive, score))


def test_the_variance_is_that_of_the_definition(rows):
    """DeLong et al. 1988, with every pair looked at."""
    positive, first, second = rows
    of_cases, of_controls = [], []
    for score in (first, second):
        cases, controls = score[positive], score[~positive]
        wins = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
        of_cases.append(wins.mean(axis=1))
        of_controls.append(wins.mean(axis=0))
    expected = np.cov(of_cases) / positive.sum() + np.cov(of_controls) / (~positive).sum()
    _, covariance = delong(positive, np.stack([first, second]))
    np.testing.assert_allclose(covariance, expected, rtol=1e-12)


def test_midranks_are_scipys(rows):
    np.testing.assert_array_equal(midranks(rows[1]), rankdata(rows[1]))


def test_a_perfect_ranking_is_not_certain():
    found = auc(np.arange(20) >= 10, np.arange(20.0), 0.95)
    assert (found.value, round(found.low, 3), found.high) == (1.0, 0.722, 1.0)


def test_one_class_alone_has_no_area():
    assert not auc(np.ones(10, dtype=bool), np.arange(10.0), 0.95).known


def test_a_score_that_is_not_a_number_has_no_area():
    assert not auc(np.arange(4) > 1, np.array([0.1, np.nan, 0.3, 0.4]), 0.95).known


def test_a_single_positive_row_tells_nothing():
    found = auc(np.arange(9) == 0, np.arange(9.0), 0.95)
    assert (found.low, found.high) == (0.0, 1.0)


def test_the_same_model_twice_tells_nothing(rows):
    positive, score, _ = rows
    found = auc_difference(positive, score, score, 0.95)
    assert (found.value, found.known, found.flat) == (0.0, False, True)


def test_pairing_narrows_the_interval(rows):
    positive, score, noisier = rows
    one, other = auc(positive, score, 0.95), auc(positive, noisier, 0.95)
    both = auc_difference(positive, score, noisier, 0.95)
    assert both.value == pytest.approx(one.value - other.value)
    assert both.high - both.low < (one.high - one.low) + (other.high - other.low)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Normal scores one apart: the true area is Φ(1/√2) = 0.76025."""
    random = np.random.default_rng(7)
    positive = np.arange(300) < 120
    trials, covered = 600, 0
    for _ in range(trials):
        found = auc(positive, random.normal(size=300) + positive, 0.90)
        covered += found.low <= 0.7602499 <= found.high
    low, high = binom.interval(0.999, trials, 0.90)
    assert low <= covered <= high


def test_a_worse_candidate_passes_non_inferiority_no_more_often_than_promised():
    """The candidate is worse by exactly the margin: at most 5 % may pass."""
    random = np.random.default_rng(11)
    positive = np.arange(500) < 150
    shift, worse = 1.0, 0.9
    margin = 0.7602499 - _area(worse)
    trials, passed = 600, 0
    for _ in range(trials):
        common = random.normal(size=500)
        production = common + shift * positive
        candidate = common + worse * positive
        passed += auc_difference(positive, candidate, production, 0.90).low > -margin
    assert passed <= binom.ppf(0.999, trials, 0.05)


def _area(distance):
    from scipy.stats import norm

    return float(norm.cdf(distance / np.sqrt(2)))


@pytest.mark.slow
@pytest.mark.parametrize("distance", [1.0, 2.0])
@pytest.mark.parametrize(("n", "positives"), [(50, 25), (50, 5), (1000, 5), (5000, 25)])
def test_few_positives_pass_a_limit_no_more_often_than_promised(distance, n, positives):
    """The area is exactly the limit. DeLong's plain interval passes 8 to 32 % of these worlds."""
    random, worlds, truth = np.random.default_rng(n + positives), 250, _area(distance)
    positive, missed = np.arange(n) < positives, np.zeros(2)
    for _ in range(worlds):
        found = auc(positive, random.normal(size=n) + distance * positive, 0.90)
        missed += (found.low > truth, found.high < truth)
    assert missed.max() <= binom.ppf(0.9999, worlds, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "positives"), [(50, 5), (1000, 5), (5000, 25), (50_000, 250)])
def test_an_equal_candidate_is_called_better_no_more_often_than_promised(n, positives):
    random, worlds = np.random.default_rng(n), 300 if n < 50_000 else 60
    positive, better = np.arange(n) < positives, 0
    for _ in range(worlds):
        common = random.normal(size=n) + positive
        first, second = common + 0.3 * random.normal(size=(2, n))
        better += auc_difference(positive, first, second, 0.90).low > 0
    assert better <= binom.ppf(0.9999, worlds, 0.05)


def test_what_an_area_cannot_tell_is_said():
    one, other = np.arange(9) == 0, np.array([3.0, *range(8)])
    assert auc(one, other, 0.9).reason == "one row of a class bounds nothing"
    lone = auc_difference(one, other, np.arange(9.0), 0.9)
    assert (lone.known, lone.reason) == (False, "one row of a class bounds nothing")
    assert auc(one[1:], other[1:], 0.9).reason == "one class only"
    assert auc(one, np.full(9, np.nan), 0.9).reason == "a score is not a number"
    half = np.arange(40) % 2 == 0
    alike = auc_difference(half, np.arange(40.0), np.arange(40.0) ** 3, 0.9)
    assert (alike.value, alike.flat, alike.known) == (0.0, True, False)
    assert alike.reason == "both rank these rows alike"
    assert auc(half, np.zeros(40), 0.9).value == 0.5
