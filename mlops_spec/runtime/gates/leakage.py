"""What makes a held-out result too good: a feature that is the label, rows seen in training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Gates, Leakage
from mlops_spec.runtime.gates.bounds import Bar, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Alone, Seen
from mlops_spec.runtime.gates.unmeasured import unmeasured, within_reach
from mlops_spec.stats.auc import area_interval
from mlops_spec.stats.estimate import Estimate, two_sided, unknown
from mlops_spec.stats.proportions import wilson
from mlops_spec.stats.rank_correlation import spearman_interval
from mlops_spec.terms.measuring import LEAKAGE_ROWS
from mlops_spec.terms.verdict import Verdict

_SHOWN: Final = 5
_AREA: Final = "DeLong"
_RANKS: Final = "(1 + |Spearman|) / 2, Bonett-Wright"
# Below so many different rows in a hundred the columns themselves make rows repeat.
_FEW_KINDS: Final = 0.5


def leaks(rule: Leakage, gates: Gates, evidence: Evidence) -> Iterator[Verdict]:
    """A verdict on the feature that ranks the label best alone, and one on repeated rows."""
    if rule.single_feature is not None:
        yield _single_feature(rule.single_feature, gates, evidence)
    if rule.duplicates is not None:
        yield _duplicates(rule.duplicates, gates, evidence)


def _single_feature(limit: float, gates: Gates, evidence: Evidence) -> Verdict:
    """That one of many lies above the limit is a union: its lower end shares the error among all
    that were tried. That all lie below is an intersection: their upper ends share nothing.
    """
    check = "leakage by one feature"
    ranking = evidence.measured.ranking
    if ranking is None:
        return unmeasured(check, "leakage", evidence)
    level = two_sided(gates.confidence)
    shared = 1 - (1 - level) / max(ranking.tried, 1)
    if not ranking.found:
        reason = "no class has enough held-out rows, or the label does not vary"
        return decided(check, unknown(0, reason), at_most(limit), gates)
    each = [_bounded(one, level, shared) for one in ranking.found]
    lowest, highest = max(one.low for one in each), max(one.high for one in each)
    whole = replace(each[0], low=lowest, high=highest)
    verdict = within_reach(decided(check, whole, at_most(limit), gates), LEAKAGE_ROWS, "rows")
    best = ranking.found[0]
    said = f"{best.feature} alone ranks {best.of!r} best"
    return replace(
        verdict,
        reason="; ".join(filter(None, (verdict.reason, said))),
        method=f"{_method(best)}; lower end: Bonferroni for {ranking.tried}",
        parts=tuple(
            _part(one, at_most(limit), gates, (level, shared)) for one in ranking.found[:_SHOWN]
        ),
    )


def _part(one: Alone, bar: Bar, gates: Gates, levels: tuple[float, float]) -> Verdict:
    found = decided(f"{one.feature} for {one.of}", _bounded(one, *levels), bar, gates)
    return replace(found, method=_method(one))


def _bounded(one: Alone, level: float, shared: float) -> Estimate:
    """The upper end at `level`, the lower one at the level that is shared among all."""
    upper, lower = _interval(one, level), _interval(one, shared)
    return Estimate(one.area, max(lower.low, 0.5), min(upper.high, 1.0), one.rows + one.others)


def _interval(one: Alone, level: float) -> Estimate:
    if one.others:
        variance = math.inf if one.variance is None else one.variance
        return area_interval(one.area, variance, one.rows, one.others, level)
    found = spearman_interval(2 * one.area - 1, one.rows, level)
    return replace(found, low=(1 + found.low) / 2, high=(1 + found.high) / 2)


def _method(one: Alone) -> str:
    return _AREA if one.others else _RANKS


def _duplicates(limit: float, gates: Gates, evidence: Evidence) -> Verdict:
    check = "leakage by repeated rows"
    seen = evidence.measured.seen
    if seen is None:
        return unmeasured(check, "leakage", evidence)
    found = wilson(seen.repeated, seen.rows, two_sided(gates.confidence))
    verdict = decided(check, found, at_most(limit), gates)
    return replace(
        verdict,
        reason="; ".join(filter(None, (verdict.reason, _spoken(seen)))),
        method="Wilson; features and label alike, by hash",
    )


def _spoken(seen: Seen) -> str:
    said = f"{seen.repeated:,} of {seen.rows:,} held-out rows stand in the training rows"
    if seen.distinct < _FEW_KINDS * seen.rows:
        said += (
            f"; only {seen.distinct:,} of them differ, so that rows repeat without any leak: "
            "raise the limit, or leave it out"
        )
    return said
