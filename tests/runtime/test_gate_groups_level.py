"""Rules on groups keep their level: over many worlds, at the limit, they are wrong in 5 % or less.

A world is drawn from a truth that lies exactly at the limit. The bounds allow three standard errors
of the simulation.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from mlops_spec.runtime.declare import Against, AtLeast, Fair, Gates, Segments
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.resample import of_clusters

pytestmark = pytest.mark.slow

ALPHA = 0.05
# Scores are normal, 1.2 from the threshold in either class.
EXACTLY = {
    "accuracy": ndtr(1.2), "recall": ndtr(1.2), "balanced_accuracy": ndtr(1.2),
    "roc_auc": ndtr(2.4 / math.sqrt(2)),
}  # fmt: skip


def at_most(count, worlds, rate=ALPHA):
    return count / worlds <= rate + 3 * math.sqrt(rate * (1 - rate) / worlds)


def scored(random, truth, noise):
    score = ndtr(noise + 1.2 * (2 * truth - 1))
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def segment_world(random, sizes, prevalence, *, compared=False, tied=0.0):
    """All groups alike; `tied` is the correlation of scores within clusters that cross groups."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    truth = (random.random(len(group)) < prevalence).astype(np.int64)
    noise, units = random.normal(size=len(group)), None
    if tied:
        labels = random.integers(0, 60, len(group))
        noise = math.sqrt(tied) * random.normal(size=60)[labels] + math.sqrt(1 - tied) * noise
        units = of_clusters(labels)
    other = 0.8 * noise + 0.6 * random.normal(size=len(group))
    return Evidence(
        scored(random, truth, noise),
        scored(random, truth, other) if compared else None,
        rows=pd.DataFrame({"g": group}),
        units=units,
    )


def verdicts(rule, draw, worlds, seed=0):
    random = np.random.default_rng(seed)
    return [decide(Gates((rule,)), draw(random), "binary")[0] for _ in range(worlds)]


def outcomes(found):
    return Counter(verdict.outcome.value for verdict in found)


@pytest.mark.parametrize("metric", EXACTLY)
@pytest.mark.parametrize(
    ("sizes", "prevalence"),
    [([50] * 14, 0.5), ([200] * 14, 0.05), ([4000] * 3, 0.005), ([400, 200, 100, 50], 0.3)],
)
def test_no_group_is_refuted_by_chance(metric, sizes, prevalence):
    rule = Segments("z", ("g",), AtLeast(metric, EXACTLY[metric]), min_rows=50)
    found = verdicts(rule, lambda random: segment_world(random, sizes, prevalence), 400)
    assert at_most(outcomes(found)["fail"], 400)
    assert not outcomes(found)["inconclusive"]


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "brier_score", "f1"])
def test_an_equal_model_is_refuted_in_no_group_by_chance(metric):
    rule = Segments("z", ("g",), Against(metric, "non_inferiority", 0.0), min_rows=50)
    sizes = [200, 200, 100, 100, 60, 60]
    found = verdicts(rule, lambda r: segment_world(r, sizes, 0.3, compared=True), 500)
    assert at_most(outcomes(found)["fail"], 500)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_clusters_that_cross_the_groups_refute_none_by_chance(metric):
    rule = Segments("z", ("g",), AtLeast(metric, EXACTLY[metric]), min_rows=50)
    found = verdicts(rule, lambda r: segment_world(r, [200] * 5, 0.4, tied=0.1), 300)
    assert all("max-T over 5 groups" in verdict.method for verdict in found)
    assert at_most(outcomes(found)["fail"], 300)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_a_group_at_its_limit_is_shown_in_one_of_twenty(metric):
    rule = Segments("z", ("g",), AtLeast(metric, EXACTLY[metric]), "shown", min_rows=50)
    found = verdicts(rule, lambda random: segment_world(random, [200, 200], 0.3), 1000)
    shown = sum(p.check == "g=0" and p.outcome == "pass" for v in found for p in v.parts)
    assert at_most(shown, 1000)
    assert at_most(outcomes(found)["pass"], 1000, rate=ALPHA**2)


def fair_world(random, n, prevalence, found, alarms, before=None):
    """Groups of n rows with these true and false positive rates; production shares most answers."""
    group = np.repeat(np.arange(len(found)), n)
    truth = (random.random(len(group)) < prevalence).astype(np.int64)
    draw = random.random(len(group))

    def answers(found, alarms, draw):
        chance = np.where(truth == 1, np.array(found)[group], np.array(alarms)[group])
        said = (draw < chance).astype(np.int64)
        return Judged(truth, said.astype(float), said, positive=1)

    other = np.where(random.random(len(group)) < 0.8, draw, random.random(len(group)))
    production = None if before is None else answers(before, alarms, other)
    return Evidence(answers(found, alarms, draw), production, rows=pd.DataFrame({"g": group}))


OPPORTUNITY = "equal_opportunity_difference"
# True positive rates, false positive rates, production's, and the rule whose limit they are at.
AT_THE_LIMIT = {
    "two groups": ([0.8, 0.6], [0.2, 0.2], None, {"measure": OPPORTUNITY, "most": 0.2}),
    "five groups, two of them furthest": (
        [0.8, 0.8, 0.7, 0.6, 0.6], [0.2] * 5, None, {"measure": OPPORTUNITY, "most": 0.2},
    ),
    "five equal groups": ([0.7] * 5, [0.2] * 5, None, {"measure": OPPORTUNITY, "most": 0.0}),
    "both odds": (
        [0.8, 0.6, 0.7], [0.1, 0.3, 0.2], None,
        {"measure": "equalized_odds_difference", "most": 0.2},
    ),
    "a ratio": (
        [0.8, 0.4], [0.8, 0.4], None, {"measure": "demographic_parity_ratio", "least": 0.5},
    ),
    "a change": (
        [0.8, 0.6], [0.2, 0.2], [0.8, 0.7], {"measure": OPPORTUNITY, "no_worse_by": 0.1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", AT_THE_LIMIT)
@pytest.mark.parametrize(("n", "prevalence"), [(100, 0.5), (500, 0.3), (20_000, 0.005)])
def test_fairness_at_its_limit_neither_passes_nor_fails_by_chance(case, n, prevalence):
    found, alarms, before, asked = AT_THE_LIMIT[case]
    rule, worlds = Fair("z", ("g",), **asked), 150
    counts = outcomes(
        verdicts(rule, lambda r: fair_world(r, n, prevalence, found, alarms, before), worlds)
    )
    assert at_most(counts["pass"], worlds), counts
    assert at_most(counts["fail"], worlds), counts


@pytest.mark.parametrize(
    ("clusters", "rows", "alike"), [(40, 25, 4.0), (200, 10, 4.0), (15, 60, 8.0)]
)
def test_customers_that_are_treated_alike_are_not_rows(clusters, rows, alike):
    def draw(random):
        label = np.arange(2 * clusters * rows) // rows
        rate = np.concatenate(
            [random.beta(alike * p, alike * (1 - p), clusters) for p in (0.8, 0.6)]
        )
        said = (random.random(len(label)) < rate[label]).astype(np.int64)
        judged = Judged(np.ones(len(label), dtype=np.int64), said.astype(float), said, positive=1)
        groups = pd.DataFrame({"g": np.repeat([0, 1], clusters * rows)})
        return Evidence(judged, None, rows=groups, units=of_clusters(label))

    counts = outcomes(verdicts(Fair("z", ("g",), OPPORTUNITY, 0.2), draw, 300))
    assert at_most(counts["pass"], 300), counts
    assert at_most(counts["fail"], 300), counts
