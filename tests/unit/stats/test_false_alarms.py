"""How often a limit fails a faultless model, against published values and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_spec.stats.false_alarms import (
    ece_false_alarm,
    expected_gap,
    gap_false_alarm,
    mean_range,
    rows_for_ece,
    rows_for_gap,
)
from mlops_spec.stats.power import Size


@pytest.mark.parametrize(("limit", "chance"), [(0.03, 0.38), (0.025, 0.72)])
def test_an_ece_limit_fails_a_perfect_model_as_often_as_published(limit, chance):
    """2,000 rows, 15 bins: 38 % and 72 %, ../shared/design/STATISTICS.md 1.15."""
    assert ece_false_alarm(limit, 2000, 15, 1 / 6) == pytest.approx(chance, abs=0.015)


def test_rows_for_an_ece_limit_are_enough():
    rows = rows_for_ece(0.03, 15, 1 / 6, chance=0.05).value
    assert ece_false_alarm(0.03, rows, 15, 1 / 6) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize(("groups", "mean"), [(2, 1.128), (3, 1.693), (5, 2.326), (10, 3.078)])
def test_the_mean_range_is_tippetts(groups, mean):
    assert round(mean_range(groups), 3) == mean


@pytest.mark.parametrize(("groups", "rate", "gap"), [(5, 0.5, 0.116), (10, 0.2, 0.123)])
def test_the_gap_of_equal_groups_is_the_published_one(groups, rate, gap):
    """Groups of 100 rows: STATISTICS.md 1.3."""
    assert expected_gap(groups, 100, rate) == pytest.approx(gap, abs=5e-4)


@pytest.mark.parametrize(("groups", "rate"), [(2, 0.5), (5, 0.5), (10, 0.2)])
def test_the_chance_of_a_gap_above_the_limit_is_that_of_simulation(groups, rate):
    found = np.random.default_rng(1).binomial(400, rate, (40_000, groups)) / 400
    simulated = (np.ptp(found, axis=1) > 0.0501).mean()
    assert gap_false_alarm(0.05125, groups, 400, rate) == pytest.approx(simulated, abs=0.02)


def test_rows_for_a_gap_limit_are_enough():
    rows = rows_for_gap(0.1, 5, 0.5, chance=0.05).value
    assert gap_false_alarm(0.1, 5, rows, 0.5) == pytest.approx(0.05, abs=1e-3)


def test_what_has_no_answer_says_why_and_nothing_is_never_safe():
    assert rows_for_ece(0.0, 15, 0.1, 0.05) == Size(
        None, "no perfect model has an error of 0 or below"
    )
    assert rows_for_gap(0.0, 5, 0.5, 0.05) == Size(None, "groups never have a gap of 0 or below")
    assert rows_for_gap(0.1, 1, 0.5, 0.05) == Size(None, "two groups are the least")
    assert (ece_false_alarm(0.03, 0, 15, 0.1), gap_false_alarm(0.1, 5, 0, 0.5)) == (1.0, 1.0)
    assert (gap_false_alarm(0.1, 1, 100, 0.5), gap_false_alarm(0.1, 5, 100, 0.0)) == (0.0, 0.0)
    assert (expected_gap(1, 100, 0.5), expected_gap(5, 0, 0.5)) == (0.0, math.inf)
