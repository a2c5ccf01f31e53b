"""Whether predicted probabilities are right: for several classes, that of the decision.

A limit holds for the true error: the ECE is biased up, so that its interval comes from bounds on
the noise (stats.ece_bounds), and neither a perfect model fails nor a wrong one passes by chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import logit

from mlops_spec.runtime.declare import Calibrated, Gates
from mlops_spec.runtime.gates.bounds import Bar, at_least, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.units import said
from mlops_spec.stats.cluster import LEAST_CLUSTERS, design_effect
from mlops_spec.stats.debiased_l2 import debiased_l2
from mlops_spec.stats.ece_bounds import bounded_ece
from mlops_spec.stats.estimate import Estimate, Floats, two_sided, unknown
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.reliability import in_the_large, reliability
from mlops_spec.stats.resample import Units
from mlops_spec.terms.verdict import Outcome, Verdict

_TASKS: Final = frozenset({"binary", "multiclass"})
_METHODS: Final = {
    "ece": "bounded noise, 15 bins",
    "debiased_l2": "noncentral chi-square, 15 bins",
    "slope": "maximum likelihood",
    "in_the_large": "normal and Wilson",
}
_SEED: Final = 0
# As in stats.reliability: predictions of exactly 0 or 1 have no log-odds.
_LEAST_PROBABILITY: Final = 1e-6


def calibrated(rule: Calibrated, gates: Gates, evidence: Evidence, task: str) -> Iterator[Verdict]:
    """A verdict for each limit of the rule."""
    check = f"calibration.{rule.measure}"
    if task not in _TASKS:
        reason = f"calibration is of probabilities, and a {task} model has none"
        yield Verdict(check, Outcome.ERROR, reason=reason)
        return
    rows, units = evidence.candidate, evidence.units
    # Of one class alone no probability is refuted by what did not happen.
    untold = unknown(len(rows.truth), rows.obstacle) if rows.obstacle else None
    found, note = (untold, "") if untold else _found(rule, gates, rows, units)
    method = _METHODS[rule.measure]
    if units is not None:
        method = f"{method}, {said(gates, units)}"
    for bar in _bars(rule):
        verdict = decided(check, found, bar, gates, method=method)
        yield replace(verdict, reason="; ".join(filter(None, (verdict.reason, note))))


def _bars(rule: Calibrated) -> Iterator[Bar]:
    if rule.least is not None:
        yield at_least(rule.least)
    if rule.most is not None:
        yield at_most(rule.most)


def _found(
    rule: Calibrated, gates: Gates, rows: Judged, units: Units | None
) -> tuple[Estimate, str]:
    """The measure with its interval, and what else is to be said of it."""
    positive, predicted = _probabilities(rows)
    level, effect = two_sided(gates.confidence), _effect(predicted - positive, units)
    if math.isnan(effect):
        return unknown(len(positive), f"{LEAST_CLUSTERS} clusters are the least"), ""
    match rule.measure:
        case "ece":
            bounded = bounded_ece(positive, predicted, level, _SEED, effect)
            known = bounded.estimate.known
            note = f"a perfect model shows about {bounded.floor:.2g} on these rows" if known else ""
            return bounded.estimate, note
        case "debiased_l2":
            return debiased_l2(positive, predicted, level, effect=effect), ""
        case "slope":
            odds = logit(np.clip(predicted, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY))
            pull = (odds - odds.mean()) * (predicted - positive)
            slope = reliability(positive, predicted, level).slope
            return _stretched(slope, _effect(pull, units)), ""
        case "in_the_large":
            return in_the_large(positive, predicted, level, effect), ""


def _probabilities(rows: Judged) -> tuple[Bools, Floats]:
    """Whether it happened, and how probable it was said to be; of many classes, the decision."""
    if rows.scores.ndim == 1:
        return rows.is_positive, rows.scores
    places = np.arange(len(rows.truth))
    return np.asarray(rows.truth == rows.decided), rows.scores[places, rows.decided]


def _effect(residual: Floats, units: Units | None) -> float:
    """How many rows say as much as one, at least 1; NaN where too few clusters tell it."""
    if units is None or units.of_row is None:
        return 1.0
    if units.count < LEAST_CLUSTERS:
        return math.nan
    return max(1.0, design_effect(residual - residual.mean(), units.of_row))


def _stretched(found: Estimate, effect: float) -> Estimate:
    scale = math.sqrt(effect)
    low, high = (
        found.value - scale * (found.value - found.low),
        found.value + scale * (found.high - found.value),
    )
    return replace(found, low=low, high=high)
