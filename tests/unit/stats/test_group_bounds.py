"""Bounds that gates on groups rest on: exact shares, clustered rates, unseen changes, the ECE."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from mlops_spec.stats.clustered_rates import clustered_rates
from mlops_spec.stats.disparity import gap
from mlops_spec.stats.disparity_change import ALIKE, unseen_change
from mlops_spec.stats.ece_bounds import bounded_ece
from mlops_spec.stats.fairness import Decisions, GroupRate, compared, rates, weighed
from mlops_spec.stats.proportions import clopper_pearson
from mlops_spec.stats.resample import of_clusters, of_rows


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Brown, Cai and DasGupta, Statistical Science 16 (2001) 101-133; the rule of three.
        (0, 100, 0.0, 1 - 0.025 ** (1 / 100)),
        (100, 100, 0.025 ** (1 / 100), 1.0),
        (5, 10, 0.1871, 0.8129),
        (81, 263, 0.2527, 0.3676),
    ],
)
def test_the_exact_interval_of_a_share(hits, n, low, high):
    found = clopper_pearson(hits, n, 0.95)
    assert (found.value, found.n) == (hits / n, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_no_rows_have_no_exact_interval():
    assert not clopper_pearson(0, 0, 0.9).known


def test_models_that_agreed_may_differ_on_other_rows():
    found = unseen_change(1000, 0.9)
    assert (found.value, found.reason) == (0.0, ALIKE)
    assert found.high == -found.low == pytest.approx(2 * (1 - 0.025 ** (1 / 1000)))
    assert unseen_change(10, 0.9).high == pytest.approx(0.617, abs=5e-4)
    assert unseen_change(1, 0.9).high == 1.0
    assert not unseen_change(0, 0.9).known


def tied(copies):
    """Two groups of 300 independent rows, each row standing `copies` times."""
    random = np.random.default_rng(0)
    positive, said = random.random(600) < 0.5, random.random(600) < 0.7
    decisions = Decisions(*(np.repeat(one, copies) for one in (positive, said, np.arange(600) % 2)))
    return decisions, of_clusters(np.repeat(np.arange(600), copies))


def test_a_row_that_stands_ten_times_is_one_row():
    alone, _ = tied(1)
    decisions, units = tied(10)
    for name in ("selection_rate", "true_positive_rate"):
        once = rates(name, alone)
        often = clustered_rates(name, decisions, units)
        assert [one.n for one in often] == [10 * one.n for one in once]
        assert [one.effect for one in often] == pytest.approx([10, 10], rel=0.03)
        gaps = [gap(found, 0.9).estimate for found in (once, often)]
        assert gaps[0].high == pytest.approx(gaps[1].high, rel=0.03)
        assert gaps[0].value == pytest.approx(gaps[1].value)


def test_rows_that_are_independent_have_no_design_effect():
    decisions, _ = tied(1)
    assert clustered_rates("selection_rate", decisions, of_rows(600)) == rates(
        "selection_rate", decisions
    )


def test_of_a_rate_that_never_varies_each_cluster_counts_once():
    group = np.repeat([0, 1], 200)
    decisions = Decisions(np.ones(400, bool), np.ones(400, bool), group)
    found = clustered_rates("selection_rate", decisions, of_clusters(np.arange(400) // 20))
    assert [one.effect for one in found] == [20, 20]


def test_a_design_effect_shrinks_the_denominator():
    found = (GroupRate("a", 40, 100, 4.0), GroupRate("b", 40, 100))
    assert compared(found, 30) == ((found[1],), (found[0],))
    hits, n = weighed(found)
    assert (hits.tolist(), n.tolist()) == ([10, 40], [25, 100])


def worlds(n, shift, count):
    """Perfect and shifted predictions of the same truth."""
    random = np.random.default_rng(0)
    for _ in range(count):
        odds = random.normal(size=n) - 1
        yield random.random(n) < expit(odds), expit(odds + shift), expit(odds)


@pytest.mark.parametrize("n", [100, 1000])
def test_the_ece_of_a_perfect_model_reaches_down_to_zero(n):
    found = [bounded_ece(y, p, 0.9, 0).estimate for y, p, _ in worlds(n, 0.0, 100)]
    assert sum(one.low > 0 for one in found) <= 11  # 5 % and three standard errors
    assert all(one.low <= one.value <= one.high for one in found)


@pytest.mark.parametrize("n", [100, 1000])
def test_the_ece_is_seldom_bounded_below_what_it_is(n):
    found = [
        (bounded_ece(y, p, 0.9, 0).estimate, float((p - true).mean()))
        for y, p, true in worlds(n, 0.7, 100)
    ]
    assert sum(one.high < true for one, true in found) <= 11
    assert sum(one.low > true for one, true in found) <= 11


def test_rows_that_go_together_widen_the_ece():
    y, p, _ = next(worlds(1000, 0.3, 1))
    alone, tied = bounded_ece(y, p, 0.9, 0), bounded_ece(y, p, 0.9, 0, effect=4.0)
    assert tied.floor == pytest.approx(2 * alone.floor)
    above = [one.estimate.high - one.estimate.value for one in (alone, tied)]
    assert above[1] == pytest.approx(2 * above[0])


def test_what_is_no_probability_has_no_ece():
    found = bounded_ece(np.ones(100, bool), np.full(100, 1.5), 0.9, 0)
    assert not found.estimate.known
    assert found.estimate.reason == "a prediction is not a probability"
