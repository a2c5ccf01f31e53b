"""How differently a binary model treats groups: fails only on evidence, passes only on evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from mlops_spec.runtime.declare import Fair, Gates
from mlops_spec.runtime.gates.alike import undecided
from mlops_spec.runtime.gates.bounds import Bar, at_least, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.group_rates import RATES, Asked, furthest, rate_parts
from mlops_spec.runtime.gates.groups import grouped, lacking
from mlops_spec.runtime.gates.units import said
from mlops_spec.stats.disparity import larger_gap, ratio
from mlops_spec.stats.disparity_change import ALIKE, disparity_change, unseen_change
from mlops_spec.stats.estimate import Estimate
from mlops_spec.stats.fairness import Decisions, GroupRate, RateName, compared, rates
from mlops_spec.stats.influence import Bools
from mlops_spec.stats.resample import Units, of_clusters, of_rows
from mlops_spec.terms.verdict import Outcome, Verdict, worst

# Pairs of groups grow with the square of their number.
_MOST_GROUPS: Final = 1000
_SEED: Final = 0


def fair(rule: Fair, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    """The verdict of a measure; `parts` has the rate of every group.

    With a limit and a comparison with production it is the worse of both, and `parts` has the two.
    """
    check = f"fairness.{rule.name} {rule.measure}"
    obstacle = _obstacle(rule, evidence, task)
    if obstacle:
        return Verdict(check, Outcome.ERROR, reason=obstacle)
    answers = evidence.candidate
    if not answers.usable:
        return Verdict(check, Outcome.NO_DATA, reason="some score is not a number")
    groups = grouped(evidence.rows, rule.by, rule.cuts)
    enough = int((groups.rows >= rule.min_rows).sum())
    if enough > _MOST_GROUPS:
        reason = f"{enough} groups; {_MOST_GROUPS} are the most. Use fewer columns, or `cuts`"
        return Verdict(check, Outcome.ERROR, reason=reason)
    decisions = Decisions(answers.is_positive, answers.said_positive, groups.of_row)
    asked = Asked(rule, gates, groups, decisions, evidence.units)
    found = tuple(_verdicts(asked, evidence))
    if len(found) == 1:
        return found[0]
    outcome = worst(verdict.outcome for verdict in found)
    return replace(next(one for one in found if one.outcome is outcome), parts=found)


def _obstacle(rule: Fair, evidence: Evidence, task: str) -> str:
    if task != "binary":
        return f"fairness compares decisions of a binary model; this is a {task} model"
    if rule.no_worse_by is not None and rule.measure == "demographic_parity_ratio":
        return "`no_worse_by` compares differences; a ratio has `min`"
    return lacking(evidence.rows, rule.by)


def _verdicts(asked: Asked, evidence: Evidence) -> Iterator[Verdict]:
    if asked.rule.most is not None or asked.rule.least is not None:
        yield from _limited(asked)
    if asked.rule.no_worse_by is not None and not evidence.is_first:
        yield _no_worse(asked, asked.rule.no_worse_by, evidence)


def _limited(asked: Asked) -> Iterator[Verdict]:
    rule, families = asked.rule, asked.families()
    is_ratio = rule.measure == "demographic_parity_ratio"
    found = (
        ratio(families[0], asked.level, rule.min_rows)
        if is_ratio
        else larger_gap(families, asked.level, rule.min_rows)
    )
    ways = ["Wilson of each rate" if is_ratio else "Miettinen-Nurminen over pairs"]
    if asked.units is not None:
        ways.append(said(asked.gates, asked.units))
    for bar in _bars(rule):
        # Groups with too small a denominator are left out already.
        verdict = decided(asked.check, found.estimate, bar, asked.gates, 0, ", ".join(ways))
        reason = "; ".join(filter(None, (verdict.reason, furthest(asked, families))))
        parts = rate_parts(asked, families, verdict.outcome)
        yield replace(verdict, reason=reason, parts=parts)


def _bars(rule: Fair) -> Iterator[Bar]:
    if rule.most is not None:
        yield at_most(rule.most)
    if rule.least is not None:
        yield at_least(rule.least)


def _no_worse(asked: Asked, most: float, evidence: Evidence) -> Verdict:
    """Whether the largest gap grew by more than `most` against production's, on the same rows."""
    check = f"{asked.check} against production"
    production = evidence.production
    if production is None:
        return Verdict(check, Outcome.ERROR, reason=evidence.obstacle)
    if not production.usable:
        return Verdict(check, Outcome.NO_DATA, reason="some score of production is not a number")
    before, families = production.said_positive, asked.families()
    changes = [
        _change(asked, name, family, before)
        for name, family in zip(RATES[asked.rule.measure], families, strict=True)
    ]
    found = _around(_gap_change(asked, before), _larger(changes))
    bar = Bar(most, -1, f"Δ ≤ {most:+g}")
    ways = ["paired bootstrap over pairs"]
    if asked.units is not None:
        ways.append(said(asked.gates, asked.units))
    verdict = decided(check, found, bar, asked.gates, 0, ", ".join(ways))
    alike = found.reason if found.known else ""
    reason = "; ".join(filter(None, (verdict.reason, alike, furthest(asked, families))))
    parts = rate_parts(asked, families, verdict.outcome)
    verdict = replace(verdict, reason=reason, parts=parts)
    return next(undecided((verdict,), asked.gates)) if evidence.alike else verdict


