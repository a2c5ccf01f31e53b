"""Every rule on every kind of rows that say nothing: what cannot be told is never a pass."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from mlops_spec.runtime.declare import (
    Against,
    AtLeast,
    AtMost,
    Calibrated,
    Consistent,
    Fair,
    Gates,
    Latency,
    Leakage,
    ModelSize,
    Segments,
    Stable,
)
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.resample import of_clusters
from mlops_spec.terms.metrics import METRICS

N = 1200
WIDE = 1e9
BINARY = sorted(name for name, metric in METRICS.items() if "binary" in metric.tasks)
HYPOTHESES = ("superiority", "margin", "non_inferiority")


def answers(truth, scores):
    return Judged(truth, scores, (scores > 0.5).astype(np.int64), positive=1)


def noisy(truth, seed):
    random = np.random.default_rng(seed)
    return answers(truth, np.clip(0.3 * truth + 0.7 * random.random(len(truth)), 0.01, 0.99))


TRUTH = np.arange(N) % 2
GROUPS = pd.DataFrame({"g": np.where(np.arange(N) < N // 2, "a", "b")})


def holed(rows):
    scores = rows.scores.copy()
    scores[7] = np.nan
    return replace(rows, scores=scores)


ZEROS, ONES = np.zeros(N, dtype=np.int64), np.ones(N, dtype=np.int64)
LONE = np.where(GROUPS["g"] == "a", TRUTH, 0)
FIRST, SECOND = noisy(TRUTH, 1), noisy(TRUTH, 2)
# Candidate and production.
PAIRS = {
    "ordinary": (FIRST, SECOND),
    "one class": (noisy(ZEROS, 1), noisy(ZEROS, 2)),
    "only positives": (noisy(ONES, 1), noisy(ONES, 2)),
    "a group without positives": (noisy(LONE, 1), noisy(LONE, 2)),
    "identical": (FIRST, FIRST),
    "scores that are no numbers": (holed(FIRST), SECOND),
    "production's scores are no numbers": (FIRST, holed(SECOND)),
    "constant scores": (answers(TRUTH, np.full(N, 0.3)), answers(TRUTH, np.full(N, 0.4))),
    "the same distance on every row": (
        answers(TRUTH, np.where(TRUTH, 0.9, 0.1)), answers(TRUTH, np.where(TRUTH, 0.8, 0.2)),
    ),
}  # fmt: skip


NOTHING_TOLD = (
    "one class", "only positives", "scores that are no numbers",
)  # fmt: skip
NO_COMPARISON = (
    *NOTHING_TOLD, "production's scores are no numbers", "identical", "constant scores",
    "the same distance on every row",
)  # fmt: skip


def told(rule, case, *, clustered=False, **policy):
    candidate, production = PAIRS[case]
    units = of_clusters(np.arange(N) // 20) if clustered else None
    found = decide(
        Gates((rule,), **policy), Evidence(candidate, production, "", GROUPS, units=units), "binary"
    )
    return [verdict for verdict in found if verdict.check != "limits"]


def against(metric, hypothesis):
    margin = {"superiority": 0.0, "margin": 1e-6, "non_inferiority": WIDE}[hypothesis]
    return Against(metric, hypothesis, margin)


# Scores that never vary still have losses that do: those metrics are told of them.
COMPARED = [
    (metric, case)
    for metric, case in product(BINARY, NO_COMPARISON)
    if case != "constant scores" or metric not in {"brier_score", "log_loss", "skill"}
]


@pytest.mark.parametrize(("metric", "case"), COMPARED)
def test_no_comparison_passes(metric, case):
    for hypothesis, clustered, on in product(HYPOTHESES, (False, True), ("bound", "point")):
        (found,) = told(against(metric, hypothesis), case, clustered=clustered, decide_on=on)
        assert found.outcome.value in {"inconclusive", "no_data"}, (hypothesis, clustered, on)
        assert found.reason, (hypothesis, clustered, on)


@pytest.mark.parametrize("hypothesis", HYPOTHESES)
@pytest.mark.parametrize("require", ["shown", "not_refuted"])
@pytest.mark.parametrize("case", NO_COMPARISON)
def test_no_comparison_in_groups_passes(case, require, hypothesis):
    for metric, clustered in product(("roc_auc", "accuracy", "recall", "f1"), (False, True)):
        rule = Segments("g", ("g",), against(metric, hypothesis), require)
        (found,) = told(rule, case, clustered=clustered)
        assert found.outcome.value in {"inconclusive", "no_data"}, (metric, clustered)


@pytest.mark.parametrize("case", NOTHING_TOLD)
@pytest.mark.parametrize("metric", BINARY)
def test_no_limit_passes(metric, case):
    rules = AtLeast(metric, -WIDE), AtMost(metric, WIDE)
    groups = tuple(
        Segments("g", ("g",), rule, require)
        for rule, require in product(rules, ("shown", "not_refuted"))
    )
    for rule, clustered in product((*rules, *groups), (False, True)):
        (found,) = told(rule, case, clustered=clustered)
        assert found.outcome.value == "no_data", rule


@pytest.mark.parametrize("metric", ["roc_auc", "recall", "f1", "average_precision", "skill"])
def test_a_group_without_positives_is_never_shown_to_be_good(metric):
    for asked in (AtLeast(metric, -WIDE), against(metric, "non_inferiority")):
        shown, not_refuted = (
            told(Segments("g", ("g",), asked, require), "a group without positives")[0]
            for require in ("shown", "not_refuted")
        )
        assert shown.outcome.value == "no_data"
        assert {part.check: part.outcome.value for part in shown.parts}["g=b"] == "no_data"
        assert not_refuted.reason.endswith("not judged: g=b")


FAIRNESS = (
    Fair("g", ("g",), "demographic_parity_difference", most=1.0, no_worse_by=1.0),
    Fair("g", ("g",), "demographic_parity_ratio", least=0.0),
    Fair("g", ("g",), "equal_opportunity_difference", most=1.0, no_worse_by=1.0),
    Fair("g", ("g",), "equalized_odds_difference", most=1.0, no_worse_by=1.0),
)


@pytest.mark.parametrize("rule", FAIRNESS, ids=lambda rule: rule.measure)
@pytest.mark.parametrize(
    "case", ["scores that are no numbers", "production's scores are no numbers", "identical"]
)
def test_no_measure_of_fairness_is_said_to_be_no_worse(rule, case):
    (found,) = told(rule, case)
    alone = rule.no_worse_by is None and case != "scores that are no numbers"
    assert (found.outcome.value == "pass") is alone


@pytest.mark.parametrize("rule", FAIRNESS[2:], ids=lambda rule: rule.measure)
@pytest.mark.parametrize("case", ["one class", "a group without positives"])
def test_no_measure_of_found_positives_passes_without_them(rule, case):
    (found,) = told(rule, case)
    assert found.outcome.value == "no_data"


@pytest.mark.parametrize("measure", ["ece", "debiased_l2", "slope", "in_the_large"])
@pytest.mark.parametrize("case", NOTHING_TOLD)
def test_no_calibration_passes(case, measure):
    for rule in (Calibrated(measure, most=WIDE), Calibrated(measure, least=-WIDE)):
        for found in told(rule, case):
            assert found.outcome.value == "no_data"


@pytest.mark.parametrize(
    "rule",
    [
        Latency(0.99, most=WIDE, slower_by=WIDE), ModelSize(10**12), Stable(0.01, 1.0),
        Leakage(1.0, 1.0), Consistent(WIDE, 1.0),
    ],
    ids=lambda rule: type(rule).__name__,
)  # fmt: skip
@pytest.mark.parametrize("case", [*NO_COMPARISON, "a group without positives"])
def test_what_was_not_measured_never_passes(case, rule):
    assert "pass" not in {found.outcome.value for found in told(rule, case)}


def test_the_pair_that_differs_does_pass():
    """What keeps the tests above from being empty."""
    rules = (against("roc_auc", "non_inferiority"), AtLeast("roc_auc", 0.5), *FAIRNESS[:2])
    for rule in (*rules, Segments("g", ("g",), rules[0], "shown"), Calibrated("slope", most=WIDE)):
        assert {found.outcome.value for found in told(rule, "ordinary")} == {"pass"}, rule
