"""Whose key signs the evidence of releases, and whose signature is believed."""

from __future__ import annotations

from typing import Final

from mlops_spec.lower.declarations import call
from mlops_spec.lower.origin import Placed
from mlops_spec.model.plan import Call
from mlops_spec.model.spec.project import EnvironmentSpec

WORKSPACE: Final = "workspace"
NOBODY: Final = "nobody"


def signing(environment: EnvironmentSpec) -> Call | None:
    """`Signing(…)`; None where the workspace's own key signs."""
    found = environment.signing
    return call("Signing", public_key=found.public_key, key_env=found.key_env) if found else None


def trust(placed: Placed) -> Call:
    """`Trust(…)`: the key of the spec; else the workspace's, which a container does not have."""
    environment = placed.environment
    if environment.signing is not None:
        signer = environment.signing.public_key
    else:
        signer = WORKSPACE if environment.serve.on == "processes" else NOBODY
    return call("Trust", environment=placed.origin.environment, signer=signer)
