"""Limits on calibration keep their level: a model at its limit passes, or fails, in 5 % or less."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy.special import expit, logit

from mlops_spec.runtime.declare import Calibrated, Gates
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.calibration_bins import equal_mass
from mlops_spec.stats.judged import Judged

pytestmark = pytest.mark.slow

WORLDS = 150
MOST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / WORLDS)
DECIDED = ("pass", "fail")


def forecasts(n, prevalence, stretch, shift):
    """Truth drawn from known chances, predictions that are wrong in a known way, the chances."""
    random = np.random.default_rng(0)
    for _ in range(WORLDS):
        centre = logit(prevalence)
        odds = 1.2 * random.normal(size=n) + centre
        predicted = expit(centre + stretch * (odds - centre) + shift)
        yield random.random(n) < expit(odds), predicted, expit(odds)


def true_error(measure, predicted, chance):
    """What the measure would be if every row were drawn without end."""
    bins = equal_mass(chance, predicted)
    gaps = np.abs(bins.predicted - bins.observed)
    return float(bins.weights @ (gaps if measure == "ece" else gaps**2))


def outcome(rule, truth, predicted):
    decided = (predicted > 0.5).astype(np.int64)
    rows = Judged(truth.astype(np.int64), predicted, decided, positive=1)
    return decide(Gates((rule,)), Evidence(rows, None), "binary")[0].outcome.value


@pytest.mark.parametrize("measure", ["ece", "debiased_l2"])
@pytest.mark.parametrize(
    ("n", "prevalence"), [(100, 0.5), (1000, 0.05), (5000, 0.005), (5000, 0.5)]
)
@pytest.mark.parametrize(("stretch", "shift"), [(1.8, 0.0), (1.0, 0.7)])
def test_a_model_at_its_limit(measure, n, prevalence, stretch, shift):
    counts = Counter(
        outcome(Calibrated(measure, most=true_error(measure, predicted, chance)), truth, predicted)
        for truth, predicted, chance in forecasts(n, prevalence, stretch, shift)
    )
    assert counts["pass"] / WORLDS <= MOST, counts
    assert counts["fail"] / WORLDS <= MOST, counts


@pytest.mark.parametrize(("n", "prevalence"), [(100, 0.5), (1000, 0.05), (5000, 0.005)])
def test_a_perfect_model_is_not_failed_however_small_the_limit(n, prevalence):
    for measure in ("ece", "debiased_l2"):
        counts = Counter(
            outcome(Calibrated(measure, most=1e-12), truth, predicted)
            for truth, predicted, _ in forecasts(n, prevalence, 1.0, 0.0)
        )
        assert counts["fail"] / WORLDS <= MOST, (measure, counts)


@pytest.mark.parametrize(("n", "prevalence"), [(100, 0.5), (200, 0.005), (1000, 0.05), (5000, 0.5)])
def test_right_on_average_at_the_limit(n, prevalence):
    counts = Counter()
    for truth, predicted, chance in forecasts(n, prevalence, 1.0, 0.3):
        error = float((predicted - chance).mean())
        above = outcome(Calibrated("in_the_large", most=error), truth, predicted)
        below = outcome(Calibrated("in_the_large", least=error), truth, predicted)
        counts.update([f"most {above}", f"least {below}"])
    assert all(n / WORLDS <= MOST for word, n in counts.items() if word.endswith(DECIDED)), counts


@pytest.mark.parametrize(("n", "prevalence"), [(200, 0.3), (1000, 0.05), (5000, 0.5)])
def test_a_slope_at_its_limit(n, prevalence):
    counts = Counter()
    for truth, predicted, _ in forecasts(n, prevalence, 1.25, 0.0):
        for end in ("least", "most"):
            found = outcome(Calibrated("slope", **{end: 1 / 1.25}), truth, predicted)
            counts[f"{end} {found}"] += 1
    assert all(n / WORLDS <= MOST for word, n in counts.items() if word.endswith(DECIDED)), counts
