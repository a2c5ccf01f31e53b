"""A verdict for every rule that applies: the one place that knows which module judges what."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_spec.runtime.declare import (
    Against,
    AtLeast,
    AtMost,
    Calibrated,
    Consistent,
    Fair,
    Gate,
    Gates,
    Latency,
    Leakage,
    ModelSize,
    Segments,
    Stable,
)
from mlops_spec.runtime.gates.alike import undecided
from mlops_spec.runtime.gates.calibration import calibrated
from mlops_spec.runtime.gates.consistency import consistent
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.fairness import fair
from mlops_spec.runtime.gates.latency import timed
from mlops_spec.runtime.gates.leakage import leaks
from mlops_spec.runtime.gates.limits import compared, limited
from mlops_spec.runtime.gates.segments import segmented
from mlops_spec.runtime.gates.size import sized
from mlops_spec.runtime.gates.stability import stable
from mlops_spec.terms.verdict import Outcome, Verdict

_Measured = Latency | ModelSize | Stable | Leakage | Consistent


def decide(gates: Gates, evidence: Evidence, task: str) -> tuple[Verdict, ...]:
    """A verdict for every rule that applies. Without production, comparisons do not apply.

    Pure: the same evidence and the same gates give the same verdicts, today and in a replay.
    """
    return tuple(_verdicts(gates, evidence, task))


def _verdicts(gates: Gates, evidence: Evidence, task: str) -> Iterator[Verdict]:
    for rule in gates.gates:
        if evidence.is_first and compares(rule):
            continue
        found = _of(rule, gates, evidence, task)
        yield from undecided(found, gates) if evidence.alike and _of_answers(rule) else found
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


def _of_answers(rule: Gate) -> bool:
    """Whether a rule compares answers with production's, and nothing else."""
    return isinstance(rule, Against) or (
        isinstance(rule, Segments) and isinstance(rule.rule, Against)
    )


def _of(rule: Gate, gates: Gates, evidence: Evidence, task: str) -> Iterator[Verdict]:
    """The verdicts of one rule: one for each limit that it holds."""
    match rule:
        case AtLeast() | AtMost():
            yield limited(rule, gates, evidence, task)
        case Against():
            yield compared(rule, gates, evidence, task)
        case Segments():
            yield segmented(rule, gates, evidence, task)
        case Fair():
            yield fair(rule, gates, evidence, task)
        case Calibrated():
            yield from calibrated(rule, gates, evidence, task)
        case _:
            yield from _measured(rule, gates, evidence)


def _measured(rule: _Measured, gates: Gates, evidence: Evidence) -> Iterator[Verdict]:
    """Rules on what was measured of the model itself."""
    match rule:
        case Latency():
            yield from timed(rule, gates, evidence)
        case ModelSize():
            yield sized(rule, evidence)
        case Stable():
            yield stable(rule, gates, evidence)
        case Leakage():
            yield from leaks(rule, gates, evidence)
        case Consistent():
            yield from consistent(rule, gates, evidence)
