"""Releases that serve, made startable again: unsigned ones from before, Bentos that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.keys import WORKSPACE
from mlops_spec.runtime.evidence.verify import EVIDENCE_FILE, RELEASE_FILE, prove
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment
from mlops_spec.terms.keys import release_id
from mlops_spec.terms.workspace import Workspace

Lack = Literal["evidence", "bento", ""]


def in_service(deployed: Iterable[Deployment]) -> tuple[Deployment, ...]:
    """Production, and what it would go back to."""
    return tuple(d for d in deployed if d.role in ("production", "previous"))


def lacks(workspace: Workspace, deployed: Deployment, facets: Mapping[str, str]) -> Lack:
    """What `restore` would make of a release. It does not say that evidence which is there holds.

    A Bento that is gone can be made again only while the specs still render that service.
    """
    source = _source(workspace, deployed)
    if (source / RELEASE_FILE).is_file():
        return "" if (source / EVIDENCE_FILE).exists() else "evidence"
    return "bento" if release_id(deployed.run, facets) == deployed.release else ""


def restore(context: Context, deployed: Deployment, signing: Signing | None) -> Lack:
    """Make what a release of this model lacks, so that it can start; what that was.

    Nothing is believed but the journal. `Refusal` MLS612 when it does not prove the release, and
    when evidence is there that does not hold, which is left for somebody to look at.
    """
    source = _source(context.workspace, deployed)
    lack = lacks(context.workspace, deployed, context.facets)
    match lack:
        case "evidence":
            from mlops_spec.runtime.service.packaging import endorse

            endorse(context, source, signing)
        case "bento":
            from mlops_spec.runtime.service.packaging import package

            package(context, deployed.run, deployed.release, deployed.version, signing)
        case "":
            if source.is_dir():
                _require_held(context, source, signing)
    return lack


def _source(workspace: Workspace, deployed: Deployment) -> Path:
    return workspace.bentoml_home / "bentos" / deployed.model / deployed.release / "src"


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
