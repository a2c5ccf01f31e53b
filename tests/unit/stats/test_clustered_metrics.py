"""Intervals of metrics on rows that come in clusters: as wide as the clusters are few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats.metrics import Judged, difference, estimate
from mlops_spec.stats.resample import of_clusters, of_rows

SIZE = 10


def world(random, clusters=60, strength=1.0):
    """Ten rows a customer, who has a mood: the model is right or wrong on all of them alike."""
    n = clusters * SIZE
    truth = (random.random(n) < 0.4).astype(np.int64)
    mood = np.repeat(random.normal(size=clusters), SIZE)
    raw = random.normal(size=n) * 0.5 + (strength + mood) * (2 * truth - 1)
    score = 1 / (1 + np.exp(-raw))
    decided = (score > 0.5).astype(np.int64)
    return Judged(truth, score, decided, positive=1), of_clusters(np.arange(n) // SIZE)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "recall", "f1", "brier_score"])
def test_the_interval_covers_as_often_as_it_says(metric):
    random, worlds = np.random.default_rng(8), 400
    truth = estimate(metric, world(random, 40_000)[0], 0.9).value
    covered, naive = 0, 0
    for _ in range(worlds):
        rows, units = world(random)
        found, alone = estimate(metric, rows, 0.9, units=units), estimate(metric, rows, 0.9)
        covered += found.low <= truth <= found.high
        naive += alone.low <= truth <= alone.high
    low, high = binom.interval(0.9999, worlds, 0.90)
    assert low <= covered <= high
    assert naive < low


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "log_loss"])
def test_an_equal_candidate_is_superior_as_often_as_it_says(metric):
    random, worlds, promoted = np.random.default_rng(9), 400, 0
    for _ in range(worlds):
        (one, units), n = world(random), 60 * SIZE
        flip = np.repeat(random.random(60) < 0.5, SIZE)
        noisy = np.clip(one.scores + np.repeat(random.normal(size=60) * 0.1, SIZE), 0.01, 0.99)
        first, second = np.where(flip, noisy, one.scores), np.where(flip, one.scores, noisy)
        both = [Judged(one.truth, s, (s > 0.5).astype(int), 1) for s in (first, second)]
        assert units.rows == n
        promoted += difference(metric, *both, 0.9, units=units).low > 0
    assert (
        binom.interval(0.9999, worlds, 0.05)[0]
        <= promoted
        <= binom.interval(0.9999, worlds, 0.05)[1]
    )


def test_rows_that_are_clusters_of_their_own_change_little():
    rows, _ = world(np.random.default_rng(1))
    for metric in ("roc_auc", "accuracy", "f1", "log_loss"):
        alone = estimate(metric, rows, 0.9)
        found = estimate(metric, rows, 0.9, units=of_rows(len(rows.truth)))
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=5e-3), metric


def test_recall_has_as_many_clusters_as_hold_positives():
    rows, units = world(np.random.default_rng(1))
    rare = Judged(np.where(np.arange(600) < 85, rows.truth, 0), rows.scores, rows.decided, 1)
    found = estimate("recall", rare, 0.9, units=units)
    assert (found.known, found.reason) == (False, "9 clusters count; 10 are the least")
    assert estimate("roc_auc", rare, 0.9, units=units).reason == found.reason


def test_the_same_answers_differ_by_nothing():
    rows, units = world(np.random.default_rng(1))
    found = difference("accuracy", rows, rows, 0.9, units=units)
    assert (found.value, found.known, found.flat) == (0.0, False, True)
    assert found.reason == "both answer these rows alike"


def test_what_has_no_influences_is_drawn_by_clusters():
    rows, units = world(np.random.default_rng(2), clusters=30)
    found = estimate("average_precision", rows, 0.9, units=units)
    alone = estimate("average_precision", rows, 0.9)
    assert found.value == pytest.approx(alone.value)
    assert found.high - found.low > 1.5 * (alone.high - alone.low)


def test_perfect_decisions_count_their_clusters():
    rows, units = world(np.random.default_rng(1))
    rows = Judged(rows.truth, rows.truth * 0.8 + 0.1, rows.truth, 1)
    for metric in ("accuracy", "recall", "f1", "balanced_accuracy"):
        found = estimate(metric, rows, 0.9, units=units)
        assert (found.value, found.high, found.n >= 200) == (1.0, 1.0, True)
        assert 0.9 < found.low < estimate(metric, rows, 0.9).low, metric


def test_a_perfect_candidate_is_compared_too():
    rows, units = world(np.random.default_rng(1))
    perfect = Judged(rows.truth, rows.truth * 0.8 + 0.1, rows.truth, 1)
    for metric in ("accuracy", "recall", "roc_auc", "brier_score"):
        found = difference(metric, perfect, rows, 0.9, units=units)
        assert (found.known, found.low * found.high > 0) == (True, True), metric
