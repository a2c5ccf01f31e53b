"""Candidate after candidate on the same rows: what the budget tells of luck is what luck does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from mlops_spec.runtime.declare import Against, AtLeast, Gates
from mlops_spec.runtime.gates.budget import chance_of_luck, spent
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged

pytestmark = pytest.mark.slow

GATES = Gates(
    (
        AtLeast("roc_auc", 0.6),
        Against("roc_auc", "superiority"),
        Against("brier_score", "non_inferiority", 0.05),
    )
)
WORLDS, CANDIDATES, N = 150, 50, 400


def model(random, truth, common):
    """As good as every other: the same signal with noise of its own."""
    raw = common + 0.5 * random.normal(size=len(truth))
    score = 1 / (1 + np.exp(-(1.2 * raw - 1.2)))
    return Judged(truth, score, (score > 0.5).astype(np.int64), positive=1)


def rows(random):
    truth = (random.random(N) < 0.4).astype(np.int64)
    return truth, random.normal(size=N) + 1.5 * truth


def passes(candidate, production):
    found = decide(GATES, Evidence(candidate, production), "binary")
    return all(verdict.outcome == "pass" for verdict in found)


def lucky(random, *, fresh):
    """The place of the first candidate that passes, from 1; beyond all of them where none does."""
    truth, common = rows(random)
    production = model(random, truth, common)
    for place in range(1, CANDIDATES + 1):
        if fresh:
            truth, common = rows(random)
            production = model(random, truth, common)
        if passes(model(random, truth, common), production):
            return place
    return CANDIDATES + 1


@pytest.mark.parametrize("fresh", [False, True])
def test_no_more_candidates_are_lucky_than_the_budget_tells(fresh):
    random = np.random.default_rng(7)
    first = np.array([lucky(random, fresh=fresh) for _ in range(WORLDS)])
    for judged in (1, 10, 50):
        told = chance_of_luck(judged, GATES.confidence)
        assert (first <= judged).sum() <= binom.ppf(0.9999, WORLDS, told), judged
    # The count is worth telling: fifty candidates without any gain are not one.
    assert (first <= 50).mean() > 5 * 0.05


@pytest.mark.parametrize(("judged", "said"), [(10, "50%"), (50, "100%")])
def test_the_bound_is_what_the_gate_prints(judged, said):
    (told,) = spent(GATES, judged)
    assert f"with a chance of up to {said}" in told.reason
    assert chance_of_luck(judged, GATES.confidence) == pytest.approx(float(said[:-1]) / 100)
    (strict,) = spent(replace(GATES, confidence=0.999), judged)
    assert f"up to {judged * 0.1:.0f}%" in strict.reason
