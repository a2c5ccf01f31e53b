"""What a perfectly calibrated model shows by chance: against simulation with the methods used."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit

from mlops_spec.stats.calibration_power import (
    binormal,
    detectable_l2,
    detectable_slope,
    detectable_slope_by_spiegelhalter,
    l2_error,
    level_error,
    refused_though_right,
    slope_error,
)
from mlops_spec.stats.debiased_l2 import debiased_l2
from mlops_spec.stats.power import Risk, Size
from mlops_spec.stats.reliability import reliability
from mlops_spec.stats.spiegelhalter import spiegelhalter

USUAL = Risk(alpha=0.05, power=0.80)
PREVALENCE, AREA = 0.3, 0.75


def scores(n, seed, prevalence=PREVALENCE, area=AREA):
    """Rows of a calibrated binormal model: truth, and log-odds."""
    random = np.random.default_rng(seed)
    delta = math.sqrt(2) * 0.6744898 if area == 0.75 else math.sqrt(2) * 1.2815516
    truth = random.random(n) < prevalence
    middle = np.where(truth, delta**2 / 2, -(delta**2) / 2)
    return truth, logit(prevalence) + middle + delta * random.normal(size=n)


@pytest.mark.parametrize(("prevalence", "area"), [(0.3, 0.75), (0.05, 0.75), (0.5, 0.9)])
def test_the_moments_are_those_of_a_large_sample(prevalence, area):
    _, x = scores(400_000, 1, prevalence, area)
    p = expit(x)
    found = binormal(prevalence, area)
    spread = p * (1 - p)
    assert found.variance == pytest.approx(spread.mean(), rel=0.02)
    assert found.information == pytest.approx(
        (spread.mean(), (x * spread).mean(), (x * x * spread).mean()), rel=0.03, abs=0.002
    )
    assert found.noise == pytest.approx(((1 - 2 * p) ** 2 * spread).mean(), rel=0.03)
    assert found.pull == pytest.approx((x * spread * (1 - 2 * p)).mean(), rel=0.03)


def test_the_slopes_error_is_that_of_the_fitted_slopes():
    n = 1500
    fitted = [
        reliability(truth, expit(x), 0.9).slope.value
        for truth, x in (scores(n, seed) for seed in range(400))
    ]
    assert slope_error(binormal(PREVALENCE, AREA), n) == pytest.approx(np.std(fitted), rel=0.1)
    assert np.mean(fitted) == pytest.approx(1.0, abs=0.02)


def test_a_slope_at_the_detectable_distance_is_detected_as_often_as_promised():
    """Predictions that are too sure: truth follows b x where the model says x."""
    n, scores_ = 3000, binormal(PREVALENCE, AREA)
    b = 1 - detectable_slope(scores_, n, USUAL).value
    random, caught = np.random.default_rng(5), 0
    for seed in range(400):
        _, x = scores(n, seed)
        truth = random.random(n) < expit(b * x)
        caught += reliability(truth, expit(x), 0.9).slope.high < 1
    assert caught / 400 == pytest.approx(0.80, abs=0.08)


def test_spiegelhalter_detects_the_slope_that_it_is_said_to():
    n, scores_ = 4000, binormal(PREVALENCE, AREA)
    b = 1 - detectable_slope_by_spiegelhalter(scores_, n, USUAL).value
    random, caught = np.random.default_rng(6), 0
    for seed in range(600):
        _, x = scores(n, seed)
        found = spiegelhalter(random.random(n) < expit(b * x), expit(x))
        caught += found.statistic > 1.6448536
    assert caught / 600 == pytest.approx(0.80, abs=0.08)


def test_the_error_of_the_debiased_l2_is_that_of_perfect_models():
    n = 3000
    values, variances = [], []
    for seed in range(400):
        random = np.random.default_rng(seed)
        p = random.uniform(0.02, 0.98, n)
        values.append(debiased_l2(random.random(n) < p, p, 0.9).value)
        variances.append((p * (1 - p)).mean())
    told = l2_error(n, 15, float(np.mean(variances)))
    assert told == pytest.approx(np.std(values), rel=0.2)
    assert detectable_l2(n, 15, float(np.mean(variances)), USUAL).value == pytest.approx(
        2.486475 * told, rel=1e-5
    )


def test_the_error_of_the_level_is_that_of_perfect_models():
    found = [np.mean(expit(x) - truth) for truth, x in (scores(1000, seed) for seed in range(800))]
    variance = binormal(PREVALENCE, AREA).variance
    assert level_error(1000, variance) == pytest.approx(np.std(found), rel=0.1)


@pytest.mark.parametrize("z", [0.0, 1.6448536])
def test_how_often_bounds_leave_the_limits_is_that_of_simulation(z):
    drawn = 1 + 0.05 * np.random.default_rng(7).normal(size=200_000)
    left = ((drawn - z * 0.05 < 0.88) | (drawn + z * 0.05 > 1.15)).mean()
    assert refused_though_right(0.88, 1.15, 1.0, 0.05, z) == pytest.approx(left, abs=0.004)


def test_what_has_no_answer_says_why():
    flat = binormal(PREVALENCE, AREA)
    assert detectable_slope(flat, 0, USUAL) == Size(None, "no rows")
    assert detectable_slope_by_spiegelhalter(flat, 0, USUAL) == Size(None, "no rows")
    assert detectable_l2(0, 15, 0.1, USUAL) == Size(None, "no rows")
    assert (slope_error(flat, 0), l2_error(0, 15, 0.1), level_error(0, 0.1)) == (math.inf,) * 3
    assert refused_though_right(0.9, 1.1, 1.0, 0.0, 1.6) == 0.0
    assert refused_though_right(0.9, 1.1, 2.0, 0.0, 1.6) == 1.0
    assert refused_though_right(0.9, 1.1, 1.0, 0.2, 1.6) == 1.0
