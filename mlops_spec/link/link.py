"""Documents to a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.link.index import index
from mlops_spec.link.merge import merge
from mlops_spec.link.resolve import Resolved, misnamed, resolve
from mlops_spec.link.rules import RULES
from mlops_spec.link.scope import Installed, Scope
from mlops_spec.model.facts import Facts
from mlops_spec.model.project import Document, LinkedModel, Project
from mlops_spec.model.spec.project import ProjectSpec

NO_FACTS: Final[Mapping[str, Facts]] = MappingProxyType({})


def nothing_installed(_: str) -> None:
    """The version of any library, where none is asked for."""


def link(
    project: Document[ProjectSpec],
    specs: Sequence[Document[Any]],
    shipped: Sequence[Document[Any]],
    found: Diagnostics,
    facts: Mapping[str, Facts] = NO_FACTS,
    *,
    installed: Installed = nothing_installed,
) -> Project:
    """Resolve every reference, check every rule; a model with an unknown reference is left out.

    `facts` is what was recorded of a model's data, by its name; warnings of power reckon with it.
    `installed` says whether what is known of a library holds for the one that is there.
    """
    documents = index(specs, shipped, found)
    models = sorted(documents.get("Model", {}).values(), key=lambda model: str(model.spec.name))
    resolved = [one for model in models if (one := resolve(model, documents, found))]
    scope = Scope(
        project,
        tuple(specs),
        tuple(models),
        tuple(resolved),
        misnamed(models, documents),
        facts,
        installed,
    )
    for rule in RULES:
        rule(scope, found)
    return Project(project, tuple(map(_linked, resolved)))


def _linked(one: Resolved) -> LinkedModel:
    spec = one.model.spec
    return LinkedModel(
        document=one.model,
        dataset=one.dataset,
        gates=merge(spec.name, (policy.spec for policy in one.gates), spec.task),
        rollout=one.rollout.spec,
        monitor=one.monitor.spec,
        batch_input=one.batch_input.spec if one.batch_input else None,
        rollout_places=one.rollout.places,
    )
