"""The decision that stands in a model's way, if one was taken, and the exit code that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mlops_spec.apply.limits import limit_that_stopped
from mlops_spec.apply.standing import Standing
from mlops_spec.model.facets import FieldChange
from mlops_spec.state.approvals import how_to_approve
from mlops_spec.terms.verdict import Outcome, Verdict

ASKS: Final = 3


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why nothing more can happen for a model, and the exit code that says so.

    `verdicts`: what its gates said, without those that passed. `at`: where the specs have the limit
    of the rollout that stopped it, "" where none did.
    """

    model: str
    exit_code: int
    reason: str
    help: str
    verdicts: tuple[Verdict, ...] = ()
    at: str = ""

    @property
    def asks_a_person(self) -> bool:
        """Whether a person's word would let it go on."""
        return self.exit_code == ASKS


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that plans one model: what was observed, and what the specs say."""

    standing: Standing
    changes: tuple[FieldChange, ...]
    first: bool
    flows_stale: bool
    on_inconclusive: str
    retry: bool
    criteria: tuple[str, ...] = ()  # what a person is asked to confirm in this environment
    unwatched: tuple[str, ...] = ()  # candidates in the router, with no rollout at work
    elsewhere: str = ""  # the environment, where commands mean another one unless they name it
    ways: Mapping[str, str] = field(default_factory=dict)  # looser or stricter, by path of a change
    recoded: tuple[str, ...] = ()  # metrics of the policy whose code is another than when gated
    not_compared: int = 0  # bytes of the source that were touched, and not read
    limits: Mapping[str, str] = field(default_factory=dict)  # of a rollout: check -> path:line:col


def blocked_by(situation: Situation) -> Blocked | None:
    """The decision that stands in the way, if one was taken; `retry` forgives a rollback only."""
    standing = situation.standing
    refused = None if situation.retry else standing.quarantined
    if refused is not None:
        return Blocked(
            standing.model, 4, f"release {refused.release} was rolled back: {refused.reason}",
            "change the spec or the data, or try this release again with `spec apply --retry`",
            at=limit_that_stopped(standing.rollout, situation.limits),
        )  # fmt: skip
    approval = standing.approval
    if approval is not None and approval.decision == "rejected":
        return Blocked(
            standing.model, 4, f"run {standing.run} was {approval.line()}",
            "change the model, the data or the gate; production stays as it is",
        )  # fmt: skip
    return _on_gate(situation, standing.gate) if standing.gate is not None else None


def _on_gate(situation: Situation, gate: Outcome) -> Blocked | None:
    match gate:
        case Outcome.PASS:
            return _asked(situation, "passed its gates")
        case _ if situation.standing.approval is not None:
            return _asked(situation, f"is {gate}")
        case Outcome.INCONCLUSIVE if _leaves_it_to_a_person(situation):
            return _asked(situation, "is inconclusive")
        case _:
            return _said_no(situation, gate)


def _said_no(situation: Situation, gate: Outcome) -> Blocked:
    """Exit 4 where the gate refused; 5 where it could not tell and the policy holds."""
    standing = situation.standing
    code, word = 4, "said no"
    if gate in {Outcome.INCONCLUSIVE, Outcome.NO_DATA}:
        code, word = (4 if situation.on_inconclusive == "fail" else 5), f"is {gate}"
    return Blocked(
        standing.model, code, f"the gate {word} for run {standing.run}",
        "change the model, the data or the gate; production stays as it is",
        _unpassed(standing),
    )  # fmt: skip


def _asked(situation: Situation, standing_is: str) -> Blocked | None:
    """Whether a person still has to decide; what serves already, or was approved, has been."""
    standing, criteria = situation.standing, situation.criteria
    passed = standing.gate is Outcome.PASS
    approved = standing.approval is not None and standing.approval.holds_for(criteria)
    if approved or standing.serving or (passed and not criteria):
        return None
    confirm = "".join(f"; confirm: {sentence}" for sentence in criteria)
    against = not passed and not _leaves_it_to_a_person(situation)
    command = how_to_approve(standing.model, criteria, situation.elsewhere, override=against)
    return Blocked(
        standing.model, ASKS, f"run {standing.run} {standing_is} and needs approval{confirm}",
        f"`{command}` (or --reject), then the same command again", _unpassed(standing),
    )  # fmt: skip


def _unpassed(standing: Standing) -> tuple[Verdict, ...]:
    found = (step.output.get("verdicts", ()) for step in standing.train if step.name == "gate")
    verdicts = (Verdict.from_json(each) for step in found for each in step)
    return tuple(verdict for verdict in verdicts if verdict.outcome is not Outcome.PASS)


def _leaves_it_to_a_person(situation: Situation) -> bool:
    inconclusive = situation.standing.gate is Outcome.INCONCLUSIVE
    return inconclusive and situation.on_inconclusive == "need_approval"


# Which of several decisions an exit code tells of: a refusal before a doubt before a question.
_STRONGEST: Final = (4, 5, ASKS)


def exit_code_of(blocked: Iterable[Blocked]) -> int:
    """The exit code of all decisions together; 0 for none."""
    codes = {one.exit_code for one in blocked}
    return next((code for code in _STRONGEST if code in codes), 0)
