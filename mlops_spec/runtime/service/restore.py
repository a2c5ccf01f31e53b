"""Releases that serve, made startable again: unsigned ones from before, Bentos that are gone."""

from __future__ import annotations

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing
from mlops_spec.runtime.evidence.verify import EVIDENCE_FILE, RELEASE_FILE
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment
from mlops_spec.terms.keys import release_id


def restore(context: Context, deployed: Deployment, signing: Signing | None) -> str:
    """What was done so that a release of this model can start: "signed", "packaged" or nothing, "".

    Nothing is believed but the journal. `Refusal` MLS612 when it does not prove the release, or
    when a Bento is gone whose service other specs have rendered. Evidence that is there and does
    not hold is left to be refused, and to be looked at.
    """
    source = context.workspace.bentoml_home / "bentos" / context.model / deployed.release / "src"
    if (source / RELEASE_FILE).is_file() and (source / EVIDENCE_FILE).exists():
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
