"""Intervals of the skill and of the debiased L2 where few positives decide: both ends keep 5 %."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.calibration_bins import equal_mass
from mlops_spec.stats.debiased_l2 import debiased_l2
from mlops_spec.stats.influence import Influenced, mean
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.metrics import estimate
from mlops_spec.stats.skewed import skewed

CALIBRATED, TOO_HIGH, TIMID = (1.0, 1.0, 0.0), (2.0, 1.0, 1.0), (1.0, 0.5, -0.5)
CONSTANT, OVERCONFIDENT = (0.1, 1.0, -1.0), (1.0, 1.6, 0.0)


def world(random, n, share, model):
    """Outcomes, their true probabilities, and what a model says: log-odds stretched and moved."""
    spread, stretch, move = model
    base = math.log(share / (1 - share))
    odds = random.normal(size=n) * spread - 0.5 * spread**2 * (1 - 2 * share)
    true = 1 / (1 + np.exp(-(base + odds)))
    said = 1 / (1 + np.exp(-(base + stretch * odds + move)))
    return random.random(n) < true, true, said


def true_skill(share, model):
    _, true, said = world(np.random.default_rng(5), 2_000_000, share, model)
    lost, positives = (true * (1 - said) ** 2 + (1 - true) * said**2).mean(), true.mean()
    return 1 - lost / (positives * (1 - positives))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "share", "model"),
    [
        (50, 0.5, CONSTANT), (50, 0.2, TOO_HIGH), (50, 0.1, TOO_HIGH), (100, 0.005, CALIBRATED),
        (300, 0.05, CONSTANT), (1000, 0.005, CALIBRATED), (1000, 0.01, CALIBRATED),
        (1000, 0.01, CONSTANT), (5000, 0.005, CALIBRATED), (5000, 0.005, CONSTANT),
        (5000, 0.01, TOO_HIGH), (50_000, 0.005, CALIBRATED),
    ],
)  # fmt: skip
def test_both_ends_of_the_skill_keep_their_level(n, share, model):
    truth, random = true_skill(share, model), np.random.default_rng(n)
    worlds = 60 if n == 50_000 else 400
    above = below = 0
    for _ in range(worlds):
        positive, _, said = world(random, n, share, model)
        rows = Judged(positive.astype(int), said, (said > 0.5).astype(int), positive=1)
        found = estimate("skill", rows, 0.9)
        above, below = above + (found.low > truth), below + (found.high < truth)
    assert max(above, below) <= binom.ppf(0.9999, worlds, 0.055)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "share", "model"),
    [
        (50, 0.5, CALIBRATED), (100, 0.2, TOO_HIGH), (300, 0.05, TOO_HIGH), (300, 0.2, TOO_HIGH),
        (1000, 0.005, TOO_HIGH), (1000, 0.01, TOO_HIGH), (1000, 0.05, TIMID),
        (1000, 0.05, OVERCONFIDENT), (5000, 0.005, TIMID), (5000, 0.01, TIMID),
        (5000, 0.5, OVERCONFIDENT), (50_000, 0.005, TIMID),
    ],
)  # fmt: skip
def test_the_debiased_l2s_upper_end_keeps_its_level(n, share, model):
    random, worlds, short = np.random.default_rng(n), 60 if n == 50_000 else 400, 0
    for _ in range(worlds):
        positive, true, said = world(random, n, share, model)
        bins = equal_mass(true, said)
        truth = float(bins.weights @ (bins.predicted - bins.observed) ** 2)
        short += debiased_l2(positive, said, 0.9).high < truth
    assert short <= binom.ppf(0.9999, worlds, 0.055)


def test_a_symmetric_mean_is_students():
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0] * 40)
    bent, plain = skewed(mean(values), 0.9, 60), mean(values).estimate(0.9, 60)
    assert (bent.low, bent.high) == pytest.approx((plain.low, plain.high), rel=1e-12)


def test_a_skewed_mean_reaches_further_on_its_long_side():
    """Hall's cubic by hand: skewness g, n 100, g/√n = s; t = ∛(1 + s (x - s/6)) · 3/s - 3/s."""
    values = np.r_[np.zeros(90), np.full(10, 1.0)]
    found, plain = skewed(mean(values), 0.9, 9), mean(values).estimate(0.9, 9)
    t, spread = 1.8331129326536335, math.sqrt(0.09 * 100 / 99)
    s = float((((values - 0.1) / spread) ** 3).mean()) / 10
    end = 3 / s * (np.cbrt(1 + s * (-t - s / 6)) - 1)
    assert found.high == pytest.approx(0.1 - spread / 10 * end, rel=1e-9)
    assert found.high > plain.high
    assert found.low == pytest.approx(plain.low)


def test_what_bounds_nothing_says_so():
    flat = skewed(Influenced(0.3, np.zeros(50), 50), 0.9, 10)
    assert flat.reason == "every row says the same, so that nothing is known of others"
    truth = np.r_[np.ones(4, dtype=int), np.zeros(96, dtype=int)]
    said = np.linspace(0.9, 0.01, 100)
    found = estimate("skill", Judged(truth, said, (said > 0.5).astype(int), positive=1), 0.9)
    assert (found.known, found.reason) == (False, "4 rows of the rarer class; 5 are the least")
