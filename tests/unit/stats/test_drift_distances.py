"""Distances and their noise floors: published numbers, scipy, and a thousand worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mlops_spec.stats.drift import (
    ks,
    ks_critical,
    psi,
    psi_bias,
    psi_critical,
    psi_distance,
    share_distance,
    smoothed_shares,
)
from mlops_spec.stats.multiplicity import benjamini_hochberg


@pytest.mark.parametrize(
    ("rows", "expected"), [(1e3, 0.0607), (1e4, 0.0192), (1e5, 0.0061), (1e6, 0.0019)]
)
def test_critical_ks_distances_are_the_published_ones(rows: float, expected: float) -> None:
    assert ks_critical(0.05, rows, rows) == pytest.approx(expected, abs=5e-5)


def test_the_mean_psi_of_equal_populations_is_the_published_one() -> None:
    assert psi_bias(20, 100, 100) == pytest.approx(0.38)
    assert psi_bias(10, 1000, 1000) == pytest.approx(0.018)


@pytest.mark.parametrize(
    ("bins", "rows", "expected"), [(10, 1000, 0.0338), (10, 10_000, 0.0034), (2, 1000, 0.00768)]
)
def test_critical_psi_is_a_chi_square_quantile(bins: int, rows: int, expected: float) -> None:
    assert psi_critical(0.05, bins, rows, rows) == pytest.approx(expected, rel=0.01)


def test_ks_on_value_by_value_bins_equals_scipy() -> None:
    random = np.random.default_rng(1)
    before, now = random.integers(0, 30, 4000), random.integers(2, 33, 900)
    values = np.arange(40)
    found = ks(np.bincount(before, minlength=40), np.bincount(now, minlength=40), 0.05)
    expected = stats.ks_2samp(before, now, method="asymp")
    assert len(values) == 40
    assert found.estimate == pytest.approx(expected.statistic, abs=1e-12)
    rows = 4000 * 900 / 4900
    assert found.p_value == pytest.approx(
        stats.kstwobign.sf(expected.statistic * math.sqrt(rows)), rel=1e-9
    )


def test_psi_is_the_symmetric_divergence_of_the_smoothed_shares() -> None:
    before, now = [500, 300, 200, 0], [300, 300, 300, 100]
    a, e = smoothed_shares(now), smoothed_shares(before)
    assert psi(before, now) == pytest.approx(stats.entropy(a, e) + stats.entropy(e, a), rel=1e-12)
    assert psi([500, 300], [500, 300]) == 0


def test_a_psi_of_many_bins_and_few_rows_is_corrected_to_about_nothing() -> None:
    random = np.random.default_rng(2)
    pairs = [random.multinomial(100, [1 / 20] * 20, size=2) for _ in range(400)]
    raw = [psi(a, b) for a, b in pairs]
    corrected = [psi_distance(a, b, 0.05).estimate for a, b in pairs]
    assert np.mean(np.array(raw) > 0.2) > 0.8  # what a bare limit of 0.2 does
    assert np.mean(np.array(corrected) > 0.2) < 0.05


def test_the_psi_interval_covers_the_true_index() -> None:
    random = np.random.default_rng(3)
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])
    true = float(((q - p) * np.log(q / p)).sum())
    intervals = [
        psi_distance(random.multinomial(4000, p), random.multinomial(1500, q), 0.05)
        for _ in range(500)
    ]
    assert 0.90 < np.mean([i.low <= true <= i.high for i in intervals]) <= 0.985


def test_a_share_that_appears_from_nothing_has_an_interval() -> None:
    found = share_distance(0, 10_000, 50, 500, 0.05)
    assert found.estimate == pytest.approx(0.1)
    assert found.low < 0.1 < found.high
    assert found.p_value < 1e-12
    nothing = share_distance(0, 100, 0, 100, 0.05)
    assert (nothing.estimate, nothing.p_value, nothing.low) == (0.0, 1.0, 0.0)
    assert nothing.high > 0.02


def test_adjusted_p_values_equal_scipy() -> None:
    p_values = np.random.default_rng(4).uniform(size=50)
    expected = stats.false_discovery_control(p_values)
    assert benjamini_hochberg(p_values) == pytest.approx(list(expected), rel=1e-12)
    assert benjamini_hochberg([]) == []


def test_identical_populations_alarm_at_most_at_the_stated_rate() -> None:
    """A thousand worlds of equal data: the tests alone, without any limit, at 5 %."""
    random = np.random.default_rng(5)
    edges = stats.norm.ppf(np.arange(1, 64) / 64)
    numeric = category = 0
    shares = [0.4, 0.3, 0.15, 0.1, 0.05]
    for _ in range(1000):
        a, b = (np.bincount(np.searchsorted(edges, random.normal(size=n)), minlength=64)
                for n in (5000, 600))  # fmt: skip
        numeric += ks(a, b, 0.05).p_value < 0.05
        c, d = random.multinomial(5000, shares), random.multinomial(600, shares)
        category += psi_distance(c, d, 0.05).p_value < 0.05
    # Binomial(1000, 0.05) stays within 30 to 73 in 99.9 % of runs; binned KS is conservative.
    assert 20 <= numeric <= 73
    assert 30 <= category <= 73
