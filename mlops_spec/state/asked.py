"""What an apply asks for before it is true: a candidate that waits has words and a policy too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_spec.state.journal import Journal
from mlops_spec.terms.digest import digest

ASK_STEP: Final = "ask"
WAIT_STEP: Final = "wait"


def record_asked(
    journal: Journal, model: str, facets: Mapping[str, str], spec: Mapping[str, Any]
) -> None:
    """Remember the flattened spec that training starts with; `record_applied` comes at the end."""
    key = _key(facets)
    journal.start(model, ASK_STEP, key, "")
    journal.finish(model, ASK_STEP, key, "done", dict(spec))


def is_open(journal: Journal, model: str) -> bool:
    """Whether anything was asked for since an apply was finished."""
    return any(journal.steps(model, step=step) for step in (ASK_STEP, WAIT_STEP))


def record_waiting(journal: Journal, model: str, run: str, release: str) -> None:
    """Remember that an apply stopped because a person has to decide on this release.

    The same apply once more leaves everything as it was.
    """
    recorded = journal.steps(model, step=WAIT_STEP)
    if recorded and (recorded[-1].run, recorded[-1].digest) == (run, release):
        return
    journal.start(model, WAIT_STEP, release, run)
    journal.finish(model, WAIT_STEP, release, "done", {})


def waits(journal: Journal, model: str, run: str) -> bool:
    """Whether the last apply stopped for a person's word on this run, though it may serve."""
    recorded = journal.steps(model, step=WAIT_STEP)
    return bool(recorded) and recorded[-1].run == run


def forget_asked(journal: Journal, model: str) -> None:
    """What was asked for is true, or asked for no more."""
    for name in (ASK_STEP, WAIT_STEP):
        for step in journal.steps(model, step=name):
            journal.forget(model, name, step.digest)


def asked_or_applied(
    journal: Journal, model: str, facets: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The fields by path, without their change classes: as asked for, otherwise as applied last.

    With `facets`, only what was asked for a run with the same data and recipe.
    """
    asked = [step for step in journal.steps(model, step=ASK_STEP) if step.status == "done"]
    if facets is not None:
        asked = [step for step in asked if step.digest == _key(facets)]
    found = asked[-1].output if asked else journal.applied(model) or {}
    return {path: said[1] for path, said in found.items()}


def _key(facets: Mapping[str, str]) -> str:
    """A run is the data and the recipe; its rows are not known before they are read."""
    return digest(ASK_STEP, facets.get("data", ""), facets.get("train", ""))
