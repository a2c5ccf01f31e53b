"""What a signed statement must say: read by services too, which have no journal and no database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_spec.terms.verdict import Outcome

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "urn:mlops-spec:model-verdicts:v1"


def admitted(predicate: Mapping[str, Any]) -> bool:
    """Whether these verdicts let a model serve: all pass, or a person has answered for them."""
    approval, gate = predicate.get("approval"), predicate.get("gate")
    approved = (
        isinstance(approval, Mapping)
        and isinstance(gate, Mapping)
        and approval.get("decision") == "approved"
        and approval.get("gate") == gate.get("digest")
    )
    return predicate.get("outcome") == Outcome.PASS or approved
