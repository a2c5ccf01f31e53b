"""What a power warning promises of a gate is what the gate does: worlds of faultless models."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mlops_spec.link.rules.power.margins import Noise
from mlops_spec.runtime.declare import Against, AtLeast, Calibrated, Fair, Gates, Segments
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.calibration_power import (
    binormal,
    l2_error,
    level_error,
    refused_though_right,
    slope_error,
)
from mlops_spec.stats.chance_gap import not_shown_fair
from mlops_spec.stats.false_alarms import ece_false_alarm
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.power import Risk

pytestmark = pytest.mark.slow

WORLDS = 250
RISK = Risk(alpha=0.05)
# Four standard errors of a share of 250 worlds, and as much again for the normal approximations.
NEAR = 0.13
FLOOR = AtLeast("accuracy", 0.0)


def passed(rule, evidence, **settings):
    """Whether the rule passed."""
    verdicts = decide(Gates((FLOOR, rule), **settings), evidence, "binary")
    return all(verdict.outcome == "pass" for verdict in verdicts[1:])


def share(world):
    random = np.random.default_rng(11)
    return sum(world(random) for _ in range(WORLDS)) / WORLDS


def pair(random, n, disagreement, right=0.85):
    """Production, and a candidate that is as good and decides some rows the other way."""
    truth = (random.random(n) < 0.4).astype(np.int64)
    drawn = random.random(n)
    both = right - disagreement / 2
    first = drawn < both + disagreement / 2
    second = (drawn < both) | ((drawn >= right) & (drawn < right + disagreement / 2))
    one, other = (np.where(hit, truth, 1 - truth) for hit in (first, second))
    return Judged(truth, one * 0.9 + 0.05, one, 1), Judged(truth, other * 0.9 + 0.05, other, 1)


@pytest.mark.parametrize(("n", "margin"), [(2000, 0.005), (2000, 0.012), (8000, 0.008)])
def test_an_equal_candidate_is_shown_not_to_be_inferior_as_often_as_told(n, margin):
    rule = Against("accuracy", "non_inferiority", margin, "pp")

    def world(random):
        candidate, production = pair(random, n, 0.1)
        return passed(rule, Evidence(candidate, production))

    told = Noise(margin, math.sqrt(0.1 / n), RISK).passed_if_equal
    assert share(world) == pytest.approx(told, abs=NEAR)


def test_on_the_point_a_candidate_without_gain_passes_as_often_as_told():
    """STATISTICS.md 1.2: 24 % at a disagreement of 10 % and 2,000 rows."""

    def world(random):
        candidate, production = pair(random, 2000, 0.1)
        rule = Against("accuracy", "margin", 0.005, "pp")
        return passed(rule, Evidence(candidate, production), decide_on="point")

    told = Noise(0.005, math.sqrt(0.1 / 2000), RISK).passed_on_the_point
    assert told == pytest.approx(0.24, abs=0.005)
    assert share(world) == pytest.approx(told, abs=NEAR)


def test_every_group_is_shown_as_often_as_all_of_them_together():
    groups, each, margin = 4, 1000, 0.02
    rule = Segments(
        "zones", ("zone",), Against("accuracy", "non_inferiority", margin, "pp"), "shown"
    )
    rows = pd.DataFrame({"zone": np.repeat(["a", "b", "c", "d"], each)})

    def world(random):
        candidate, production = pair(random, groups * each, 0.1)
        return passed(rule, Evidence(candidate, production, rows=rows))

    told = Noise(margin, math.sqrt(0.1 / each), RISK).passed_if_equal ** groups
    assert share(world) == pytest.approx(told, abs=NEAR)


@pytest.mark.parametrize(
    ("sizes", "limit"), [((1000,) * 5, 0.08), ((300, 900, 3000), 0.12), ((400,) * 3, 0.05)]
)
def test_a_fair_model_is_refused_as_often_as_told_or_more(sizes, limit):
    rows = pd.DataFrame({"zone": np.repeat([f"z{i}" for i in range(len(sizes))], sizes)})
    rule = Fair("zone", ("zone",), "demographic_parity_difference", most=limit)

    def world(random):
        decided = (random.random(len(rows)) < 0.3).astype(np.int64)
        answers = Judged(decided, decided * 0.9 + 0.05, decided, 1)
        return not passed(rule, Evidence(answers, None, rows=rows))

    told = not_shown_fair(limit, [math.sqrt(0.3 * 0.7 / n) for n in sizes], RISK.z_alpha)
    found = share(world)
    assert found >= told - 0.08
    if len(set(sizes)) == 1:
        assert found == pytest.approx(told, abs=NEAR)


def calibrated(rule, n):
    """The share of perfectly calibrated binormal models that a rule refuses."""

    def world(random):
        delta, prevalence = math.sqrt(2) * 0.6744898, 0.3
        truth = random.random(n) < prevalence
        middle = math.log(prevalence / (1 - prevalence)) + np.where(truth, 0.5, -0.5) * delta**2
        score = 1 / (1 + np.exp(-(middle + delta * random.normal(size=n))))
        rows = Judged(truth.astype(np.int64), score, (score > 0.5).astype(np.int64), 1)
        return not passed(rule, Evidence(rows, None))

    return share(world)


SCORES = binormal(0.3, 0.75)


@pytest.mark.parametrize("limit", [0.035, 0.045])
def test_a_perfect_models_ece_is_refused_as_often_as_told(limit):
    n = 2000
    bound = limit - RISK.z_alpha * level_error(n, SCORES.variance)
    told = ece_false_alarm(bound, n, 15, SCORES.variance)
    assert calibrated(Calibrated("ece", most=limit), n) == pytest.approx(told, abs=NEAR)


@pytest.mark.parametrize("room", [0.15, 0.25])
def test_a_perfect_models_slope_is_refused_as_often_as_told(room):
    n = 1500
    told = refused_though_right(1 - room, 1 + room, 1.0, slope_error(SCORES, n), RISK.z_alpha)
    rule = Calibrated("slope", least=1 - room, most=1 + room)
    assert calibrated(rule, n) == pytest.approx(told, abs=NEAR)


def test_a_perfect_models_level_is_refused_as_often_as_told():
    n = 1500
    error = level_error(n, SCORES.variance)
    told = refused_though_right(-math.inf, 0.02, 0.0, error, RISK.z_alpha)
    assert calibrated(Calibrated("in_the_large", most=0.02), n) == pytest.approx(told, abs=NEAR)


def test_a_perfect_models_debiased_l2_is_refused_as_often_as_told_or_more():
    n = 2000
    error = l2_error(n, 15, SCORES.variance)
    told = refused_though_right(-math.inf, 0.0012, 0.0, error, RISK.z_alpha)
    assert calibrated(Calibrated("debiased_l2", most=0.0012), n) >= told - 0.08
