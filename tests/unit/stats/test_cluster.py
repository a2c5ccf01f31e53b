"""Cluster-robust standard errors, against statsmodels and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats import influence
from mlops_spec.stats.cluster import cluster_variance, clustered, design_effect

DAYS = np.repeat(np.arange(12), 5)
LOSS = np.sin(np.arange(60.0) ** 1.3) + np.repeat(np.cos(np.arange(12.0)), 5)


def test_the_variance_of_a_mean_is_statsmodels():
    """statsmodels 0.15: OLS(LOSS, ones).fit(cov_type="cluster", groups=DAYS).

    Its small-sample factor is G/(G-1) * (n-1)/(n-k), which is G/(G-1) for a mean.
    """
    variance, count = cluster_variance(LOSS - LOSS.mean(), DAYS)
    assert (np.sqrt(variance), count) == (pytest.approx(0.21172305, rel=1e-6), 12)
    found = clustered(influence.mean(LOSS), DAYS, 0.95)
    assert (found.low, found.high) == pytest.approx((-0.48602398, 0.44597458))


def test_clusters_of_one_row_are_no_clusters():
    variance, _ = cluster_variance(LOSS - LOSS.mean(), np.arange(60))
    assert variance == pytest.approx(LOSS.var(ddof=1) / 60)
    assert design_effect(LOSS - LOSS.mean(), np.arange(60)) == pytest.approx(1.0)


def test_the_design_effect_of_repeated_rows_is_their_number():
    values = np.random.default_rng(1).normal(size=2000)
    rows = np.repeat(values, 5)
    found = design_effect(rows - rows.mean(), np.arange(10_000) // 5)
    assert found == pytest.approx(5.0, rel=1e-3)


def test_what_cannot_be_told_says_why():
    few = clustered(influence.mean(LOSS), DAYS % 3, 0.95)
    assert (few.known, few.reason) == (False, "3 clusters; 10 are the least")
    same = clustered(influence.mean(np.ones(60)), DAYS, 0.95)
    assert (same.value, same.known, same.reason) == (1.0, False, "no variance between clusters")
    broken = clustered(influence.mean(np.where(DAYS == 3, np.nan, LOSS)), DAYS, 0.95)
    assert broken.reason == "these rows do not define it"
    assert design_effect(np.zeros(60), DAYS) == 1.0


@pytest.mark.parametrize("clusters", [15, 60])
def test_the_interval_covers_the_truth_as_often_as_it_says(clusters):
    random, worlds = np.random.default_rng(clusters), 1000
    labels = np.repeat(np.arange(clusters), 8)
    covered = 0
    for _ in range(worlds):
        rows = np.repeat(random.normal(size=clusters), 8) + random.normal(size=8 * clusters)
        found = clustered(influence.mean(rows), labels, 0.90)
        covered += found.low <= 0 <= found.high
    low, high = binom.interval(0.9999, worlds, 0.90)
    assert low <= covered <= high
