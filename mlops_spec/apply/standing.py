"""How far a model stands: look-ups in the journal, step by step.

Nothing is decided from time or order. A step counts as done when the journal holds it under the
digest of everything it depends on (terms.keys); what comes after an undone step is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops_spec.state import Deployment, Step
from mlops_spec.state.approvals import Approval, Records, approval_of, let_through
from mlops_spec.state.fallback import fallback_of
from mlops_spec.terms import keys
from mlops_spec.terms.steps import TRAIN_STEPS, rollout_steps
from mlops_spec.terms.verdict import Outcome

Status = Literal["done", "todo", "failed"]


@dataclass(frozen=True, slots=True)
class StepStanding:
    """One step: its key when known, and whether it was done."""

    name: str
    key: str | None
    status: Status
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the specs ask for, as far as steps depend on it."""

    model: str
    facets: Mapping[str, str]
    fingerprint: str
    canary: tuple[float, ...]
    shadow: bool
    code: Mapping[str, str] = field(default_factory=dict)  # of the policy's own metrics
    not_compared: int = 0  # bytes of files that were touched, and are too many to be read now


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a model stands between its first row read and its promotion.

    `fallback`: why scikit-learn answers for the run, or for production's while it is not trained.
    """

    model: str
    train: tuple[StepStanding, ...]
    rollout: tuple[StepStanding, ...]
    run: str | None
    release: str | None
    gate: Outcome | None
    live: Deployment | None
    candidate: Deployment | None
    approval: Approval | None = None
    gate_key: str = ""
    fallback: str = ""

    @property
    def trained(self) -> bool:
        """Whether every training step is done, the gate having said yes."""
        return all(step.status == "done" for step in self.train)

    @property
    def serving(self) -> bool:
        """Whether production serves exactly the release that the specs ask for."""
        return self.live is not None and self.live.release == self.release

    @property
    def quarantined(self) -> Deployment | None:
        """The wanted release, if a rollout has refused it before."""
        refused = self.candidate is not None and self.candidate.role == "quarantined"
        return self.candidate if refused else None


def stand(wanted: Wanted, journal: Records, deployments: tuple[Deployment, ...]) -> Standing:
    """Look up how far the wanted model has come."""
    live = next((d for d in deployments if d.role == "production"), None)
    train = tuple(_train_steps(wanted, journal, live))
    run = _known_run(wanted, train)
    release = keys.release_id(run, wanted.facets) if run else None
    gate = next((step.key for step in train if step.name == "gate"), None) or ""
    evaluated = any(step.name == "evaluate" and step.status == "done" for step in train)
    told = run if evaluated else live.run if live else None
    return Standing(
        model=wanted.model,
        train=train,
        rollout=tuple(_rollout_steps(wanted, journal, release, live)),
        run=run,
        release=release,
        gate=_gate_outcome(train),
        live=live,
        candidate=next((d for d in deployments if d.release == release), None),
        approval=approval_of(journal, wanted.model, run, gate) if run and gate else None,
        gate_key=gate,
        fallback=fallback_of(journal, wanted.model, told) if told else "",
    )


def baseline_of(model: str, run: str, journal: Records, live: Deployment | None) -> str:
    """The run that `run` is compared with: production's, or "" for a first model.

    A run that is production itself is compared with what it was compared with when it was a
    candidate: a changed gate is decided again on the recorded evidence, never against itself.
    """
    if live is None:
        return ""
    if live.run != run:
        return live.run
    recorded = [s for s in journal.steps(model, step="gate", run=run) if s.status == "done"]
    return str(recorded[0].output.get("baseline", "")) if recorded else ""


def _train_steps(
    wanted: Wanted, journal: Records, live: Deployment | None
) -> Iterator[StepStanding]:
    """The training steps in order; after the first that is not done, keys are not known."""
    model, facets = wanted.model, wanted.facets
    snapshot = _look(model, "snapshot", keys.snapshot_key(wanted.fingerprint, facets), journal)
    yield snapshot
    names = iter(TRAIN_STEPS[1:])
    if snapshot.status == "done":
        for _, key in _keys_of_run(wanted, str(snapshot.output["data"]), journal, live):
            step = _look(model, next(names), key, journal)
            yield step
            if step.status != "done" or _says_no(step, wanted, journal):
                break
    yield from (StepStanding(name, None, "todo") for name in names)


def _keys_of_run(
    wanted: Wanted, data: str, journal: Records, live: Deployment | None
) -> Iterator[tuple[str, str]]:
    """The steps after the snapshot with their keys, in order."""
    facets = wanted.facets
    run = keys.run_id(data, facets)
    baseline = baseline_of(wanted.model, run, journal, live)
    gate = keys.gate_key(run, facets, baseline, wanted.code)
    yield "check", keys.check_key(data, facets)
    yield "split", keys.split_key(data, facets)
    yield "fit", run
    yield "evaluate", keys.evaluate_key(run)
    yield "gate", gate
    passed_by = let_through(journal, wanted.model, run, gate)
    yield "register", keys.register_key(run, gate, let_through=passed_by)


def _rollout_steps(
    wanted: Wanted, journal: Records, release: str | None, live: Deployment | None
) -> Iterator[StepStanding]:
    production = live.release if live else ""
    for name in rollout_steps(wanted.canary, wanted.shadow and live is not None):
        if release is None:
            yield StepStanding(name, None, "todo")
        elif release == production:
            yield StepStanding(name, None, "done")
        else:
            key = keys.rollout_key(name, release, production)
            yield _look(wanted.model, name, key, journal)


def _look(model: str, name: str, key: str | None, journal: Records) -> StepStanding:
    found = journal.find(model, name, key) if key else None
    match found:
        case None:
            return StepStanding(name, key, "todo")
        case Step(status="done"):
            return StepStanding(name, key, "done", found.output)
        case Step(status="failed"):
            return StepStanding(name, key, "failed", found.output)
        case _:
            return StepStanding(name, key, "todo", found.output)


def _says_no(step: StepStanding, wanted: Wanted, journal: Records) -> bool:
    """Whether a gate stops here: it did not pass, and nobody has let the run through."""
    if step.name != "gate" or step.key is None or step.output.get("outcome") == Outcome.PASS:
        return False
    record = journal.find(wanted.model, "gate", step.key)
    return record is None or not let_through(journal, wanted.model, record.run, step.key)


def _known_run(wanted: Wanted, train: tuple[StepStanding, ...]) -> str | None:
    snapshot = train[0]
    if snapshot.status != "done":
        return None
    return keys.run_id(str(snapshot.output["data"]), wanted.facets)


def _gate_outcome(train: tuple[StepStanding, ...]) -> Outcome | None:
    gate = next(step for step in train if step.name == "gate")
    return Outcome(gate.output["outcome"]) if gate.status == "done" else None
