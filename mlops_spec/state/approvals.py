"""What people decided on candidates: a record of the step `approve` for each decision, kept all."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Protocol

from mlops_spec.state.journal import Journal, Step
from mlops_spec.terms.digest import digest
from mlops_spec.terms.verdict import Outcome

APPROVE_STEP: Final = "approve"


class Records(Protocol):
    """What is read of the journal."""

    def find(self, model: str, step: str, digest: str) -> Step | None: ...

    def steps(
        self, model: str, *, step: str | None = None, run: str | None = None
    ) -> tuple[Step, ...]: ...


@dataclass(frozen=True, slots=True)
class Approval:
    """One decision on the verdicts under the digest `gate`, for the reasons `why`.

    `outcome` is what the gates said; `override`: it was let through against them. `criteria` are
    what the person was asked to confirm. `at` is in seconds since 1970.
    """

    decision: Literal["approved", "rejected"]
    gate: str
    who: str
    why: str
    at: float
    outcome: str
    override: bool = False
    criteria: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "criteria": list(self.criteria)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Approval:
        known = {name: found[name] for name in cls.__dataclass_fields__ if name in found}
        return cls(**{**known, "criteria": tuple(found.get("criteria", ()))})

    def holds_for(self, criteria: tuple[str, ...]) -> bool:
        """Whether it lets a release through where these criteria are to be confirmed."""
        return self.decision == "approved" and set(criteria) <= set(self.criteria)

    def line(self) -> str:
        """The decision in words."""
        word = "approved against the gates" if self.override else self.decision
        return f"{word} by {self.who}: {self.why}"


def how_to_approve(
    model: str, criteria: tuple[str, ...], environment: str = "", *, override: bool = False
) -> str:
    """The command that approves. `environment`: where it is not the one that is meant anyway."""
    against = " --override" if override else ""
    where = f" --env {environment}" if environment else ""
    confirm = "".join(f" --confirm {shlex.quote(sentence)}" for sentence in criteria)
    return f'spec approve {model}{where}{against} --why "…"{confirm}'


def record_approval(journal: Journal, model: str, run: str, approval: Approval) -> None:
    """Add a decision. The newest on the same verdicts counts; none is overwritten."""
    key = digest(APPROVE_STEP, run, approval.gate, approval.at, approval.who)
    journal.start(model, APPROVE_STEP, key, run)
    journal.finish(model, APPROVE_STEP, key, "done", approval.to_json())


def approval_of(records: Records, model: str, run: str, gate: str) -> Approval | None:
    """The newest decision on exactly these verdicts of a run; None where nobody decided."""
    found = records.steps(model, step=APPROVE_STEP, run=run)
    return next(
        (
            Approval.from_json(step.output)
            for step in reversed(found)
            if step.status == "done" and step.output.get("gate") == gate
        ),
        None,
    )


def last_word(records: Records, model: str, run: str) -> Approval | None:
    """The newest decision on a run, on whichever verdicts: who let it through, or rejected it."""
    found = [s for s in records.steps(model, step=APPROVE_STEP, run=run) if s.status == "done"]
    return Approval.from_json(found[-1].output) if found else None


def newest_decision(records: Records, model: str, run: str) -> Approval | None:
    """What a person decided on the newest verdicts of a run."""
    gated = [step for step in records.steps(model, step="gate", run=run) if step.status == "done"]
    return approval_of(records, model, run, gated[-1].digest) if gated else None


def let_through(records: Records, model: str, run: str, gate: str) -> bool:
    """Whether a person has let a run through whose gates did not pass."""
    decided = records.find(model, "gate", gate)
    if decided is None or decided.status != "done":
        return False
    found = approval_of(records, model, run, gate)
    said_yes = found is not None and found.decision == "approved"
    return decided.output.get("outcome") != Outcome.PASS and said_yes
