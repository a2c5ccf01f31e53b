"""Limits on a metric, and comparisons with production, on all held-out rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates
from mlops_spec.runtime.gates.bounds import Bar, at_least, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.units import said
from mlops_spec.stats.estimate import two_sided
from mlops_spec.stats.metrics import difference, estimate, method_of
from mlops_spec.terms.metrics import METRICS
from mlops_spec.terms.verdict import Outcome, Verdict

# superiority: gain > 0. margin: gain > margin. non_inferiority: gain > -margin.
_DIRECTION: Final = {"superiority": 0, "margin": 1, "non_inferiority": -1}


def limited(rule: AtLeast | AtMost, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    """The verdict of a limit."""
    misfit = _misfit(rule, task)
    if misfit:
        return Verdict(rule.metric, Outcome.ERROR, reason=misfit)
    level = two_sided(gates.confidence)
    found = estimate(rule.metric, evidence.candidate, level, units=evidence.units)
    bar = at_least(rule.limit) if isinstance(rule, AtLeast) else at_most(rule.limit)
    method = _method(rule.metric, gates, evidence, paired=False)
    return decided(rule.metric, found, bar, gates, method=method)


def compared(rule: Against, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    """The verdict of a comparison, on the paired difference candidate less production."""
    check = f"{rule.metric} {rule.hypothesis.replace('_', '-')}"
    misfit = _misfit(rule, task)
    if misfit:
        return Verdict(check, Outcome.ERROR, reason=misfit)
    production = evidence.production
    if production is None:
        return Verdict(check, Outcome.ERROR, reason=evidence.obstacle)
    level = two_sided(gates.confidence)
    units = evidence.units
    gain = difference(rule.metric, evidence.candidate, production, level, units=units)
    before = estimate(rule.metric, production, level, units=units)
    method = _method(rule.metric, gates, evidence, paired=True)
    verdict = decided(check, gain, gain_bar(rule, before.value), gates, method=method)
    said = f"production {before.value:.4g}, same rows"
    return replace(verdict, reason="; ".join(filter(None, (verdict.reason, said))))


def _method(metric: str, gates: Gates, evidence: Evidence, *, paired: bool) -> str:
    if evidence.units is None:
        return method_of(metric, paired=paired)
    return said(gates, evidence.units) + (", paired" if paired else "")


def gain_bar(rule: Against, before: float) -> Bar:
    """What the gain must be beyond; `before` is production's value of the metric."""
    sign = 1 if METRICS[rule.metric].more_is_better else -1
    margin = rule.margin * abs(before) if rule.unit == "%" else rule.margin
    limit = sign * _DIRECTION[rule.hypothesis] * margin
    return Bar(limit, sign, f"Δ {'>' if sign > 0 else '<'} {limit:+.4g}", strict=True)


def _misfit(rule: AtLeast | AtMost | Against, task: str) -> str:
    metric = METRICS.get(rule.metric)
    if metric is None or task not in metric.tasks:
        return f"{rule.metric} is not a metric of a {task} model"
    return ""
