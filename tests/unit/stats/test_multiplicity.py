"""Adjusted p-values, against statsmodels, their definition and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from mlops_spec.stats.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni_level,
    hochberg,
    holm,
    selected_level,
)

FOUND = [0.01, 0.04, 0.03, 0.005, 0.2, 0.03]


@pytest.mark.parametrize(
    ("adjust", "expected"),
    [
        # statsmodels 0.15 multipletests: holm, simes-hochberg, fdr_bh, fdr_by.
        (holm, [0.05, 0.12, 0.12, 0.03, 0.2, 0.12]),
        (hochberg, [0.05, 0.08, 0.08, 0.03, 0.2, 0.08]),
        (benjamini_hochberg, [0.03, 0.048, 0.045, 0.03, 0.2, 0.045]),
        (benjamini_yekutieli, [0.0735, 0.1176, 0.11025, 0.0735, 0.49, 0.11025]),
    ],
)
def test_the_adjusted_p_values_are_statsmodels(adjust, expected):
    assert adjust(FOUND) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("adjust", "method"), [(benjamini_hochberg, "bh"), (benjamini_yekutieli, "by")]
)
def test_the_false_discovery_adjustments_are_scipys(adjust, method):
    found = np.random.default_rng(1).random(50) ** 3
    assert adjust(found) == pytest.approx(list(false_discovery_control(found, method=method)))


@pytest.mark.parametrize("adjust", [holm, hochberg, benjamini_hochberg, benjamini_yekutieli])
def test_nothing_missing_or_single_is_made_more_significant(adjust):
    assert adjust([]) == []
    assert adjust([0.03]) == [0.03]
    assert adjust([1.0, 1.0, 1.0]) == [1.0, 1.0, 1.0]
    assert adjust([float("nan"), 0.01])[0] == 1.0
    assert adjust([float("nan"), 0.01])[1] >= 0.02


def test_simultaneous_levels_share_the_error():
    assert bonferroni_level(0.95, 10) == pytest.approx(0.995)
    assert bonferroni_level(0.95, 0) == pytest.approx(0.95)
    assert selected_level(0.95, 2, 10) == pytest.approx(0.99)
    assert selected_level(0.95, 0, 10) == pytest.approx(0.995)


def test_the_family_wise_error_is_kept_with_two_real_effects_among_ten():
    worlds = 4000
    found = np.random.default_rng(2).random((worlds, 10))
    found[:, :2] /= 1000
    for adjust in (holm, hochberg):
        wrong = sum(min(adjust(row)[2:]) <= 0.05 for row in found)
        assert 0.04 <= wrong / worlds <= 0.06


def test_the_false_discovery_rate_is_kept_with_half_real_effects():
    found = np.random.default_rng(3).random((3000, 10))
    found[:, :5] /= 200
    shares = []
    for row in found:
        called = np.array(benjamini_hochberg(row)) <= 0.10
        shares.append(called[5:].sum() / max(called.sum(), 1))
    assert 0.04 <= np.mean(shares) <= 0.06  # the level times the share of true nulls
