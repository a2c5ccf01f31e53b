"""The influence of each row: it sums to nothing, and its variance is the interval's."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_spec.stats.auc import delong
from mlops_spec.stats.metrics import Judged, estimate, influenced
from mlops_spec.terms.metrics import METRICS


def binary(n=400, seed=3):
    random = np.random.default_rng(seed)
    truth = (random.random(n) < 0.3).astype(np.int64)
    score = 1 / (1 + np.exp(-(random.normal(size=n) + 2 * truth - 1.4)))
    return Judged(truth, np.round(score, 2), (score > 0.5).astype(np.int64), positive=1)


BINARY = sorted(name for name, metric in METRICS.items() if "binary" in metric.tasks)


@pytest.mark.parametrize("metric", BINARY)
def test_influences_have_mean_zero_and_the_value_is_the_metrics(metric):
    rows = binary()
    found = influenced(metric, rows)
    assert found.value == pytest.approx(estimate(metric, rows, 0.9).value)
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)


def test_the_variance_of_roc_auc_is_delongs():
    rows = binary()
    _, covariance = delong(rows.is_positive, rows.scores[np.newaxis])
    found = influenced("roc_auc", rows)
    assert found.influence.var(ddof=1) / len(rows.truth) == pytest.approx(covariance[0, 0])


def test_what_has_no_influences_says_so():
    assert influenced("median_absolute_error", binary()) is None


@pytest.mark.parametrize("metric", ["roc_auc", "precision", "accuracy"])
def test_no_rows_define_nothing(metric):
    found = influenced(metric, binary().take(np.zeros(400, dtype=bool)))
    assert (np.isnan(found.value), found.n, len(found.influence)) == (True, 0, 0)


def test_a_part_of_the_rows_is_taken_by_a_mask():
    rows = binary()
    mask = rows.scores > 0.5
    part = rows.take(mask)
    assert part.truth.tolist() == rows.truth[mask].tolist()
    assert (len(part.scores), len(part.decided), part.positive) == (mask.sum(), mask.sum(), 1)
