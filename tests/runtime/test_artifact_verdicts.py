"""Verdicts on the model itself, from what was measured: nothing that is not known ever passes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_spec.runtime.declare import Consistent, Gates, Latency, Leakage, ModelSize, Stable
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import (
    Agreement,
    Alone,
    Measured,
    Ranking,
    Seen,
    Shaken,
    Size,
    Timings,
)
from mlops_spec.stats.metrics import Judged

JUDGED = Judged(np.array([0, 1]), np.array([0.2, 0.8]), np.array([0, 1]), positive=1)


def verdicts(rule, measured, *, production=JUDGED, obstacle="", **settings):
    """Those of the rule, without the one that asks for a limit on a metric."""
    evidence = Evidence(JUDGED, production, obstacle, measured=measured)
    return decide(Gates((rule,), **settings), evidence, "binary")[:-1]


def the(rule, measured, **more):
    (found,) = verdicts(rule, measured, **more)
    return found


def seconds(n=4000, around=0.010, seed=0):
    return around * np.exp(0.2 * np.random.default_rng(seed).normal(size=n))


ALL_RULES = (
    Latency(0.99, most=9.0),
    ModelSize(10**9),
    Stable(0.01, 0.99),
    Leakage(single_feature=0.999),
    Leakage(duplicates=0.99),
    Consistent(difference=1.0),
    Consistent(changed=0.99),
)


@pytest.mark.parametrize("rule", ALL_RULES, ids=repr)
def test_what_was_not_measured_is_no_data(rule):
    found = the(rule, Measured())
    assert (found.outcome, found.reason) == ("no_data", "it was not measured")


@pytest.mark.parametrize("rule", ALL_RULES, ids=repr)
def test_what_could_not_be_measured_is_an_error_with_the_reason(rule):
    kinds = ("latency", "size", "stability", "leakage", "consistency")
    found = the(rule, Measured(obstacles=dict.fromkeys(kinds, "the file is gone")))
    assert found.outcome == "error"
    assert found.reason == "it could not be measured: the file is gone"


@pytest.mark.parametrize(
    ("most", "outcome"), [(0.020, "pass"), (0.0158, "inconclusive"), (0.010, "fail")]
)
def test_a_latency_is_decided_on_the_bound_of_its_quantile(most, outcome):
    found = the(Latency(0.99, most=most), Measured(Timings(seconds(1000))))
    assert (found.check, found.outcome, found.n) == ("latency p99", outcome, 1000)
    assert found.low < 15.8 < found.high  # ms


def test_a_latency_prints_its_limit_in_milliseconds():
    found = the(Latency(0.5, most=0.0005), Measured(Timings(np.full(400, 0.0001))))
    assert found.line() == "latency p50: PASS  0.1 ms  [0.1, 0.1]  n=400  limit ≤ 0.5 ms"


def test_too_few_turns_for_a_p99_never_pass_and_say_how_many_would_do():
    found = the(Latency(0.99, most=9.0), Measured(Timings(seconds(298))))
    assert (found.outcome, found.n_enough, found.high) == ("no_data", 299, None)


def test_too_few_turns_are_enough_to_fail_a_slow_model():
    found = the(Latency(0.99, most=0.001), Measured(Timings(seconds(100))))
    assert (found.outcome, found.high) == ("fail", None)


def test_a_time_that_is_no_number_is_no_data():
    times = seconds()
    times[7] = math.nan
    assert the(Latency(0.5, most=9.0), Measured(Timings(times))).outcome == "no_data"


@pytest.mark.parametrize(
    ("slower", "outcome"), [(1.0, "pass"), (1.1, "inconclusive"), (1.3, "fail")]
)
def test_a_latency_is_compared_with_production_in_turns(slower, outcome):
    measured = Measured(Timings(slower * seconds(), seconds(seed=1)))
    found = the(Latency(0.99, slower_by=0.1), measured)
    assert (found.check, found.outcome) == ("latency p99 against production", outcome)
    assert found.low < slower - 1 < found.high
    assert found.limit == "≤ +0.1"
    assert found.reason.endswith("production 16 ms, same rows")


def test_a_first_model_is_not_compared_with_production():
    rule = Latency(0.99, most=1.0, slower_by=0.1)
    found = verdicts(rule, Measured(Timings(seconds())), production=None)
    assert [verdict.check for verdict in found] == ["latency p99"]
    assert verdicts(Latency(0.99, slower_by=0.1), Measured(), production=None) == ()


def test_production_that_cannot_score_or_be_timed_is_an_error():
    rule = Latency(0.99, slower_by=0.1)
    alone = Measured(Timings(seconds()))
    gone = the(rule, alone, production=None, obstacle="production's model cannot be loaded")
    assert (gone.outcome, gone.reason) == ("error", "production's model cannot be loaded")
    untimed = the(rule, Measured(Timings(seconds()), obstacles={"latency": "it is not portable"}))
    assert (untimed.outcome, untimed.reason[-19:]) == ("error", " it is not portable")
    assert the(rule, alone).outcome == "no_data"


def test_too_few_turns_for_a_comparison_say_how_many_would_do():
    measured = Measured(Timings(seconds(999), seconds(999, seed=1)))
    found = the(Latency(0.99, slower_by=9.0), measured)
    assert (found.outcome, found.n_enough) == ("no_data", 1000)


@pytest.mark.parametrize(("most", "outcome"), [(1_500_000, "pass"), (1_499_999, "fail")])
def test_a_size_is_exact(most, outcome):
    found = the(ModelSize(most), Measured(size=Size(1_500_000)))
    assert (found.outcome, found.estimate, found.low, found.n) == (outcome, 1.5, None, 1)
    assert found.line() == (
        f"model size: {outcome.upper()}  1.5 MB  n=1  limit ≤ {most / 1e6:g} MB  "
        "(all files of the portable model)"
    )


@pytest.mark.parametrize(("changed", "outcome"), [(0, "pass"), (20, "inconclusive"), (60, "fail")])
def test_stability_is_decided_on_the_bound_of_the_share_that_changed(changed, outcome):
    shaken = Shaken(0.01, 1000, changed, 2, 500, (("distance", 30), ("ώρα", 0)))
    found = the(Stable(0.01, 0.02), Measured(shaken=shaken))
    assert (found.outcome, found.estimate, found.n) == (outcome, changed / 1000, 1000)
    assert [(part.check, part.outcome.value) for part in found.parts] == [
        ("distance", "fail"), ("ώρα", "pass"),
    ]  # fmt: skip


def test_stability_under_another_noise_was_not_measured():
    found = the(Stable(0.02, 0.5), Measured(shaken=Shaken(0.01, 1000, 0, 2)))
    assert found.outcome == "no_data"


def test_where_nothing_could_be_shaken_the_verdict_says_so():
    found = the(Stable(0.01, 0.02), Measured(shaken=Shaken(0.01, 1000, 0, 0)))
    assert found.reason == "no numeric feature moves by as much, so that nothing was shaken"


def test_what_more_rows_would_decide_is_not_said_where_no_more_are_measured():
    rule = Stable(0.01, 0.02)
    near = the(rule, Measured(shaken=Shaken(0.01, 1000, 15, 2)))
    nearer = the(rule, Measured(shaken=Shaken(0.01, 20_000, 399, 2)))
    assert (near.outcome, nearer.outcome) == ("inconclusive", "inconclusive")
    assert (near.n_enough, nearer.n_enough) == (2407, None)
    assert "no more than 20,000 rows are measured" in nearer.reason


def test_three_rows_are_too_few_to_be_stable():
    assert the(Stable(0.01, 0.9), Measured(shaken=Shaken(0.01, 3, 0, 2))).outcome == "no_data"


def ranking(area, tried=1, positives=400, **more):
    return Measured(ranking=Ranking((Alone("seats", "late", area, 4e-5, positives, 600),), tried))


@pytest.mark.parametrize(
    ("area", "outcome"), [(0.9, "pass"), (0.955, "inconclusive"), (0.995, "fail")]
)
def test_a_feature_that_is_nearly_the_label_fails(area, outcome):
    found = the(Leakage(single_feature=0.96), ranking(area))
    assert (found.outcome, found.estimate, found.n) == (outcome, area, 1000)
    assert found.reason.endswith("seats alone ranks 'late' best")
    assert [part.check for part in found.parts] == ["seats for late"]


def test_the_best_of_many_features_fails_on_a_bound_that_they_share():
    alone, among_many = (
        the(Leakage(single_feature=0.93), ranking(0.95, tried)) for tried in (1, 1000)
    )
    assert (alone.outcome, among_many.outcome) == ("fail", "inconclusive")
    assert alone.high == among_many.high


def test_a_class_that_might_be_given_away_holds_the_pass_back():
    many = (Alone("a", "x", 0.8, 1e-5, 400, 600), Alone("b", "y", 0.7, 0.04, 30, 970))
    found = the(Leakage(single_feature=0.9), Measured(ranking=Ranking(many, 2)))
    assert (found.outcome, found.estimate) == ("inconclusive", 0.8)


def test_one_row_of_a_class_bounds_no_area():
    one = (Alone("seats", "late", 0.7, None, 1, 999),)
    found = the(Leakage(single_feature=0.98), Measured(ranking=Ranking(one, 1)))
    assert (found.outcome, found.low, found.high) == ("inconclusive", 0.5, 1.0)


def test_a_number_is_ranked_by_spearmans_correlation():
    one = (Alone("seats", "delay", 0.995, None, 1000),)
    found = the(Leakage(single_feature=0.98), Measured(ranking=Ranking(one, 1)))
    assert (found.outcome, found.n) == ("fail", 1000)
    assert found.method.startswith("(1 + |Spearman|) / 2, Bonett-Wright")


def test_a_label_that_does_not_vary_is_no_data():
    found = the(Leakage(single_feature=0.98), Measured(ranking=Ranking((), 0)))
    assert (found.outcome, found.estimate) == ("no_data", None)


@pytest.mark.parametrize(("repeated", "outcome"), [(0, "pass"), (10, "inconclusive"), (40, "fail")])
def test_repeated_rows_are_decided_on_their_share(repeated, outcome):
    found = the(Leakage(duplicates=0.01), Measured(seen=Seen(1000, repeated, 990)))
    assert (found.outcome, found.n) == (outcome, 1000)
    assert found.reason.endswith(f"{repeated} of 1,000 held-out rows stand in the training rows")


def test_columns_of_few_values_are_said_to_repeat_without_a_leak():
    found = the(Leakage(duplicates=0.01), Measured(seen=Seen(1000, 900, 24)))
    assert found.outcome == "fail"
    assert found.reason.endswith(
        "only 24 of them differ, so that rows repeat without any leak: raise the limit, or leave "
        "it out"
    )


def agreements(difference=1e-7, changed=0):
    exact = Agreement("portable form against scikit-learn", 5000, 1e-8, 0)
    return Measured(agreements=(exact, Agreement("rows as requests", 2000, difference, changed)))


def test_all_ways_to_an_answer_must_agree():
    rule = Consistent(difference=0.001, changed=0.01)
    scores, decisions = verdicts(rule, agreements())
    assert (scores.outcome, scores.estimate, scores.n, scores.low) == ("pass", 1e-7, 2000, None)
    assert (decisions.outcome, decisions.n) == ("pass", 2000)
    assert [part.n for part in decisions.parts] == [5000, 2000]


def test_the_way_that_does_not_agree_is_named():
    scores, decisions = verdicts(Consistent(0.001, 0.01), agreements(0.2, 100))
    assert (scores.outcome, scores.reason) == ("fail", "rows as requests")
    assert (decisions.outcome, decisions.reason) == ("fail", "rows as requests")
    assert [part.outcome.value for part in decisions.parts] == ["pass", "fail"]


def test_an_answer_that_is_no_number_fails():
    found = the(Consistent(difference=1e9), agreements(math.inf))
    assert (found.outcome, found.estimate) == ("fail", None)


def test_nothing_compared_is_no_data():
    found = the(Consistent(difference=1e9), Measured(agreements=()))
    assert (found.outcome, found.reason) == ("no_data", "nothing was compared")
