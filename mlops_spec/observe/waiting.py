"""The candidate that waits for a person, or goes no further: from records, not from specs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.state import Deployment, Journal, Step
from mlops_spec.state.approvals import approval_of, how_to_approve
from mlops_spec.state.asked import asked_or_applied, waits
from mlops_spec.state.fallback import warnings_of
from mlops_spec.terms.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Asks:
    """Whom an environment asks, and to confirm what.

    `elsewhere` is its name where commands mean another environment unless they name it.
    """

    criteria: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    elsewhere: str = ""


NOBODY_ASKED: Final = Asks()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run as its gates left it. `since`: when they were decided, in seconds since 1970."""

    run: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    since: float
    card: str = ""
    fallback: str = ""  # why scikit-learn would answer itself

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "outcome": self.outcome.value,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "since": self.since,
            "card": self.card,
            "warnings": warnings_of(self.fallback),
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the gates let through, or leave to a person, and nobody has decided on.

    `version` is "" without one; `command` is what decides.
    """

    candidate: Candidate
    version: str
    criteria: tuple[str, ...]
    by: tuple[str, ...]
    command: str

    def to_json(self) -> dict[str, Any]:
        return {
            **self.candidate.to_json(),
            "version": self.version,
            "criteria": list(self.criteria),
            "by": list(self.by),
            "command": self.command,
        }


@dataclass(frozen=True, slots=True)
class Held:
    """What the gates did not let through, or a person rejected; production stays.

    `rejected`: the person's decision in words, "" where nobody rejected it.
    """

    candidate: Candidate
    rejected: str

    def to_json(self) -> dict[str, Any]:
        return {**self.candidate.to_json(), "rejected": self.rejected}


def held_back(journal: Journal, model: str, deployed: tuple[Deployment, ...]) -> Held | None:
    """The newest judged run, where it goes no further and nobody is asked about it."""
    newest = _newest(journal, model, deployed)
    if newest is None:
        return None
    said = approval_of(journal, model, newest.run, newest.digest)
    rejected = said is not None and said.decision == "rejected"
    if not rejected and (said is not None or _may_pass(journal, model, newest)):
        return None
    return Held(_candidate(newest), said.line() if said is not None and rejected else "")


def waiting_for(
    journal: Journal, model: str, asks: Asks, deployed: tuple[Deployment, ...]
) -> Waiting | None:
    """The newest judged run, where a person has to decide on it and has not."""
    newest = _newest(journal, model, deployed)
    if newest is None or not _is_open(journal, model, newest, asks):
        return None
    registered = [s for s in journal.steps(model, step="register", run=newest.run)
                  if s.output.get("version")]  # fmt: skip
    return Waiting(
        _candidate(newest),
        version=str(registered[-1].output["version"]) if registered else "",
        criteria=asks.criteria,
        by=asks.by,
        command=how_to_approve(
            model, asks.criteria, asks.elsewhere, override=not _may_pass(journal, model, newest)
        ),
    )


def _candidate(gate: Step) -> Candidate:
    verdicts = tuple(map(Verdict.from_json, gate.output["verdicts"]))
    return Candidate(gate.run, Outcome(gate.output["outcome"]), verdicts, gate.finished_at or 0.0)


def _newest(journal: Journal, model: str, deployed: tuple[Deployment, ...]) -> Step | None:
    """The newest gate, where it is not over.

    A run that serves, or that a rollout has refused, waits for nobody; nor does one from before the
    last apply that was finished: the specs ask for something else now. Unless an apply has stopped
    for a person's word on it since: another release of the run that serves.
    """
    gated = [step for step in journal.steps(model, step="gate") if step.status == "done"]
    if not gated:
        return None
    newest = gated[-1]
    if waits(journal, model, newest.run):
        return newest
    if any(d.run == newest.run and d.role in ("production", "quarantined") for d in deployed):
        return None
    return newest if (newest.finished_at or 0.0) >= journal.applied_at(model) else None


def _is_open(journal: Journal, model: str, gate: Step, asks: Asks) -> bool:
    found = approval_of(journal, model, gate.run, gate.digest)
    if found is not None:
        return found.decision == "approved" and not found.holds_for(asks.criteria)
    passed = gate.output.get("outcome") == Outcome.PASS
    return bool(asks.criteria) if passed else _may_pass(journal, model, gate)


def _may_pass(journal: Journal, model: str, gate: Step) -> bool:
    """Whether a person's word suffices: it passed, or its policy leaves a doubt to a person."""
    match gate.output.get("outcome"):
        case Outcome.PASS:
            return True
        case Outcome.INCONCLUSIVE:
            said = asked_or_applied(journal, model)
            return said.get("gates.on_inconclusive") == "need_approval"
        case _:
            return False
