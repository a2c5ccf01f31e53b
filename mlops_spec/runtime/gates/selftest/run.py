"""A self-test from end to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mlops_spec.runtime.declare import Gates, Latency
from mlops_spec.runtime.gates.selftest.advice import advice
from mlops_spec.runtime.gates.selftest.effects import Scale
from mlops_spec.runtime.gates.selftest.report import SelfTest, Trial
from mlops_spec.runtime.gates.selftest.selves import of_itself, of_twins
from mlops_spec.runtime.gates.selftest.slower import slower
from mlops_spec.runtime.gates.selftest.subject import Subject
from mlops_spec.runtime.gates.selftest.trials import Court, trials

SEED: Final = 20130610


def self_test(model: str, gates: Gates, subject: Subject, seed: int = SEED) -> SelfTest:
    """Judge the recorded model beside itself, its twins, and its mutants. Nothing is loaded.

    The same evidence, gates and seed give the same result.
    """
    control, task = subject.control, subject.task
    court = Court.open(gates, task, control)
    scale = Scale(gates, task, control.units)
    tried = (*trials(court, scale, subject.features, seed), *slower(court, scale))
    return SelfTest(
        model=model,
        run=subject.run,
        role=subject.role,
        rows=len(control.candidate.truth),
        held_out=subject.held_out,
        claims=(*of_itself(gates, control, task), *of_twins(gates, control, task, seed)),
        untested=court.untested,
        untried=tuple(_untried(gates, tried)),
        trials=tried,
        advice=advice(tried, task),
    )


def _untried(gates: Gates, tried: Sequence[Trial]) -> Iterator[str]:
    damaged = {trial.damage for trial in tried}
    if "group" not in damaged:
        yield "a broken segment: no rule names one, and no feature divides the rows into a few"
    if "latency" not in damaged:
        asked = any(isinstance(rule, Latency) for rule in gates.gates)
        why = "its latency was not measured" if asked else "no rule asks for latency"
        yield f"a slower model: {why}"
