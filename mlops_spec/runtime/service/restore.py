"""Releases that serve, made startable again: unsigned ones from before, Bentos that are gone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.keys import WORKSPACE
from mlops_spec.runtime.evidence.verify import EVIDENCE_FILE, RELEASE_FILE, prove
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment
from mlops_spec.terms.keys import release_id
from mlops_spec.terms.workspace import Workspace


def in_service(deployed: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Production, and what it would go back to."""
    return tuple(d for d in deployed if d.role in ("production", "previous"))


def is_complete(workspace: Workspace, deployed: Deployment) -> bool:
    """Whether a release has a Bento with evidence; not whether that holds."""
    source = _source(workspace, deployed)
    return (source / RELEASE_FILE).is_file() and (source / EVIDENCE_FILE).exists()


def _source(workspace: Workspace, deployed: Deployment) -> Path:
    return workspace.bentoml_home / "bentos" / deployed.model / deployed.release / "src"


def restore(context: Context, deployed: Deployment, signing: Signing | None) -> str:
    """What was done so that a release of this model can start: "signed", "packaged" or nothing, "".

    Nothing is believed but the journal. `Refusal` MLS612 when it does not prove the release, when
    a Bento is gone whose service other specs have rendered, and when evidence is there that does
    not hold, which is left for somebody to look at.
    """
    source = _source(context.workspace, deployed)
    if is_complete(context.workspace, deployed):
        _require_held(context, source, signing)
        return ""
    from mlops_spec.runtime.service.packaging import endorse, package

    if (source / RELEASE_FILE).is_file():
        endorse(context, source, signing)
        return "signed"
    if release_id(deployed.run, context.facets) != deployed.release:
        raise Refusal(
            "MLS612",
            f"the Bento of release {deployed.release} of {context.model} is gone, and the specs "
            "now render another service",
            "set the specs back to what was released, run spec apply, then change them again",
        )
    package(context, deployed.run, deployed.release, deployed.version, signing)
    return "packaged"


def _require_held(context: Context, source: Path, signing: Signing | None) -> None:
    """Its service would refuse the model as well, after seconds, in a log.

    Whom that service believes depends on when it was rendered: the key of the spec, or our own.
    """
    signers = (signing.public_key, WORKSPACE) if signing else (WORKSPACE,)
    refusals = []
    for signer in signers:
        try:
            prove(source, Trust(context.environment, signer), context.workspace)
        except Refusal as refusal:
            refusals.append(refusal)
        else:
            return
    first = refusals[0]
    raise Refusal(
        first.code,
        first.message,
        f"find out who changed it, then remove {source.parent} and run spec apply, which packages "
        "it again from what is recorded",
        first.details,
    )
