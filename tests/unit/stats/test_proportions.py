"""Intervals for shares, against published values and an independent likelihood."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from mlops_spec.stats.mcnemar import mcnemar
from mlops_spec.stats.newcombe import wilson_bounds
from mlops_spec.stats.proportions import paired_difference, paired_p_value, wilson

LEVEL = 0.95


def rounded(estimate, digits=4):
    return tuple(round(x, digits) for x in (estimate.value, estimate.low, estimate.high))


@pytest.mark.parametrize(
    ("hits", "n", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
        (81, 263, (0.3080, 0.2553, 0.3662)),
        (15, 148, (0.1014, 0.0624, 0.1605)),
        (0, 20, (0.0, 0.0, 0.1611)),
        (1, 29, (0.0345, 0.0061, 0.1718)),
    ],
)
def test_wilsons_interval_is_the_published_one(hits, n, expected):
    assert rounded(wilson(hits, n, LEVEL)) == expected


def test_wilsons_interval_of_no_rows_is_unknown():
    assert not wilson(0, 0, LEVEL).known


def test_a_significant_difference_need_not_clear_a_margin():
    """n = 2000, 90 rows only the first has right, 60 only the second."""
    difference = paired_difference(90, 60, 2000, level=0.90)
    assert round(mcnemar(90, 60), 4) == 0.0176
    assert difference.value == 0.015
    # Wald's bound is 0.00494; the score bound lies a little lower. Both miss the margin of 0.005.
    assert 0.0045 < difference.low < 0.005


def test_equal_answers_leave_room_for_a_difference():
    difference = paired_difference(0, 0, 100, LEVEL)
    half = 1.959964**2 / (100 + 1.959964**2)
    assert rounded(difference) == (0.0, round(-half, 4), round(half, 4))


def test_swapping_the_models_turns_the_interval_around():
    first, second = paired_difference(12, 2, 50, LEVEL), paired_difference(2, 12, 50, LEVEL)
    assert rounded(first) == (second.value * -1, round(-second.high, 4), round(-second.low, 4))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 2, 50), (1, 0, 44), (90, 60, 2000), (0, 5, 30)])
def test_the_ends_are_where_the_score_test_just_rejects(b, c, n):
    """The score at the end of the interval, with the nuisance of greatest likelihood."""
    found = paired_difference(b, c, n, LEVEL)
    for end in (found.low, found.high):
        nuisance = _most_likely(b, c, n, end)
        score = (b - c - n * end) / math.sqrt(n * (2 * nuisance + end * (1 - end)))
        assert abs(score) == pytest.approx(1.959964, abs=1e-3)


def _most_likely(b, c, n, delta):
    """The likeliest share of rows that only the second has right, given the difference."""

    def minus_log_likelihood(q):
        return -(_log(b, q + delta) + _log(c, q) + _log(n - b - c, 1 - 2 * q - delta))

    least, most = max(0.0, -delta), (1 - delta) / 2
    return minimize_scalar(
        minus_log_likelihood, bounds=(least, most), method="bounded", options={"xatol": 1e-12}
    ).x


def _log(count, share):
    return count * np.log(max(share, 1e-300)) if count else 0.0


def test_the_p_value_of_a_margin_is_a_twentieth_where_a_90_percent_interval_ends():
    found = paired_difference(90, 60, 2000, level=0.90)
    assert paired_p_value(90, 60, 2000, found.low) == pytest.approx(0.05, abs=1e-6)
    assert round(paired_p_value(90, 60, 2000, 0.005), 3) == 0.050  # Wald's is .051
    assert paired_p_value(0, 0, 0, 0.0) == 1.0


@pytest.mark.parametrize("n", [50, 500, 5000, 50_000])
@pytest.mark.parametrize("share", [0.005, 0.05, 0.5, 0.95, 0.995])
def test_each_end_of_wilsons_interval_misses_as_seldom_as_promised(n, share):
    """The exact error, over every count. Below 20 expected hits or misses it is up to 9 %."""
    hits = np.arange(n + 1)
    _, low, high = wilson_bounds(hits, n, 0.90)
    chance = binom.pmf(hits, n, share)
    most = 0.06 if n * share * (1 - share) > 20 else 0.09
    assert max(chance[low > share].sum(), chance[high < share].sum()) <= most


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 500, 50_000])
@pytest.mark.parametrize(("gain", "disagreement"), [(0.0, 0.01), (0.0, 0.1), (0.02, 0.1)])
def test_each_end_of_tangos_interval_misses_as_seldom_as_promised(n, gain, disagreement):
    """Below 20 expected rows of disagreement the counts are too coarse for 5 %: up to 9 %."""
    worlds, random = 400, np.random.default_rng(n)
    cells = [(disagreement + gain) / 2, (disagreement - gain) / 2, 1 - disagreement]
    missed = np.zeros(2)
    for first, second, _ in random.multinomial(n, cells, worlds):
        found = paired_difference(int(first), int(second), n, 0.90)
        missed += (found.low > gain, found.high < gain)
    most = 0.05 if n * disagreement > 20 else 0.09
    assert missed.max() <= binom.ppf(0.9999, worlds, most)
