"""Policies that nobody follows."""

from __future__ import annotations

from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import DUPLICATE_ENTRY, UNUSED_POLICY
from mlops_spec.link.resolve import references
from mlops_spec.link.scope import Scope

_POLICIES: Final = frozenset({"Gates", "Rollout", "Drift"})


def policies_are_used(scope: Scope, found: Diagnostics) -> None:
    """MLS311: a policy without a model protects nothing."""
    named = {(ref.kind, ref.name) for model in scope.models for ref in references(model.spec)}
    for document in scope.specs:
        kind, name = document.spec.kind, document.spec.name
        # A misspelt name is reported where it stands; the policy that was meant is not unused.
        if kind in _POLICIES - scope.misnamed and (kind, name) not in named:
            found.add(
                UNUSED_POLICY,
                f"no model uses the {kind} {name!r}",
                at=document.places.value("name"),
                help="name it in a model, or delete it",
            )


def gates_stand_once(scope: Scope, found: Diagnostics) -> None:
    """MLS324: later policies win, so that the order of a repeated one is unclear."""
    for model in scope.models:
        for position, name in enumerate(model.spec.gates):
            if name in model.spec.gates[:position]:
                at = model.places.value("gates", position)
                found.add(DUPLICATE_ENTRY, f"the Gates {name!r} stands twice", at=at)


RULES: Final = (policies_are_used, gates_stand_once)
