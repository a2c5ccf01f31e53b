"""A model exactly at its limit, or equal to production, passes as often as the level says.

From 50 rows to 50,000 and from 0.5 % positives to half: the side of every interval that promotes.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.metrics import Judged, difference, estimate
from mlops_spec.terms.metrics import METRICS

NAMES = sorted(name for name, metric in METRICS.items() if "binary" in metric.tasks)
GRID = [
    (50, 0.5), (50, 0.1), (200, 0.05), (1000, 0.01), (1000, 0.1), (5000, 0.005), (5000, 0.5),
    (50_000, 0.005),
]  # fmt: skip

pytestmark = pytest.mark.slow


def model(random, truth, common, share):
    raw = common + random.normal(size=len(truth)) * 0.5
    scores = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + 1.2 * raw - 0.9)))
    return Judged(truth, scores, (scores > share).astype(np.int64), positive=1)


def world(random, n, share):
    """Two models that are equally good, on the same rows."""
    truth = (random.random(n) < share).astype(np.int64)
    common = random.normal(size=n) + 1.5 * truth
    return [model(random, truth, common, share) for _ in range(2)]


def promotes(metric, found, limit):
    """Whether the end that promotes lies beyond the limit. What is unknown never does."""
    return found.low > limit if METRICS[metric].more_is_better else found.high < limit


@pytest.mark.parametrize(("n", "share"), GRID)
def test_no_metric_promotes_more_often_than_it_says(n, share):
    random, worlds = np.random.default_rng(n), 40 if n == 50_000 else 200
    large = [world(random, 1_000_000, share) for _ in range(2)]
    truth = {
        metric: np.mean([estimate(metric, one, 0.9).value for pair in large for one in pair])
        for metric in NAMES
    }
    at_limit, equal = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
    for _ in range(worlds):
        first, second = world(random, n, share)
        for metric in NAMES:
            at_limit[metric] += promotes(metric, estimate(metric, first, 0.9), truth[metric])
            equal[metric] += promotes(metric, difference(metric, first, second, 0.9), 0.0)
    # 6.5 %: what a t interval of a skewed mean has left of its 5 %. 36 tests a case.
    most = binom.ppf(0.9999, worlds, 0.065)
    assert max(at_limit.values()) <= most, at_limit
    assert max(equal.values()) <= most, equal
