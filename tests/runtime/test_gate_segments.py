"""A rule in every group: refuted by any at a shared error, or shown by each at the full one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gate_worlds import clustered, grouped_rows, parts, verdict

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Segments
from mlops_spec.runtime.gates.simultaneous import sidak
from mlops_spec.stats.judged import Judged


def by_group(rule, require="not_refuted", **settings):
    return Segments("z", ("g",), rule, require, **settings)


def test_one_bad_group_fails_a_model_that_is_good_on_the_whole():
    evidence = grouped_rows([2000, 300], [0.9, 0.5])
    found = verdict(by_group(AtLeast("accuracy", 0.7)), evidence)
    assert (found.check, found.outcome, found.n) == ("segments.z accuracy", "fail", 300)
    assert parts(found) == [("g=b", "fail"), ("g=a", "pass")]
    assert found.reason == "worst of 2 groups: g=b"
    assert found.method == "Clopper-Pearson, Šidák over 2 groups"


def test_a_group_in_doubt_is_not_refuted_but_not_shown_either():
    evidence = grouped_rows([2000, 300], [0.9, 0.7])
    rule = AtLeast("accuracy", 0.7)
    loose, strict = (verdict(by_group(rule, way), evidence) for way in ("not_refuted", "shown"))
    assert (loose.outcome, strict.outcome) == ("pass", "inconclusive")
    assert loose.reason == "worst of 2 groups: g=b; not refuted"
    assert loose.n_enough is None
    assert strict.n_enough > 300
    assert strict.method == "Wilson, each group at 0.95"


def test_every_group_shown_is_a_pass():
    evidence = grouped_rows([900, 900, 900], 0.9)
    found = verdict(by_group(AtLeast("accuracy", 0.8), "shown"), evidence)
    assert found.outcome == "pass"
    assert [outcome for _, outcome in parts(found)] == ["pass"] * 3


def test_parts_are_in_order_of_how_bad_they_are():
    evidence = grouped_rows([500, 500, 500], [0.95, 0.75, 0.85])
    found = verdict(by_group(AtLeast("accuracy", 0.5)), evidence)
    assert [part.check for part in found.parts] == ["g=b", "g=c", "g=a"]
    losses = verdict(by_group(AtMost("log_loss", 9)), evidence)
    assert [part.check for part in losses.parts] == ["g=b", "g=c", "g=a"]


def test_small_groups_are_judged_together():
    evidence = grouped_rows([500, 150, 90], [0.9, 0.5, 0.5])
    found = verdict(by_group(AtLeast("accuracy", 0.7)), evidence)
    assert parts(found) == [("(the rest, 2 groups)", "fail"), ("g=a", "pass")]


def test_small_groups_that_stay_small_together_are_named():
    evidence = grouped_rows([500, 9, 8, 7, 6, 5], 0.9)
    found = verdict(by_group(AtLeast("accuracy", 0.7)), evidence)
    assert found.outcome == "pass"
    assert found.reason == "g=a; not judged: g=b, g=c, g=d and 2 more"
    assert parts(found) == [("g=a", "pass"), ("g=b, g=c, g=d and 2 more", "no_data")]


@pytest.mark.parametrize("require", ["shown", "not_refuted"])
def test_nothing_that_can_be_judged_is_no_data(require):
    found = verdict(by_group(AtLeast("accuracy", 0.1), require), grouped_rows([100, 80], 1.0))
    assert (found.outcome, found.estimate) == ("no_data", None)
    assert found.reason == "no group could be judged; not judged: g=a, g=b"


def test_a_group_without_positives_is_no_data_and_cannot_be_shown():
    evidence = grouped_rows([400, 400], 0.9, base=[0.5, 0.0])
    for metric in ("roc_auc", "recall", "average_precision", "accuracy", "f1"):
        loose = verdict(by_group(AtLeast(metric, 0.5)), evidence)
        strict = verdict(by_group(AtLeast(metric, 0.5), "shown"), evidence)
        assert (loose.outcome, strict.outcome) == ("pass", "no_data"), metric
        assert parts(loose) == [("g=a", "pass"), ("g=b", "no_data")]
        assert loose.reason == "g=a; not judged: g=b"


def test_the_rarer_class_is_counted_in_words():
    found = verdict(by_group(AtLeast("roc_auc", 0.5)), grouped_rows([400], 0.9, base=0.0))
    assert found.parts[0].reason == "0 positives among 400 rows; 10 are the least"


def test_one_group_alone_is_judged_at_full_confidence():
    evidence = grouped_rows([400], 0.9)
    one = verdict(by_group(AtLeast("accuracy", 0.8)), evidence)
    whole = verdict(AtLeast("accuracy", 0.8), evidence)
    assert (one.low, one.high, one.reason) == (whole.low, whole.high, "g=a")


def test_perfect_answers_leave_room_for_doubt():
    found = verdict(by_group(AtLeast("accuracy", 0.999), "shown"), grouped_rows([300, 300], 1.0))
    assert (found.outcome, found.estimate) == ("inconclusive", 1.0)


def test_against_production_in_every_group():
    evidence = grouped_rows([900, 900], [0.9, 0.7], before=0.9)
    found = verdict(by_group(Against("accuracy", "non_inferiority", 0.05, "pp")), evidence)
    assert found.check == "segments.z accuracy non-inferiority"
    assert parts(found) == [("g=b", "fail"), ("g=a", "pass")]
    assert found.reason.startswith("worst of 2 groups: g=b; production 0.")
    assert "the groups differ (Cochran Q, p " in found.reason
    assert found.method == "Tango, paired, Šidák over 2 groups"


def test_groups_that_change_alike_are_not_said_to_differ():
    evidence = grouped_rows([900, 900], 0.9, before=0.9)
    found = verdict(by_group(Against("accuracy", "non_inferiority", 0.05, "pp")), evidence)
    assert (found.outcome, "differ" in found.reason) == ("pass", False)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "brier_score", "f1"])
def test_an_identical_model_is_never_superior_in_any_group(metric):
    evidence = grouped_rows([400, 400], 0.8)
    same = replace(evidence, production=evidence.candidate)
    found = verdict(by_group(Against(metric, "superiority"), "shown"), same)
    assert found.outcome in ("fail", "inconclusive", "no_data")


def test_production_that_cannot_answer_is_an_error():
    evidence = replace(grouped_rows([400], 0.9), obstacle="production is gone")
    found = verdict(by_group(Against("accuracy", "superiority")), evidence)
    assert (found.outcome, found.reason) == ("error", "production is gone")


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "log_loss"])
def test_a_score_that_is_not_a_number_is_never_a_pass(metric):
    evidence = grouped_rows([400, 400], 0.9)
    evidence.candidate.scores[700] = np.nan
    found = verdict(by_group(AtLeast(metric, -9.0)), evidence)
    assert (found.outcome, found.reason) == ("no_data", "some score is not a number")


def test_a_metric_of_another_task_and_a_column_that_is_gone_are_errors():
    evidence = grouped_rows([400], 0.9)
    assert verdict(by_group(AtLeast("r2", 0.0)), evidence).outcome == "error"
    gone = replace(evidence, rows=pd.DataFrame())
    found = verdict(by_group(AtLeast("accuracy", 0.0)), gone)
    assert found.outcome == "error"
    assert found.reason.startswith("the held-out rows of this run have no column 'g'")


def test_no_variance_in_a_regression_is_no_data():
    same = np.full(400, 3.0)
    evidence = replace(grouped_rows([200, 200], 0.9), candidate=Judged(same, same, same))
    found = verdict(by_group(AtLeast("r2", 0.5)), evidence, "regression")
    assert found.outcome == "no_data"


def test_a_point_decides_without_any_interval():
    evidence = grouped_rows([400, 400], [0.9, 0.68])
    found = verdict(by_group(AtLeast("accuracy", 0.7)), evidence, decide_on="point")
    assert (found.outcome, found.method) == ("fail", "Wilson")


def test_rows_that_go_together_widen_every_group():
    evidence = grouped_rows([2000, 2000], 0.8)
    tied = clustered(evidence, np.arange(4000) % 200)
    alone, together = (verdict(by_group(AtLeast("accuracy", 0.7)), one) for one in (evidence, tied))
    assert together.method.endswith("200 clusters, max-T over 2 groups")
    assert together.parts[0].n == alone.parts[0].n == 2000


def test_too_few_clusters_in_a_group_are_no_data():
    evidence = clustered(grouped_rows([400, 400], 0.9), [0] * 400 + list(range(400)))
    found = verdict(by_group(AtLeast("accuracy", 0.7)), evidence)
    assert parts(found) == [("g=b", "pass"), ("g=a", "no_data")]


def test_confidence_is_shared_so_that_all_hold_together():
    assert sidak(0.95, 14) ** 14 == pytest.approx(0.95)
    assert sidak(0.95, 1) == 0.95
