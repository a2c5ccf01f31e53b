"""From the verdicts of groups to one: the worst group in words, and what could not be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import chdtrc

from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Segments
from mlops_spec.stats.estimate import z_two_sided
from mlops_spec.terms.metrics import METRICS
from mlops_spec.terms.verdict import Outcome, Verdict, worst

SHOWN: Final = 3  # names in a reason
_JUDGED: Final = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE})


def summed(
    check: str, rule: Segments, found: Sequence[Verdict], left: Verdict | None, apart: str
) -> Verdict:
    """One verdict with the numbers of the worst group; `found` is worst first.

    `left` are groups too small even together, `apart` what is said of how groups differ.
    """
    judged = [verdict for verdict in found if verdict.outcome in _JUDGED]
    parts = tuple(_softened(rule, verdict) for verdict in found) + ((left,) if left else ())
    silent = [verdict.check for verdict in parts if verdict.outcome is Outcome.NO_DATA]
    not_judged = f"not judged: {some(silent[:SHOWN], len(silent))}" if silent else ""
    if found and found[0].outcome is Outcome.ERROR:
        return replace(found[0], check=check, parts=parts)
    if not judged:
        reason = _joined("no group could be judged", not_judged)
        return Verdict(check, Outcome.NO_DATA, reason=reason, parts=parts)
    first = judged[0]
    outcome = _outcome(rule, found)
    at = f"worst of {len(judged)} groups: {first.check}" if len(judged) > 1 else first.check
    return replace(
        first,
        check=check,
        outcome=outcome,
        reason=_joined(at, _softened(rule, first).reason, apart, not_judged),
        n_enough=first.n_enough if outcome is Outcome.INCONCLUSIVE else None,
        parts=parts,
    )


def _outcome(rule: Segments, found: Sequence[Verdict]) -> Outcome:
    outcomes = {verdict.outcome for verdict in found}
    if rule.require == "shown":
        return worst(outcomes)
    return Outcome.FAIL if Outcome.FAIL in outcomes else Outcome.PASS


def _softened(rule: Segments, verdict: Verdict) -> Verdict:
    """Where nothing has to be shown, a group that is not refuted passes."""
    if rule.require == "not_refuted" and verdict.outcome is Outcome.INCONCLUSIVE:
        reason = verdict.reason.replace("the interval holds the limit", "not refuted")
        return replace(verdict, outcome=Outcome.PASS, reason=reason, n_enough=None)
    return verdict


def heterogeneity(found: Sequence[Verdict], confidence: float) -> str:
    """Cochran's Q over the groups' differences (Biometrics 10 (1954) 101-129), as words.

    "" where fewer than two groups have a width, or where the groups may well be alike.
    """
    known = [one for one in found if one.low is not None and one.high is not None]
    widths = np.array([(one.high or 0.0) - (one.low or 0.0) for one in known])
    values = np.array([one.estimate or 0.0 for one in known])[widths > 0]
    errors = widths[widths > 0] / 2 / z_two_sided(2 * confidence - 1)
    if len(values) < 2:
        return ""
    weights = 1 / errors**2
    spread = float((weights * (values - np.average(values, weights=weights)) ** 2).sum())
    p_value = float(chdtrc(len(values) - 1, spread))
    return f"the groups differ (Cochran Q, p {p_value:.2g})" if p_value < 1 - confidence else ""


def some(names: Sequence[str], count: int) -> str:
    """The first names of `count`, and how many more there are."""
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return ", ".join(names) + more


def better(rule: AtLeast | AtMost | Against) -> int:
    """1 where more is better, -1 where less is."""
    if not isinstance(rule, Against):
        return 1 if isinstance(rule, AtLeast) else -1
    known = METRICS.get(rule.metric)
    return 1 if (known.more_is_better if known else rule.better == "more") else -1


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
