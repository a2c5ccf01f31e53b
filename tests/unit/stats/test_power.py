"""Power, against published values, and against the tests they are about by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats import miettinen_nurminen, newcombe
from mlops_spec.stats.auc import auc
from mlops_spec.stats.power import (
    Risk,
    Size,
    auc_variance,
    detectable_auc,
    detectable_auc_gain,
    detectable_mean,
    detectable_paired,
    detectable_share,
    rows_for_mean,
    rows_for_paired,
    rows_for_share,
    rows_for_unpaired,
)

USUAL = Risk(alpha=0.05, power=0.80)
NEVER = "the effect does not clear the limit, so no number of rows shows it"


@pytest.mark.parametrize(("gain", "rows"), [(0.010, 18_523), (0.015, 4_624), (0.020, 2_050)])
def test_rows_for_a_paired_margin_are_the_published_ones(gain, rows):
    """Disagreement 7.5 %, margin 0.5 points: ../shared/design/STATISTICS.md 1.2 (4 623.1 there)."""
    assert rows_for_paired(0.075, gain, 0.005, USUAL) == Size(rows)


@pytest.mark.parametrize(("disagreement", "gain"), [(0.05, 0.0124), (0.10, 0.0176)])
def test_the_detectable_paired_gain_is_the_published_one(disagreement, gain):
    """2,000 rows: 1.24 points to 1.76 points (STATISTICS.md 1.2)."""
    found = detectable_paired(disagreement, 2000, 0.0, USUAL).value
    assert found == pytest.approx(gain, abs=5e-5)


def test_rows_and_detectable_gain_are_inverse():
    rows = rows_for_paired(0.1, 0.01, 0.005, USUAL).value
    assert rows == 24_706  # STATISTICS.md section 4, P101: about 24,700
    assert detectable_paired(0.1, int(rows), 0.005, USUAL).value == pytest.approx(0.01, abs=1e-6)
    mean_rows = rows_for_mean(2.0, 0.1, 0.0, USUAL).value
    assert mean_rows == 2474
    assert detectable_mean(2.0, int(mean_rows), USUAL).value == pytest.approx(0.1, abs=1e-4)


def test_one_share_against_a_limit_needs_the_published_rows():
    """Fleiss, Levin and Paik's formula by hand: (1.6449 √.16 + .8416 √.1275)² / .05² = 367.7."""
    by_hand = (1.644854 * math.sqrt(0.16) + 0.841621 * math.sqrt(0.1275)) ** 2 / 0.05**2
    assert rows_for_share(0.85, 0.80, USUAL) == Size(math.ceil(by_hand))
    assert detectable_share(0.85, 1000, USUAL).value == pytest.approx(
        2.486475 * math.sqrt(0.1275 / 1000), rel=1e-5
    )


def test_hanley_and_mcneils_error_by_hand():
    """A = .8, 50 positives, 100 negatives: Q1 = .6667, Q2 = .7111."""
    by_hand = (0.16 + 49 * (2 / 3 - 0.64) + 99 * (1.28 / 1.8 - 0.64)) / 5000
    assert auc_variance(0.8, 50, 100) == pytest.approx(by_hand)
    assert detectable_auc(0.8, 50, 100, USUAL).value == pytest.approx(2.486475 * by_hand**0.5)
    assert detectable_auc_gain(0.8, 50, 100, 0.9, USUAL).value == pytest.approx(
        2.486475 * (0.2 * by_hand) ** 0.5
    )


def test_hanley_and_mcneils_error_is_near_delongs():
    random = np.random.default_rng(1)
    positive = np.arange(2000) < 400
    found = auc(positive, random.exponential(size=2000) * np.where(positive, 3, 1), 0.95)
    error = math.sqrt(auc_variance(found.value, 400, 1600))
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(error, rel=0.1)


@pytest.mark.parametrize(
    "found",
    [
        rows_for_share(0.8, 0.8, USUAL),
        rows_for_paired(0.1, 0.005, 0.005, USUAL),
        rows_for_unpaired(0.8, 0.8, 0.0, USUAL),
        rows_for_mean(1.0, 0.0, 0.0, USUAL),
    ],
)
def test_no_rows_show_what_is_not_there(found):
    assert found == Size(None, NEVER)


def test_what_has_no_answer_says_why():
    assert rows_for_paired(0.01, 0.02, 0.0, USUAL).reason == (
        "models cannot differ by more than they disagree"
    )
    assert detectable_paired(0.001, 50, 0.0, USUAL).reason == (
        "models that disagree this seldom cannot differ by as much as needed"
    )
    for none in (detectable_paired(0.1, 0, 0.0, USUAL), detectable_mean(1.0, 0, USUAL),
                 detectable_share(0.5, 0, USUAL)):  # fmt: skip
        assert none == Size(None, "no rows")
    assert detectable_auc(0.8, 0, 100, USUAL) == Size(None, "both classes are needed")
    assert detectable_auc_gain(0.8, 10, 0, 0.9, USUAL).value is None


def test_the_paired_rows_have_the_power_they_promise():
    worlds, n = 3000, int(rows_for_paired(0.075, 0.02, 0.005, USUAL).value)
    random = np.random.default_rng(2)
    first, second = 0.0475, 0.0275
    cells = [0.8 - second, first, second, 1 - 0.8 - first]
    low, _ = newcombe.paired_bounds(*random.multinomial(n, cells, worlds).T, 0.90)
    lowest, highest = binom.interval(0.9999, worlds, 0.80)
    assert lowest - 0.02 * worlds <= (low > 0.005).sum() <= highest + 0.02 * worlds


def test_the_unpaired_rows_have_the_power_they_promise():
    worlds, n = 2000, int(rows_for_unpaired(0.30, 0.22, 0.0, USUAL).value)
    random = np.random.default_rng(3)
    low, _ = miettinen_nurminen.bounds(
        random.binomial(n, 0.30, worlds), n, random.binomial(n, 0.22, worlds), n, 0.90
    )
    lowest, highest = binom.interval(0.9999, worlds, 0.80)
    assert lowest - 0.02 * worlds <= (low > 0).sum() <= highest + 0.02 * worlds
