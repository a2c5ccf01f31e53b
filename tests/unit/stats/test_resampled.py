"""What has no closed form: BCa on few rows, sections of many; both cover, neither takes long."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.stats import resampled as module
from mlops_spec.stats.resample import of_clusters, of_rows
from mlops_spec.stats.resampled import method_of_size, resampled


def median_of(values):
    return lambda chosen: float(np.median(values[chosen]))


@pytest.mark.parametrize("skewed", [False, True])
def test_sections_cover_as_often_as_they_say(monkeypatch, skewed):
    monkeypatch.setattr(module, "MOST_DRAWN", 1000)
    random, worlds, covered = np.random.default_rng(4), 500, 0
    truth = np.log(2) if skewed else 0.0
    for _ in range(worlds):
        values = random.exponential(size=5000) if skewed else random.normal(size=5000)
        found = resampled(median_of(values), of_rows(5000), 0.9)
        covered += found.low <= truth <= found.high
    low, high = binom.interval(0.9999, worlds, 0.90)
    assert low <= covered <= high


def test_sections_hold_clusters_together(monkeypatch):
    monkeypatch.setattr(module, "MOST_DRAWN", 1000)
    random, worlds, covered = np.random.default_rng(5), 400, 0
    units = of_clusters(np.arange(4000) // 40)
    for _ in range(worlds):
        values = np.repeat(random.normal(size=100), 40) + random.normal(size=4000)
        found = resampled(lambda chosen, v=values: float(v[chosen].mean()), units, 0.9)
        covered += found.low <= 0 <= found.high
    low, high = binom.interval(0.9999, worlds, 0.90)
    assert low <= covered <= high


def test_a_million_rows_are_two_passes():
    values = np.random.default_rng(6).normal(size=1_000_000)
    visited = []

    def mean(chosen):
        visited.append(len(chosen))
        return float(values[chosen].mean())

    found = resampled(mean, of_rows(len(values)), 0.9)
    assert (sum(visited), len(visited)) == (2_000_000, 51)
    assert found.low < 0.003
    assert found.high > -0.003


def test_a_rare_class_gets_fewer_and_larger_sections():
    positives = np.zeros(30_000)
    positives[np.random.default_rng(7).choice(30_000, 60, replace=False)] = 1
    asked = []

    def needs_a_positive(chosen):
        asked.append(len(chosen))
        return float(1 / positives[chosen].sum()) if positives[chosen].any() else np.nan

    assert resampled(needs_a_positive, of_rows(30_000), 0.9).known
    assert asked[-1] in {1500, 3000}


def broken(chosen):
    raise ValueError("no")


@pytest.mark.parametrize(
    ("statistic", "rows", "reason"),
    [
        (broken, 100, "these rows do not define it"),
        (broken, 30_000, "these rows do not define it"),
        (lambda chosen: 1.0, 100, "every draw gives the same value"),
        (lambda chosen: 1.0, 30_000, "every part of the rows gives the same value"),
        (lambda chosen: 1.0, 5, "5 units; 10 are the least"),
        (
            lambda chosen: 1.0 if len(chosen) == 30_000 else np.nan,
            30_000,
            "a tenth of the rows does not define it",
        ),
    ],
)
def test_what_cannot_be_told_says_why(statistic, rows, reason):
    found = resampled(statistic, of_rows(rows), 0.9)
    assert (found.known, found.reason) == (False, reason)


def test_few_units_of_many_rows_are_unknown():
    units = of_clusters(np.arange(30_000) % 5)
    found = resampled(lambda chosen: float(chosen.mean()), units, 0.9)
    assert found.reason == "5 units; 10 are the least"


def test_how_it_was_made_is_said():
    assert (method_of_size(5_000), method_of_size(5_001)) == (
        "BCa bootstrap", "sections of the rows",
    )  # fmt: skip
