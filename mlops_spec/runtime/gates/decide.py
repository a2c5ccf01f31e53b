"""A verdict for every rule that applies: the one place that knows which module judges what."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_spec.runtime.declare import (
    Against,
    AtLeast,
    AtMost,
    Fair,
    Gate,
    Gates,
    Latency,
    Segments,
)
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.limits import compared, limited
from mlops_spec.terms.verdict import Outcome, Verdict


def decide(gates: Gates, evidence: Evidence, task: str) -> tuple[Verdict, ...]:
    """A verdict for every rule that applies. Without production, comparisons do not apply.

    Pure: the same evidence and the same gates give the same verdicts, today and in a replay.
    """
    return tuple(_verdicts(gates, evidence, task))


def _verdicts(gates: Gates, evidence: Evidence, task: str) -> Iterator[Verdict]:
    for rule in gates.gates:
        if not (evidence.is_first and compares(rule)):
            yield _verdict(rule, gates, evidence, task)
    if not any(isinstance(rule, AtLeast | AtMost) for rule in gates.gates):
        yield Verdict(
            "limits", Outcome.NO_DATA, reason="no gate has a limit of its own; add one to `metrics`"
        )


def compares(rule: Gate) -> bool:
    """Whether a rule asks for nothing but a comparison with production."""
    match rule:
        case Against() | Segments(rule=Against()):
            return True
        case Fair(most=None, least=None) | Latency(most=None):
            return True
        case _:
            return False


def _verdict(rule: Gate, gates: Gates, evidence: Evidence, task: str) -> Verdict:
    match rule:
        case AtLeast() | AtMost():
            return limited(rule, gates, evidence, task)
        case Against():
            return compared(rule, gates, evidence, task)
        case _:
            return Verdict(type(rule).__name__, Outcome.ERROR, reason="no judge for it")
