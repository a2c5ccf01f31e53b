"""What is signed about a release: an in-toto Statement whose predicate is its verdicts.

Everything in it is read from the journal, which is what gates and the registry wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.evidence.predicate import PREDICATE, STATEMENT, admitted
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state.approvals import approval_of
from mlops_spec.state.journal import Step
from mlops_spec.terms.digest import canonical
from mlops_spec.terms.keys import evaluate_key
from mlops_spec.terms.verdict import Verdict

SUBJECT: Final = "portable/manifest.json"


def statement_of(
    context: Context, release: Mapping[str, str], *, once_passed: bool = False
) -> bytes:
    """The Statement of a release, as canonical JSON: equal records, equal bytes.

    `release` is what `release.json` says. `Refusal` MLS612 when the run was not evaluated with this
    model, or has neither passed nor been approved. `once_passed`: by the newest verdicts that let
    it serve, for a release that serves already; a gate that became stricter since does not end it.
    """
    run = release["run"]
    _require_evaluated(context, run, release["digest"])
    gates = _done(context, "gate", run)
    if not gates:
        raise Refusal("MLS612", f"run {run} has no verdicts", "gate it first: spec run train")
    found = [_predicate(context, release, gate) for gate in (gates if once_passed else gates[:1])]
    predicate = next(filter(admitted, found), found[0])
    if not admitted(predicate):
        raise Refusal(
            "MLS612",
            f"the verdicts on run {run} are {predicate['outcome']}, and nobody has approved it",
            "a model is never released without passing verdicts or an approval",
            tuple(predicate["lines"]),
        )
    subject = {"name": SUBJECT, "digest": {"sha256": release["digest"]}}
    statement = {
        "_type": STATEMENT, "subject": [subject], "predicateType": PREDICATE,
        "predicate": predicate,
    }  # fmt: skip
    return canonical(statement).encode()


def _predicate(context: Context, release: Mapping[str, str], gate: Step) -> dict[str, Any]:
    run, verdicts = release["run"], gate.output["verdicts"]
    fitted, registered = _newest(context, "fit", run), _newest(context, "register", run)
    # An approval of other verdicts, from before a gate changed, is none of these.
    approval = approval_of(context.journal, context.model, run, gate.digest)
    return {
        "environment": context.environment,
        "release": dict(release),
        "outcome": gate.output["outcome"],
        "lines": [Verdict.from_json(verdict).line() for verdict in verdicts],
        "verdicts": verdicts,
        "approval": approval.to_json() if approval else None,
        "gate": {"digest": gate.digest, "baseline": gate.output.get("baseline", "")},
        "data": str(fitted.output.get("data", "")) if fitted else "",
        "code": registered.output.get("code") if registered else None,
        "facets": dict(context.facets),
    }


def _require_evaluated(context: Context, run: str, digest: str) -> None:
    evaluated = context.journal.done(context.model, "evaluate", evaluate_key(run))
    if evaluated is None:
        raise Refusal("MLS612", f"run {run} was not evaluated", "train it again: spec run train")
    expected = str(evaluated.output.get("portable", {}).get("digest", ""))
    if digest != expected:
        raise Refusal(
            "MLS612",
            f"the exported model of run {run} has digest {digest[:16]}; the verdicts are on "
            f"{expected[:16] or 'none'}",
            "somebody changed runs/<run>/portable: restore it, or train again",
        )


def _newest(context: Context, step: str, run: str) -> Step | None:
    return next(iter(_done(context, step, run)), None)


def _done(context: Context, step: str, run: str) -> list[Step]:
    """The records of a step that was finished well, newest first."""
    found = context.journal.steps(context.model, step=step, run=run)
    return [record for record in reversed(found) if record.status == "done"]
