"""The steps of a rollout, and how many copies there are."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import (
    CANARY_STEPS,
    LIMITS_CROSS,
)
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.model.spec.rollout import RolloutSpec


def canary_steps_grow_to_everything(scope: Scope, found: Diagnostics) -> None:
    """MLS320: a step that does not grow shows nothing new; the last one is all traffic."""
    for document in scope.of(RolloutSpec):
        steps = document.spec.canary.steps
        for position, (before, after) in enumerate(pairwise((0.0, *(s.value for s in steps)))):
            if after <= before:
                found.add(
                    CANARY_STEPS,
                    f"the step {steps[position]} is not above the one before it",
                    at=document.places.value("canary", "steps", position),
                    help="steps grow, such as [5%, 25%, 100%]",
                )
        if steps[-1].value < 1:
            found.add(
                CANARY_STEPS,
                f"the last step is {steps[-1]}; a rollout ends at 100%",
                at=document.places.value("canary", "steps", len(steps) - 1),
                help="add 100% as the last step",
            )


def times_do_not_cross(scope: Scope, found: Diagnostics) -> None:
    """MLS313: a step must be able to last as long as it has to."""
    for document in scope.of(RolloutSpec):
        each = document.spec.canary.each
        if each.at_least > each.at_most:
            message = f"at_least is {each.at_least}, above at_most, which is {each.at_most}"
            at = document.places.value("canary", "each", "at_least")
            found.add(LIMITS_CROSS, message, at=at)


def replicas_do_not_cross(scope: Scope, found: Diagnostics) -> None:
    """MLS313: the same for copies of a service."""
    for document in scope.of(ModelSpec):
        replicas = document.spec.serve.replicas
        if replicas.min > replicas.max:
            message = f"min is {replicas.min}, above max, which is {replicas.max}"
            at = document.places.value("serve", "replicas", "min")
            found.add(LIMITS_CROSS, message, at=at)


RULES: Final = (
    canary_steps_grow_to_everything,
    times_do_not_cross,
    replicas_do_not_cross,
)
