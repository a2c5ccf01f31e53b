"""Gate self-test: mutants of a recorded model must be stopped, the model itself must not be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from learning import RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Fair, Gates, Latency, Segments
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Measured, Timings
from mlops_spec.runtime.gates.selftest.run import self_test
from mlops_spec.runtime.gates.selftest.slower import beside_itself
from mlops_spec.runtime.gates.selftest.subject import Subject, subject
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.resample import of_clusters

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

N = 4000
FEATURES = {"zone": "category", "distance": "float"}


def binary(random):
    truth = (random.random(N) < 0.4).astype(np.int64)
    seen = random.normal(size=N) + 1.2 * (2 * truth - 1)
    score = 1 / (1 + np.exp(-(2.4 * seen + np.log(0.4 / 0.6))))  # the true probability
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def multiclass(random):
    truth = random.integers(0, 3, N)
    logits = random.normal(size=(N, 3)) + 2.0 * np.eye(3)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Judged(truth, scores, scores.argmax(axis=1))


def regression(random):
    truth = random.normal(10.0, 3.0, N)
    said = 10.0 + 0.9 * (truth - 10.0) + random.normal(0.0, 1.0, N)
    return Judged(truth, said, said)


def ranking(random):
    relevance = random.integers(0, 4, N).astype(float)
    scores = relevance + random.normal(0.0, 1.0, N)
    return Judged(relevance, scores, scores, group=np.arange(N) // 10)


def recorded(made, task, measured=None, units=None):
    random = np.random.default_rng(7)
    judged = made(random)
    frame = pd.DataFrame({"zone": random.choice(["north", "south", "west"], N, p=[0.5, 0.3, 0.2])})
    control = Evidence(judged, judged, "", frame, measured or Measured(), units)
    return Subject("run", "production", task, FEATURES, control, N)


def told(found, mutant):
    return [trial.fate for trial in found.trials if trial.mutant == mutant]


FLOOR, EQUAL = AtLeast("roc_auc", 0.6), Against("roc_auc", "non_inferiority", 0.01, "pp")
ZONES = Segments("zones", ("zone",), Against("roc_auc", "non_inferiority", 0.05, "pp"))
CALIBRATED = Against("brier_score", "non_inferiority", 0.01)
FAIR = Fair("zones", ("zone",), "demographic_parity_difference", no_worse_by=0.04)


def test_gates_that_look_everywhere_stop_every_mutant():
    gates = Gates((FLOOR, EQUAL, CALIBRATED, ZONES, FAIR))
    found = self_test("m", gates, recorded(binary, "binary"))
    assert (found.ok, found.kill_rate, found.advice, found.untested) == (True, 1.0, (), ())
    assert {claim.holds for claim in found.claims} == {True}
    assert found.untried == ("a slower model: no rule asks for latency",)
    assert told(found, "overconfident")[-1] == "killed"
    assert len(found.harmful) >= 12


def test_a_limit_alone_lets_worse_models_through_and_is_told_what_to_add():
    found = self_test("m", Gates((FLOOR,)), recorded(binary, "binary"))
    assert (found.ok, found.claims) == (False, ())
    assert told(found, "label noise") == [*["survived"] * 5, "killed"]
    assert told(found, "overconfident")[-1] == "survived"
    assert [line.partition(";")[0] for line in found.advice] == [
        "no rule compares with production",
        "no rule looks into groups",
        "no rule looks at calibration",
        "no rule looks at how groups are treated",
    ]
    assert "`segments: {groups: {by: [zone], " in found.advice[1]


def test_a_limit_that_is_content_with_the_worst_has_no_teeth():
    loose = Against("roc_auc", "non_inferiority", 0.9, "pp")
    found = self_test("m", Gates((AtLeast("roc_auc", 0.0), loose)), recorded(binary, "binary"))
    assert told(found, "label noise")[-2:] == ["allowed", "survived"]
    assert found.advice[0] == (
        "roc_auc non-inferiority lets even label noise of 50% of labels through: tighten its limit"
    )


def test_what_does_not_show_on_so_few_rows_counts_neither_way():
    made = recorded(binary, "binary")
    judged = made.control.candidate.take(np.arange(120))
    control = Evidence(judged, judged, "", made.control.rows[:120])
    few = Subject("run", "production", "binary", FEATURES, control, N)
    found = self_test("m", Gates((AtLeast("roc_auc", 0.5), EQUAL)), few)
    weakest = found.trials[0]
    assert (weakest.fate, weakest.effect.is_detectable) == ("below", False)
    assert weakest not in found.harmful
    equal = [claim for claim in found.claims if "worlds" in claim.said]
    assert equal[0].holds is None


def test_superiority_refuses_the_model_itself_and_its_twins():
    better = Against("roc_auc", "superiority")
    found = self_test("m", Gates((FLOOR, better)), recorded(binary, "binary"))
    first, worlds = found.claims
    assert (first.check, first.holds, first.said) == (
        "roc_auc superiority", True, "is never promoted for answering as it did",
    )  # fmt: skip
    assert worlds.holds is True
    assert found.untested == ()
    assert told(found, "label noise")[-1] == "killed"


def test_deciding_on_the_point_promotes_equals_and_is_caught():
    gates = Gates((FLOOR, Against("roc_auc", "superiority")), decide_on="point")
    found = self_test("m", gates, recorded(binary, "binary"))
    assert [claim.holds for claim in found.claims] == [True, False]
    assert not found.ok


def test_a_rule_that_the_model_itself_does_not_pass_proves_nothing():
    found = self_test("m", Gates((AtLeast("roc_auc", 0.99),)), recorded(binary, "binary"))
    assert [line.partition(":")[0] for line in found.untested] == ["roc_auc"]
    assert found.killed == 0


def test_a_slower_model_is_stopped_by_the_times_that_were_recorded():
    times = np.random.default_rng(1).gamma(20.0, 1e-4, 4000)
    measured = beside_itself(Measured(timings=Timings(times)))
    gates = Gates((FLOOR, EQUAL, Latency(0.5, slower_by=0.2)))
    found = self_test("m", gates, recorded(binary, "binary", measured))
    assert told(found, "slower model") == ["allowed", "allowed", *["killed"] * 4]
    assert found.untried == ()


def test_rows_that_go_together_are_drawn_together():
    units = of_clusters(np.arange(N) // 10)
    gates = Gates((FLOOR, EQUAL), cluster="customer")
    found = self_test("m", gates, recorded(binary, "binary", units=units))
    assert {claim.holds for claim in found.claims} == {True}
    assert told(found, "label noise")[-1] == "killed"


OTHERS = {
    "multiclass": (
        multiclass,
        AtLeast("accuracy", 0.4),
        Against("accuracy", "non_inferiority", 0.02, "pp"),
        Segments("zones", ("zone",), Against("accuracy", "non_inferiority", 0.05, "pp")),
        Against("log_loss", "non_inferiority", 0.05),
    ),
    "ranking": (
        ranking,
        AtLeast("ndcg", 0.5),
        Against("ndcg", "non_inferiority", 0.01, "pp"),
        Segments("zones", ("zone",), Against("ndcg", "non_inferiority", 0.05, "pp")),
    ),
    "regression": (
        regression,
        AtMost("root_mean_squared_error", 4.0),
        Against("root_mean_squared_error", "non_inferiority", 0.05, "%"),
        Segments(
            "zones", ("zone",), Against("root_mean_squared_error", "non_inferiority", 0.1, "%")
        ),
    ),
}


@pytest.mark.parametrize("task", OTHERS)
def test_other_tasks_have_mutants_too(task):
    made, *rules = OTHERS[task]
    found = self_test("m", Gates(tuple(rules)), recorded(made, task))
    assert (found.ok, found.advice) == (True, ())
    damaged = {trial.damage for trial in found.trials}
    assert damaged == {"quality", "group", "bias"} | (
        {"calibration"} if task == "multiclass" else set()
    )


def test_the_same_evidence_tells_the_same():
    gates = Gates((FLOOR, EQUAL, ZONES))
    one, other = (self_test("m", gates, recorded(binary, "binary")) for _ in range(2))
    assert one == other


DEGENERATE = {
    "one class": lambda judged: Judged(judged.truth * 0, judged.scores, judged.decided, 1),
    "constant scores": lambda judged: Judged(
        judged.truth, np.full(N, 0.3), np.zeros(N, dtype=np.int64), 1
    ),
    "not a number": lambda judged: Judged(
        judged.truth, np.where(np.arange(N) == 3, np.nan, judged.scores), judged.decided, 1
    ),
    "perfect": lambda judged: Judged(judged.truth, judged.truth * 1.0, judged.truth, 1),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_answers_end_without_a_traceback(case):
    gates = Gates((FLOOR, EQUAL, CALIBRATED, ZONES, FAIR))
    odd = recorded(lambda random: DEGENERATE[case](binary(random)), "binary")
    found = self_test("m", gates, odd)
    assert found.ok is False or case in ("perfect", "constant scores")


# From here on with a real model.
@pytest.fixture
def place(tmp_path):
    put(tmp_path, rows(1500))
    return context(tmp_path)


def started(place, gates):
    live = place.deployments.production(place.model)
    return subject(place.workspace, gates, live, place.journal.steps(place.model, step="gate"))


def test_without_any_gated_run_there_is_nothing_to_start_from(place):
    with pytest.raises(Refusal) as refused:
        started(place, Gates((FLOOR,)))
    assert refused.value.code == "MLS610"


def test_production_comes_before_the_newest_run(place):
    gates = Gates((AtLeast("roc_auc", 0.5), EQUAL))
    first = trained(place)
    gate(place, gates, RECIPE, first)
    assert (started(place, gates).run, started(place, gates).role) == (first, "newest")
    place.deployments.save(Deployment(place.model, "r", "gone", "1", "production"))
    with pytest.raises(Refusal, match="the evidence of run gone cannot be used: its folder is"):
        started(place, gates)
    place.deployments.save(Deployment(place.model, "r", "gone", "1", "previous"))
    place.deployments.save(Deployment(place.model, "r2", first, "1", "production"))
    found = self_test("m", gates, started(place, gates))
    assert (found.role, found.rows, found.held_out) == ("production", 300, 300)
    assert {trial.where for trial in found.trials} >= {"all rows"}
    assert any(trial.columns == ("carrier",) for trial in found.trials)
