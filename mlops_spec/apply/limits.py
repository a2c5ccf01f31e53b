"""Where the specs have the limit that stopped a release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mlops_spec.apply.standing import StepStanding
from mlops_spec.model.project import LinkedModel, Loc
from mlops_spec.terms.verdict import Outcome, Verdict

# By the first words of a verdict's name: which field of the Rollout it holds a release against.
_FIELDS: Final[Mapping[str, Loc]] = {
    "errors": ("abort_when", "errors", "above"),
    "lost copies": ("abort_when", "errors", "above"),
    "p99": ("abort_when", "p99", "above"),
    "score shift": ("abort_when", "score_shift", "above"),
    "agreement": ("shadow", "agreement", "min"),
    "requests": ("canary", "each", "min_requests"),
}


def limits_of(model: LinkedModel) -> dict[str, str]:
    """path:line:col of each limit of the model's Rollout, or of the nearest thing around it."""
    places = model.rollout_places
    if places is None:
        return {}
    return {name: str(places.value(*path)) for name, path in _FIELDS.items()}


def limit_that_stopped(steps: tuple[StepStanding, ...], limits: Mapping[str, str]) -> str:
    """The place of the first limit that a step of the rollout did not stay within; "" for none."""
    found = (Verdict.from_json(said) for step in steps for said in step.output.get("verdicts", ()))
    bad = sorted(
        (one for one in found if one.outcome is not Outcome.PASS),
        key=lambda verdict: verdict.outcome is not Outcome.FAIL,
    )
    places = (at for one in bad for name, at in limits.items() if one.check.startswith(name))
    return next(places, "")
