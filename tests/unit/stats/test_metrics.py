"""Every metric of the language: its value is scikit-learn's, and its interval covers."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.stats import binom

from mlops_spec.stats.metrics import Judged, difference, estimate
from mlops_spec.stats.ranking import NAMES
from mlops_spec.terms.metrics import METRICS

RANDOM = np.random.default_rng(3)
N = 600


def binary(random=RANDOM, n=N, strength=1.0):
    truth = (random.random(n) < 0.3).astype(np.int64)
    score = 1 / (1 + np.exp(-(random.normal(size=n) + strength * (2 * truth - 1.4))))
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def multiclass(random=RANDOM, n=N):
    truth = random.integers(0, 3, n)
    raw = random.random((n, 3)) + np.eye(3)[truth] * 0.5
    scores = raw / raw.sum(axis=1, keepdims=True)
    return Judged(truth, scores, scores.argmax(axis=1))


def regression(random=RANDOM, n=N, noise=1.0):
    truth = random.normal(size=n) * 2
    scores = truth + random.normal(size=n) * noise
    return Judged(truth, scores, scores)


ROWS = {"binary": binary, "multiclass": multiclass, "regression": regression}

BINARY = {
    "roc_auc": lambda r: sk.roc_auc_score(r.truth, r.scores),
    "average_precision": lambda r: sk.average_precision_score(r.truth, r.scores),
    "accuracy": lambda r: sk.accuracy_score(r.truth, r.decided),
    "balanced_accuracy": lambda r: sk.balanced_accuracy_score(r.truth, r.decided),
    "precision": lambda r: sk.precision_score(r.truth, r.decided),
    "recall": lambda r: sk.recall_score(r.truth, r.decided),
    "f1": lambda r: sk.f1_score(r.truth, r.decided),
    "f1_macro": lambda r: sk.f1_score(r.truth, r.decided, average="macro"),
    "precision_macro": lambda r: sk.precision_score(r.truth, r.decided, average="macro"),
    "f1_weighted": lambda r: sk.f1_score(r.truth, r.decided, average="weighted"),
    "matthews_corrcoef": lambda r: sk.matthews_corrcoef(r.truth, r.decided),
    "cohen_kappa": lambda r: sk.cohen_kappa_score(r.truth, r.decided),
    "brier_score": lambda r: sk.brier_score_loss(r.truth, r.scores),
    "log_loss": lambda r: sk.log_loss(r.truth, r.scores),
    "skill": lambda r: sk.d2_brier_score(r.truth, r.scores),
}
MULTICLASS = {
    "accuracy": BINARY["accuracy"],
    "balanced_accuracy": BINARY["balanced_accuracy"],
    "f1_macro": BINARY["f1_macro"],
    "log_loss": BINARY["log_loss"],
    "precision_macro": BINARY["precision_macro"],
    "f1_weighted": BINARY["f1_weighted"],
    "matthews_corrcoef": BINARY["matthews_corrcoef"],
    "cohen_kappa": BINARY["cohen_kappa"],
    "roc_auc_ovr": lambda r: sk.roc_auc_score(r.truth, r.scores, multi_class="ovr"),
    "skill": lambda r: sk.d2_brier_score(r.truth, r.scores),
}
REGRESSION = {
    "mean_absolute_error": lambda r: sk.mean_absolute_error(r.truth, r.scores),
    "root_mean_squared_error": lambda r: sk.root_mean_squared_error(r.truth, r.scores),
    "median_absolute_error": lambda r: sk.median_absolute_error(r.truth, r.scores),
    "mean_absolute_percentage_error": lambda r: sk.mean_absolute_percentage_error(
        r.truth, r.scores
    ),
    "r2": lambda r: sk.r2_score(r.truth, r.scores),
    "skill": lambda r: sk.r2_score(r.truth, r.scores),
}
ORACLES = [
    (task, metric, oracle)
    for task, oracles in (
        ("binary", BINARY), ("multiclass", MULTICLASS), ("regression", REGRESSION),
    )
    for metric, oracle in oracles.items()
]  # fmt: skip


@pytest.mark.parametrize(("task", "metric", "oracle"), ORACLES)
def test_the_value_is_scikit_learns(task, metric, oracle):
    rows = ROWS[task]()
    found = estimate(metric, rows, 0.95)
    assert found.value == pytest.approx(oracle(rows))
    assert found.low < found.value < found.high


def test_every_metric_of_the_language_has_an_oracle_here():
    wanted = {(task, name) for name, metric in METRICS.items() for task in metric.tasks}
    wanted -= {("ranking", name) for name in {*NAMES, "skill"}}  # test_ranking.py
    assert {(task, metric) for task, metric, _ in ORACLES} == wanted


@pytest.mark.parametrize(("task", "metric", "oracle"), ORACLES)
def test_a_model_and_itself_differ_by_nothing_that_bounds_anything(task, metric, oracle):
    rows = ROWS[task]()
    found = difference(metric, rows, rows, 0.95)
    assert (found.value, found.known, found.flat) == (0.0, False, True)


COVERING = [
    "f1", "f1_weighted", "balanced_accuracy", "precision_macro", "brier_score", "skill",
    "precision", "average_precision", "matthews_corrcoef", "cohen_kappa",
]  # fmt: skip


@pytest.mark.parametrize("metric", COVERING)
def test_the_interval_covers_the_truth_as_often_as_it_says(metric):
    random = np.random.default_rng(5)
    truth = estimate(metric, binary(random, 1_000_000), 0.95).value
    trials = 400
    found = [estimate(metric, binary(random), 0.90) for _ in range(trials)]
    covered = sum(one.low <= truth <= one.high for one in found)
    low, high = binom.interval(0.9999, trials, 0.90)
    assert low <= covered <= high


@pytest.mark.parametrize("metric", ["roc_auc_ovr", "matthews_corrcoef", "f1_weighted"])
def test_the_interval_of_many_classes_covers_as_often_as_it_says(metric):
    random = np.random.default_rng(7)
    truth = estimate(metric, multiclass(random, 1_000_000), 0.95).value
    trials = 400
    found = [estimate(metric, multiclass(random, 300), 0.90) for _ in range(trials)]
    covered = sum(one.low <= truth <= one.high for one in found)
    low, high = binom.interval(0.9999, trials, 0.90)
    assert low <= covered <= high


@pytest.mark.parametrize(
    "metric",
    ["root_mean_squared_error", "mean_absolute_error", "r2", "median_absolute_error"],
)
def test_the_interval_of_an_error_covers_as_often_as_it_says(metric):
    random = np.random.default_rng(6)
    truth = estimate(metric, regression(random, 1_000_000), 0.95).value
    trials = 400
    found = [estimate(metric, regression(random), 0.90) for _ in range(trials)]
    covered = sum(one.low <= truth <= one.high for one in found)
    low, high = binom.interval(0.9999, trials, 0.90)
    assert low <= covered <= high


@pytest.mark.parametrize(("metric", "denominator"), [("recall", "truth"), ("precision", "decided")])
def test_n_is_the_denominator_of_the_metric(metric, denominator):
    rows = binary()
    assert estimate(metric, rows, 0.95).n == getattr(rows, denominator).sum()


def test_precision_without_a_positive_decision_is_unknown():
    rows = Judged(
        np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3]), np.zeros(3, dtype=int), positive=1
    )
    assert not estimate("precision", rows, 0.95).known
    assert not estimate("roc_auc", Judged(*_empty(), positive=1), 0.95).known


@pytest.mark.parametrize("metric", sorted(BINARY))
def test_a_score_that_is_not_a_number_makes_every_metric_unknown(metric):
    rows = binary()
    rows.scores[17] = np.nan
    assert not estimate(metric, rows, 0.95).known


def test_the_same_seed_gives_the_same_interval():
    rows = binary()
    assert estimate("average_precision", rows, 0.9) == estimate("average_precision", rows, 0.9)


def test_perfect_decisions_are_not_certain():
    truth = np.arange(200) % 2
    rows = Judged(truth, truth * 0.8 + 0.1, truth, positive=1)
    for metric in ("accuracy", "recall", "precision", "roc_auc", "f1", "balanced_accuracy"):
        found = estimate(metric, rows, 0.95)
        assert (found.value, found.high) == (1.0, 1.0)
        assert 0.9 < found.low < 1.0, metric


def _empty():
    return np.zeros(0, dtype=int), np.zeros(0), np.zeros(0, dtype=int)
