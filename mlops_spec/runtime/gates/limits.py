"""Limits on a metric, and comparisons with production, on all held-out rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates
from mlops_spec.runtime.gates.bounds import Bar, at_least, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.own_metric import (
    UnusableMetric,
    is_own,
    own,
    own_difference,
    own_estimate,
)
from mlops_spec.runtime.gates.units import said
from mlops_spec.stats import ranking
from mlops_spec.stats.estimate import Estimate, two_sided
from mlops_spec.stats.metrics import Judged, difference, estimate, method_of
from mlops_spec.stats.resample import Units
from mlops_spec.terms.metrics import METRICS
from mlops_spec.terms.verdict import Outcome, Verdict

# superiority: gain > 0. margin: gain > margin. non_inferiority: gain > -margin.
_DIRECTION: Final = {"superiority": 0, "margin": 1, "non_inferiority": -1}


def limited(rule: AtLeast | AtMost, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    """The verdict of a limit."""
    obstacle = misfit(rule, task)
    if obstacle:
        return Verdict(rule.metric, Outcome.ERROR, reason=obstacle)
    try:
        found, method = _estimated(rule, gates, evidence.candidate, evidence.units)
    except UnusableMetric as error:
        return Verdict(rule.metric, Outcome.ERROR, reason=str(error))
    bar = at_least(rule.limit) if isinstance(rule, AtLeast) else at_most(rule.limit)
    bar = replace(bar, counted=_counted(rule.metric, evidence))
    verdict = decided(rule.metric, found, bar, gates, method=method)
    return _with(verdict, _left_out(rule.metric, evidence.candidate))


def compared(rule: Against, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    """The verdict of a comparison, on the paired difference candidate less production."""
    check = f"{rule.metric} {rule.hypothesis.replace('_', '-')}"
    obstacle = misfit(rule, task)
    if obstacle:
        return Verdict(check, Outcome.ERROR, reason=obstacle)
    production = evidence.production
    if production is None:
        return Verdict(check, Outcome.ERROR, reason=evidence.obstacle)
    try:
        gain, method = _gain(rule, gates, evidence, production)
        before, _ = _estimated(rule, gates, production, evidence.units)
    except UnusableMetric as error:
        return Verdict(check, Outcome.ERROR, reason=str(error))
    counted = _counted(rule.metric, evidence)
    bar = replace(gain_bar(rule, before.value), counted=counted)
    verdict = decided(check, gain, bar, gates, method=method)
    said = f"production {before.value:.4g}, same {counted}"
    return _with(verdict, said, _left_out(rule.metric, production))


def _with(verdict: Verdict, *said: str) -> Verdict:
    return replace(verdict, reason="; ".join(filter(None, (verdict.reason, *said))))


def _counted(metric: str, evidence: Evidence) -> str:
    """What n counts: a metric of lists has one value a list, unless units hold many of them."""
    return "lists" if metric in ranking.NAMES and evidence.units is None else "rows"


def _left_out(metric: str, rows: Judged) -> str:
    """Lists that no ranking can be right or wrong about are not judged, and not hidden either."""
    left_out = ranking.lists(metric, rows).left_out if metric in ranking.NAMES else 0
    return f"{left_out:,} lists have nothing relevant and are left out" if left_out else ""


def _estimated(
    rule: AtLeast | AtMost | Against, gates: Gates, rows: Judged, units: Units | None
) -> tuple[Estimate, str]:
    level = two_sided(gates.confidence)
    if is_own(rule.metric):
        found, method = own_estimate(own(rule.metric, rule.of), rows, level, units)
    else:
        found = estimate(rule.metric, rows, level, units=units)
        method = method_of(rule.metric, paired=False, in_lists=rows.group is not None)
    return found, method if units is None else said(gates, units)


def _gain(
    rule: Against, gates: Gates, evidence: Evidence, production: Judged
) -> tuple[Estimate, str]:
    level, units, candidate = two_sided(gates.confidence), evidence.units, evidence.candidate
    if is_own(rule.metric):
        metric = own(rule.metric, rule.of)
        found, method = own_difference(metric, candidate, production, level, units)
    else:
        found = difference(rule.metric, candidate, production, level, units=units)
        method = method_of(rule.metric, paired=True, in_lists=candidate.group is not None)
    return found, method if units is None else f"{said(gates, units)}, paired"


def gain_bar(rule: Against, before: float) -> Bar:
    """What the gain must be beyond; `before` is production's value of the metric."""
    sign = 1 if _more_is_better(rule) else -1
    margin = rule.margin * abs(before) if rule.unit == "%" else rule.margin
    limit = sign * _DIRECTION[rule.hypothesis] * margin
    return Bar(limit, sign, f"Δ {'>' if sign > 0 else '<'} {limit:+.4g}", strict=True)


def _more_is_better(rule: Against) -> bool:
    return rule.better == "more" if is_own(rule.metric) else METRICS[rule.metric].more_is_better


def misfit(rule: AtLeast | AtMost | Against, task: str) -> str:
    """Why a metric cannot be asked of a model of this task; "" when it can."""
    if is_own(rule.metric):
        unsaid = isinstance(rule, Against) and rule.better is None
        return f"`better` does not say which way {rule.metric} is better" if unsaid else ""
    metric = METRICS.get(rule.metric)
    if metric is None or task not in metric.tasks:
        return f"{rule.metric} is not a metric of a {task} model"
    return ""
