"""Mutants before the gates: which are stopped, by which rule, and which of them had to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mlops_spec.runtime.declare import (
    Against,
    AtLeast,
    AtMost,
    Calibrated,
    Fair,
    Gate,
    Gates,
    Latency,
    Segments,
)
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.selftest.breeds import Breed, breeds
from mlops_spec.runtime.gates.selftest.effects import Damage, Effect, Scale
from mlops_spec.runtime.gates.selftest.report import Fate, Trial
from mlops_spec.terms.verdict import Outcome, Verdict

# Metrics that are best for true probabilities.
_PROPER: Final = ("brier_score", "log_loss", "skill")


@dataclass(frozen=True, slots=True)
class Court:
    """The rules one by one, and what each says of the recorded model beside itself."""

    gates: Gates
    task: str
    control: Evidence
    verdicts: tuple[tuple[Gate, tuple[Verdict, ...]], ...]

    @classmethod
    def open(cls, gates: Gates, task: str, control: Evidence) -> Court:
        beside = _beside(control)
        said = tuple((rule, _ask(rule, gates, beside, task)) for rule in gates.gates)
        return cls(gates, task, beside, said)

    @property
    def untested(self) -> tuple[str, ...]:
        """Rules that do not pass for the recorded model itself: what they stop proves nothing."""
        return tuple(
            verdict.line()
            for rule, verdicts in self.verdicts
            for verdict in verdicts
            if verdict.outcome is not Outcome.PASS and not _compares(rule)
        )

    def stopped_by(self, evidence: Evidence) -> tuple[str, ...]:
        """The checks that stop a mutant, and would not stop the recorded model."""
        return tuple(
            verdict.check
            for rule, before in self.verdicts
            for verdict, was in zip(
                _ask(rule, self.gates, evidence, self.task), before, strict=False
            )
            if _stops(rule, verdict, was)
        )

    def looking_at(self, damage: Damage, group: tuple[str, ...]) -> tuple[str, ...]:
        """The checks of rules that look at such damage, and can be told by it."""
        return tuple(
            verdict.check
            for rule, verdicts in self.verdicts
            for verdict in verdicts
            if _looks_at(rule, damage, group) and _can_tell(rule, verdict)
        )


def _ask(rule: Gate, gates: Gates, evidence: Evidence, task: str) -> tuple[Verdict, ...]:
    verdicts = decide(replace(gates, gates=(rule,)), evidence, task)
    # Asked for one rule alone, `decide` misses a limit of its own.
    return tuple(verdict for verdict in verdicts if verdict.check != "limits")


def _beside(control: Evidence) -> Evidence:
    """Production with every score moved by its last binary digit, and every decision as it was.

    No rule tells anything of two models whose answers are the same (docs/adr/0050).
    """
    production = control.production
    if production is None:
        return control
    return replace(
        control, production=replace(production, scores=np.nextafter(production.scores, 0.5))
    )


def _against(rule: Gate) -> Against | None:
    asked = rule.rule if isinstance(rule, Segments) else rule
    return asked if isinstance(asked, Against) else None


def _compares(rule: Gate) -> bool:
    """Whether a rule stops whatever answers as production does, and so the model itself."""
    return _against(rule) is not None


def _can_tell(rule: Gate, control: Verdict) -> bool:
    """Superiority stops equals, so that what it stops need not be damaged."""
    against = _against(rule)
    if against is None:
        return control.outcome is Outcome.PASS
    return against.hypothesis == "non_inferiority"


def _stops(rule: Gate, verdict: Verdict, control: Verdict) -> bool:
    if verdict.outcome is Outcome.PASS:
        return False
    if not _compares(rule):
        return control.outcome is Outcome.PASS
    return _seen_to_be_worse(verdict)


def _seen_to_be_worse(verdict: Verdict) -> bool:
    """Of a comparison, which refuses equals too: whether its whole interval is worse than 0."""
    found = verdict.parts or (verdict,)
    more_is_better = any(">" in part.limit for part in found)
    if more_is_better:
        return any(part.high is not None and part.high < 0 for part in found)
    return any(part.low is not None and part.low > 0 for part in found)


def _looks_at(rule: Gate, damage: Damage, group: tuple[str, ...]) -> bool:
    match damage:
        case "quality":
            return isinstance(rule, Against)
        case "group":
            return isinstance(rule, Segments) and bool(set(rule.by) & set(group))
        case "calibration":
            proper = isinstance(rule, Against | AtLeast | AtMost) and rule.metric in _PROPER
            return proper or isinstance(rule, Calibrated)
        case "bias":
            return isinstance(rule, Fair | Segments) and set(rule.by) == set(group)
        case _:
            return isinstance(rule, Latency)


def trials(court: Court, scale: Scale, features: Mapping[str, str], seed: int) -> Iterator[Trial]:
    """Every mutant of every breed, from the weakest to the strongest."""
    original = court.control.candidate
    for place, breed in enumerate(
        breeds(court.gates, court.task, original, court.control.rows, features)
    ):
        looking = court.looking_at(breed.damage, breed.target.by)
        for strength in breed.strengths:
            yield _trial(court, scale, breed, strength, looking, seed + place)


def _trial(
    court: Court, scale: Scale, breed: Breed, strength: float, looking: Sequence[str], seed: int
) -> Trial:  # fmt: skip
    original = court.control.candidate
    mutant = breed.mutant(original, court.task, strength, seed)
    effect = breed.measure(scale, mutant, original, breed.target)
    stopped = court.stopped_by(replace(court.control, candidate=mutant))
    fate, by = fate_of(stopped, effect, looking, strongest=strength == breed.strengths[-1])
    return Trial(
        breed.name, breed.damage, breed.target.name, breed.target.by, breed.said(strength), effect,
        fate, by,
    )  # fmt: skip


def fate_of(
    stopped: Sequence[str], effect: Effect, looking: Sequence[str], *, strongest: bool
) -> tuple[Fate, tuple[str, ...]]:
    """What became of a mutant, and the checks that made it so.

    One that a rule looks at and does not stop is within the limits that somebody chose; but a limit
    that is content with the worst of all mutants has no teeth, and that one has survived.
    """
    if stopped:
        # Rules that look at this damage are named first.
        return "killed", tuple(sorted(stopped, key=lambda check: check not in looking))
    if effect.harm is None:
        return "untold", ()
    if not effect.is_detectable:
        return "below", ()
    if looking and not strongest:
        return "allowed", tuple(looking)
    return "survived", tuple(looking)
