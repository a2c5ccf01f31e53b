"""From an estimate with its interval and a limit to a verdict. Nothing unknown ever passes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops_spec.runtime.declare import Gates
from mlops_spec.stats.estimate import Estimate
from mlops_spec.terms.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit and its good side: above it (`sign` 1) or below (-1). `strict`: beyond, not on it.

    `counted`: what an estimate's n counts, the lists of a ranking rather than its rows.
    """

    limit: float
    sign: int
    shown: str
    strict: bool = False
    counted: str = "rows"

    def cleared_by(self, value: float) -> bool:
        distance = self.sign * (value - self.limit)
        return distance > 0 if self.strict else distance >= 0


def at_least(limit: float) -> Bar:
    return Bar(limit, 1, f"≥ {limit:g}")


def at_most(limit: float) -> Bar:
    return Bar(limit, -1, f"≤ {limit:g}")


def decided(
    check: str,
    found: Estimate,
    bar: Bar,
    gates: Gates,
    min_rows: int | None = None,
    method: str = "",
) -> Verdict:
    """The verdict: pass when the whole interval is on the good side, fail when none of it is.

    An interval without an end (infinite) never passes; the end that it has may still show a fail.
    A flat difference decides nothing, on the point estimate neither.
    `min_rows` are the least of `found.n`; by default those of the policy. `method`: how the
    interval was made.
    """
    outcome, reason = _outcome(found, bar, gates, gates.min_rows if min_rows is None else min_rows)
    usable = _usable(found)
    return Verdict(
        check,
        outcome,
        found.value if usable or found.flat else None,
        found.low if usable and math.isfinite(found.low) else None,
        found.high if usable and math.isfinite(found.high) else None,
        found.n,
        bar.shown,
        reason,
        found.rows_to_decide(bar.limit) if outcome is Outcome.INCONCLUSIVE and usable else None,
        method,
    )


def _outcome(found: Estimate, bar: Bar, gates: Gates, min_rows: int) -> tuple[Outcome, str]:
    if found.n < min_rows:
        return Outcome.NO_DATA, f"{min_rows} {bar.counted} are the least"
    if found.flat and not math.isnan(bar.limit):
        return Outcome.INCONCLUSIVE, found.reason
    if not _usable(found) or math.isnan(bar.limit):
        return Outcome.NO_DATA, found.reason or f"these {bar.counted} do not define it"
    if not found.known:
        beyond = not bar.cleared_by(_best(found, bar))
        return (Outcome.FAIL if beyond else Outcome.NO_DATA), found.reason
    if gates.decide_on == "point":
        good = bar.cleared_by(found.value)
        return (Outcome.PASS if good else Outcome.FAIL), "decided on the point estimate"
    return _by_bounds(found, bar)


def _by_bounds(found: Estimate, bar: Bar) -> tuple[Outcome, str]:
    if bar.cleared_by(found.low if bar.sign > 0 else found.high):
        return Outcome.PASS, ""
    if not bar.cleared_by(_best(found, bar)):
        return Outcome.FAIL, ""
    return Outcome.INCONCLUSIVE, "the interval holds the limit"


def _best(found: Estimate, bar: Bar) -> float:
    """The end of the interval on the limit's good side."""
    return found.high if bar.sign > 0 else found.low


def _usable(found: Estimate) -> bool:
    """Whether there is an estimate; an end of its interval may be infinite, as of a p99."""
    ends = (found.low, found.high)
    return found.n > 0 and math.isfinite(found.value) and not any(map(math.isnan, ends))
