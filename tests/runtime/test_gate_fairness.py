"""Fairness: denominators that count, bounds that hold for the largest gap, production beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gate_worlds import clustered, grouped_rows, parts, verdict

from mlops_spec.runtime.declare import Fair
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged

PARITY = "demographic_parity_difference"
RATIO = "demographic_parity_ratio"
OPPORTUNITY = "equal_opportunity_difference"
ODDS = "equalized_odds_difference"


def fair(measure, most=None, **settings):
    return Fair("zone", ("g",), measure, most, **settings)


def decisions(*groups, before=None):
    """Rows from (positives found, positives, false alarms, negatives), one tuple a group."""
    truth, decided, group = [], [], []
    for k, (found, positives, alarms, negatives) in enumerate(groups):
        truth += [1] * positives + [0] * negatives
        decided += [1] * found + [0] * (positives - found)
        decided += [1] * alarms + [0] * (negatives - alarms)
        group += [chr(ord("a") + k)] * (positives + negatives)
    said = np.array(decided)
    rows = Judged(np.array(truth), said.astype(float), said, positive=1)
    production = None if before is None else decisions(*before).candidate
    return Evidence(rows, production, rows=pd.DataFrame({"g": group}))


ALIKE = decisions((800, 1000, 200, 1000), (800, 1000, 200, 1000))
APART = decisions((900, 1000, 200, 1000), (600, 1000, 200, 1000))


@pytest.mark.parametrize(
    ("measure", "evidence", "most", "outcome", "value"),
    [
        (PARITY, ALIKE, 0.05, "pass", 0.0),
        (PARITY, APART, 0.05, "fail", 0.15),
        (OPPORTUNITY, ALIKE, 0.05, "pass", 0.0),
        (OPPORTUNITY, APART, 0.2, "fail", 0.3),
        (OPPORTUNITY, APART, 0.29, "inconclusive", 0.3),
        (ODDS, ALIKE, 0.05, "pass", 0.0),
        (ODDS, APART, 0.2, "fail", 0.3),
        (ODDS, APART, 0.4, "pass", 0.3),
    ],
)
def test_a_limit_on_a_difference(measure, evidence, most, outcome, value):
    found = verdict(fair(measure, most), evidence)
    assert (found.check, found.outcome) == (f"fairness.zone {measure}", outcome)
    assert found.estimate == pytest.approx(value)
    assert found.limit == f"≤ {most}"


@pytest.mark.parametrize(
    ("least", "outcome"), [(0.6, "pass"), (0.95, "fail"), (0.8, "inconclusive")]
)
def test_a_limit_on_a_ratio_is_a_least_one(least, outcome):
    found = verdict(fair(RATIO, least=least), decisions((800, 1000, 0, 1000), (640, 1000, 0, 1000)))
    assert (found.outcome, found.limit) == (outcome, f"≥ {least}")
    assert found.estimate == pytest.approx(0.8)


def test_the_rate_of_every_group_is_shown_with_its_denominator():
    found = verdict(fair(OPPORTUNITY, 0.2), APART)
    shown = [(part.check, part.outcome.value, part.estimate, part.n) for part in found.parts]
    assert shown == [("g=b", "fail", 0.6, 1000), ("g=a", "fail", 0.9, 1000)]
    assert found.reason == "g=b 0.600 (n 1000) to g=a 0.900 (n 1000)"
    assert found.method == "Miettinen-Nurminen over pairs"


def test_a_group_between_the_extremes_is_not_to_blame():
    three = decisions((900, 1000, 0, 100), (600, 1000, 0, 100), (750, 1000, 0, 100))
    found = verdict(fair(OPPORTUNITY, 0.2), three)
    assert parts(found) == [("g=b", "fail"), ("g=c", "pass"), ("g=a", "fail")]


def test_groups_without_a_denominator_are_left_out_and_named():
    tiny = decisions((800, 1000, 0, 1000), (800, 1000, 0, 1000), (0, 3, 0, 900), (0, 0, 0, 900))
    found = verdict(fair(OPPORTUNITY, 0.1), tiny)
    assert found.outcome == "pass"
    assert found.reason.endswith("left out: g=c (3 positives), g=d (0 positives)")
    assert parts(found)[2:] == [("g=c", "no_data"), ("g=d", "no_data")]


@pytest.mark.parametrize("measure", [PARITY, OPPORTUNITY, ODDS])
def test_fewer_than_two_groups_are_no_data(measure):
    found = verdict(fair(measure, 0.9), decisions((800, 1000, 0, 1000), (5, 9, 0, 9)))
    assert found.outcome == "no_data"
    assert found.reason.startswith("1 group with enough rows to compare; 2 are the least")
    assert all(part.outcome == "no_data" for part in found.parts)


def test_no_positive_decision_at_all_is_no_ratio():
    found = verdict(fair(RATIO, least=0.1), decisions((0, 100, 0, 100), (0, 100, 0, 100)))
    assert (found.outcome, found.estimate) == ("no_data", None)
    assert found.reason.startswith("every rate is 0")


def test_decisions_that_never_vary_leave_room_for_a_gap():
    found = verdict(fair(PARITY, 0.0), decisions((0, 100, 0, 100), (0, 100, 0, 100)))
    assert (found.outcome, found.estimate) == ("inconclusive", 0.0)


def test_equal_groups_are_not_failed_for_their_noise():
    found = verdict(fair(PARITY, 0.01), grouped_rows([100] * 5, 0.8, base=0.5))
    assert found.outcome == "inconclusive"
    assert found.n_enough > 100


def test_no_worse_than_production_on_the_same_rows():
    rule = fair(OPPORTUNITY, no_worse_by=0.05)
    same = (900, 1000, 200, 1000)
    for after, before, outcome in (
        ((880, 1000, 200, 1000), (890, 1000, 200, 1000), "pass"),
        ((600, 1000, 200, 1000), same, "fail"),
        ((840, 1000, 200, 1000), same, "inconclusive"),
    ):
        found = verdict(rule, decisions(same, after, before=(same, before)))
        assert found.check == "fairness.zone equal_opportunity_difference against production"
        assert (found.outcome, found.limit) == (outcome, "Δ ≤ +0.05"), after


def test_the_worse_of_a_limit_and_a_comparison_counts_and_both_are_parts():
    both = fair(OPPORTUNITY, 0.5, no_worse_by=0.02)
    same = (900, 1000, 200, 1000)
    found = verdict(both, decisions(same, (600, 1000, 200, 1000), before=(same, same)))
    assert (found.outcome, found.check.endswith("against production")) == ("fail", True)
    assert [part.outcome.value for part in found.parts] == ["pass", "fail"]
    assert [part.check for part in found.parts[0].parts] == ["g=b", "g=a"]


def test_a_first_model_has_its_limit_alone():
    found = verdict(fair(OPPORTUNITY, 0.5, no_worse_by=0.02), APART)
    assert (found.outcome, found.check) == ("pass", "fairness.zone equal_opportunity_difference")


@pytest.mark.parametrize("measure", [PARITY, OPPORTUNITY, ODDS])
def test_a_model_that_decides_alike_needs_rows_to_be_no_worse(measure):
    rule = fair(measure, no_worse_by=0.02)
    few = decisions((40, 50, 10, 50), (40, 50, 10, 50))
    for evidence, outcome in ((few, "inconclusive"), (ALIKE, "pass")):
        before = replace(evidence.candidate, scores=0.9 * evidence.candidate.scores)
        found = verdict(rule, replace(evidence, production=before))
        assert (found.outcome, found.estimate) == (outcome, 0.0)
        assert "both models decide alike on every row" in found.reason
    same = verdict(rule, replace(ALIKE, production=ALIKE.candidate))
    assert same.outcome == "inconclusive"
    assert same.reason.startswith("both answer every row alike: nothing to promote")


def test_production_that_cannot_answer_is_an_error():
    gone = replace(ALIKE, obstacle="production is gone")
    found = verdict(fair(PARITY, 0.1, no_worse_by=0.02), gone)
    assert found.outcome == "error"
    assert [part.outcome.value for part in found.parts] == ["pass", "error"]


def test_scores_that_are_not_numbers_are_no_data():
    evidence = decisions((800, 1000, 200, 1000), (800, 1000, 200, 1000))
    evidence.candidate.scores[0] = np.nan
    assert verdict(fair(PARITY, 0.9), evidence).outcome == "no_data"


@pytest.mark.parametrize(
    ("rule", "task", "words"),
    [
        (fair(PARITY, 0.1), "multiclass", "fairness compares decisions of a binary model"),
        (fair(RATIO, least=0.1, no_worse_by=0.1), "binary", "`no_worse_by` compares differences"),
        (Fair("zone", ("h",), PARITY, 0.1), "binary", "the held-out rows of this run have no"),
    ],
)
def test_what_cannot_be_judged_is_an_error(rule, task, words):
    found = verdict(rule, ALIKE, task)
    assert (found.outcome, found.reason.startswith(words)) == ("error", True)


def test_rows_that_go_together_are_fewer_rows():
    labels = np.arange(4000) // 20
    alone, tied = (
        verdict(fair(OPPORTUNITY, 0.2), one) for one in (APART, clustered(APART, labels))
    )
    assert alone.outcome == "fail"
    # Whole clusters were decided alike: forty customers are not eight hundred rows.
    assert tied.high - tied.low > 3 * (alone.high - alone.low)
    assert "clusters" in tied.method