def _change(asked: Asked, name: RateName, family: tuple[GroupRate, ...], before: Bools) -> Estimate:
    """The change of one gap, among groups with enough rows."""
    kept, _ = compared(family, asked.rule.min_rows)
    enough = np.zeros(len(asked.groups.rows), dtype=bool)
    enough[[int(one.group) for one in kept]] = True
    rows = enough[asked.groups.of_row]
    decisions = Decisions(
        asked.decisions.positive[rows],
        asked.decisions.said_positive[rows],
        asked.decisions.group[rows],
    )
    units = _units(asked.units, rows)
    found = disparity_change(name, decisions, before[rows], units, asked.level, _SEED)
    if found.reason != ALIKE:
        return found
    # Rows that go together are evidence of one row only.
    return unseen_change(int(found.n * units.count / max(units.rows, 1)), asked.level)


def _units(units: Units | None, rows: Bools) -> Units:
    if units is None or units.of_row is None:
        return of_rows(int(rows.sum()))
    return of_clusters(units.of_row[rows])


def _larger(changes: Sequence[Estimate]) -> Estimate:
    """Bounds of the change of the largest of several gaps: between the least and the most changed.

    max(a, b) - max(c, d) lies between the smaller and the larger of a - c and b - d, and which of
    the two is the larger is a fact and no choice, so that nothing is shared.
    """
    unclear = [one for one in changes if not one.known]
    if unclear:
        return unclear[0]
    return replace(
        changes[0],
        low=min(one.low for one in changes),
        high=max(one.high for one in changes),
        n=min(one.n for one in changes),
    )


def _around(value: float, found: Estimate) -> Estimate:
    """The interval with the value in it; NaN stays NaN."""
    low, high = float(np.minimum(found.low, value)), float(np.maximum(found.high, value))
    return replace(found, value=value, low=low, high=high)


def _gap_change(asked: Asked, before: Bools) -> float:
    """The measure for the candidate less that for production."""
    gaps = []
    for said_positive in (asked.decisions.said_positive, before):
        decisions = replace(asked.decisions, said_positive=said_positive)
        families = [rates(name, decisions) for name in RATES[asked.rule.measure]]
        gaps.append(max(_gap(compared(family, asked.rule.min_rows)[0]) for family in families))
    return gaps[0] - gaps[1]


def _gap(kept: tuple[GroupRate, ...]) -> float:
    shares = [one.hits / one.n for one in kept]
    return max(shares) - min(shares) if shares else 0.0
