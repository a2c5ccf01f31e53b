"""Calibration errors and tests, against statsmodels, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binom

from mlops_spec.stats.calibration_bins import equal_mass
from mlops_spec.stats.debiased_l2 import debiased_l2
from mlops_spec.stats.ece import expected_calibration_error
from mlops_spec.stats.false_alarms import noise_floor
from mlops_spec.stats.reliability import in_the_large, reliability
from mlops_spec.stats.spiegelhalter import spiegelhalter


def perfect(random, n, prevalence=0.5):
    """Predictions around a prevalence, and labels drawn from them."""
    predicted = expit(logit(prevalence) + random.normal(size=n))
    return random.random(n) < predicted, predicted


def test_bins_have_equal_mass_and_keep_equal_predictions_together():
    predicted = np.array([0.1] * 6 + [0.2, 0.3, 0.7, 0.8])
    found = equal_mass(np.arange(10) > 6, predicted, 3)
    assert found.rows.tolist() == [6, 1, 3]
    assert found.predicted[0] == pytest.approx(0.1)
    assert found.weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("n", [500, 2000, 10_000, 50_000])
def test_the_floor_of_a_perfect_model_is_the_published_one(n):
    """.058/.028/.013/.0056 with 15 bins, even predictions: ../shared/design/STATISTICS.md 1.15."""
    published = {500: 0.058, 2000: 0.028, 10_000: 0.013, 50_000: 0.0056}[n]
    random = np.random.default_rng(n)
    predicted = random.random(n)
    found = expected_calibration_error(random.random(n) < predicted, predicted, 0.95, seed=1)
    assert found.floor == pytest.approx(published, rel=0.1)
    assert noise_floor(n, 15, 1 / 6) == pytest.approx(found.floor, rel=0.08)
    assert found.floor < found.critical


def test_an_ece_by_hand():
    positive = np.arange(100) % 4 == 0
    found = expected_calibration_error(positive, np.full(100, 0.4), 0.95, seed=1)
    assert (found.value, found.bins, found.n) == (pytest.approx(0.15), 1, 100)
    assert found.p_value < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("n", "prevalence"), [(200, 0.5), (2000, 0.05), (50_000, 0.005)])
def test_consistency_resampling_rejects_a_perfect_model_as_often_as_promised(n, prevalence):
    random, worlds, rejected = np.random.default_rng(n), 150, 0
    for world in range(worlds):
        found = expected_calibration_error(*perfect(random, n, prevalence), 0.95, seed=world)
        rejected += found.p_value <= 0.05
    assert rejected <= binom.ppf(0.9999, worlds, 0.05)


def test_a_model_that_is_too_sure_is_found_by_all():
    random = np.random.default_rng(2)
    positive, honest = perfect(random, 5000)
    predicted = expit(2 * logit(honest))
    assert expected_calibration_error(positive, predicted, 0.95, seed=1).p_value < 0.01
    assert debiased_l2(positive, predicted, 0.95).low > 0
    assert spiegelhalter(positive, predicted).p_value < 0.01
    slope = reliability(positive, predicted, 0.95).slope
    assert slope.low < 0.5 < slope.high < 1


def test_the_squared_error_has_no_bias():
    random = np.random.default_rng(3)
    none = [debiased_l2(*perfect(random, 400), 0.9).value for _ in range(1500)]
    assert abs(np.mean(none)) < 4 * np.std(none) / math.sqrt(len(none)) + 2e-5
    wrong = []
    for _ in range(1500):
        predicted = np.repeat([0.2, 0.6], 200)
        wrong.append(debiased_l2(random.random(400) < predicted - 0.1, predicted, 0.9).value)
    assert np.mean(wrong) == pytest.approx(0.01, abs=4 * np.std(wrong) / math.sqrt(1500))


@pytest.mark.slow
@pytest.mark.parametrize("n", [500, 5000])
def test_the_squared_errors_interval_covers_as_often_as_it_says(n):
    """Two predictions that are 0.1 too high: the squared error is 0.01."""
    random, worlds, covered = np.random.default_rng(n), 800, 0
    predicted = np.repeat([0.3, 0.6], n // 2)
    for _ in range(worlds):
        found = debiased_l2(random.random(n) < predicted - 0.1, predicted, 0.90)
        covered += found.low <= 0.01 <= found.high
    low, high = binom.interval(0.9999, worlds, 0.90)
    assert low - 0.03 * worlds <= covered <= high + 0.03 * worlds


def test_the_recalibration_line_is_statsmodels():
    """statsmodels 0.15: GLM(y, add_constant(logit p), Binomial()).fit()."""
    row = np.arange(40)
    predicted = (row + 0.5) / 40
    positive = (row * 7) % 40 < predicted * 40 * 0.8 + 3
    found = reliability(positive, predicted, 0.95)
    assert found.intercept.value == pytest.approx(-0.11970437, abs=1e-7)
    assert found.slope.value == pytest.approx(0.55728301, abs=1e-7)
    errors = [(one.high - one.value) / 1.959964 for one in (found.intercept, found.slope)]
    assert errors == pytest.approx([0.34654248, 0.23991095], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "prevalence"), [(200, 0.5), (2000, 0.05), (50_000, 0.005)])
def test_slope_and_intercept_of_a_perfect_model_cover_as_often_as_they_say(n, prevalence):
    random, worlds, covered = np.random.default_rng(n), 200, np.zeros(3)
    for _ in range(worlds):
        positive, predicted = perfect(random, n, prevalence)
        line = reliability(positive, predicted, 0.90)
        large = in_the_large(positive, predicted, 0.90)
        covered += (
            line.intercept.low <= 0 <= line.intercept.high,
            line.slope.low <= 1 <= line.slope.high,
            large.low <= 0 <= large.high,
        )
    low, high = binom.interval(0.99999, worlds, 0.90)
    assert low <= covered.min()
    assert covered.max() <= high


def test_spiegelhalters_z_by_hand():
    """(1 - .2)(.6) + (0 - .7)(-.4) = .76; variance .36 * .16 + .16 * .21 = .0912."""
    found = spiegelhalter(np.array([True, False]), np.array([0.2, 0.7]))
    assert found.statistic == pytest.approx(0.76 / math.sqrt(0.0912))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "prevalence"), [(50, 0.5), (2000, 0.05), (50_000, 0.005)])
def test_spiegelhalters_test_rejects_a_perfect_model_as_often_as_promised(n, prevalence):
    random, worlds = np.random.default_rng(n), 600 if n < 50_000 else 200
    rejected = sum(
        spiegelhalter(*perfect(random, n, prevalence)).p_value <= 0.05 for _ in range(worlds)
    )
    assert rejected <= binom.ppf(0.9999, worlds, 0.05)


HALF = np.full(100, 0.5)
MIXED = np.arange(100) % 3 == 0


@pytest.mark.parametrize(
    ("positive", "predicted", "reason"),
    [
        (MIXED[:9], HALF[:9], "9 rows; 50 are the least"),
        (np.zeros(0, dtype=bool), np.zeros(0), "0 rows; 50 are the least"),
        (MIXED, np.where(MIXED, np.nan, 0.5), "a prediction is not a probability"),
        (MIXED, np.full(100, 1.2), "a prediction is not a probability"),
        (MIXED, HALF[:50], "as many predictions as rows are needed"),
    ],
)
def test_what_is_no_prediction_says_so(positive, predicted, reason):
    error = expected_calibration_error(positive, predicted, 0.95, seed=1)
    assert (error.known, error.reason, error.p_value) == (False, reason, 1.0)
    assert debiased_l2(positive, predicted, 0.95).reason == reason
    asked = reason.replace("50 are the least", "20 are the least")
    line = reliability(positive, predicted, 0.95)
    assert (line.slope.reason, line.intercept.known) == (asked, False)
    assert in_the_large(positive, predicted, 0.95).reason == asked


def test_one_class_or_one_prediction_has_no_line():
    one_class = np.zeros(100, dtype=bool)
    varying = np.linspace(0.1, 0.9, 100)
    assert reliability(one_class, varying, 0.9).slope.reason == "one class only"
    assert reliability(MIXED, HALF, 0.9).slope.reason == "every prediction is the same"
    parted = reliability(varying > 0.5, varying, 0.9).slope
    assert parted.reason == "the predictions part the classes without error"
    assert expected_calibration_error(one_class, varying, 0.95, seed=1).p_value < 0.01


def test_predictions_without_variance_cannot_be_tested():
    found = spiegelhalter(MIXED, HALF)
    assert (found.p_value, found.reason) == (1.0, "every prediction is 0, 1/2 or 1")
    assert spiegelhalter(MIXED[:0], HALF[:0]).reason == "0 rows; 1 are the least"


def test_bins_of_single_rows_have_no_squared_error():
    found = debiased_l2(np.arange(60) % 2 == 0, np.linspace(0.1, 0.9, 60), 0.9, bins=60)
    assert found.reason == "a bin has a single row; ask for fewer bins"
