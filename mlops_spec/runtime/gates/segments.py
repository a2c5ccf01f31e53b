"""A rule in every group of held-out rows.

`shown` is an intersection: each group must clear the limit at full confidence, nothing is shared.
`not_refuted` is a union: any group may stop the candidate, so the groups share the error between
them and all intervals hold together. Which of the two is derived from the rule (docs/adr/0051).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates, Segments
from mlops_spec.runtime.gates.bounds import at_least, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.groups import Groups, Places, grouped, lacking
from mlops_spec.runtime.gates.limits import compared, limited, misfit
from mlops_spec.runtime.gates.segment_summary import SHOWN, better, heterogeneity, some, summed
from mlops_spec.runtime.gates.simultaneous import joint, rarest, sidak
from mlops_spec.stats.estimate import Estimate, two_sided, unknown
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.mean_of_shares import mean_of_recalls
from mlops_spec.stats.metrics import influenced
from mlops_spec.stats.proportions import clopper_pearson
from mlops_spec.stats.resample import Units, of_clusters
from mlops_spec.terms.verdict import Outcome, Verdict

# Of the rarer class, or in the metric's own denominator: below it a group says nothing.
LEAST_DENOMINATOR: Final = 10
_SHARES: Final = frozenset({"accuracy", "recall", "precision", "balanced_accuracy"})
_WORST_FIRST: Final = (
    Outcome.ERROR, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.NO_DATA,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """Some groups that are judged as one: usually one, or the small ones together."""

    name: str
    places: Places


def segmented(rule: Segments, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    """The verdict over all groups; `parts` has one for each group, the worst first."""
    check = f"segments.{rule.name} {_asked(rule.rule)}"
    obstacle = lacking(evidence.rows, rule.by) or _obstacle(rule.rule, evidence, task)
    if obstacle:
        return Verdict(check, Outcome.ERROR, reason=obstacle)
    if not _usable(evidence):
        return Verdict(check, Outcome.NO_DATA, reason="some score is not a number")
    parts, left = _parts(grouped(evidence.rows, rule.by, rule.cuts), rule.min_rows)
    found, confidence = _verdicts(rule, gates, evidence, parts, task)
    # Groups that share units are not independent, as the test takes them to be.
    independent = isinstance(rule.rule, Against) and evidence.units is None
    apart = heterogeneity(found, confidence) if independent else ""
    return summed(check, rule, found, left, apart)


def _asked(rule: AtLeast | AtMost | Against) -> str:
    if isinstance(rule, Against):
        return f"{rule.metric} {rule.hypothesis.replace('_', '-')}"
    return rule.metric


def _obstacle(rule: AtLeast | AtMost | Against, evidence: Evidence, task: str) -> str:
    return misfit(rule, task) or (evidence.obstacle if isinstance(rule, Against) else "")


def _usable(evidence: Evidence) -> bool:
    answers = (evidence.candidate, evidence.production)
    return all(one.usable for one in answers if one is not None)


def _parts(groups: Groups, min_rows: int) -> tuple[list[_Part], Verdict | None]:
    """What is judged, and the small groups that are too few even together."""
    places = groups.places()
    small = np.flatnonzero(groups.rows < min_rows)
    judged = [
        _Part(groups.name(int(group)), places[group])
        for group in np.flatnonzero(groups.rows >= min_rows)
    ]
    if not len(small):
        return judged, None
    together = np.sort(np.concatenate([places[group] for group in small]))
    if len(together) >= min_rows:
        return [*judged, _Part(f"(the rest, {len(small)} groups)", together)], None
    names = some([groups.name(int(group)) for group in small[:SHOWN]], len(small))
    reason = f"{min_rows} rows are the least"
    return judged, Verdict(names, Outcome.NO_DATA, n=len(together), reason=reason)


def _verdicts(
    rule: Segments, gates: Gates, evidence: Evidence, parts: Sequence[_Part], task: str
) -> tuple[list[Verdict], float]:
    """A verdict for each part, the worst first, and the confidence of each."""
    least = min(LEAST_DENOMINATOR, rule.min_rows)
    on_rows = [_restricted(evidence, part.places) for part in parts]
    rare = [_too_few(rule.rule, rows, least) for rows in on_rows]
    kept = [(part, rows) for part, rows, why in zip(parts, on_rows, rare, strict=True) if not why]
    confidence, method = _confidence(rule, gates, kept, evidence.units)
    each = replace(gates, confidence=confidence, min_rows=least)
    found = [replace(why, check=part.name) for part, why in zip(parts, rare, strict=True) if why]
    for part, rows in kept:
        strict = confidence > gates.confidence
        verdict = _judged(rule.rule, each, rows, task, strict=strict)
        ways = filter(None, (verdict.method, method))
        found.append(_silent(rule, replace(verdict, check=part.name, method=", ".join(ways))))
    return sorted(found, key=lambda verdict: _rank(rule.rule, verdict)), confidence


def _confidence(
    rule: Segments, gates: Gates, kept: Sequence[tuple[_Part, Evidence]], units: Units | None
) -> tuple[float, str]:
    """One-sided confidence for each group, and how it comes about."""
    if gates.decide_on == "point":
        return gates.confidence, ""
    if rule.require == "shown" or len(kept) < 2:
        return gates.confidence, f"each group at {gates.confidence:.4g}"
    if units is None:
        return sidak(gates.confidence, len(kept)), f"Šidák over {len(kept)} groups"
    places = [(part.places, rows) for part, rows in kept]
    confidence, method = joint(rule.rule, gates.confidence, places, units)
    return confidence, f"{method} over {len(kept)} groups"


def _silent(rule: Segments, verdict: Verdict) -> Verdict:
    """A group whose rows do not vary says nothing: where nothing must be shown, it is no data."""
    flat = verdict.low is None and verdict.high is None
    if rule.require == "not_refuted" and verdict.outcome is Outcome.INCONCLUSIVE and flat:
        return replace(verdict, outcome=Outcome.NO_DATA)
    return verdict


def _restricted(evidence: Evidence, places: Places) -> Evidence:
    """The evidence on some rows. Rows that went together still do."""
    production, units = evidence.production, evidence.units
    return replace(
        evidence,
        candidate=evidence.candidate.take(places),
        production=None if production is None else production.take(places),
        units=None if units is None or units.of_row is None else of_clusters(units.of_row[places]),
    )


def _too_few(rule: AtLeast | AtMost | Against, rows: Evidence, least: int) -> Verdict | None:
    """No data where what the metric needs is too rare in a group."""
    n, word = rarest(rule, rows)
    if n >= least:
        return None
    reason = f"{n} {word} among {len(rows.candidate.truth)} rows; {least} are the least"
    return Verdict("", Outcome.NO_DATA, n=n, reason=reason)


def _judged(
    rule: AtLeast | AtMost | Against, gates: Gates, evidence: Evidence, task: str, *, strict: bool
) -> Verdict:
    """As on all rows; shares whose error is shared by many groups have exact intervals."""
    if isinstance(rule, Against):
        return compared(rule, gates, evidence, task)
    if not strict or evidence.units is not None or rule.metric not in _SHARES:
        return limited(rule, gates, evidence, task)
    found = _exact(rule.metric, evidence.candidate, two_sided(gates.confidence))
    bar = at_least(rule.limit) if isinstance(rule, AtLeast) else at_most(rule.limit)
    return decided(rule.metric, found, bar, gates, method="Clopper-Pearson")


def _exact(metric: str, rows: Judged, level: float) -> Estimate:
    if rows.obstacle:
        return unknown(len(rows.truth), rows.obstacle)
    if metric == "balanced_accuracy":
        return mean_of_recalls(rows.truth, rows.decided, level, clopper_pearson)
    found = influenced(metric, rows)
    hits = round(found.value * found.n) if found is not None and found.n else 0
    return clopper_pearson(hits, found.n if found is not None else 0, level)


def _rank(rule: AtLeast | AtMost | Against, verdict: Verdict) -> tuple[int, float, str]:
    """Worst first: by outcome, then by how bad the estimate is."""
    good = better(rule) * (verdict.estimate or 0.0)
    return _WORST_FIRST.index(verdict.outcome), good, verdict.check
