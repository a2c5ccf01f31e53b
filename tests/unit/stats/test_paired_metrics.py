"""A candidate with no true difference is promoted as often as the level says, by every method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.metrics import Judged, difference

WORLDS = 500
# Beyond this many of 500, a rate of 5 % has less than one chance in ten thousand.
MOST = binom.ppf(0.9999, WORLDS, 0.05)


def two_models(random, n, share):
    """Two models with independent noise of one size on the same rows."""
    truth = (random.random(n) < share).astype(np.int64)
    common = random.normal(size=n) + 1.5 * truth
    raw = [common + random.normal(size=n) * 0.5 for _ in range(2)]
    scores = [1 / (1 + np.exp(-one + 1)) for one in raw]
    return [Judged(truth, one, (one > 0.5).astype(np.int64), positive=1) for one in scores]


@pytest.mark.parametrize(("n", "share"), [(300, 0.3), (1000, 0.05)])
@pytest.mark.parametrize(
    "metric", ["average_precision", "matthews_corrcoef", "cohen_kappa", "f1_weighted", "f1"]
)
def test_an_equal_classifier_is_rarely_superior(metric, n, share):
    random = np.random.default_rng(11)
    promoted = sum(
        difference(metric, *two_models(random, n, share), 0.9).low > 0 for _ in range(WORLDS)
    )
    assert promoted <= MOST


def numbers(random, n=200):
    truth = 5 + random.normal(size=n)
    scores = [truth + random.standard_t(3, size=n) for _ in range(2)]
    return [Judged(truth, one, one) for one in scores]


@pytest.mark.parametrize(
    "metric", ["mean_absolute_percentage_error", "mean_absolute_error", "root_mean_squared_error"]
)
def test_an_equal_regression_is_rarely_superior(metric):
    random = np.random.default_rng(12)
    promoted = sum(difference(metric, *numbers(random), 0.9).high < 0 for _ in range(WORLDS))
    assert promoted <= MOST


@pytest.mark.slow
def test_an_equal_median_error_is_rarely_superior():
    random, worlds = np.random.default_rng(13), 60
    promoted = sum(
        difference("median_absolute_error", *numbers(random), 0.9).high < 0 for _ in range(worlds)
    )
    assert promoted <= binom.ppf(0.9999, worlds, 0.05)
