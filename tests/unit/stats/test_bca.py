"""The BCa bootstrap of rows and of clusters, against scipy's and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from mlops_spec.stats.bca import acceleration, bca
from mlops_spec.stats.resample import of_clusters, of_rows


def mean_of(values):
    return lambda weights: float(np.average(values, weights=weights))


def test_the_interval_of_a_skewed_mean_is_scipys():
    values = np.random.default_rng(1).exponential(size=60)
    found = bca(mean_of(values), of_rows(60), 0.90, seed=2, draws=9000)
    theirs = bootstrap(
        (values,), np.mean, confidence_level=0.90, n_resamples=9000, rng=np.random.default_rng(3)
    ).confidence_interval
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_acceleration_of_a_mean_is_a_sixth_of_its_skewness_over_root_n():
    values = np.random.default_rng(4).exponential(size=150)
    jackknife = (values.sum() - values) / 149
    centred = values - values.mean()
    skewness = (centred**3).mean() / (centred**2).mean() ** 1.5
    assert acceleration(jackknife) == pytest.approx(skewness / 6 / np.sqrt(150))


def test_the_same_seed_gives_the_same_interval():
    values = np.arange(40.0) ** 2
    one, other = (bca(mean_of(values), of_rows(40), 0.9, seed=7, draws=300) for _ in range(2))
    assert one == other


def test_a_paired_difference_is_narrower_than_its_parts():
    random = np.random.default_rng(5)
    loss = random.exponential(size=400)
    first, second = mean_of(loss), mean_of(loss + random.normal(scale=0.1, size=400))
    both = bca(lambda w: first(w) - second(w), of_rows(400), 0.9, seed=1, draws=300)
    alone = bca(first, of_rows(400), 0.9, seed=1, draws=300)
    assert both.known
    assert both.high - both.low < (alone.high - alone.low) / 2


def test_clusters_that_repeat_one_row_widen_the_interval():
    values = np.random.default_rng(6).normal(size=50)
    rows = np.repeat(values, 9)
    alone = bca(mean_of(rows), of_rows(450), 0.9, seed=1, draws=1000)
    together = bca(mean_of(rows), of_clusters(np.arange(450) // 9), 0.9, seed=1, draws=1000)
    assert together.high - together.low == pytest.approx(3 * (alone.high - alone.low), rel=0.1)
    assert (together.value, together.n) == (pytest.approx(values.mean()), 450)


def test_what_cannot_be_bootstrapped_says_why():
    values, few = np.ones(30), np.arange(5.0)
    assert bca(mean_of(few), of_rows(5), 0.9, seed=1).reason == "5 units; 10 are the least"
    constant = bca(mean_of(values), of_rows(30), 0.9, seed=1, draws=50)
    assert (constant.value, constant.known) == (1.0, False)
    assert constant.reason == "every draw gives the same value"
    undefined = bca(lambda _: float("nan"), of_rows(30), 0.9, seed=1, draws=50)
    assert undefined.reason == "these rows do not define it"
    once = bca(lambda w: 1.0 if w[0] else float("nan"), of_rows(30), 0.9, seed=1, draws=200)
    assert once.reason == "too many draws do not define it"


@pytest.mark.slow
def test_each_end_misses_a_skewed_mean_about_as_seldom_as_promised():
    """Exponential rows, n = 200. Second-order correct is not exact: 6.5 % stands for the 5 %."""
    random, worlds, n = np.random.default_rng(8), 300, 200
    missed = np.zeros(2)
    for world in range(worlds):
        values = random.exponential(size=n)
        found = bca(lambda w, v=values: float(w @ v / w.sum()), of_rows(n), 0.90, world, draws=400)
        missed += (found.low > 1, found.high < 1)
    assert missed.max() <= binom.ppf(0.9999, worlds, 0.065)


@pytest.mark.slow
def test_it_misses_a_variance_less_often_than_the_percentile_interval():
    """Exponential rows, n = 100: no bootstrap holds 5 % above here (800 worlds: 15 % and 21 %)."""
    random, worlds, n = np.random.default_rng(8), 60, 100
    missed = np.zeros(2)
    for world in range(worlds):
        values = random.exponential(size=n)

        def variance(w, v=values):
            return float(w @ v**2 / w.sum() - (w @ v / w.sum()) ** 2)

        missed += (
            bca(variance, of_rows(n), 0.90, world, draws=400).high < 1,
            _percentile_high(variance, n, world) < 1,
        )
    assert missed[0] < missed[1]


def _percentile_high(statistic, n, seed):
    """The upper end of the plain percentile interval (Efron 1979) at 90 %."""
    random = np.random.default_rng(seed)
    draws = [statistic(of_rows(n).drawn(random)) for _ in range(400)]
    return np.quantile(draws, 0.95)
