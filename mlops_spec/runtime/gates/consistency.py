"""What is served against what was trained: the same answers to the same rows, on every way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Consistent, Gates
from mlops_spec.runtime.gates.bounds import at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Agreement
from mlops_spec.runtime.gates.unmeasured import unmeasured, within_reach
from mlops_spec.stats.estimate import Estimate, two_sided
from mlops_spec.stats.proportions import wilson
from mlops_spec.terms.measuring import CONSISTENCY_ROWS
from mlops_spec.terms.verdict import Outcome, Verdict, worst

_LARGEST: Final = "the largest of all rows compared; no interval"


def consistent(rule: Consistent, gates: Gates, evidence: Evidence) -> Iterator[Verdict]:
    """A verdict on the largest difference of a score, and one on the decisions that differ."""
    if rule.difference is not None:
        limit = rule.difference
        yield _on_every_way(
            "consistency of scores", evidence, lambda way: _difference(way, limit, gates)
        )
    if rule.changed is not None:
        most = rule.changed
        yield _on_every_way(
            "consistency of decisions", evidence, lambda way: _changed(way, most, gates)
        )


def _on_every_way(
    check: str, evidence: Evidence, judged: Callable[[Agreement], Verdict]
) -> Verdict:
    """All ways must agree: the verdict of the worst one, with the others as parts."""
    ways = evidence.measured.agreements
    if ways is None:
        return unmeasured(check, "consistency", evidence)
    parts = tuple(map(judged, ways))
    outcome = worst(part.outcome for part in parts)
    alike = (part for part in parts if part.outcome is outcome)
    shown = max(alike, key=lambda part: part.high or part.estimate or 0.0, default=None)
    if shown is None:
        return Verdict(check, Outcome.NO_DATA, reason="nothing was compared")
    said = "; ".join(filter(None, (shown.check, shown.reason)))
    return replace(shown, check=check, reason=said, parts=parts)


def _difference(way: Agreement, limit: float, gates: Gates) -> Verdict:
    """Exact: it is the largest of these rows, and no estimate for others."""
    apart = way.difference
    if not math.isfinite(apart):
        return Verdict(
            way.way,
            Outcome.FAIL,
            n=way.rows,
            limit=at_most(limit).shown,
            reason="an answer is not a number",
            method=_LARGEST,
        )
    found = decided(way.way, Estimate(apart, apart, apart, way.rows), at_most(limit), gates)
    return replace(found, low=None, high=None, method=_LARGEST)


def _changed(way: Agreement, most: float, gates: Gates) -> Verdict:
    found = wilson(way.changed, way.rows, two_sided(gates.confidence))
    verdict = replace(decided(way.way, found, at_most(most), gates), method="Wilson")
    return within_reach(verdict, max(CONSISTENCY_ROWS, way.rows), "rows")
