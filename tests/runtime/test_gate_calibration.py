"""Calibration: a perfect model is not failed for its noise, a wrong one does not pass by it."""

from __future__ import annotations

import numpy as np
import pytest
from gate_worlds import clustered
from scipy.special import expit, logit

from mlops_spec.runtime.declare import Calibrated, Gates
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged


def forecast(n=5000, stretch=1.0, shift=0.0, seed=0):
    """Probabilities whose log-odds are `stretch` times the true ones, plus `shift`."""
    random = np.random.default_rng(seed)
    odds = random.normal(size=n)
    truth = (random.random(n) < expit(odds)).astype(np.int64)
    score = expit(stretch * odds + shift)
    return Evidence(Judged(truth, score, (score > 0.5).astype(np.int64), positive=1), None)


def verdicts(rule, evidence, task="binary", **settings):
    found = decide(Gates((rule,), **settings), evidence, task)
    return [one for one in found if one.check != "limits"]


def outcomes(rule, evidence, task="binary", **settings):
    return [one.outcome.value for one in verdicts(rule, evidence, task, **settings)]


PERFECT = forecast()
TOO_SURE = forecast(stretch=2.0)
TOO_HIGH = forecast(shift=0.5)


@pytest.mark.parametrize(
    ("rule", "perfect", "too_sure", "too_high"),
    [
        (Calibrated("ece", most=0.04), "pass", "fail", "fail"),
        (Calibrated("debiased_l2", most=0.002), "pass", "fail", "fail"),
        (Calibrated("slope", least=0.8), "pass", "fail", "pass"),
        (Calibrated("in_the_large", most=0.03), "pass", "pass", "fail"),
    ],
)
def test_what_each_measure_sees(rule, perfect, too_sure, too_high):
    found = [outcomes(rule, evidence) for evidence in (PERFECT, TOO_SURE, TOO_HIGH)]
    assert found == [[perfect], [too_sure], [too_high]]


def test_two_ends_are_two_verdicts():
    assert outcomes(Calibrated("slope", 0.8, 1.25), PERFECT) == ["pass", "pass"]
    assert outcomes(Calibrated("slope", 0.8, 1.25), forecast(stretch=0.6)) == ["pass", "fail"]


def test_an_error_within_the_noise_is_inconclusive_and_says_how_much_that_is():
    found = verdicts(Calibrated("ece", most=0.01), forecast(1000))[0]
    assert (found.check, found.outcome) == ("calibration.ece", "inconclusive")
    assert found.reason.startswith("the interval holds the limit; a perfect model shows about 0.0")
    assert found.low == 0


@pytest.mark.parametrize("measure", ["ece", "debiased_l2", "in_the_large"])
def test_no_positive_at_all_tells_nothing(measure):
    random = np.random.default_rng(0)
    score = random.uniform(0.001, 0.01, 300)
    nothing = np.zeros(300, dtype=np.int64)
    evidence = Evidence(Judged(nothing, score, nothing, positive=1), None)
    for most in (1e-9, 1.0):
        assert outcomes(Calibrated(measure, most=most), evidence) == ["no_data"]


def test_a_slope_needs_both_classes_and_different_predictions():
    ones = np.ones(200, dtype=np.int64)
    one_class = Evidence(Judged(ones, np.linspace(0.1, 0.9, 200), ones, positive=1), None)
    constant = Evidence(Judged(np.arange(200) % 2, np.full(200, 0.5), ones, positive=1), None)
    for evidence, reason in (
        (one_class, "one class only"),
        (constant, "every prediction is the same"),
    ):
        found = verdicts(Calibrated("slope", least=0.1), evidence)[0]
        assert (found.outcome, found.reason) == ("no_data", reason)


def test_of_many_classes_it_is_the_decision_that_is_calibrated():
    random = np.random.default_rng(0)
    scores = random.dirichlet([1, 1, 1], 4000)
    drawn = np.array([random.choice(3, p=row) for row in scores])
    evidence = Evidence(Judged(drawn, scores, scores.argmax(axis=1)), None)
    assert outcomes(Calibrated("ece", most=0.05), evidence, "multiclass") == ["pass"]
    always = Evidence(Judged(drawn, scores**3 / (scores**3).sum(axis=1, keepdims=True),
                             scores.argmax(axis=1)), None)  # fmt: skip
    assert outcomes(Calibrated("ece", most=0.05), always, "multiclass") == ["fail"]


@pytest.mark.parametrize("measure", ["ece", "debiased_l2", "slope", "in_the_large"])
def test_nothing_unknown_passes(measure):
    rule = Calibrated(measure, least=-9, most=9)
    evidence = forecast(300)
    evidence.candidate.scores[7] = np.nan
    assert outcomes(rule, evidence) == ["no_data", "no_data"]
    assert outcomes(rule, forecast(40), min_rows=10) != ["pass", "pass"] or measure in {
        "slope", "in_the_large",
    }  # fmt: skip
    assert outcomes(rule, forecast(99)) == ["no_data", "no_data"]


def test_no_probabilities_have_no_calibration():
    odds = logit(forecast(300).candidate.scores) * 9
    evidence = Evidence(Judged((odds > 0).astype(np.int64), odds, (odds > 0) * 1, positive=1), None)
    found = verdicts(Calibrated("ece", most=0.9), evidence)[0]
    assert (found.outcome, found.reason) == ("no_data", "a prediction is not a probability")
    numbers = np.arange(300.0)
    regression = Evidence(Judged(numbers, numbers, numbers), None)
    found = verdicts(Calibrated("ece", most=0.9), regression, "regression")[0]
    assert found.outcome == "error"
    assert found.reason == "calibration is of probabilities, and a regression model has none"


@pytest.mark.parametrize("measure", ["ece", "debiased_l2", "slope", "in_the_large"])
def test_rows_that_go_together_widen_the_interval(measure):
    base = forecast(500)
    rows = base.candidate.take(np.repeat(np.arange(500), 10))
    rule = Calibrated(measure, least=0.5, most=0.5)
    alone, tied = (
        verdicts(rule, one)[0]
        for one in (Evidence(rows, None), clustered(Evidence(rows, None), np.arange(5000) // 10))
    )
    assert tied.high - tied.low > 2 * (alone.high - alone.low)
    few = verdicts(rule, clustered(Evidence(rows, None), np.arange(5000) // 1000))[0]
    assert (few.outcome, few.reason) == ("no_data", "10 clusters are the least")
