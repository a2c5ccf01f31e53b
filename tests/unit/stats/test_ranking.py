"""Ranked lists: values are scikit-learn's, lists are what counts, intervals cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.stats import binom

from mlops_spec.stats.metrics import Judged, difference, estimate, influenced
from mlops_spec.stats.ranking import NAMES, lists
from mlops_spec.stats.resample import of_clusters


def ranking(random, n=300, strength=1.0, ties=False):
    """Lists of one to fifteen rows; relevance 0, 1, 2; one list in ten has nothing relevant."""
    sizes = random.integers(1, 16, n)
    group = np.repeat(random.permutation(n) * 7, sizes)
    empty = np.repeat(random.random(n) < 0.1, sizes)
    truth = np.where(empty, 0, random.integers(0, 3, len(group))).astype(float)
    scores = strength * truth + random.normal(size=len(group))
    order = random.permutation(len(group))
    scores = np.round(scores) if ties else scores
    return Judged(truth[order], scores[order], scores[order], group=group[order])


def reciprocal(truth, scores):
    best = scores[truth > 0].max()
    return 1 / (scores >= best).sum()


ORACLES = {
    "ndcg": lambda t, s: sk.ndcg_score([t], [s]) if len(t) > 1 else 1.0,
    "ndcg_at_10": lambda t, s: sk.ndcg_score([t], [s], k=10) if len(t) > 1 else 1.0,
    "mean_average_precision": lambda t, s: sk.label_ranking_average_precision_score([t > 0], [s]),
    "mean_reciprocal_rank": reciprocal,
}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("metric", sorted(NAMES))
def test_the_value_of_every_list_is_the_oracles(metric, ties):
    rows = ranking(np.random.default_rng(1), ties=ties)
    wanted, left_out = [], 0
    for one in np.unique(rows.group):
        inside = rows.take(rows.group == one)
        if inside.truth.any():
            wanted.append(ORACLES[metric](inside.truth, inside.scores))
        else:
            left_out += 1
    found = lists(metric, rows)
    assert found.values.tolist() == pytest.approx(wanted)
    assert (found.left_out, left_out > 10) == (left_out, True)
    assert estimate(metric, rows, 0.9).value == pytest.approx(np.mean(wanted))
    assert estimate(metric, rows, 0.9).n == len(wanted)


@pytest.mark.parametrize("metric", sorted(NAMES))
def test_the_interval_covers_as_often_as_it_says(metric):
    random, worlds = np.random.default_rng(2), 400
    truth = estimate(metric, ranking(random, 100_000), 0.9).value
    found = [estimate(metric, ranking(random, 80), 0.9) for _ in range(worlds)]
    covered = sum(one.low <= truth <= one.high for one in found)
    low, high = binom.interval(0.9999, worlds, 0.90)
    assert low <= covered <= high


@pytest.mark.parametrize("metric", sorted(NAMES))
def test_influences_say_the_same_as_lists(metric):
    rows = ranking(np.random.default_rng(3))
    found, whole = influenced(metric, rows), lists(metric, rows)
    assert (found.value, found.n) == (pytest.approx(whole.values.mean()), len(whole.values))
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)
    error = found.influence.var(ddof=1) / len(rows.truth)
    assert error == pytest.approx(whole.values.var(ddof=1) / len(whole.values))


def test_lists_may_go_together_too():
    rows = ranking(np.random.default_rng(4))
    users = of_clusters(rows.group % 40)
    found, alone = estimate("ndcg", rows, 0.9, units=users), estimate("ndcg", rows, 0.9)
    assert found.value == pytest.approx(alone.value)
    assert found.low < found.value < found.high


def test_a_better_ranking_is_better_list_by_list():
    random = np.random.default_rng(5)
    rows = ranking(random)
    better = rows.scores + rows.truth
    other = Judged(rows.truth, better, better, group=rows.group)
    found = difference("ndcg", other, rows, 0.9)
    assert 0 < found.low < found.value
    same = difference("ndcg", rows, rows, 0.9)
    assert (same.value, same.known, same.flat) == (0.0, False, True)
    assert same.reason == "both rank these lists alike"


def test_a_perfect_ranking_is_not_certain():
    rows = ranking(np.random.default_rng(6))
    found = estimate("ndcg", Judged(rows.truth, rows.truth, rows.truth, group=rows.group), 0.9)
    assert (found.value, found.high, 0.9 < found.low < 1) == (1.0, 1.0, True)


def test_what_cannot_be_told_says_why():
    rows = ranking(np.random.default_rng(7))
    nothing = np.zeros(len(rows.truth))
    cases = {
        "the rows do not say to which list they belong": (rows.truth, None),
        "no list has anything relevant": (nothing, rows.group),
        "a relevance is negative or not a number": (rows.truth - 1, rows.group),
        "1 lists; 10 are the least": (rows.truth, np.zeros(len(nothing))),
    }
    for reason, (truth, group) in cases.items():
        found = estimate("ndcg", Judged(truth, rows.scores, rows.scores, group=group), 0.9)
        assert (found.known, found.reason) == (False, reason)
        assert not math.isfinite(found.low)
