"""McNemar's tests, against published values and their definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.mcnemar import chi_square, mcnemar, mid_p
from mlops_spec.stats.significance import Significance


def test_the_exact_p_value_is_the_binomial_tail():
    """statsmodels 0.15: mcnemar([[0, 90], [60, 0]], exact=True).pvalue."""
    assert mcnemar(90, 60) == pytest.approx(0.017598, abs=1e-6)


def test_the_asymptotic_test_is_statsmodels():
    """statsmodels 0.15: mcnemar([[0, 90], [60, 0]], exact=False, correction=False)."""
    found = chi_square(90, 60)
    assert (found.statistic, round(found.p_value, 6), found.n) == (6.0, 0.014306, 150)


def test_the_mid_p_value_is_the_published_one():
    """Fagerland et al. 2013, airway hyper-responsiveness, b = 1, c = 7."""
    assert round(mcnemar(1, 7), 4) == 0.0703
    found = mid_p(1, 7)
    assert (found.statistic, round(found.p_value, 4), found.n) == (1, 0.0391, 8)


def test_equal_counts_have_a_p_value_of_one_at_most():
    assert mid_p(10, 10).p_value <= 1.0
    assert mcnemar(10, 10) == 1.0


def test_identical_models_cannot_be_told_apart():
    assert mcnemar(0, 0) == 1.0
    for found in (mid_p(0, 0), chi_square(0, 0)):
        assert (found.known, found.p_value, found.n) == (False, 1.0, 0)
        assert found.reason == "no row on which one model alone is right"
    assert isinstance(mid_p(0, 0), Significance)


@pytest.mark.parametrize("discordant", [5, 20, 100, 2000])
def test_no_difference_is_rejected_at_most_as_often_as_promised(discordant):
    """The exact error rate, by summing over every outcome. Mid-p may exceed its level a little."""
    first = np.arange(discordant + 1)
    chance = binom.pmf(first, discordant, 0.5)
    exact = np.array([mcnemar(int(b), discordant - int(b)) for b in first])
    mid = np.array([mid_p(int(b), discordant - int(b)).p_value for b in first])
    assert chance[exact <= 0.05].sum() <= 0.05
    assert chance[mid <= 0.05].sum() <= 0.065
    assert (mid <= exact).all()
