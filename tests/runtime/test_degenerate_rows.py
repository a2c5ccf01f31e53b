"""Rows that define nothing: no metric passes on them, in either direction, and none raises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.metrics import Judged
from mlops_spec.stats.resample import of_clusters
from mlops_spec.terms.metrics import METRICS

TASKS = [(task, name) for name, metric in METRICS.items() for task in sorted(metric.tasks)]
ANYTHING = 1e9
SEGMENTS_OF = 20


def binary(n):
    random = np.random.default_rng(n)
    truth = np.arange(n) % 2
    score = np.clip(0.3 * truth + 0.7 * random.random(n), 0, 1)
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def multiclass(n):
    random = np.random.default_rng(n)
    truth = np.arange(n) % 3
    raw = random.random((n, 3)) + 0.6 * np.eye(3)[truth]
    scores = raw / raw.sum(axis=1, keepdims=True)
    return Judged(truth, scores, scores.argmax(axis=1))


def regression(n):
    random = np.random.default_rng(n)
    truth = 5 + random.normal(size=n)
    scores = truth + random.normal(size=n)
    return Judged(truth, scores, scores)


def ranking(n):
    random = np.random.default_rng(n)
    truth = random.integers(0, 3, n).astype(float)
    scores = truth + random.normal(size=n)
    return Judged(truth, scores, scores, group=np.arange(n) // 5)


MADE = {"binary": binary, "multiclass": multiclass, "regression": regression, "ranking": ranking}
N = 1500


def answers(rows, scores):
    """The same rows with other answers."""
    if rows.scores.ndim == 2:
        return replace(rows, scores=scores, decided=scores.argmax(axis=1))
    decided = scores if rows.positive is None else (scores > 0.5).astype(np.int64)
    return replace(rows, scores=scores, decided=decided)


def holed(rows):
    scores = rows.scores.copy()
    scores[7] = np.nan
    return answers(rows, scores)


def one_class(rows):
    """One class, one value of the label, or nothing relevant."""
    return replace(rows, truth=np.zeros_like(rows.truth))


CASES = {
    "no rows": lambda make: make(0),
    "one row": lambda make: make(1),
    "two rows": lambda make: make(2),
    "three rows": lambda make: make(3),
    "a score that is no number": lambda make: holed(make(N)),
    "infinite scores": lambda make: answers(make(N), np.full_like(make(N).scores, np.inf)),
}


def outcomes(metric, task, rows, production=None, units=None):
    rules = [AtLeast(metric, -ANYTHING), AtMost(metric, ANYTHING)]
    if production is not None:
        rules.append(Against(metric, "non_inferiority", ANYTHING))
    return {
        v.outcome.value
        for v in decide(Gates(tuple(rules)), evidence(rows, production, units), task)
    }


def evidence(rows, production, units):
    return Evidence(rows, production, units=units)


def units_of(rows):
    return of_clusters(np.arange(len(rows.truth)) // SEGMENTS_OF) if len(rows.truth) else None


@pytest.mark.parametrize("case", sorted(CASES))
@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_what_defines_nothing_never_passes(task, metric, case):
    rows = CASES[case](MADE[task])
    for units in (None, units_of(rows)):
        assert outcomes(metric, task, rows, rows, units) == {"no_data"}


# A label that never varies, and what even then can be said of a regression's errors.
ERRORS = {"mean_absolute_error", "root_mean_squared_error", "median_absolute_error"}


@pytest.mark.parametrize(("task", "metric"), [p for p in TASKS if p[1] not in ERRORS])
def test_a_label_that_never_varies_never_passes(task, metric):
    rows = one_class(MADE[task](N))
    for units in (None, units_of(rows)):
        assert outcomes(metric, task, rows, units=units) == {"no_data"}


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_answers_that_are_all_alike_raise_nothing(task, metric):
    rows = MADE[task](N)
    flat = answers(rows, np.full_like(rows.scores, 0.25))
    for units in (None, units_of(rows)):
        rules = AtLeast(metric, 0.99), Against(metric, "superiority")
        if not METRICS[metric].more_is_better:
            rules = AtMost(metric, 0.001), rules[1]
        found = decide(Gates(rules), evidence(flat, rows, units), task)
        assert "pass" not in {verdict.outcome.value for verdict in found}


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_an_identical_model_is_not_superior(task, metric):
    rows = MADE[task](N)
    for units in (None, units_of(rows)):
        rules = AtLeast(metric, -ANYTHING), Against(metric, "superiority")
        verdict = decide(Gates(rules), evidence(rows, rows, units), task)[1]
        assert verdict.outcome.value in {"fail", "inconclusive", "no_data"}
        assert verdict.estimate == 0.0


@pytest.mark.parametrize("metric", sorted(n for n, m in METRICS.items() if "regression" in m.tasks))
def test_errors_that_are_all_alike_are_certain_of_nothing(metric):
    truth = np.linspace(1.0, 2.0, N)
    rows = Judged(truth, truth.copy(), truth.copy())
    verdict = decide(Gates((AtMost(metric, ANYTHING),)), Evidence(rows, None), "regression")[0]
    assert verdict.outcome.value == ("pass" if metric == "median_absolute_error" else "no_data")


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_ordinary_rows_do_pass(task, metric):
    """What keeps the tests above from being empty."""
    rows = MADE[task](N)
    for units in (None, units_of(rows)):
        assert outcomes(metric, task, rows, units=units) == {"pass"}
