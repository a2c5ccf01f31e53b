"""What is said of a rule whose measurement is not there, or cannot grow. Never a pass."""

from __future__ import annotations

from dataclasses import replace

from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Kind
from mlops_spec.terms.verdict import Outcome, Verdict


def unmeasured(check: str, kind: Kind, evidence: Evidence) -> Verdict:
    """An error where it was tried in vain, no data where it never was."""
    obstacle = evidence.measured.obstacles.get(kind)
    if obstacle:
        return Verdict(check, Outcome.ERROR, reason=f"it could not be measured: {obstacle}")
    return Verdict(check, Outcome.NO_DATA, reason="it was not measured")


def within_reach(verdict: Verdict, most: int, what: str) -> Verdict:
    """Without what would have been enough, where more than `most` are never measured."""
    if verdict.n_enough is None or verdict.n_enough <= most:
        return verdict
    said = f"no more than {most:,} {what} are measured"
    reason = "; ".join(filter(None, (verdict.reason, said)))
    return replace(verdict, n_enough=None, reason=reason)
