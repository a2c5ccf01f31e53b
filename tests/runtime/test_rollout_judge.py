"""One look at a step: harm needs a bound beyond the limit, a pass the other bound within it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_spec.runtime.declare import Limits
from mlops_spec.runtime.rollout.judge import (
    Arm,
    Arms,
    Levels,
    Pairs,
    judge_agreement,
    judge_canary,
    judge_errors,
    judge_p99,
    judge_shadow,
    judge_shift,
    together,
)
from mlops_spec.terms.verdict import Outcome

LIMITS = Limits(errors=0.01, p99=0.25, score_shift=0.15)
EARLY = Levels(look=1, harm=0.001, promote=None)
PLANNED = Levels(look=4, harm=0.001, promote=0.025)
GRID = np.linspace(0, 1, 400)


def arm(n=400, failed=0, slow=0, scores=GRID):
    seconds = np.r_[np.full(slow, 1.0), np.full(n - slow, 0.02)]
    return Arm(failed, seconds, scores)


def outcomes(candidate, control=None, reference=GRID, levels=PLANNED):
    return [
        v.outcome.value for v in judge_canary(Arms(candidate, control, reference), LIMITS, levels)
    ]


def test_400_clean_requests_pass_every_check():
    assert outcomes(arm(), arm(7600), np.linspace(0, 1, 7600)) == ["pass", "pass", "pass"]


def test_nothing_passes_before_the_planned_number():
    early = outcomes(arm(), arm(7600), np.linspace(0, 1, 7600), levels=EARLY)

    assert early == ["inconclusive"] * 3


def test_nothing_at_all_is_no_data():
    empty = Arm()

    assert outcomes(empty, empty, np.array([])) == ["no_data"] * 3


def test_a_verdict_shows_estimate_interval_n_limit_look_and_control():
    verdict = judge_errors(Arms(arm(failed=40), arm(7600, failed=8), GRID), 0.01, PLANNED)

    assert verdict.line() == (
        "errors: FAIL  0.1  [0.05934, 0.1337]  n=400  limit 0.01  (look 4; production 0.001053)"
    )


def test_p99_is_judged_by_the_share_of_slow_answers_and_shown_in_seconds():
    verdict = judge_p99(Arms(arm(slow=40), arm(7600), GRID), 0.25, PLANNED)

    assert verdict.line() == (
        "p99: FAIL  1 s  [1, 1]  n=400  limit 0.25 s  (look 4; production 0.02 s)"
    )


def test_both_arms_failing_alike_is_inconclusive():
    verdict = judge_errors(Arms(arm(failed=40), arm(7600, failed=760), GRID), 0.01, PLANNED)

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "no worse than production at the same time: both arms suffer" in verdict.reason


def test_harm_stays_harm_when_production_had_no_request():
    assert judge_errors(Arms(arm(failed=40), Arm(), GRID), 0.01, PLANNED).outcome is Outcome.FAIL


def test_a_time_that_is_not_a_number_is_not_fast():
    unknown = Arm(0, np.full(400, np.nan), GRID)

    assert judge_p99(Arms(unknown, None, GRID), 0.25, PLANNED).outcome is Outcome.FAIL


@pytest.mark.parametrize("scores", [np.array([]), np.r_[GRID, np.nan]], ids=["none", "nan"])
def test_scores_that_are_missing_or_nan_are_no_data(scores):
    assert judge_shift(scores, GRID, 0.15, PLANNED).outcome is Outcome.NO_DATA
    assert judge_shift(GRID, scores, 0.15, PLANNED).outcome is Outcome.NO_DATA


def test_a_shift_says_how_many_requests_would_decide_it():
    verdict = judge_shift(np.linspace(0, 1, 100), np.linspace(0, 1, 300), 0.15, PLANNED)

    assert (verdict.outcome, verdict.n) == (Outcome.INCONCLUSIVE, 100)
    assert 100 < verdict.n_enough < 200


def test_a_shift_beyond_the_limit_is_harm():
    assert judge_shift(GRID**4, GRID, 0.15, PLANNED).outcome is Outcome.FAIL


def test_agreement_is_shown_as_the_share_that_agrees():
    pairs = Pairs(1000, 1000, 1000, 950, GRID, GRID)

    assert judge_agreement(pairs, 0.9, PLANNED).line() == (
        "agreement: PASS  0.95  [0.9346, 0.9688]  n=1000  limit at least 0.9  (look 4)"
    )


def test_a_copy_without_an_answer_is_an_error():
    verdicts = judge_shadow(Pairs(1000, 900, 900, 900, GRID, GRID), 0.9, LIMITS, PLANNED)

    assert {v.check: v.outcome.value for v in verdicts} == {
        "agreement": "pass", "lost copies": "fail", "score shift": "pass",
    }  # fmt: skip


counts = st.integers(0, 600)


@settings(max_examples=200, deadline=None)
@given(n=counts, failed=counts, slow=counts, shift=st.floats(0, 1), look=st.integers(1, 9))
def test_a_pass_always_rests_on_every_bound_being_within_its_limit(n, failed, slow, shift, look):
    candidate = arm(n, min(failed, n), min(slow, n), np.linspace(shift, 1 + shift, n))
    levels = Levels(look, 0.001, 0.025)

    verdicts = judge_canary(Arms(candidate, arm(7600), np.linspace(0, 1, 7600)), LIMITS, levels)

    if together(verdicts) is Outcome.PASS:
        assert n >= 367  # the rule of three at 2.5 %
        assert all(v.high is not None for v in verdicts)
        assert all(v.high <= limit for v, limit in zip(verdicts, (0.01, 0.25, 0.15), strict=True))


def test_scores_without_a_limit_are_not_judged():
    limits = dataclasses.replace(LIMITS, score_shift=None)
    canary = judge_canary(Arms(arm(), arm(7600), GRID), limits, PLANNED)
    shadow = judge_shadow(Pairs(1000, 1000, 1000, 1000, GRID, GRID + 1), 0.9, limits, PLANNED)

    assert [v.check for v in canary] == ["errors", "p99"]
    assert [v.check for v in shadow] == ["agreement", "lost copies"]
    assert together(shadow).value == "pass"
