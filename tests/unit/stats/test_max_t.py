"""Simultaneous intervals by the largest t, against theory and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from mlops_spec.stats import influence
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.max_t import max_t
from mlops_spec.stats.resample import of_clusters, of_rows


def segment_means(loss, segment, count):
    return [
        influence.ratio(
            loss * (segment == k), (segment == k).astype(float), int((segment == k).sum())
        )
        for k in range(count)
    ]


def test_independent_segments_need_sidaks_critical_value():
    """With 50,000 rows the normal limit is drawn: Φ⁻¹((1 + 0.95^(1/8)) / 2) = 2.727."""
    random = np.random.default_rng(1)
    found = max_t(
        segment_means(random.normal(size=50_000), np.arange(50_000) % 8, 8),
        of_rows(50_000),
        0.95,
        seed=1,
    )
    assert found.critical == pytest.approx(norm.ppf((1 + 0.95 ** (1 / 8)) / 2), abs=0.04)


def test_metrics_that_are_one_need_no_correction():
    one = influence.mean(np.random.default_rng(2).normal(size=3000))
    found = max_t([one] * 5, of_rows(3000), 0.95, seed=1)
    assert found.critical == pytest.approx(1.96, abs=0.08)
    assert len(set(found.estimates)) == 1


def test_a_real_effect_is_the_only_one_called():
    random = np.random.default_rng(3)
    segment = np.arange(2000) % 5
    found = max_t(
        segment_means(random.normal(size=2000) + 0.5 * (segment == 2), segment, 5),
        of_rows(2000),
        0.95,
        seed=1,
    )
    assert [p <= 0.05 for p in found.p_values] == [False, False, True, False, False]
    assert found.estimates[2].low > 0
    assert found.p_values[2] == pytest.approx(1 / 2001)


def test_clusters_widen_the_intervals_by_their_design_effect():
    values = np.random.default_rng(4).normal(size=400)
    rows = influence.mean(np.repeat(values, 4))
    alone = max_t([rows], of_rows(1600), 0.95, seed=1).estimates[0]
    together = max_t([rows], of_clusters(np.arange(1600) // 4), 0.95, seed=1).estimates[0]
    assert together.high - together.low == pytest.approx(2 * (alone.high - alone.low), rel=0.05)


def test_what_has_no_error_is_left_out_and_says_so():
    varying = influence.mean(np.random.default_rng(5).normal(size=100))
    constant, empty = influence.mean(np.ones(100)), Influenced(math.nan, np.zeros(100), 0)
    found = max_t([varying, constant, empty], of_rows(100), 0.95, seed=1)
    assert [one.reason for one in found.estimates] == [
        "",
        "no variance",
        "no variance",
    ]
    assert found.p_values[1:] == (1.0, 1.0)
    assert found.critical == pytest.approx(1.98, abs=0.15)


def test_too_few_units_and_no_metrics_are_told():
    few = max_t([influence.mean(np.arange(5.0))], of_rows(5), 0.95, seed=1)
    assert (few.p_values, few.estimates[0].reason) == ((1.0,), "5 units; 10 are the least")
    assert max_t([], of_rows(100), 0.95, seed=1).estimates == ()
    none = max_t([influence.mean(np.ones(50))], of_rows(50), 0.95, seed=1)
    assert (none.p_values, none.estimates[0].known) == ((1.0,), False)


@pytest.mark.slow
@pytest.mark.parametrize("skewed", [False, True])
def test_all_intervals_hold_together_as_often_as_promised(skewed):
    """Twelve segments of 40 rows. Skewed rows (exponential) may miss a little more often."""
    random, worlds, n = np.random.default_rng(6), 150, 480
    segment, missed = np.arange(n) % 12, 0
    for world in range(worlds):
        loss = random.exponential(size=n) - 1 if skewed else random.normal(size=n)
        found = max_t(segment_means(loss, segment, 12), of_rows(n), 0.95, seed=world)
        missed += any(one.low > 0 or one.high < 0 for one in found.estimates)
    assert missed <= binom.ppf(0.9999, worlds, 0.08 if skewed else 0.05)
